"""Jobs that need attention before their season is audited: auto-paused, stalled or failed, each
with its reason; launches awaiting approval; and the headline of a season's audit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.conf import settings
from django.db.models import OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from backfill.elapsed import seconds_between
from backfill.models import (
    AUTOMATIC,
    LONG_AGO,
    Event,
    EventKind,
    Job,
    Key,
    Launch,
    Run,
    SeasonAudit,
)
from backfill.season_calendar import season_dates
from backfill.status.progress import has_stalled
from backfill.status.season_grid import RunCell
from validation.categories import count_bugs
from validation.findings.kinds import pluralize
from validation.season import SeasonDates

STALLED = "stalled"
MOST = 50
Status = Job.Status
ASKED_TO_STOP = {Status.PAUSED: Status.PAUSING, Status.CANCELLED: Status.CANCELLING}
STOPPING = (Status.PAUSING, Status.CANCELLING, Status.FAILED)

# The sweep audits what no worker has; after this time nothing does it by itself.
AUDIT_DUE_WITHIN = timedelta(minutes=2)


@dataclass(frozen=True)
class AttentionItem:
    """A job that needs attention. `state` is its status, or `stalled`."""

    job: Job
    state: str
    reason: str


def attention_items(at: datetime) -> list[AttentionItem]:
    """Return the jobs that need attention, oldest first. Two queries."""
    oldest_audit = Coalesce(
        Subquery(SeasonAudit.objects.order_by("at").values("at")[:1]), Value(LONG_AGO)
    )
    failed = Q(status=Status.FAILED, finished_at__gt=oldest_audit, retried_by=None)
    newest = Event.objects.filter(job=OuterRef("pk")).order_by("-at", "-pk")
    stop = _stops(Event.objects.filter(job=OuterRef("pk")), *STOPPING).order_by("-pk")
    jobs = (
        Job.objects.filter(failed | ~Q(status__in=Job.ENDED))
        .order_by("pk")
        .annotate(
            changed_at=Subquery(newest.values("at")[:1]),
            stop_cause=Subquery(stop.values("cause")[:1]),
            stop_reason=Subquery(stop.values("reason")[:1]),
        )
    )
    audits = AuditTimes()
    return [
        AttentionItem(job, *state)
        for job in jobs[:MOST]
        if (state := _attention_state(job, audits, at))
    ]


def launches_awaiting_approval() -> list[Launch]:
    """Return the launches that need a second person, the oldest first."""
    return list(Launch.awaiting_approval().order_by("pk")[:MOST])


def _stops(events: QuerySet[Event], *states: str) -> QuerySet[Event]:
    """Keep the transitions of the job itself into these states."""
    return events.filter(kind=EventKind.TRANSITION, to_state__in=states, run=None)


def _attention_state(job: Job, audits: AuditTimes, at: datetime) -> tuple[str, str] | None:
    changed_at, cause, reason = (
        getattr(job, name) for name in ("changed_at", "stop_cause", "stop_reason")
    )
    if job.status == Status.FAILED:
        return None if audits.cover(job) else (job.status, reason or "")
    if job.status in (Status.PAUSED, Status.PAUSING) and cause in AUTOMATIC:
        return job.status, reason
    if has_stalled(job, changed_at, at):
        return (
            STALLED,
            f"no progress for {seconds_between(changed_at, at) / 60:.0f} min",
        )
    return None


@dataclass(frozen=True, kw_only=True)
class StopCause:
    """Reason why a job has stopped or is stopping. `key` and `run` are the run that caused
    it, where one did.
    """

    reason: str
    actor: str
    by_itself: bool
    key: Key | None = None
    run: int | None = None


def stop_cause(job: Job) -> StopCause | None:
    """Return the reason why a job is paused, cancelled or failed; None for any other job and for
    one without a recorded reason.
    """
    status = ASKED_TO_STOP.get(Status(job.status), Status(job.status))
    if status not in STOPPING:
        return None
    event = _stops(job.events.all(), status).select_related("cause_run").order_by("pk").last()
    if not event or not event.reason:
        return None
    failed = status == Status.FAILED
    run = _first_failed(job) if failed else event.cause_run
    by_itself = failed or event.cause in AUTOMATIC
    return StopCause(
        reason=event.reason,
        actor=event.actor,
        by_itself=by_itself,
        key=(run.processor, run.date) if run else None,
        run=run.pk if run else None,
    )


def _first_failed(job: Job) -> Run | None:
    return job.runs.filter(status=Run.Status.FAILED).order_by("date", "pk").first()


def audit_headline(audit: SeasonAudit, cells: Collection[RunCell]) -> str:
    """Return `295 runs: 89 bugs, 0 unexpected failures, 3 failed runs`, and the bugs of runs that
    are newer than the audit. `cells` can leave out those without a bug and without a failed or
    blocked run.
    """
    counts = Counter(cell.state for cell in cells)
    bugs = sum(count_bugs(cell.failures) for cell in cells)
    newer = sum(count_bugs(cell.failures) for cell in cells if cell.outside is None)
    parts = [
        pluralize(bugs - newer, "bug"),
        pluralize(audit.unexplained, "unexpected failure"),
        pluralize(counts["failed"], "failed run"),
    ]
    if counts["blocked"]:
        parts.append(pluralize(counts["blocked"], "blocked run"))
    since = f"; {pluralize(newer, 'bug')} since then" if newer else ""
    return f"{pluralize(audit.compared, 'run')}: {', '.join(parts)}{since}"


class AuditTimes:
    """Times of the season audits, read once for several jobs."""

    @cached_property
    def _seasons(self) -> SeasonDates:
        return season_dates()

    @cached_property
    def _times(self) -> dict[int, datetime]:
        return dict(SeasonAudit.objects.values_list("season", "at"))

    def cover(self, job: Job) -> bool:
        """Return whether all seasons of an ended job have been audited since."""
        ended_at = job.finished_at
        return ended_at is not None and all(
            self._times.get(year, LONG_AGO) > ended_at
            for year in self._seasons.needed(job.parsed_options.days)
        )


def is_audited(job: Job) -> bool:
    """Return whether all seasons of an ended job have been audited since."""
    return AuditTimes().cover(job)


def is_audit_pending(job: Job, at: datetime) -> bool:
    """Return whether a job has just ended and its audit is still due."""
    ended_at = job.finished_at if job.status in Job.ENDED else None
    fresh = ended_at is not None and at - ended_at < AUDIT_DUE_WITHIN
    return settings.AUDIT_AFTER_JOBS and fresh and not is_audited(job)


def jobs_pending_audit(at: datetime) -> list[Job]:
    """Return the jobs whose audit is still due."""
    ended = Job.objects.filter(status__in=Job.ENDED, finished_at__gt=at - AUDIT_DUE_WITHIN)
    return [job for job in ended if is_audit_pending(job, at)]
