"""Command `token`: issue, list, renew and revoke."""

from __future__ import annotations

import pytest

from tests.backfill.shell import Shell
from tests.webapp.test_tokens import days_left
from webapp.auth import accounts
from webapp.models import AccessEvent, Role, Token


@pytest.mark.django_db(transaction=True)
class TestCommand:
    def test_scope_expiry_and_renewal(self, capsys: pytest.CaptureFixture[str]) -> None:
        shell = Shell(capsys)
        accounts.create_user("ann", Role.OPERATOR)
        words = ("--scope", "retry,start", "--days", "7", "--ends-with-password")
        made = shell("token", "ann", "ci", *words, "--json").document
        token = Token.objects.get()
        assert (made["scope"], days_left(token), token.ends_with_password) == (
            "start,retry",
            7,
            True,
        )
        assert shell("token", "ann", "--json").document["tokens"][0]["scope"] == "start,retry"
        assert "renewed until" in shell("token", "ann", "ci", "--renew").out
        token.refresh_from_db()
        assert days_left(token) == 90
        actions = ["token issued", "token renewed", "token revoked"]
        shell("token", "ann", "ci", "--revoke")
        recorded = AccessEvent.objects.filter(action__in=actions).order_by("pk")
        assert list(recorded.values_list("action", flat=True)) == actions

    @pytest.mark.parametrize(
        ("words", "part"),
        [
            (("ci", "--scope", "fly"), "unknown scope 'fly'"),
            (("ci", "--days", "0"), "1 to 366 days"),
            (("ci", "--renew"), "has no token 'ci'"),
            (("x" * 81,), "1 to 80 printable characters"),
        ],
    )
    def test_bad_input_is_one_sentence(
        self, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], part: str
    ) -> None:
        accounts.create_user("ann", Role.OPERATOR)
        answer = Shell(capsys)("token", "ann", *words)
        assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
        assert part in answer.err
