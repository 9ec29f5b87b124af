"""What a program shows instead of a password."""

from __future__ import annotations

import secrets
from datetime import datetime
from hashlib import sha256

from django.conf import settings
from django.db import models
from django.utils.timezone import now

PREFIX = "bc_"


class Token(models.Model):
    """A key that acts in its user's name, with his role. Only its digest is kept: it is shown once,
    when it is made.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)
    used_at = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"

    @staticmethod
    def digest_of(key: str) -> str:
        """What is kept of a key: it is random, so that a plain digest cannot be turned round."""
        return sha256(key.encode()).hexdigest()

    @classmethod
    def issue(cls, user: models.Model, name: str) -> tuple[Token, str]:
        """A new token and its key, which nobody can read again."""
        key = f"{PREFIX}{secrets.token_urlsafe(32)}"
        return cls.objects.create(user=user, name=name, digest=cls.digest_of(key)), key

    @classmethod
    def of(cls, key: str, at: datetime) -> Token | None:
        """The token of a key, of a user who is active; noted as used once a minute at most."""
        found = (
            cls.objects.select_related("user")
            .filter(digest=cls.digest_of(key), user__is_active=True)
            .first()
        )
        if found and (found.used_at is None or (at - found.used_at).total_seconds() > 60):
            cls.objects.filter(pk=found.pk).update(used_at=at)
        return found
