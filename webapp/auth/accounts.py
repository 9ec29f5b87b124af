"""Users, made and changed outside of the pages."""

from __future__ import annotations

import secrets
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from backfill.errors import Refused
from webapp.models import Role, User

PASSWORD_BYTES = 15  # 20 characters, without any that a person mixes up with a space


def create_user(name: str, role: str) -> str:
    """Create a user; return the password, which nobody can read again. Raises Refused."""
    user = User(username=name, role=_role(role))
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    user.set_password(password)
    try:
        user.full_clean()
    except ValidationError as error:
        raise Refused(f"{name!r} is no name for a user: {' '.join(error.messages)}") from None
    user.save()
    return password


def first_login(name: str) -> str:
    """How to log in, in words: the operator that a first start makes, with his password as long as
    he keeps it.
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
    """Change what a user may do. Raises Refused when there is no such user, or no admin would be
    left.
    """
    with transaction.atomic():
        user = User.objects.select_for_update().filter(username=name).first()
        if user is None:
            raise Refused(f"there is no user {name!r}")
        user.role = user.role if role is None else _role(role)
        user.is_active = user.is_active if active is None else active
        if not user.may_administer:
            keep_an_admin([user])
        user.save()
    return user


def new_password(name: str) -> str:
    """Give a user another password and return it. Raises Refused."""
    user = User.objects.filter(username=name).first()
    if user is None:
        raise Refused(f"there is no user {name!r}")
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    user.set_password(password)
    user.save()
    return password


def keep_an_admin(leaving: list[User]) -> None:
    """Raise Refused when nobody could administer any more without these users.

    Within a transaction that lasts until it ends: two admins cannot take each other down at once.
    """
    with transaction.atomic():
        admins = (
            User.objects.filter(role=Role.ADMIN, is_active=True).select_for_update().order_by("pk")
        )
        names = {user.pk: user.username for user in admins}
    if names and not names.keys() - {user.pk for user in leaving}:
        raise Refused(
            f"{', '.join(names.values())} is the last admin; make somebody else one first"
        )


def _role(role: str) -> str:
    if role not in Role.values:
        raise Refused(f"{role!r} is no role; choose from {', '.join(Role.values)}")
    return role
