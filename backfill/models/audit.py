"""Audit result of each (processor, date)."""

from __future__ import annotations

from django.db import models

from validation.categories import NEVER_EXPECTED


class CurrentResults(models.Manager["AuditResult"]):
    """Results of the latest audit of each season."""

    def get_queryset(self) -> models.QuerySet[AuditResult]:
        return super().get_queryset().filter(is_current=True)


class AuditResult(models.Model):
    """Expected failures of a processor on a date, compared with the stored rows.

    `expected` counts entities per category. `explained` and the columns after it are None without
    an audited run. A run newer than `run_id` has not been audited yet.

    `objects` has the results of the latest audit. `with_replaced` adds the last result of each
    audited run that another run has replaced since: the result of a job does not change with them.
    """

    season = models.PositiveIntegerField()
    processor = models.CharField(max_length=8)
    date = models.DateField()
    population = models.PositiveIntegerField()  # entities expected to have a row or a failure
    expected = models.JSONField(default=dict)
    run_id = models.CharField(max_length=8, blank=True)
    explained = models.PositiveIntegerField(null=True)
    unexplained = models.PositiveIntegerField(null=True)  # unexpected failures
    # Expected failures by category that wait for missing Phase 3 rows, an estimate.
    waiting = models.JSONField(default=dict)
    lost = models.PositiveIntegerField(null=True)  # unexpected successes
    unaccounted = models.PositiveIntegerField(
        null=True
    )  # neither row nor failure, or outside the population
    changed = models.CharField(
        max_length=100, blank=True
    )  # input rows that have changed since the run read them

    is_current = models.BooleanField(default=True)

    objects = CurrentResults()
    with_replaced = models.Manager["AuditResult"]()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["processor", "date"],
                condition=models.Q(is_current=True),
                name="one_current_result_per_processor_date",
            ),
        )
        indexes = (
            models.Index(fields=["season", "processor", "date"]),
            models.Index(fields=["run_id"]),
        )

    def __str__(self) -> str:
        return f"audit result of {self.processor} {self.date}"

    @property
    def expected_failures(self) -> int:
        """Return the number of expected failures: neither bugs nor incomplete data."""
        return sum(n for name, n in self.expected.items() if name not in NEVER_EXPECTED)

    @property
    def outside(self) -> int | None:
        """Return the number of entities that differ from the expectation; None without an audited
        run.
        """
        if self.unexplained is None or self.lost is None or self.unaccounted is None:
            return None
        return self.unexplained + self.lost + self.unaccounted
