"""`manage.py user NAME --role operator`: create or change a user."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import OK, VerbCommand, add_flag
from backfill.cli.tables import table
from backfill.errors import Refused
from webapp.auth import accounts, throttle
from webapp.models import AccessEvent, Role, User


class Command(VerbCommand):
    """Create, change and list users."""

    help = (
        "Create a user and print the password once, or change a user; without NAME, list the users."
    )
    example = "user dana --role operator"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the name, --role, --new-password, --unlock, --disable and --enable."""
        parser.add_argument("name", nargs="?", metavar="NAME", help="username")
        parser.add_argument(
            "--role", metavar="|".join(Role.values), help="role; required for a new user"
        )
        parser.add_argument(
            "--new-password",
            action="store_true",
            help="set a new random password and print it once",
        )
        parser.add_argument(
            "--unlock", action="store_true", help="end the delay after failed logins"
        )
        active = parser.add_mutually_exclusive_group()
        add_flag(
            active,
            "--disable",
            "--lock-out",
            dest="active",
            action="store_const",
            const=False,
            help="disable the login",
        )
        add_flag(
            active,
            "--enable",
            "--let-in",
            dest="active",
            action="store_const",
            const=True,
            help="enable the login again",
        )

    def run(self, **given: Any) -> int:
        """Create or change a user, or list users."""
        if given["name"] is None:
            rows = [_row(user) for user in User.objects.order_by("username")]
            self.emit(
                {"users": rows},
                table(rows)
                if rows
                else "no users yet; `manage.py user NAME --role admin` creates one",
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
                f"user {name!r} does not exist; to create it, add --role {'|'.join(Role.values)}"
            )
        if given["active"] is not None:
            raise Refused(
                f"user {name!r} does not exist; remove --disable and --enable to create it"
            )
        password = accounts.create_user(name, role)
        return _row(User.objects.get(username=name)) | {
            "password": password
        }, f"{role} {name} created; password: {password}"

    def _change(self, name: str, role: str | None, **given: Any) -> tuple[dict[str, Any], str]:
        user = accounts.change_user(name, role=role, active=given["active"])
        document = _row(user)
        text = f"{name}: {user.role}{'' if user.is_active else ', disabled'}"
        if given["unlock"] and throttle.unlock(name):
            AccessEvent.record(AccessEvent.Action.UNLOCKED, name, actor=getpass.getuser())
            text += ", unlocked"
        if given["new_password"]:
            document["password"] = accounts.new_password(name)
            text += f"; new password: {document['password']}"
        return document, text


def _row(user: User) -> dict[str, Any]:
    return {"name": user.username, "role": user.role, "active": user.is_active}
