"""Expiry, renewal and scope of tokens."""

from __future__ import annotations

import importlib
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from backfill.errors import Refused
from tests.webapp.test_api_access import NOT_THERE, OPERATIONS, READ_BY_POST
from webapp.auth import accounts
from webapp.middleware.problems import CONTENT_TYPE
from webapp.models import AccessEvent, Role, Token, User
from webapp.models.token import ALL, READ, SCOPES, scope_of

pytestmark = [pytest.mark.database, pytest.mark.django_db]

# The scope of each operation that changes something, by its path.
NEEDED = {
    "loads": "load",
    "loads/preview": "load",
    "jobs": "start",
    "jobs/{number}/retry": "retry",
    "jobs/{number}/undo": "undo",
    "versions/restore": "undo",
    "jobs/{number}/pause": "pause",
    "jobs/{number}/resume": "resume",
    "jobs/{number}/cancel": "cancel",
    "jobs/{number}/limit": "limit",
    "jobs/{number}/cap": "limit",
    "limit": "limit",
    "cap": "limit",
    "launches/{number}/approve": "approve",
    "launches/{number}/refuse": "approve",
    "launches/{number}/withdraw": "approve",
    "findings/{number}/mark": "mark",
}


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create(username="ada", role=Role.ADMIN, password="!")


def call(key: str, path: str = "jobs", method: str = "GET", body: str = "{}") -> Any:
    headers = {"Authorization": f"Bearer {key}"}
    return Client().generic(method, f"/api/{path}", body, "application/json", headers=headers)


def days_left(token: Token) -> int:
    return round((token.expires_at - now()) / timedelta(days=1))


class TestExpiry:
    def test_a_token_expires_after_90_days(self, ada: User, settings: Any) -> None:
        assert days_left(Token.issue(ada, "ci")[0]) == 90
        settings.TOKEN_DAYS = 7
        assert days_left(Token.issue(ada, "cd")[0]) == 7
        assert days_left(Token.issue(ada, "x", days=30)[0]) == 30
        for days in (0, -1, 367):
            with pytest.raises(Refused, match="1 to 366 days"):
                Token.issue(ada, "y", days=days)

    def test_an_expired_token_is_refused_with_its_date_until_it_is_renewed(self, ada: User) -> None:
        token, key = Token.issue(ada, "ci")
        Token.objects.update(expires_at=datetime.fromisoformat("2021-11-22T00:00Z"))
        answer = call(key)
        assert (answer.status_code, answer["Content-Type"]) == (401, CONTENT_TYPE)
        assert "expired on 2021-11-22" in answer.json()["detail"]
        assert "WWW-Authenticate" in answer
        assert [call(key, path).status_code for path in ("openapi.json", "workers")] == [401] * 2
        headers = {"Authorization": f"Bearer {key}"}
        assert Client().get("/metrics", headers=headers).status_code == 401
        assert Token.objects.get().used_at is None
        token.refresh_from_db()
        token.renew("ada")
        assert (call(key).status_code, days_left(token)) == (200, 90)

    def test_existing_tokens_get_90_days_and_the_full_scope(self) -> None:
        migration = importlib.import_module("webapp.migrations.0004_token_scope_and_expiry")
        added = {op.name: op.field.get_default() for op in migration.Migration.operations}
        assert (added["scope"], added["ends_with_password"]) == (ALL, False)
        assert round((added["expires_at"] - now()) / timedelta(days=1)) == 90

    def test_a_new_password_ends_the_tokens_that_depend_on_it(self) -> None:
        accounts.create_user("ann", Role.VIEWER)
        ann = User.objects.get()
        for name, ends in (("short", True), ("long", False)):
            Token.issue(ann, name, ends_with_password=ends)
        accounts.new_password("ann")
        assert [token.name for token in Token.objects.all()] == ["long"]
        ended = AccessEvent.objects.get(action="token revoked")
        assert ended.detail == "short: the password changed"

    def test_a_login_is_no_new_password(self) -> None:
        user = get_user_model().objects.create_user("ann", password="correct horse battery")
        Token.issue(user, "short", ends_with_password=True)
        Client().post("/login/", {"username": "ann", "password": "correct horse battery"})
        assert Token.objects.count() == 1


class TestScope:
    def test_every_change_of_the_api_has_a_scope(self) -> None:
        changes = {p for m, p in OPERATIONS if m == "POST"} - READ_BY_POST
        assert changes == set(NEEDED)
        assert set(NEEDED.values()) == set(SCOPES)

    def test_a_read_token_reads_and_changes_nothing(self, ada: User, demo: object) -> None:
        key = Token.issue(ada, "ci", scope=READ)[1]
        assert call(key).status_code == 200
        for path, scope in NEEDED.items():
            answer = call(key, path.format(number=NOT_THERE), "POST")
            document = answer.json()
            assert (answer.status_code, answer["Content-Type"]) == (403, CONTENT_TYPE), path
            assert document["scope"] == scope
            assert f"needs the scope {scope}" in document["detail"]
        for path in READ_BY_POST:
            assert call(key, path.format(number=NOT_THERE), "POST").status_code in (404, 422), path

    @pytest.mark.parametrize("scope", SCOPES)
    def test_a_token_of_one_scope_changes_only_that(self, ada: User, scope: str) -> None:
        key = Token.issue(ada, "ci", scope=scope)[1]
        allowed = {
            path
            for path in NEEDED
            if call(key, path.format(number=NOT_THERE), "POST").status_code in (404, 422)
        }
        assert allowed == {path for path, needed in NEEDED.items() if needed == scope}

    def test_a_scope_does_not_extend_the_role(self) -> None:
        viewer = User.objects.create(username="vera", role=Role.VIEWER, password="!")
        answer = call(Token.issue(viewer, "ci", scope="pause")[1], "jobs/1/pause", "POST")
        assert (answer.status_code, "only operators" in answer.json()["detail"]) == (403, True)

    def test_names_become_one_stored_form(self) -> None:
        assert scope_of(["retry", "start"]) == "start,retry"
        assert scope_of(["read", "mark"]) == "mark"
        assert scope_of([]) == scope_of(["read"]) == READ
        assert scope_of(list(SCOPES)) == scope_of(["all", "start"]) == ALL
        with pytest.raises(Refused, match="unknown scope 'fly'; choose from read, all, start"):
            scope_of(["fly"])


class TestPage:
    def test_a_token_is_created_with_scope_expiry_and_password(self, operator: Client) -> None:
        sent = {"name": "ci", "days": 30, "scope": ["start", "mark"], "ends_with_password": "on"}
        text = operator.post(reverse("tokens"), sent).content.decode()
        token = Token.objects.get()
        assert (token.scope, days_left(token), token.ends_with_password) == ("start,mark", 30, True)
        assert "read, start, mark" in text
        assert f"{token.expires_at:%Y-%m-%d}" in text

    def test_the_form_offers_the_full_scope_and_90_days(self, operator: Client) -> None:
        form = operator.get(reverse("tokens")).context["form"]
        given = {name: form[name].value() for name in ("scope", "days")} | {"name": "ci"}
        assert given["days"] == 90
        operator.post(reverse("tokens"), given)
        assert Token.objects.get().scope == ALL

    def test_bad_input_is_an_error_next_to_the_field(self, operator: Client) -> None:
        for given in ({"days": 0}, {"days": 9999}, {"scope": ["fly"]}):
            answer = operator.post(reverse("tokens"), {"name": "ci", "days": 9, **given})
            assert (answer.status_code, [*answer.context["form"].errors]) == (422, [*given])

    def test_a_token_is_renewed_by_its_user_only(self, operator: Client, ada: User) -> None:
        mine = Token.issue(User.objects.get(username="otto"), "mine", days=1)[0]
        other = Token.issue(ada, "other", days=1)[0]
        assert operator.post(reverse("token_renew", args=[mine.pk])).status_code == 302
        assert operator.post(reverse("token_renew", args=[other.pk])).status_code == 404
        for token, days in ((mine, 90), (other, 1)):
            token.refresh_from_db()
            assert days_left(token) == days
