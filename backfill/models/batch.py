"""Dates of a job that are sent to a worker together."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from django.db import models, transaction
from django.utils.timezone import now

from backfill.models.event import Event
from backfill.telemetry import tracing
from backfill.telemetry.spans import EndedSpan

if TYPE_CHECKING:
    from backfill.models.job import Job


class Batch(models.Model):
    """Batch of dates. In flight it has a lease; a worker with an older lease is late and does
    nothing.
    """

    class Status(models.TextChoices):
        """Batch states; in flight means sent and not yet ended."""

        WAITING = "waiting"
        IN_FLIGHT = "in flight"
        ENDED = "ended"

    job = models.ForeignKey("Job", models.CASCADE, related_name="batches")
    number = models.IntegerField()
    first_date = models.DateField()
    last_date = models.DateField()
    status = models.CharField(max_length=12, choices=Status, default=Status.WAITING)
    lease = models.CharField(max_length=32, blank=True)
    touched_at = models.DateTimeField(null=True)  # sent, or a step started or ended
    retry_at = models.DateTimeField(null=True)  # earliest time of the next attempt
    retries = models.PositiveSmallIntegerField(default=0)
    reason = models.TextField(blank=True)  # reason for waiting, if no other column has it

    class Meta:
        verbose_name, verbose_name_plural = "batch", "batches"
        constraints = (
            models.UniqueConstraint(fields=["job", "number"], name="one_batch_per_job_number"),
        )
        indexes = (models.Index(fields=["status"]),)

    def __str__(self) -> str:
        return f"batch {self.number} of job {self.job_id}"

    def send(self, at: datetime) -> None:
        """Put in flight under a new lease."""
        self.status, self.lease, self.touched_at = self.Status.IN_FLIGHT, uuid4().hex, at
        self.retry_at, self.reason = None, ""
        self.save(update_fields=["status", "lease", "touched_at", "retry_at", "reason"])

    def give_back(self, reason: str = "", retry_at: datetime | None = None) -> None:
        """Requeue; the next attempt starts at `retry_at` or later."""
        self.status, self.lease, self.reason, self.retry_at = (
            self.Status.WAITING,
            "",
            reason,
            retry_at,
        )
        self.save(update_fields=["status", "lease", "reason", "retry_at", "retries"])

    def end(self) -> None:
        """End the batch; no run of it remains."""
        transaction.on_commit(partial(self._export_span, now()))
        self.status, self.lease, self.reason = self.Status.ENDED, "", ""
        self.save(update_fields=["status", "lease", "reason"])

    @classmethod
    def end_all(cls, job: Job) -> None:
        """End every batch of a job."""
        left = job.batches.exclude(status=cls.Status.ENDED)
        for batch in left if job.traceparent and tracing.is_on() else ():
            transaction.on_commit(partial(batch._export_span, now()))
        left.update(status=cls.Status.ENDED, lease="")

    @property
    def trace_context(self) -> str:
        """Return the context of the batch's span."""
        return tracing.child(self.job.trace_context, "batch", self.number)

    def _export_span(self, ended: datetime) -> None:
        """Export the span, from the first start of a step; none if no step started."""
        if not (tracing.is_on() and self.trace_context):
            return
        of_batch = Event.objects.filter(job=self.job_id, run__batch=self.number)
        started = of_batch.filter(to_state="running").aggregate(at=models.Min("at"))["at"]
        if not started:
            return
        tracing.export(
            EndedSpan(
                name="batch",
                context=self.trace_context,
                parent=self.job.trace_context,
                started=started,
                ended=ended,
                attributes={
                    "backcourt.job": self.job_id,
                    "backcourt.batch": self.number,
                    "backcourt.first_date": str(self.first_date),
                    "backcourt.last_date": str(self.last_date),
                },
            )
        )
