"""API tokens."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from types import MappingProxyType

from django.conf import settings
from django.db import models
from django.utils.timezone import now

from backfill.errors import Refused
from webapp.models.access import AccessEvent

PREFIX = "bc_"
NAME_LENGTH = 80
MOST_DAYS = 366
READ, ALL = "read", "all"
# Each allows these changes; every token reads.
SCOPES: Mapping[str, str] = MappingProxyType(
    {
        "start": "start backfills",
        "retry": "retry failed runs",
        "undo": "undo jobs and restore versions",
        "pause": "pause jobs",
        "resume": "resume jobs",
        "cancel": "cancel jobs",
        "limit": "change concurrency limits",
        "approve": "approve, refuse and withdraw launches",
        "mark": "mark findings",
        "load": "load Phase 3 files",
    }
)


def default_expiry() -> datetime:
    """Return the expiry of a token issued or renewed now."""
    return now() + timedelta(days=settings.TOKEN_DAYS)


def scope_of(names: Collection[str]) -> str:
    """Return the stored scope for these names: `read`, `all`, or verbs. Raises Refused."""
    if unknown := sorted(set(names) - {READ, ALL, *SCOPES}):
        raise Refused(
            f"unknown scope {unknown[0]!r}; choose from {', '.join((READ, ALL, *SCOPES))}"
        )
    if ALL in names or set(SCOPES) <= set(names):
        return ALL
    return ",".join(name for name in SCOPES if name in names) or READ


class Token(models.Model):
    """API token with the name and role of its user, limited by its scope and expiry.

    Only its digest is stored.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=NAME_LENGTH)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)
    used_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(default=default_expiry)
    scope = models.CharField(max_length=120, default=ALL)  # `read`, `all`, or verbs with commas
    ends_with_password = models.BooleanField("End when the password changes", default=False)

    class Meta:
        verbose_name, verbose_name_plural = "token", "tokens"

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"

    @property
    def is_expired(self) -> bool:
        """Return True after the expiry."""
        return self.expires_at <= now()

    @property
    def scope_text(self) -> str:
        """Return the scope for a page."""
        words = {ALL: "all", READ: "read only"}
        return words.get(self.scope) or f"read, {self.scope.replace(',', ', ')}"

    def allows(self, verb: str) -> bool:
        """Return True if the scope includes a verb; every scope includes reading, the empty one."""
        return not verb or self.scope == ALL or verb in self.scope.split(",")

    @staticmethod
    def digest_of(key: str) -> str:
        """Return the stored digest; unsalted, because a random token cannot be guessed."""
        return sha256(key.encode()).hexdigest()

    @classmethod
    def issue(
        cls,
        user: models.Model,
        name: str,
        *,
        actor: str = "",
        scope: str = ALL,
        days: int | None = None,
        ends_with_password: bool = False,
    ) -> tuple[Token, str]:
        """Create a token; return it with its secret, which is not stored. Raises Refused."""
        if not name.strip() or len(name) > NAME_LENGTH or not name.isprintable():
            raise Refused(f"a token needs a name of 1 to {NAME_LENGTH} printable characters")
        key = f"{PREFIX}{secrets.token_urlsafe(32)}"
        token = cls.objects.create(
            user=user,
            name=name,
            digest=cls.digest_of(key),
            scope=scope,
            expires_at=_expiry(days),
            ends_with_password=ends_with_password,
        )
        token._record(AccessEvent.Action.TOKEN_ISSUED, actor, f"{scope}, {token._until()}")
        return token, key

    def renew(self, actor: str, days: int | None = None) -> None:
        """Extend the token, counted from now; an expired one is valid again. Raises Refused."""
        self.expires_at = _expiry(days)
        self.save(update_fields=["expires_at"])
        self._record(AccessEvent.Action.TOKEN_RENEWED, actor, self._until())

    def revoke(self, actor: str, reason: str = "") -> None:
        """Delete the token."""
        self._record(AccessEvent.Action.TOKEN_REVOKED, actor, reason)
        self.delete()

    def _until(self) -> str:
        return f"until {self.expires_at:%Y-%m-%d}"

    def _record(self, action: str, actor: str, detail: str) -> None:
        name = self.user.get_username()
        text = ": ".join(filter(None, (self.name, detail)))
        AccessEvent.record(action, name, actor=actor or name, detail=text)

    @classmethod
    def of(cls, key: str) -> Token | None:
        """Return the token of an active user, also an expired one."""
        return (
            cls.objects.select_related("user")
            .filter(digest=cls.digest_of(key), user__is_active=True)
            .first()
        )


def _expiry(days: int | None) -> datetime:
    if days is None:
        return default_expiry()
    if not 1 <= days <= MOST_DAYS:
        raise Refused(f"a token is valid for 1 to {MOST_DAYS} days, not {days}; it can be renewed")
    return now() + timedelta(days=days)
