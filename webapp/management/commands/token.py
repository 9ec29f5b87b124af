"""`manage.py token USER NAME`: a key for a program that acts in a user's name."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import OK, VerbCommand
from backfill.cli.tables import table
from backfill.errors import Refused
from webapp.models import Token, User


class Command(VerbCommand):
    """Issues, revokes and lists tokens."""

    help = "Issue a key for the API, printed once, or revoke one; without a name, list those of the user."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose, and which."""
        parser.add_argument(
            "user", metavar="USER", help="in whose name, and with whose role, the program acts"
        )
        parser.add_argument("name", nargs="?", metavar="NAME", help="what the program is called")
        parser.add_argument(
            "--revoke",
            action="store_true",
            help="let the key of this name be worth nothing any more",
        )

    def run(self, **given: Any) -> int:
        """Issue, revoke or list."""
        user, name = User.objects.filter(username=given["user"]).first(), given["name"]
        if user is None:
            raise Refused(f"there is no user {given['user']!r}; `manage.py user` lists them")
        if name is None:
            rows = [
                {
                    "name": t.name,
                    "created": str(t.created_at)[:16],
                    "used": str(t.used_at or "never")[:16],
                }
                for t in user.tokens.order_by("pk")
            ]
            self.emit(
                {"tokens": rows},
                table(rows)
                if rows
                else f"{user} has no token; `manage.py token {user} NAME` makes one",
            )
        elif given["revoke"]:
            self._revoke(user, name)
        else:
            key = Token.issue(user, name)[1]
            self.emit(
                {"name": name, "key": key},
                f"{name} acts as {user} ({user.role}); key, shown only now: {key}",
            )
        return OK

    def _revoke(self, user: User, name: str) -> None:
        deleted = user.tokens.filter(name=name).delete()[0]
        if not deleted:
            raise Refused(f"{user} has no token {name!r}; `manage.py token {user}` lists them")
        self.emit({"name": name, "revoked": deleted}, f"{name} of {user} is worth nothing any more")
