"""Users and roles."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models

from webapp.models.access import AccessEvent


class Role(models.TextChoices):
    """Roles, each with the rights of the previous one."""

    VIEWER = "viewer", "viewer: reads"
    OPERATOR = "operator", "operator: starts, controls, retries"
    ADMIN = "admin", "admin: also users, limits and large launches"


class UserQuerySet(UserManager["User"]):
    """Manager of users."""

    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **fields: Any
    ) -> User:
        """Create an admin for Django's createsuperuser command."""
        return self.create_user(username, email, password, **{**fields, "role": Role.ADMIN})


class User(AbstractUser):
    """User with a role; Django's flags follow from the role."""

    role = models.CharField(max_length=12, choices=Role, default=Role.VIEWER)

    objects: ClassVar[UserQuerySet] = UserQuerySet()

    def save(self, *args: Any, **fields: Any) -> None:
        """Set Django's flags from the role, because its admin site reads them. A new password ends
        the tokens that depend on it.
        """
        self.is_staff = self.is_superuser = self.role == Role.ADMIN
        is_new_password = self.pk is not None and getattr(self, "_password", None) is not None
        super().save(*args, **fields)
        if is_new_password:
            AccessEvent.record(AccessEvent.Action.PASSWORD_CHANGED, self.username)
            for token in self.tokens.filter(ends_with_password=True):
                token.revoke("", "the password changed")

    @property
    def may_operate(self) -> bool:
        """Return True if the user can start, control and retry jobs."""
        return self.is_active and self.role in (Role.OPERATOR, Role.ADMIN)

    @property
    def may_administer(self) -> bool:
        """Return True if the user can change users and limits and needs no approval."""
        return self.is_active and self.role == Role.ADMIN
