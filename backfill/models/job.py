"""What somebody asked for."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.utils.timezone import now

from backfill.models.event import EventKind
from backfill.models.transitions import Stateful

if TYPE_CHECKING:
    from backfill.plan.options import Options


class Job(Stateful):
    """One backfill that somebody asked for."""

    class Status(models.TextChoices):
        """Asked to stop (pausing, cancelling) and has stopped (paused, cancelled) differ."""

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
    code_version = models.CharField(max_length=60)
    sql_hashes = models.JSONField(default=dict)
    batch_size = models.PositiveIntegerField()
    max_in_flight = models.PositiveSmallIntegerField(default=1)  # batches in flight at most
    brake = models.BooleanField(default=True)  # pause at the first failure that is a bug
    retries = models.PositiveIntegerField(default=0)  # automatic ones, of options.max_retries
    # The process that runs an inline job, as `host pid start`; its death is what makes the job
    # abandoned.
    owner = models.CharField(max_length=200, blank=True)
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

    @property
    def parsed_options(self) -> Options:
        """The options in force."""
        from backfill.plan.options import Options

        return Options.from_json(self.options)

    @property
    def in_force(self) -> dict[str, Any]:
        """The options as stored, with what the planner chose and what has been changed since."""
        return {
            **self.options,
            "batch_size": self.batch_size,
            "parallel": self.max_in_flight,
            "brake": self.brake,
        }

    @classmethod
    def locked(cls, pk: int) -> Job:
        """The job as it is now, held until the transaction ends; whoever changes a job or its
        batches holds it first.
        """
        return cls.objects.select_for_update().get(pk=pk)

    def active_seconds(self, at: datetime) -> float:
        """Seconds under way until `at`: from the first step of each stretch to its end, without
        pauses.

        A stretch whose process died ends with the last run that it recorded.
        """
        total, since = 0.0, None
        own = self.events.filter(run=None, kind=EventKind.TRANSITION).order_by("pk")
        for after, when in own.values_list("to_state", "at"):
            if after == Job.Status.RUNNING:
                since = since or when
            elif since and after in Job.STOPPED:
                total, since = total + (when - since).total_seconds(), None
            elif since and after == Job.Status.QUEUED:
                last = self.runs.filter(finished_at__range=(since, when)).aggregate(
                    at=models.Max("finished_at")
                )["at"]
                total, since = total + ((last or since) - since).total_seconds(), None
        return total + ((at - since).total_seconds() if since else 0.0)
