"""Every change of state as a row: when, who, what, why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import models
from django.utils.timezone import now

if TYPE_CHECKING:
    from backfill.models.runs import Run


class Event(models.Model):
    """One change: of a run, of a job (without a run), of a Finding, of a launch, or of what holds for all jobs (without any)."""

    job = models.ForeignKey("Job", models.CASCADE, null=True, related_name="events")
    run = models.ForeignKey("Run", models.CASCADE, null=True, related_name="events")
    finding = models.ForeignKey("Finding", models.CASCADE, null=True, related_name="events")
    launch = models.ForeignKey("Launch", models.CASCADE, null=True, related_name="events")
    at = models.DateTimeField(default=now)
    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=60)
    reason = models.TextField(blank=True)

    class Meta:
        indexes = (
            models.Index(fields=["job", "at"]),
            models.Index(fields=["job"], condition=models.Q(run=None), name="events_of_the_job_itself"),
        )

    def __str__(self) -> str:
        return f"{self.action} by {self.actor}"


def record_all(runs: Iterable[Run], action: str, actor: str) -> None:
    """One event per run, for changes that were made together."""
    Event.objects.bulk_create(Event(job_id=r.job_id, run=r, actor=actor, action=action, reason=r.reason) for r in runs)
