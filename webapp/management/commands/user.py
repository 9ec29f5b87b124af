"""`manage.py user NAME --role operator`: create or change a user."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import OK, VerbCommand
from backfill.cli.tables import table
from backfill.errors import Refused
from webapp.auth import accounts
from webapp.models import Role, User


class Command(VerbCommand):
    """Creates, changes and lists users."""

    help = "Create a user, whose password is printed once, or change one; without a name, list all."

    def add_arguments(self, parser: CommandParser) -> None:
        """Who, and what becomes of him."""
        parser.add_argument("name", nargs="?", metavar="NAME", help="the name to log in with")
        parser.add_argument(
            "--role", metavar="|".join(Role.values), help="what the user may do; a new one needs it"
        )
        parser.add_argument(
            "--new-password", action="store_true", help="give another password, printed once"
        )
        active = parser.add_mutually_exclusive_group()
        active.add_argument(
            "--lock-out",
            dest="active",
            action="store_const",
            const=False,
            help="let the user in no more",
        )
        active.add_argument(
            "--let-in",
            dest="active",
            action="store_const",
            const=True,
            help="let the user in again",
        )

    def run(self, **given: Any) -> int:
        """Create, change or list."""
        if given["name"] is None:
            rows = [_row(user) for user in User.objects.order_by("username")]
            self.emit(
                {"users": rows},
                table(rows)
                if rows
                else "no users yet; `manage.py user NAME --role admin` makes one",
            )
            return OK
        document, text = (
            self._change(**given)
            if User.objects.filter(username=given["name"]).exists()
            else self._create(**given)
        )
        self.emit(document, text)
        return OK

    def _create(self, name: str, role: str | None, **given: Any) -> tuple[dict[str, Any], str]:
        if role is None:
            raise Refused(
                f"there is no user {name!r}; to create one, add --role {'|'.join(Role.values)}"
            )
        if given["active"] is not None:
            raise Refused(f"there is no user {name!r} yet, whom one could lock out or let in")
        password = accounts.create_user(name, role)
        return _row(User.objects.get(username=name)) | {
            "password": password
        }, f"{role} {name} created; password: {password}"

    def _change(self, name: str, role: str | None, **given: Any) -> tuple[dict[str, Any], str]:
        user = accounts.change_user(name, role=role, active=given["active"])
        document = _row(user)
        text = f"{name}: {user.role}{'' if user.is_active else ', locked out'}"
        if given["new_password"]:
            document["password"] = accounts.new_password(name)
            text += f"; new password: {document['password']}"
        return document, text


def _row(user: User) -> dict[str, Any]:
    return {"name": user.username, "role": user.role, "active": user.is_active}
