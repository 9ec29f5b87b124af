"""Jobs, their runs and the events that changed them: the truth about a backfill."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from typing import TYPE_CHECKING
from uuid import uuid4

from django.db import models, transaction
from django.db.models import Q
from django.utils.timezone import now

from backfill.planning import ALREADY_COMPLETE, Key
from backfill.processors import PROCESSORS

if TYPE_CHECKING:
    from backfill.options import Options


class Job(models.Model):
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
    who = models.CharField(max_length=150)
    why = models.TextField(blank=True)
    triggered_by = models.CharField(max_length=12, default="backfill")
    code_version = models.CharField(max_length=40)
    sql_hashes = models.JSONField(default=dict)
    batch_size = models.PositiveIntegerField()
    # The process that runs an inline job, as `host pid start`; its death is what makes the job abandoned.
    owner = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    ENDED = (Status.CANCELLED, Status.SUCCEEDED, Status.FAILED)

    class Meta:
        indexes = (models.Index(fields=["status"]),)

    def __str__(self) -> str:
        return f"job {self.pk}"

    @property
    def parsed_options(self) -> Options:
        """The options in force."""
        from backfill.options import Options

        return Options.from_json(self.options)

    def move(self, old: Collection[str], new: str, who: str, why: str = "", **fields: object) -> bool:
        """Change the state if it is one of `old`, with its event; False means that somebody else changed it first."""
        with transaction.atomic():
            before = Job.objects.select_for_update().values_list("status", flat=True).get(pk=self.pk)
            if before not in old:
                return False
            Job.objects.filter(pk=self.pk).update(status=new, **fields)
            Event.objects.create(job=self, who=who, what=f"{before} → {new}", why=why)
        self.refresh_from_db()
        return True


def new_run_id() -> str:
    """Eight hexadecimal characters, new for each run."""
    return uuid4().hex[:8]


class RunQuerySet(models.QuerySet["Run"]):
    """Runs, many at once."""

    def move(self, old: Collection[str], new: str, who: str, why: str = "", **fields: object) -> int:
        """Change all that are in one of the `old` states, with an event each; return how many there were."""
        with transaction.atomic():
            found = list(self.select_for_update().filter(status__in=old).values_list("pk", "job_id", "status"))
            self.filter(status__in=old).update(status=new, **fields)
            Event.objects.bulk_create(
                Event(job_id=job, run_id=pk, who=who, what=f"{status} → {new}", why=why) for pk, job, status in found
            )
        return len(found)

    def done(self, start: date, end: date) -> set[Key]:
        """The (processor, date) whose newest decisive run is complete, or skipped as bootstrap, and newer than upstream's."""
        decisive = self.filter(date__range=(start, end)).exclude(status=Run.Status.CANCELLED).exclude(why=ALREADY_COMPLETE)
        found = decisive.order_by("pk").values_list("processor", "date", "status", "pk")
        newest = {(code, day): (status, pk) for code, day, status, pk in found}
        return {
            (code, day)
            for (code, day), (status, pk) in newest.items()
            if status in (Run.Status.COMPLETE, Run.Status.SKIPPED)
            and all(newest.get((upstream, day), ("", 0))[1] < pk for upstream in PROCESSORS[code].after)
        }


class Run(models.Model):
    """One processor on one date, within a job. Seconds are the run's share of its statement."""

    class Status(models.TextChoices):
        """What processor_run_history calls success is complete; blocked and failed are its failed."""

        PENDING = "pending"
        RUNNING = "running"
        COMPLETE = "complete"
        SKIPPED = "skipped"
        BLOCKED = "blocked"
        FAILED = "failed"
        CANCELLED = "cancelled"

    job = models.ForeignKey(Job, models.CASCADE, related_name="runs")
    processor = models.CharField(max_length=8)
    date = models.DateField()
    batch = models.IntegerField()
    status = models.CharField(max_length=12, choices=Status, default=Status.PENDING)
    why = models.TextField(blank=True)
    run_id = models.CharField(max_length=8, default=new_run_id)  # kept by an attempt that is cut off and made again
    population = models.PositiveIntegerField(null=True)
    rows = models.PositiveIntegerField(null=True)
    failures = models.JSONField(default=dict)  # entities per failure category
    query_seconds = models.FloatField(null=True)
    write_seconds = models.FloatField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = RunQuerySet.as_manager()

    ACTIVE = (Status.PENDING, Status.RUNNING)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["job", "processor", "date"], name="one_run_per_job_processor_date"),
            models.UniqueConstraint(
                fields=["processor", "date"],
                condition=Q(status__in=["pending", "running"]),
                name="one_active_run_per_processor_date",
            ),
        )
        indexes = (models.Index(fields=["date", "processor"]), models.Index(fields=["job", "status"]))

    def __str__(self) -> str:
        return f"{self.processor} {self.date}"


class Event(models.Model):
    """One change of state: when, who, what, why."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="events")
    run = models.ForeignKey(Run, models.CASCADE, null=True, related_name="events")
    at = models.DateTimeField(default=now)
    who = models.CharField(max_length=150)
    what = models.CharField(max_length=60)
    why = models.TextField(blank=True)

    class Meta:
        indexes = (models.Index(fields=["job", "at"]),)

    def __str__(self) -> str:
        return f"{self.what} by {self.who}"


def record_all(runs: Iterable[Run], what: str, who: str) -> None:
    """One event per run, for changes that were made together."""
    Event.objects.bulk_create(Event(job_id=r.job_id, run=r, who=who, what=what, why=r.why) for r in runs)
