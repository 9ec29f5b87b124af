"""Delays after failed logins, known devices, trusted proxies and the access log."""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import ip_network
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.utils import timezone

from tests.backfill.shell import Shell
from tests.webapp.calls import Program
from webapp.auth import accounts, throttle
from webapp.auth.sources import COOKIE, client_address, network_of
from webapp.models import AccessEvent, LoginDelay, Role, Token, User

pytestmark = [pytest.mark.database, pytest.mark.postgres, pytest.mark.django_db]

PASSWORD = "correct horse battery"
HOME, OFFICE = "192.0.2.1", "192.0.2.2"
START = timezone.now()


@pytest.fixture(autouse=True)
def ann(db: None, settings: Any) -> User:
    settings.LOGIN_FAILURE_LIMIT, settings.LOGIN_ADDRESS_FAILURE_LIMIT = 3, 8
    settings.LOGIN_LOCK_MINUTES = 15
    return User.objects.create_user("ann", password=PASSWORD)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The time that delays are measured with; `clock.at` is set by a test."""

    class Clock:
        at = START

        def __call__(self) -> datetime:
            return self.at

    clock = Clock()
    monkeypatch.setattr(throttle, "now", clock)
    return clock


def log_in(
    password: str = "wrong",
    name: str = "ann",
    address: str = HOME,
    client: Client | None = None,
    **headers: str,
) -> Any:
    return (client or Client()).post(
        "/login/", {"username": name, "password": password}, REMOTE_ADDR=address, headers=headers
    )


def fail(times: int, **how: Any) -> list[int]:
    return [log_in(**how).status_code for _ in range(times)]


def actions() -> list[str]:
    return list(AccessEvent.objects.order_by("pk").values_list("action", flat=True))


class TestDelays:
    def test_failures_delay_even_the_right_password(self, clock: Any) -> None:
        assert fail(3) == [200, 200, 429]
        refused = log_in(PASSWORD)
        assert (refused.status_code, 0 < int(refused["Retry-After"]) <= 60) == (429, True)
        assert "Too many failed logins" in refused.content.decode()
        clock.at = START + timedelta(seconds=61)
        assert log_in(PASSWORD).status_code == 302
        assert not LoginDelay.objects.filter(name="ann").exists()

    def test_the_delay_doubles_up_to_the_longest(self, clock: Any) -> None:
        fail(2)
        waits = []
        for _ in range(7):
            assert log_in().status_code == 429
            until = LoginDelay.objects.get(name="ann").locked_until
            assert until is not None
            waits.append((until - clock.at).total_seconds() / 60)
            clock.at = until + timedelta(seconds=1)
        assert waits == [1, 2, 4, 8, 15, 15, 15]

    def test_attempts_during_a_delay_do_not_extend_it(self, clock: Any) -> None:
        fail(3)
        before = list(LoginDelay.objects.order_by("pk").values())
        clock.at = START + timedelta(seconds=30)
        assert fail(5) == [429] * 5
        assert list(LoginDelay.objects.order_by("pk").values()) == before

    def test_a_stranger_does_not_delay_another_address(self) -> None:
        assert fail(4, address=OFFICE)[-1] == 429
        assert log_in(PASSWORD, address=HOME).status_code == 302

    def test_an_address_is_delayed_across_all_names(self) -> None:
        found = [log_in(name=f"user{n}").status_code for n in range(9)]
        assert found == [200] * 7 + [429] * 2
        assert log_in(PASSWORD).status_code == 429
        assert log_in(PASSWORD, address=OFFICE).status_code == 302

    def test_a_success_does_not_reset_the_address(self) -> None:
        for n in range(7):
            log_in(name=f"user{n}")
        assert log_in(PASSWORD).status_code == 302
        assert log_in(name="user8").status_code == 429

    def test_failures_are_forgotten_after_a_day(self, clock: Any) -> None:
        fail(2)
        LoginDelay.objects.update(failed_at=START - timedelta(hours=25))
        assert fail(2) == [200, 200]

    def test_names_of_any_length_and_form_are_counted(self) -> None:
        assert fail(3, name="x" * 5000) == [200, 200, 429]
        assert [log_in(name=name).status_code for name in ("ann", "ａnn", " ann ")][-1] == 429

    @pytest.mark.django_db(transaction=True)
    def test_parallel_attempts_do_not_exceed_the_limit(self, settings: Any) -> None:
        settings.LOGIN_ADDRESS_FAILURE_LIMIT = 100
        barrier, admitted = Barrier(6), []

        def attempt() -> None:
            request = RequestFactory().post("/login/", REMOTE_ADDR=HOME)
            barrier.wait()
            admitted.append(throttle.admit(request, "ann") is None)
            connection.close()

        threads = [Thread(target=attempt) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(admitted) == 3


class TestDevices:
    def test_a_known_device_is_not_delayed_by_others(self) -> None:
        browser = Client()
        assert log_in(PASSWORD, client=browser).status_code == 302
        cookie = browser.cookies[COOKIE]
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
        fail(9)
        browser.cookies.pop("sessionid")
        assert log_in(PASSWORD).status_code == 429
        assert log_in(PASSWORD, client=browser).status_code == 302

    def test_a_known_device_has_its_own_limit(self) -> None:
        browser = Client()
        log_in(PASSWORD, client=browser)
        browser.cookies.pop("sessionid")
        assert fail(4, client=browser) == [200, 200, 429, 429]

    def test_a_device_is_known_only_for_its_users(self) -> None:
        User.objects.create_user("bob", password=PASSWORD)
        browser = Client()
        log_in(PASSWORD, client=browser)
        browser.cookies.pop("sessionid")
        fail(3, name="bob")
        assert log_in(PASSWORD, name="bob", client=browser).status_code == 429

    def test_a_forged_cookie_is_no_device(self) -> None:
        browser = Client()
        browser.cookies[COOKIE] = "e30:1:x"
        fail(3)
        assert log_in(PASSWORD, client=browser).status_code == 429


class TestAddresses:
    @pytest.mark.parametrize(
        ("peer", "forwarded", "address"),
        [
            ("203.0.113.9", "1.2.3.4", "203.0.113.9"),  # not a proxy
            ("10.0.0.1", "1.2.3.4", "1.2.3.4"),
            ("10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),  # the client wrote the first one
            ("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "unknown", "10.0.0.1"),
            ("10.0.0.1", "2001:db8::5", "2001:db8::5"),
            ("", "1.2.3.4", ""),
        ],
    )
    def test_only_a_trusted_proxy_names_the_client(
        self, settings: Any, peer: str, forwarded: str, address: str
    ) -> None:
        settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
        headers = {"X-Forwarded-For": forwarded}
        request = RequestFactory().get("/", REMOTE_ADDR=peer, headers=headers)
        assert client_address(request) == address

    def test_a_client_cannot_choose_its_address(self) -> None:
        for n in range(3):
            answer = log_in(**{"X-Forwarded-For": f"1.2.3.{n}"})
        assert answer.status_code == 429

    def test_one_network_of_ipv6_is_one_client(self) -> None:
        assert network_of("2001:db8::1") == network_of("2001:db8::ffff:2") == "2001:db8::/64"
        assert network_of("::ffff:1.2.3.4") == "1.2.3.4"


class TestAccessLog:
    def test_logins_failures_and_delays_are_recorded(self) -> None:
        AccessEvent.objects.all().delete()
        fail(4)
        log_in(PASSWORD, address=OFFICE)
        assert actions() == ["login failed"] * 3 + ["locked", "login"]
        assert set(AccessEvent.objects.values_list("name", "address")) == {
            ("ann", HOME),
            ("ann", OFFICE),
        }
        assert PASSWORD not in str(list(AccessEvent.objects.values()))

    def test_the_use_of_a_token_is_recorded_once_a_minute(self) -> None:
        program = Program(Role.VIEWER)
        for _ in range(3):
            assert program.get("jobs").status == 200
        used = AccessEvent.objects.filter(action="token used")
        assert [(event.name, event.detail) for event in used] == [("a viewer", "test")]
        Token.objects.update(used_at=timezone.now() - timedelta(seconds=61))
        program.get("jobs")
        assert used.all().count() == 2

    def test_changes_of_users_name_their_actor(self, admin: Client, ann: User) -> None:
        url = f"/admin/webapp/user/{ann.pk}/change/"
        form = {"username": "ann", "role": "operator", "is_active": "on"}
        assert admin.post(url, form).status_code == 302
        event = AccessEvent.objects.filter(action="user changed").get()
        assert (event.name, event.actor, event.detail) == ("ann", "ada", "role viewer → operator")
        admin.post(f"/admin/webapp/user/{ann.pk}/delete/", {"post": "yes"})
        assert AccessEvent.objects.filter(action="user deleted", name="ann", actor="ada").exists()

    def test_changes_in_the_shell_are_recorded(self) -> None:
        accounts.change_user("ann", role=Role.OPERATOR, active=False)
        accounts.new_password("ann")
        found = {event.action: event for event in AccessEvent.objects.all()}
        assert found["user changed"].detail == "role viewer → operator, can log in True → False"
        assert found["user changed"].actor
        assert "password changed" in found

    def test_admins_read_it_and_change_nothing(self, admin: Client) -> None:
        fail(3)
        text = admin.get("/admin/webapp/accessevent/").content.decode()
        assert "login failed" in text.lower()
        assert HOME in text
        pk = AccessEvent.objects.latest("pk").pk
        assert admin.post(f"/admin/webapp/accessevent/{pk}/delete/").status_code == 403

    def test_an_admin_ends_a_delay(self, admin: Client) -> None:
        fail(3)
        pk = LoginDelay.objects.get(name="ann").pk
        admin.post(f"/admin/webapp/logindelay/{pk}/delete/", {"post": "yes"})
        assert log_in(PASSWORD).status_code == 302
        assert "unlocked" in actions()

    @pytest.mark.django_db(transaction=True)
    def test_the_shell_lists_it_and_ends_a_delay(self, capsys: pytest.CaptureFixture[str]) -> None:
        shell = Shell(capsys)
        fail(3)
        rows = shell("access_log", "--name", "ann", "--action", "locked", "--json").document
        assert [row["address"] for row in rows["entries"]] == [HOME]
        assert "ann" in shell("access_log", "--limit", "1").out
        for words in (("--action", "sleep"), ("--limit", "0")):
            answer = shell("access_log", *words)
            assert (answer.code, answer.err.count("\n")) == (2, 1)
        assert shell("user", "ann", "--unlock").out == "ann: viewer, unlocked\n"
        assert log_in(PASSWORD).status_code == 302

    def test_entries_are_kept_for_a_year(self) -> None:
        AccessEvent.objects.create(action="login", name="old", at=START - timedelta(days=366))
        log_in(PASSWORD)
        assert not AccessEvent.objects.filter(name="old").exists()
