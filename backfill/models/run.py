"""Runs: one processor on one date, the smallest unit of execution."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any, ClassVar
from uuid import uuid4

from django.db import connection, models
from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber

from backfill.models.event import Event
from backfill.models.transitions import Stateful, described, transition
from backfill.processors.registry import PROCESSORS

LONG_AGO = datetime.min.replace(tzinfo=UTC)


Key = tuple[str, date]


def new_run_id() -> str:
    """Return eight hexadecimal characters, new for each run."""
    return uuid4().hex[:8]


class SkipReason(models.TextChoices):
    """Reason for skipping a run."""

    ALREADY_COMPLETE = "already complete"
    BOOTSTRAP = "bootstrap"


class RefusedBy(models.TextChoices):
    """Check that ended a run before it wrote anything."""

    DEFENSIVE = "defensive"
    FRESHNESS = "freshness"
    POPULATION = "population"


class RunQuerySet(models.QuerySet["Run"]):
    def transition(self, old: Collection[str], new: str, **event: Any) -> int:
        """Change all rows in one of the `old` states, with an event each
        (`transitions.transition`).
        """
        return transition(self, old, new, **event)

    def own(self) -> RunQuerySet:
        """Return runs executed by their job, without those that it found complete."""
        return self.exclude(skip_reason=SkipReason.ALREADY_COMPLETE)

    def insert(self, runs: Iterable[Run]) -> None:
        """Insert many runs, four times as fast as bulk_create, which prepares every field of every
        row.

        They get no pk. Raises IntegrityError.
        """
        fields = [f for f in Run._meta.concrete_fields if not f.primary_key]
        own = {"processor", "date", "batch", "status", "reason", "skip_reason", "run_id"}
        common: dict[str, Any] = {}
        rows: list[list[Any]] = []
        for run in runs:
            common = common or {
                f.attname: f.get_db_prep_save(getattr(run, f.attname), connection) for f in fields
            }
            rows.append(
                [getattr(run, f.attname) if f.attname in own else common[f.attname] for f in fields]
            )
        columns = ", ".join(connection.ops.quote_name(str(f.column)) for f in fields)
        with connection.cursor() as cursor:
            places = ", ".join(["%s"] * len(fields))
            cursor.executemany(
                f"INSERT INTO {Run._meta.db_table} ({columns}) VALUES ({places})", rows
            )

    def in_chunks(self, size: int) -> Iterator[Run]:
        """Yield the runs in their order, with one chunk in memory.

        A cursor of the server would do that too, but it is lost between the transactions of
        PgBouncer.
        """
        pks = list(self.values_list("pk", flat=True))
        for n in range(0, len(pks), size):
            chunk = pks[n : n + size]
            found = Run.objects.in_bulk(chunk)
            yield from (found[pk] for pk in chunk if pk in found)

    def deciding(self, start: date, end: date) -> dict[Key, Run]:
        """Return the latest decisive run of each (processor, date), by date: not active, not
        cancelled, not skipped as already complete.
        """
        return {
            (run.processor, run.date): run
            for run in self.newest_decisive(start, end).order_by("date", "pk")
        }

    def newest_decisive(self, start: date, end: date) -> RunQuerySet:
        """Return the runs of `deciding` as a queryset."""
        decisive = self.filter(date__range=(start, end)).exclude(
            status__in=(*Run.ACTIVE, Run.Status.CANCELLED)
        )
        # By start, not by number: a resumed job runs its old rows after those of newer jobs.
        newest = Window(
            RowNumber(),
            ["processor", "date"],
            [F("started_at").desc(nulls_last=True), F("pk").desc()],
        )
        # Only their numbers: sorting whole rows takes longer than reading the newest ones again.
        numbers = decisive.own().annotate(age=newest).filter(age=1).values("pk")
        return Run.objects.filter(pk__in=numbers)

    def done(self, start: date, end: date) -> set[Key]:
        """Return the (processor, date) whose latest decisive run is complete or skipped as
        bootstrap, and newer than the rows of its upstream runs.

        Excludes pairs that are running or whose upstream is running.
        """
        active = set(
            self.filter(date__range=(start, end), status__in=Run.ACTIVE).values_list(
                "processor", "date"
            )
        )
        columns = ("processor", "date", "status", "started_at", "unchanged_since", "pk")
        found = self.newest_decisive(start, end).values_list(*columns)
        newest = {
            (code, day): (status, (since or at or LONG_AGO, pk), (at or LONG_AGO, pk))
            for code, day, status, at, since, pk in found
        }
        return {
            (code, day)
            for (code, day), (status, _, age) in newest.items()
            if status in (Run.Status.COMPLETE, Run.Status.SKIPPED)
            and not any((before, day) in active for before in (code, *PROCESSORS[code].after))
            and all(
                newest[before, day][1] < age
                for before in PROCESSORS[code].after
                if (before, day) in newest
            )
        }


class Run(Stateful):
    """Run of one processor on one date, within a job. Seconds are its share of the statement."""

    class Status(models.TextChoices):
        """Run states. processor_run_history writes `success` for complete and `failed` for blocked
        and failed.
        """

        PENDING = "pending"
        RUNNING = "running"
        COMPLETE = "complete"
        SKIPPED = "skipped"
        BLOCKED = "blocked"
        FAILED = "failed"
        CANCELLED = "cancelled"

    job = models.ForeignKey("Job", models.CASCADE, related_name="runs")
    processor = models.CharField(max_length=8)
    date = models.DateField()
    batch = models.IntegerField()
    status = models.CharField(max_length=12, choices=Status, default=Status.PENDING)
    reason = models.TextField(blank=True)
    skip_reason = models.CharField(max_length=20, choices=SkipReason, blank=True)
    refused_by = models.CharField(max_length=12, choices=RefusedBy, blank=True)
    error = models.CharField(max_length=60, blank=True)  # error class
    # Identifiers in the error: `file`, `table`, `date`, `processor_name`; `upstream`, `source`;
    # `blocked_by`.
    error_detail = models.JSONField(default=dict)
    run_id = models.CharField(
        max_length=8, default=new_run_id
    )  # kept by an attempt that is interrupted and repeated
    population = models.PositiveIntegerField(null=True)
    rows = models.PositiveIntegerField(null=True)
    failures = models.JSONField(default=dict)  # entities per failure category
    query_seconds = models.FloatField(null=True)
    write_seconds = models.FloatField(null=True)
    checks = models.JSONField(default=list)  # normal mode's checks, with their seconds
    code_version = models.CharField(max_length=60, blank=True)
    sql_hash = models.CharField(max_length=16, blank=True)
    input_signature = models.CharField(
        max_length=40, blank=True
    )  # signature of the Phase 3 rows that it could read
    # Warehouse job of the newest attempt, if it continues without this process: key, time, names.
    warehouse_jobs = models.JSONField(default=dict)
    # Owner: an attempt writes and records only while it holds this claim.
    claim = models.CharField(max_length=32, blank=True)
    worker = models.CharField(max_length=200, blank=True)
    # Fencing token of the newest attempt that began to write; 0 = none did.
    fence = models.BigIntegerField(default=0)
    # Token of the version that it replaced; None without one.
    replaced = models.BigIntegerField(null=True)
    # Rows and failures against that version: added, removed, changed and unchanged, and of the
    # unchanged rows those with another context; empty if it replaced nothing.
    changes = models.JSONField(default=dict)
    # Start of the first of the consecutive runs with equal rows and failures, if not this one.
    unchanged_since = models.DateTimeField(null=True)
    losses = models.PositiveSmallIntegerField(default=0)  # attempts lost with their process
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = RunQuerySet.as_manager()

    EVENT_LINKS: ClassVar = {"run_id": "pk", "job_id": "job_id"}
    ACTIVE = (Status.PENDING, Status.RUNNING)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["job", "processor", "date"], name="one_run_per_job_processor_date"
            ),
            models.UniqueConstraint(
                fields=["processor", "date"],
                condition=Q(status__in=["pending", "running"]),
                name="one_active_run_per_processor_date",
            ),
        )
        indexes = (
            models.Index(fields=["date", "processor"]),
            models.Index(fields=["job", "status"]),
            models.Index(fields=["job", "batch"]),
        )

    def __str__(self) -> str:
        return f"{self.processor} {self.date}"

    @property
    def rows_since(self) -> datetime:
        """Start of the run since which the rows and failures are as they are."""
        return self.unchanged_since or self.started_at or LONG_AGO

    @property
    def has_changed_nothing(self) -> bool:
        """True if it replaced a version by equal rows and failures."""
        return (
            self.status == Run.Status.COMPLETE
            and bool(self.changes)
            and not any(any(counts[:-1]) for counts in self.changes.values())
        )

    @property
    def is_refused_for_upstream(self) -> bool:
        """Return True if normal mode refused it because an upstream processor had no success."""
        return is_refused_for_upstream(self.status, self.refused_by, self.error_detail)


def is_refused_for_upstream(status: str, refused_by: str, error_detail: Mapping[str, Any]) -> bool:
    """Return True if these columns describe a run refused because an upstream processor had no
    success.
    """
    return (
        status == Run.Status.FAILED
        and refused_by == RefusedBy.DEFENSIVE
        and "upstream" in error_detail
    )


def record_transitions(runs: Iterable[Run], old: str, new: str, *, actor: str) -> None:
    """Record an event per run for states written by another statement."""
    Event.objects.bulk_create(
        Event(job_id=run.job_id, run=run, actor=actor, reason=run.reason, **described(old, new))
        for run in runs
    )
