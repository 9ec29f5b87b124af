"""Counters and histograms of all processes, added up in the database for /metrics."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections import defaultdict
from enum import StrEnum

from django.db import Error, connection, models

log = logging.getLogger(__name__)
# Upper bounds of the buckets in seconds, from a step of one date to one at its time limit.
BOUNDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 1800, 3600)
SUM, MORE = "sum", "+Inf"


class Duration(StrEnum):
    """Histograms, by processor; an audit has none."""

    STEP = "step"
    QUERY = "query"
    WRITE = "write"
    AUDIT = "audit"


class Count(StrEnum):
    """Counters, by processor and, of some, by state or reason."""

    RUNS = "runs"
    ROWS = "rows"
    ERRORS = "errors"
    RETRIES = "retries"
    REQUEUES = "requeues"
    BILLED_BYTES = "billed bytes"
    SLOT_SECONDS = "slot seconds"


class Measure(models.Model):
    """Counter, or one bucket or the sum of a histogram.

    All processes add to the same rows, so that no restart or pruning changes a value. `labels` are
    separated by spaces; `bucket` is an upper bound, `sum`, or blank for a counter.
    """

    name = models.CharField(max_length=40)
    labels = models.CharField(max_length=120, blank=True)
    bucket = models.CharField(max_length=8, blank=True)
    value = models.FloatField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["name", "labels", "bucket"], name="one_measure"),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.labels} {self.bucket}"


class Measured:
    """Observations of one step, audit or sweep, added to the database by `keep`."""

    def __init__(self) -> None:
        self._added: dict[tuple[str, str, str], float] = defaultdict(float)

    def count(self, name: Count, *labels: str, by: float = 1) -> None:
        """Add to a counter."""
        self._add(name, labels, "", by)

    def observe(self, name: Duration, seconds: float, *labels: str) -> None:
        """Add a duration to a histogram."""
        at = bisect_left(BOUNDS, seconds)
        self._add(name, labels, str(BOUNDS[at]) if at < len(BOUNDS) else MORE, 1)
        self._add(name, labels, SUM, seconds)

    def keep(self) -> None:
        """Add all in one statement. A failure is logged: metrics never stop the work."""
        if not self._added:
            return
        # Sorted, so that two processes lock the rows in the same order.
        rows = sorted((*key, value) for key, value in self._added.items())
        places = ", ".join(["(%s, %s, %s, %s)"] * len(rows))
        table = Measure._meta.db_table
        try:
            with connection.cursor() as cursor:
                cursor.execute(
                    f"INSERT INTO {table} (name, labels, bucket, value) VALUES {places} "
                    "ON CONFLICT (name, labels, bucket) "
                    f"DO UPDATE SET value = {table}.value + excluded.value",
                    [value for row in rows for value in row],
                )
        except Error as error:
            log.warning("metrics not recorded: %s", error)
        self._added.clear()

    def _add(self, name: str, labels: tuple[str, ...], bucket: str, value: float) -> None:
        self._added[str(name), " ".join(labels), bucket] += value
