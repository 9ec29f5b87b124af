"""What the judgement of a season says of each (processor, date)."""

from __future__ import annotations

from django.db import models


class AuditResult(models.Model):
    """One processing date of one processor: what must fail by the games played, and how what there
    is holds against it.

    `expected` counts entities per category. Without a judged run the figures from `explained` on
    are None; a run that
    is newer than `run_id` has not been judged yet.
    """

    season = models.PositiveIntegerField()
    processor = models.CharField(max_length=8)
    date = models.DateField()
    population = models.PositiveIntegerField()  # entities that must have a row or a failure
    expected = models.JSONField(default=dict)
    run_id = models.CharField(max_length=8, blank=True)
    explained = models.PositiveIntegerField(null=True)
    unexplained = models.PositiveIntegerField(null=True)  # failed, and must not
    lost = models.PositiveIntegerField(null=True)  # must have failed, and has a row
    unaccounted = models.PositiveIntegerField(
        null=True
    )  # neither row nor failure, or one without being in the population
    changed = models.CharField(
        max_length=100, blank=True
    )  # which of the rows that the run read are other ones now

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["processor", "date"], name="one_verdict_per_processor_date"
            ),
        )
        indexes = (models.Index(fields=["season", "processor", "date"]),)

    def __str__(self) -> str:
        return f"verdict on {self.processor} {self.date}"

    @property
    def expected_failures(self) -> int:
        """How many entities must fail."""
        return sum(self.expected.values())

    @property
    def outside(self) -> int | None:
        """How many entities are not as they must be; None when there was nothing to judge."""
        if self.unexplained is None or self.lost is None or self.unaccounted is None:
            return None
        return self.unexplained + self.lost + self.unaccounted
