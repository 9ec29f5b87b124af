"""Users and what each may do."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models


class Role(models.TextChoices):
    """Each may do what the ones before it may."""

    VIEWER = "viewer", "viewer: reads"
    OPERATOR = "operator", "operator: starts, controls, retries"
    ADMIN = "admin", "admin: also users, limits and large launches"


class UserQuerySet(UserManager["User"]):
    """Users by role."""

    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **fields: Any
    ) -> User:
        """Django's own command makes an admin."""
        return self.create_user(username, email, password, **{**fields, "role": Role.ADMIN})


class User(AbstractUser):
    """Somebody who logs in. The role alone decides; Django's flags follow from it."""

    role = models.CharField(max_length=12, choices=Role, default=Role.VIEWER)

    objects: ClassVar[UserQuerySet] = UserQuerySet()

    def save(self, *args: Any, **fields: Any) -> None:
        """Keep Django's flags in step with the role, so that its admin and ours agree."""
        self.is_staff = self.is_superuser = self.role == Role.ADMIN
        super().save(*args, **fields)

    @property
    def may_operate(self) -> bool:
        """Whether he may start, control and retry."""
        return self.is_active and self.role in (Role.OPERATOR, Role.ADMIN)

    @property
    def may_administer(self) -> bool:
        """Whether he may change users and limits, and start more than the limit by himself."""
        return self.is_active and self.role == Role.ADMIN
