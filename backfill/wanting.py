"""Jobs that want a person before anything of them is judged: paused by themselves, standing still, or failed. And why."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from backfill.judging.awaited import is_judged
from backfill.models import Event, Job, Judged, Run
from backfill.models.runs import LONG_AGO
from backfill.planning import Key
from backfill.progress import has_stalled

STALLED = "stalled"
MOST = 50
Status = Job.Status
ASKED_TO_STOP = {Status.PAUSED: Status.PAUSING, Status.CANCELLED: Status.CANCELLING}
# How the reasons begin that no person gives: of a bug, of an error, of a process that died.
BY_ITSELF = re.compile(r"brake: |canary: |\w*(Warehouse|Error|Exception)\w*: |its process ended")
OF_RUN = re.compile(r"(?:brake|canary): (\w+) (\d{4}-\d\d-\d\d): ")


@dataclass(frozen=True)
class Wanting:
    """A job that wants a person. `state` is its status, or that it stands still."""

    job: Job
    state: str
    reason: str


def wanting(at: datetime) -> list[Wanting]:
    """All of them, the oldest first; one query, and one for each job that has failed since the oldest judgement."""
    judged = Coalesce(Subquery(Judged.objects.order_by("at").values("at")[:1]), Value(LONG_AGO))
    failed = Q(status=Status.FAILED, finished_at__gt=judged, retried_by=None)
    newest = Event.objects.filter(job=OuterRef("pk")).order_by("-at", "-pk")
    told = _told(Event.objects.filter(job=OuterRef("pk"))).order_by("-pk")
    jobs = Job.objects.filter(failed | ~Q(status__in=Job.ENDED)).order_by("pk")
    jobs = jobs.annotate(changed_at=Subquery(newest.values("at")[:1]), told=Subquery(told.values("reason")[:1]))
    return [Wanting(job, *found) for job in jobs[:MOST] if (found := _wants(job, at))]


def _told(events: QuerySet[Event]) -> QuerySet[Event]:
    """Those that say why a job stopped."""
    ends = (f"→ {status}" for status in (Status.PAUSING, Status.CANCELLING, Status.FAILED))
    is_end = Q()
    for end in ends:
        is_end |= Q(action__endswith=end)
    return events.filter(is_end, run=None)


def _wants(job: Job, at: datetime) -> tuple[str, str] | None:
    changed_at, told = getattr(job, "changed_at"), getattr(job, "told") or ""  # noqa: B009 (annotations of the query)
    if job.status == Status.FAILED:
        return None if is_judged(job) else (job.status, told)
    if job.status in (Status.PAUSED, Status.PAUSING) and BY_ITSELF.match(told):
        return job.status, told
    if has_stalled(job, changed_at, at):
        return STALLED, f"nothing has changed for {(at - changed_at).total_seconds() / 60:.0f} minutes"
    return None


@dataclass(frozen=True)
class Cause:
    """Why a job has stopped, or is about to. `key` is the run that it is about, where it is about one."""

    reason: str
    actor: str
    by_itself: bool
    key: Key | None = None


def cause(job: Job) -> Cause | None:
    """Why a job is paused, cancelled or failed; None for one that is not, or where nobody gave a reason."""
    status = ASKED_TO_STOP.get(Status(job.status), Status(job.status))
    found = _told(job.events.filter(action__endswith=f"→ {status}")).order_by("pk").last()
    if not found or not found.reason:
        return None
    key = _first_failed(job) if status == Status.FAILED else None
    if match := OF_RUN.match(found.reason):
        key = match[1], date.fromisoformat(match[2])
    return Cause(found.reason, found.actor, status == Status.FAILED or bool(BY_ITSELF.match(found.reason)), key)


def _first_failed(job: Job) -> Key | None:
    return job.runs.filter(status=Run.Status.FAILED).order_by("date", "pk").values_list("processor", "date").first()
