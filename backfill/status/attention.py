"""Jobs that want a person before anything of them is judged: paused by themselves, standing still,
or failed. And why.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from backfill.audit.pending import is_audited
from backfill.models import AUTOMATIC, Event, EventKind, Job, Run, SeasonAudit
from backfill.models.run import LONG_AGO
from backfill.plan.planning import Key
from backfill.status.progress import has_stalled

STALLED = "stalled"
MOST = 50
Status = Job.Status
ASKED_TO_STOP = {Status.PAUSED: Status.PAUSING, Status.CANCELLED: Status.CANCELLING}
STOPPING = (Status.PAUSING, Status.CANCELLING, Status.FAILED)


@dataclass(frozen=True)
class AttentionItem:
    """A job that wants a person. `state` is its status, or that it stands still."""

    job: Job
    state: str
    reason: str


def attention_items(at: datetime) -> list[AttentionItem]:
    """All of them, the oldest first; one query, and one for each job that has failed since the
    oldest judgement.
    """
    judged = Coalesce(
        Subquery(SeasonAudit.objects.order_by("at").values("at")[:1]), Value(LONG_AGO)
    )
    failed = Q(status=Status.FAILED, finished_at__gt=judged, retried_by=None)
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
    return [AttentionItem(job, *found) for job in jobs[:MOST] if (found := _wants(job, at))]


def _stops(events: QuerySet[Event], *states: str) -> QuerySet[Event]:
    """The job's own transitions into these states."""
    return events.filter(kind=EventKind.TRANSITION, to_state__in=states, run=None)


def _wants(job: Job, at: datetime) -> tuple[str, str] | None:
    changed_at, cause, reason = (
        getattr(job, name) for name in ("changed_at", "stop_cause", "stop_reason")
    )
    if job.status == Status.FAILED:
        return None if is_audited(job) else (job.status, reason or "")
    if job.status in (Status.PAUSED, Status.PAUSING) and cause in AUTOMATIC:
        return job.status, reason
    if has_stalled(job, changed_at, at):
        return (
            STALLED,
            f"nothing has changed for {(at - changed_at).total_seconds() / 60:.0f} minutes",
        )
    return None


@dataclass(frozen=True, kw_only=True)
class StopCause:
    """Why a job has stopped, or is about to. `key` is the run that it is about, where it is about
    one.
    """

    reason: str
    actor: str
    by_itself: bool
    key: Key | None = None


def stop_cause(job: Job) -> StopCause | None:
    """Why a job is paused, cancelled or failed; None for one that is not, or where nobody gave a
    reason.
    """
    status = ASKED_TO_STOP.get(Status(job.status), Status(job.status))
    if status not in STOPPING:
        return None
    found = _stops(job.events.all(), status).select_related("cause_run").order_by("pk").last()
    if not found or not found.reason:
        return None
    failed, run = status == Status.FAILED, found.cause_run
    key = _first_failed(job) if failed else (run.processor, run.date) if run else None
    by_itself = failed or found.cause in AUTOMATIC
    return StopCause(reason=found.reason, actor=found.actor, by_itself=by_itself, key=key)


def _first_failed(job: Job) -> Key | None:
    return (
        job.runs.filter(status=Run.Status.FAILED)
        .order_by("date", "pk")
        .values_list("processor", "date")
        .first()
    )
