"""Backfill jobs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models, transaction
from django.utils.timezone import now

from backfill.elapsed import seconds_between
from backfill.models.event import EventKind
from backfill.models.transitions import Stateful
from backfill.telemetry import tracing
from backfill.telemetry.spans import EndedSpan

if TYPE_CHECKING:
    from backfill.plan.options import Options


class Job(Stateful):
    """Backfill job."""

    class Status(models.TextChoices):
        """Job states: pausing and cancelling are requests, paused and cancelled their results."""

        QUEUED = "queued"
        RUNNING = "running"
        PAUSING = "pausing"
        PAUSED = "paused"
        CANCELLING = "cancelling"
        CANCELLED = "cancelled"
        SUCCEEDED = "succeeded"
        FAILED = "failed"

    status = models.CharField(max_length=12, choices=Status, default=Status.QUEUED)
    options = models.JSONField()
    actor = models.CharField(max_length=150)
    reason = models.TextField(blank=True)
    triggered_by = models.CharField(max_length=12, default="backfill")
    retry_of = models.ForeignKey("self", models.SET_NULL, null=True, related_name="retried_by")
    # Job whose writes it undoes, and the version that each of its runs restores: the token by
    # "CODE DATE"; empty for a job that computes.
    undo_of = models.ForeignKey("self", models.SET_NULL, null=True, related_name="undone_by")
    restores = models.JSONField(default=dict)
    code_version = models.CharField(max_length=60)
    sql_hashes = models.JSONField(default=dict)
    batch_size = models.PositiveIntegerField()
    max_in_flight = models.PositiveSmallIntegerField(
        default=1
    )  # maximum number of batches in flight
    brake = models.BooleanField(default=True)  # pause on the first failure that is a bug
    retries = models.PositiveIntegerField(default=0)  # automatic retries, of options.max_retries
    # Process of an inline job, as `host pid start`; when it dies, the job becomes abandoned.
    owner = models.CharField(max_length=200, blank=True)
    # Context of the request or command that started it (backfill.telemetry.tracing); empty without traces.
    traceparent = models.CharField(max_length=tracing.LENGTH, blank=True)
    # Cost of its steps on BigQuery.
    billed_bytes = models.BigIntegerField(default=0)
    slot_seconds = models.FloatField(default=0.0)
    request_id = models.CharField(max_length=64, blank=True)  # request that started it, in its logs
    # Estimate at the start: `runs`, seconds `low` and `high`, and `model`, the low one before its
    # correction by past jobs; empty without an estimate.
    estimate = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    EVENT_LINKS: ClassVar = {"job_id": "pk"}
    ACTIVE = (Status.QUEUED, Status.RUNNING)
    ENDED = (Status.CANCELLED, Status.SUCCEEDED, Status.FAILED)
    STOPPED = (Status.PAUSED, *ENDED)

    class Meta:
        indexes = (models.Index(fields=["status"]),)

    def __str__(self) -> str:
        return f"job {self.pk}"

    def transition(self, old: Collection[str], new: str, **event: Any) -> bool:
        """Change the state (`Stateful.transition`), and export the span of a job that ends."""
        changed = super().transition(old, new, **event)
        if changed and self.traceparent and self.status in self.ENDED:
            transaction.on_commit(self._export_span)
        return changed

    @property
    def trace_context(self) -> str:
        """Return the context of the job's own span."""
        return tracing.child(self.traceparent, "job", self.pk)

    def _export_span(self) -> None:
        tracing.export(
            EndedSpan(
                name="job",
                context=self.trace_context,
                parent=self.traceparent,
                started=self.created_at,
                ended=self.finished_at or now(),
                attributes={
                    "backcourt.job": self.pk,
                    "backcourt.status": self.status,
                    "backcourt.triggered_by": self.triggered_by,
                },
                error=self.status if self.status == self.Status.FAILED else "",
            )
        )

    @property
    def parsed_options(self) -> Options:
        """Return the options in force."""
        from backfill.plan.options import Options

        return Options.from_json(self.options)

    def restored(self, code: str, day: date) -> int:
        """Return the token of the version that its run restores."""
        return int(self.restores[f"{code} {day}"])

    @property
    def in_force(self) -> dict[str, Any]:
        """Return the stored options with the planner's choices and later changes."""
        return {
            **self.options,
            "batch_size": self.batch_size,
            "parallel": self.max_in_flight,
            "brake": self.brake,
        }

    @classmethod
    def locked(cls, pk: int) -> Job:
        """Return the job, locked until the transaction ends. Lock it before changing the job or its
        batches.
        """
        return cls.objects.select_for_update().get(pk=pk)

    def active_seconds(self, at: datetime) -> float:
        """Return the seconds spent running until `at`: from the first step of each stretch to its
        end, without pauses.
        """
        return sum(seconds_between(start, end) for start, end in self._stretches(at))

    def has_clock_moved(self, at: datetime) -> bool:
        """Return True if a stretch ended before it started, because a clock was set back."""
        return any(end < start for start, end in self._stretches(at))

    def _stretches(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield start and end of each stretch until `at`.

        A stretch whose process died ends with the last run that it recorded.
        """
        since: datetime | None = None
        own = self.events.filter(run=None, kind=EventKind.TRANSITION).order_by("pk")
        for after, when in own.values_list("to_state", "at"):
            if after == Job.Status.RUNNING:
                since = since or when
            elif since and after in Job.STOPPED:
                yield since, when
                since = None
            elif since and after == Job.Status.QUEUED:
                last = self.runs.filter(finished_at__range=(since, when)).aggregate(
                    at=models.Max("finished_at")
                )["at"]
                yield since, last or since
                since = None
        if since:
            yield since, at
