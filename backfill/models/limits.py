"""Limits for all jobs together."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Limits(models.Model):
    """Single row, locked by every dispatch so that no two fill the same slot, and by every claim of
    dates.
    """

    max_parallel_override = models.PositiveSmallIntegerField(
        null=True
    )  # set by a user; until then the settings apply

    class Meta:
        verbose_name = verbose_name_plural = "concurrency limit"

    def __str__(self) -> str:
        batches = "batch" if self.max_parallel_batches == 1 else "batches"
        return f"at most {self.max_parallel_batches} {batches} in flight"

    @property
    def max_parallel_batches(self) -> int:
        """Return the concurrency limit for all jobs together."""
        return self.max_parallel_override or settings.MAX_PARALLEL_BATCHES

    @classmethod
    def current(cls, *, locked: bool = False) -> Limits:
        """Return the limits in force. Only a lock needs the row; a read does not create it."""
        if locked:
            return cls.objects.select_for_update().get_or_create(pk=1)[0]
        return cls.objects.filter(pk=1).first() or cls(pk=1)

    @classmethod
    def hold(cls) -> Limits:
        """Lock the row, so that only this transaction claims dates.

        Two transactions that claim the same dates in different orders would deadlock.
        """
        return cls.current(locked=True)
