"""Sessions in the database, each under a digest of its key: a copied database allows no login."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.utils import timezone

DIGITS = 40  # length of the column; 160 bits


def digest_of(key: str) -> str:
    """Return the stored digest; unsalted, because a random key cannot be guessed."""
    return sha256(key.encode()).hexdigest()[:DIGITS]


class SessionStore(DatabaseSessionStore):
    """Session store that stores only digests of keys; cookies carry the keys."""

    def exists(self, session_key: str) -> bool:
        """Return True if a session has this key."""
        return super().exists(digest_of(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """Return the row of this session."""
        row = super().create_model_instance(data)
        row.session_key = digest_of(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        """Delete the session of this key, by default its own."""
        if key := session_key or self.session_key:
            super().delete(digest_of(key))

    def _get_session_from_db(self) -> Any:
        key = digest_of(self.session_key or "")
        row = self.model.objects.filter(session_key=key, expire_date__gt=timezone.now()).first()
        if row is None:
            self._session_key = None
        return row
