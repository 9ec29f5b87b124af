"""Users, tokens, limits and logins, for admins only."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import DataError
from django.test import Client

from backfill.errors import Refused
from backfill.models import Event, Launch, Limits
from tests.backfill.shell import Shell
from webapp.auth import accounts
from webapp.models import Role, Token, User

pytestmark = [pytest.mark.database, pytest.mark.django_db]
PAGES = (
    "",
    "webapp/user/",
    "webapp/user/add/",
    "webapp/token/",
    "webapp/token/add/",
    "backfill/limits/",
    "backfill/limits/1/change/",
    "backfill/launch/",
    "webapp/accessevent/",
    "webapp/logindelay/",
)
LIMITS = "/admin/backfill/limits/1/change/"


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def said(answer: Any) -> str:
    """Return the messages and errors of a page as text."""
    found = re.findall(
        r'<(?:ul|p) class="(?:messagelist|errornote|errorlist[^"]*)".*?</(?:ul|p)>',
        answer.content.decode(),
        re.S,
    )
    return " ".join(re.sub(r"<[^>]+>|&#x27;", " ", " ".join(found)).split())


class TestWhoMay:
    @pytest.mark.parametrize("page", PAGES)
    def test_every_page_is_for_admins(
        self, page: str, client: Client, viewer: Client, operator: Client, admin: Client
    ) -> None:
        Launch.objects.create(options={}, actor="ann")
        path = f"/admin/{page}"
        assert client.get(path, follow=True).redirect_chain[-1] == (f"/login/?next={path}", 302)
        assert admin.get("/admin/login/")["Location"] == "/admin/"
        assert [c.get(path, follow=True).status_code for c in (viewer, operator, admin)] == [
            403,
            403,
            200,
        ]

    @pytest.mark.parametrize("page", PAGES)
    def test_no_page_needs_an_inline_script_or_style(self, page: str, admin: Client) -> None:
        text = admin.get(f"/admin/{page}").content.decode()
        assert re.findall(r"<style|<script(?![^>]*\ssrc=)|\son\w+=|\sstyle=", text) == []


class TestUsers:
    def form(self, user: User, **given: Any) -> dict[str, Any]:
        return {"username": user.username, "role": user.role, "is_active": "on", **given}

    def test_one_is_made_with_a_role_and_a_password(self, admin: Client) -> None:
        sent = {
            "username": "ann",
            "role": "operator",
            "password1": "a-long-enough-one",
            "password2": "a-long-enough-one",
        }
        admin.post("/admin/webapp/user/add/", sent)
        ann = User.objects.get(username="ann")
        assert (ann.may_operate, ann.is_staff, ann.check_password("a-long-enough-one")) == (
            True,
            False,
            True,
        )

    def test_a_weak_password_is_refused(self, admin: Client) -> None:
        answer = admin.post(
            "/admin/webapp/user/add/",
            {"username": "ann", "role": "viewer", "password1": "12345", "password2": "12345"},
        )
        assert ("too short" in said(answer), User.objects.filter(username="ann").exists()) == (
            True,
            False,
        )

    def test_the_last_admin_stays_one(self, admin: Client) -> None:
        ada = User.objects.get()
        for given in ({"role": "viewer"}, {"is_active": ""}):
            answer = admin.post(f"/admin/webapp/user/{ada.pk}/change/", self.form(ada, **given))
            assert "ada is the last admin; make another user an admin first" in said(answer)
        ada.refresh_from_db()
        assert ada.may_administer

    def test_another_admin_may_be_taken_down(self, admin: Client) -> None:
        bea = User.objects.create(username="bea", role=Role.ADMIN)
        admin.post(f"/admin/webapp/user/{bea.pk}/change/", self.form(bea, role="viewer"))
        bea.refresh_from_db()
        assert (bea.role, bea.is_superuser) == ("viewer", False)

    def test_neither_oneself_nor_the_last_admin_can_be_deleted(self, admin: Client) -> None:
        ada, bob = User.objects.get(), User.objects.create(username="bob")
        assert (
            admin.post(f"/admin/webapp/user/{ada.pk}/delete/", {"post": "yes"}).status_code == 403
        )
        sent = {"action": "delete_selected", "_selected_action": [ada.pk, bob.pk], "post": "yes"}
        admin.post("/admin/webapp/user/", sent)
        assert User.objects.count() == 2
        admin.post(f"/admin/webapp/user/{bob.pk}/delete/", {"post": "yes"})
        assert list(User.objects.all()) == [ada]


class TestTokens:
    def test_the_key_of_a_new_one_is_shown_once(self, admin: Client) -> None:
        ada = User.objects.get()
        shown = said(
            admin.post("/admin/webapp/token/add/", {"user": ada.pk, "name": "ci"}, follow=True)
        )
        (key,) = re.findall(r"bc_[\w-]{43}", shown)
        assert (
            Client().get("/api/jobs", headers={"Authorization": f"Bearer {key}"}).status_code == 200
        )
        assert key not in admin.get("/admin/webapp/token/").content.decode()
        assert list(Token.objects.values_list("name", "user")) == [("ci", ada.pk)]

    def test_selected_users_are_given_one_each(self, admin: Client) -> None:
        pks = [User.objects.get().pk, User.objects.create(username="bob").pk]
        answer = admin.post(
            "/admin/webapp/user/", {"action": "issue_token", "_selected_action": pks}, follow=True
        )
        assert len(re.findall(r"bc_[\w-]{43}", said(answer))) == Token.objects.count() == 2


class TestLimits:
    def test_the_cap_is_changed_with_an_event(self, admin: Client) -> None:
        assert admin.post(LIMITS, {"max_parallel_override": 7}).status_code == 302
        assert Limits.current().max_parallel_batches == 7
        assert list(Event.objects.values_list("actor", "action")) == [
            ("ada", "concurrency limit 1 → 7")
        ]

    def test_one_that_cannot_be_is_refused(self, admin: Client) -> None:
        assert "less than or equal to 64" in said(admin.post(LIMITS, {"max_parallel_override": 65}))
        assert Event.objects.count() == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.shell
class TestShell:
    def test_a_user_is_made_and_the_password_printed_once(self, shell: Shell) -> None:
        made = shell("user", "ann", "--role", "operator", "--json").document
        ann = User.objects.get()
        assert (made["name"], made["role"], ann.check_password(made["password"])) == (
            "ann",
            "operator",
            True,
        )
        assert shell("user", "ann", "--role", "viewer").out == "ann: viewer\n"
        assert shell("user", "--json").document == {
            "users": [{"name": "ann", "role": "viewer", "active": True}]
        }

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (
                ("user", "ann"),
                "user 'ann' does not exist; to create it, add --role viewer|operator|admin",
            ),
            (
                ("user", "ann", "--role", "boss"),
                "'boss' is not a role; choose from viewer, operator, admin",
            ),
            (("user", "a b", "--role", "viewer"), "'a b' is not a valid user name: "),
            (
                ("user", "ann", "--role", "viewer", "--disable"),
                "user 'ann' does not exist; remove --disable",
            ),
            (("token", "ann", "ci"), "user 'ann' does not exist; `manage.py user` lists the users"),
        ],
    )
    def test_what_cannot_be_is_one_sentence(
        self, shell: Shell, words: tuple[str, ...], said: str
    ) -> None:
        answer = shell(*words)
        assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
        assert answer.err.startswith(said)

    def test_the_last_admin_is_neither_taken_down_nor_locked_out(self, shell: Shell) -> None:
        accounts.create_user("ada", Role.ADMIN)
        for words in (("--role", "viewer"), ("--disable",)):
            assert (
                shell("user", "ada", *words).err
                == "ada is the last admin; make another user an admin first\n"
            )
        accounts.create_user("bea", Role.ADMIN)
        assert shell("user", "ada", "--disable").out == "ada: admin, disabled\n"
        assert shell("user", "bea", "--disable").err.startswith("bea is the last admin;")
        assert shell("user", "ada", "--enable").out == "ada: admin\n"

    def test_the_earlier_flags_still_work(self, shell: Shell) -> None:
        accounts.create_user("ann", Role.VIEWER)
        assert shell("user", "ann", "--lock-out").out == "ann: viewer, disabled\n"
        assert shell("user", "ann", "--let-in").out == "ann: viewer\n"
        assert shell("workers", "--swept", "60").code == 1  # no sweep yet

    def test_a_new_password_is_printed_once(self, shell: Shell) -> None:
        before = accounts.create_user("ann", Role.VIEWER)
        after = shell("user", "ann", "--new-password", "--json").document["password"]
        assert [User.objects.get().check_password(password) for password in (before, after)] == [
            False,
            True,
        ]

    @pytest.mark.parametrize("name", ["", " ", "x" * 81, "a\nb", "a\x1b[2J"])
    def test_a_token_needs_a_short_printable_name(self, shell: Shell, name: str) -> None:
        accounts.create_user("ann", Role.VIEWER)
        answer = shell("token", "ann", name)
        sentence = "a token needs a name of 1 to 80 printable characters\n"
        assert (answer.code, answer.out, answer.err) == (2, "", sentence)
        assert not Token.objects.exists()

    def test_an_admin_with_a_long_name_issues_a_token(self, client: Client) -> None:
        admin = User.objects.create_user("x" * 150, role=Role.ADMIN)
        client.force_login(admin)
        chosen = {"action": "issue_token", "_selected_action": [admin.pk]}
        assert client.post("/admin/webapp/user/", chosen).status_code == 302
        assert len(Token.objects.get().name) == 80

    def test_a_value_that_the_database_cannot_store_is_one_sentence(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise DataError("value too long for type character varying(80)\nLINE 1: x")

        monkeypatch.setattr(accounts, "create_user", refuse)
        answer = shell("user", "ann", "--role", "viewer")
        assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
        assert "value too long" in answer.err

    def test_a_token_is_issued_listed_and_revoked(self, shell: Shell) -> None:
        accounts.create_user("ann", Role.VIEWER)
        key = shell("token", "ann", "ci", "--json").document["key"]
        headers = {"Authorization": f"Bearer {key}"}
        assert Client().get("/api/jobs", headers=headers).status_code == 200
        assert [row["name"] for row in shell("token", "ann", "--json").document["tokens"]] == ["ci"]
        assert shell("token", "ann", "ci", "--revoke").out == "Token ci revoked.\n"
        assert Client().get("/api/jobs", headers=headers).status_code == 401
        assert shell("token", "ann", "ci", "--revoke").code == 2


def test_a_name_that_is_taken_is_refused() -> None:
    accounts.create_user("ann", Role.VIEWER)
    with pytest.raises(Refused, match="already exists"):
        accounts.create_user("ann", Role.ADMIN)
    assert User.objects.get().role == Role.VIEWER
