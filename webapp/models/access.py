"""Access log, and the failed logins that delay further ones."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.utils.timezone import now

LONGEST_NAME, LONGEST_DETAIL = 150, 200
KEPT = timedelta(days=365)


class AccessEvent(models.Model):
    """A login, a use of a token or a change of a user or token, kept for a year."""

    class Action(models.TextChoices):
        """Actions in the access log."""

        LOGIN = "login"
        LOGIN_FAILED = "login failed"
        LOCKED = "locked"
        UNLOCKED = "unlocked"
        TOKEN_USED = "token used"
        TOKEN_ISSUED = "token issued"
        TOKEN_RENEWED = "token renewed"
        TOKEN_REVOKED = "token revoked"
        USER_CREATED = "user created"
        USER_CHANGED = "user changed"
        USER_DELETED = "user deleted"
        PASSWORD_CHANGED = "password changed"

    at = models.DateTimeField(default=now, db_index=True)
    action = models.CharField(max_length=20, choices=Action)
    name = models.CharField(max_length=LONGEST_NAME)  # as entered, also of unknown users
    actor = models.CharField(max_length=LONGEST_NAME, blank=True)  # of a change
    address = models.CharField(max_length=64, blank=True)
    detail = models.CharField(max_length=LONGEST_DETAIL, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = "access log entry", "access log"
        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return f"{self.action}: {self.name}"

    @classmethod
    def record(
        cls, action: str, name: str, *, actor: str = "", address: str = "", detail: str = ""
    ) -> None:
        """Add an entry. Texts that are too long are cut."""
        cls.objects.create(
            action=action,
            name=name[:LONGEST_NAME],
            actor=actor[:LONGEST_NAME],
            address=address,
            detail=detail[:LONGEST_DETAIL],
        )

    @classmethod
    def prune(cls) -> None:
        """Delete expired entries."""
        cls.objects.filter(at__lt=now() - KEPT).delete()


class LoginDelay(models.Model):
    """Failed logins of a name from an address or a known device, or of an address with any name."""

    name = models.CharField(max_length=LONGEST_NAME, blank=True)  # empty: any name
    source = models.CharField(max_length=64)
    failures = models.PositiveIntegerField(default=0)
    failed_at = models.DateTimeField(default=now, db_index=True)
    locked_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name, verbose_name_plural = "failed logins", "failed logins"
        constraints = (
            models.UniqueConstraint(fields=["name", "source"], name="one_delay_per_source"),
        )

    def __str__(self) -> str:
        return f"{self.name or 'any name'} from {self.source}"
