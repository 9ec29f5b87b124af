"""What holds for all jobs together."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Limits(models.Model):
    """The one row that every dispatch locks, so that no two of them fill the same place, and
    whoever takes dates.
    """

    max_parallel_override = models.PositiveSmallIntegerField(
        null=True
    )  # by a person; until then the settings hold

    def __str__(self) -> str:
        return f"at most {self.max_parallel_batches} batches in flight"

    @property
    def max_parallel_batches(self) -> int:
        """How many batches of all jobs may be in flight."""
        return self.max_parallel_override or settings.MAX_PARALLEL_BATCHES

    @classmethod
    def current(cls, *, locked: bool = False) -> Limits:
        """The limits in force."""
        rows = cls.objects.select_for_update() if locked else cls.objects.all()
        return rows.get_or_create(pk=1)[0]

    @classmethod
    def hold(cls) -> Limits:
        """Be the only one that takes dates until the transaction ends.

        Two that took the same dates in different orders would each wait for a row of the other.
        """
        return cls.current(locked=True)
