"""`manage.py token USER NAME`: issue, renew, revoke or list API tokens of a user."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import OK, VerbCommand, whole_number
from backfill.cli.tables import table
from backfill.errors import Refused
from webapp.models import Token, User
from webapp.models.token import ALL, MOST_DAYS, READ, SCOPES, scope_of


class Command(VerbCommand):
    """Issue, renew, revoke and list tokens."""

    help = (
        "Issue an API token, printed once, or renew or revoke one; without NAME, list the tokens of"
        " the user."
    )
    example = "token operator nightly-report --scope read --days 30"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the user, the name, --scope, --days, --ends-with-password, --renew and --revoke."""
        parser.add_argument("user", metavar="USER", help="user whose name and role the token has")
        parser.add_argument(
            "name",
            nargs="?",
            metavar="NAME",
            help="name of the token, for example the program that uses it",
        )
        parser.add_argument(
            "--scope",
            default=ALL,
            metavar="SCOPES",
            help=f"allowed actions, comma-separated: {READ}, {ALL} (default), {', '.join(SCOPES)}",
        )
        parser.add_argument(
            "--days",
            type=whole_number,
            metavar="N",
            help=f"days until the token expires, 1 to {MOST_DAYS}; default: TOKEN_DAYS",
        )
        parser.add_argument(
            "--ends-with-password",
            action="store_true",
            help="end the token when the password of USER changes",
        )
        existing = parser.add_mutually_exclusive_group()
        existing.add_argument("--renew", action="store_true", help="renew the token NAME")
        existing.add_argument("--revoke", action="store_true", help="revoke the token NAME")

    def run(self, **given: Any) -> int:
        """Issue a token, revoke one or list tokens."""
        user, name = User.objects.filter(username=given["user"]).first(), given["name"]
        if user is None:
            raise Refused(
                f"user {given['user']!r} does not exist; `manage.py user` lists the users"
            )
        if name is None:
            self._list(user)
        elif given["revoke"] or given["renew"]:
            self._change(user, name, renew=given["renew"], days=given["days"])
        else:
            self._issue(user, name, given)
        return OK

    def _list(self, user: User) -> None:
        rows = [
            {
                "name": t.name,
                "scope": t.scope,
                "created": str(t.created_at)[:16],
                "expires": str(t.expires_at)[:16],
                "used": str(t.used_at or "never")[:16],
            }
            for t in user.tokens.order_by("pk")
        ]
        self.emit(
            {"tokens": rows},
            table(rows)
            if rows
            else f"{user} has no tokens; `manage.py token {user} NAME` issues one",
        )

    def _issue(self, user: User, name: str, given: dict[str, Any]) -> None:
        token, key = Token.issue(
            user,
            name,
            actor=getpass.getuser(),
            scope=scope_of(given["scope"].split(",")),
            days=given["days"],
            ends_with_password=given["ends_with_password"],
        )
        until = f"{token.expires_at:%Y-%m-%d}"
        self.emit(
            {"name": name, "key": key, "scope": token.scope, "expires": until},
            f"token {name} of {user} ({user.role}, scope {token.scope}) issued until {until}; "
            f"copy it now, it is not shown again: {key}",
        )

    def _change(self, user: User, name: str, *, renew: bool, days: int | None) -> None:
        tokens = list(user.tokens.filter(name=name))
        if not tokens:
            raise Refused(
                f"{user} has no token {name!r}; `manage.py token {user}` lists the tokens"
            )
        actor = getpass.getuser()
        if not renew:
            for token in tokens:
                token.revoke(actor)
            self.emit({"name": name, "revoked": len(tokens)}, f"Token {name} revoked.")
            return
        for token in tokens:
            token.renew(actor, days)
        until = f"{tokens[0].expires_at:%Y-%m-%d}"
        self.emit({"name": name, "expires": until}, f"Token {name} renewed until {until}.")
