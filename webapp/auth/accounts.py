"""Create and change users."""

from __future__ import annotations

import getpass
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from backfill.errors import Refused
from webapp.models import AccessEvent, Role, User

PASSWORD_BYTES = 15  # 20 URL-safe characters
# Fields whose changes are in the access log.
WORDS = {"username": "name", "role": "role", "is_active": "can log in"}


def create_user(name: str, role: str) -> str:
    """Create a user; return the password, which is stored only as a hash. Raises Refused."""
    user = User(username=name, role=_role(role))
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    user.set_password(password)
    try:
        user.full_clean()
    except ValidationError as error:
        raise Refused(f"{name!r} is not a valid user name: {' '.join(error.messages)}") from None
    user.save()
    record_changes(user, None, getpass.getuser())
    return password


def record_changes(user: User, before: Mapping[str, Any] | None, actor: str) -> None:
    """Record a new user, or the changed fields of one, in the access log.

    `before` has the old values of the changed fields; None for a new user.
    """
    action = AccessEvent.Action
    if before is None:
        AccessEvent.record(action.USER_CREATED, user.username, actor=actor, detail=user.role)
        return
    changes = [
        f"{WORDS[name]} {before[name]} → {getattr(user, name)}" for name in WORDS if name in before
    ]
    if changes:
        detail = ", ".join(changes)
        AccessEvent.record(action.USER_CHANGED, user.username, actor=actor, detail=detail)


def first_login(name: str) -> str:
    """Describe the login; on the first start, create an operator.

    The generated password is repeated at every start until the operator changes it.
    """
    kept = Path(settings.VAR) / "first_password"
    if not User.objects.exists():
        password = create_user(name, Role.OPERATOR)
        kept.unlink(missing_ok=True)
        kept.touch(mode=0o600)
        kept.write_text(password, encoding="utf-8")
    user, password = (
        User.objects.filter(username=name).first(),
        kept.read_text(encoding="utf-8") if kept.exists() else "",
    )
    if user and password and user.check_password(password):
        return f"log in as {name} with password {password}"
    return "log in with your name and password"


def change_user(name: str, *, role: str | None = None, active: bool | None = None) -> User:
    """Change a user's role or login. Raises Refused for an unknown user and for the last admin."""
    with transaction.atomic():
        user = User.objects.select_for_update().filter(username=name).first()
        if user is None:
            raise Refused(f"user {name!r} does not exist")
        before = {name: getattr(user, name) for name in WORDS}
        user.role = user.role if role is None else _role(role)
        user.is_active = user.is_active if active is None else active
        if not user.may_administer:
            keep_an_admin([user])
        user.save()
        changed = {name: old for name, old in before.items() if old != getattr(user, name)}
        record_changes(user, changed, getpass.getuser())
    return user


def new_password(name: str) -> str:
    """Set a new random password and return it. Raises Refused."""
    user = User.objects.filter(username=name).first()
    if user is None:
        raise Refused(f"user {name!r} does not exist")
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    user.set_password(password)
    user.save()
    return password


def keep_an_admin(leaving: list[User]) -> None:
    """Raise Refused if no admin would be left without these users.

    Locks the admins until the transaction ends: two admins cannot remove each other simultaneously.
    """
    with transaction.atomic():
        admins = (
            User.objects.filter(role=Role.ADMIN, is_active=True).select_for_update().order_by("pk")
        )
        names = {user.pk: user.username for user in admins}
    if names and not names.keys() - {user.pk for user in leaving}:
        raise Refused(
            f"{', '.join(names.values())} is the last admin; make another user an admin first"
        )


def _role(role: str) -> str:
    if role not in Role.values:
        raise Refused(f"{role!r} is not a role; choose from {', '.join(Role.values)}")
    return role
