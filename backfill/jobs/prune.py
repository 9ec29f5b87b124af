"""Deletion of old runs, events, notifications and launches that nothing refers to any more.

Kept whatever their age: the current run of each (processor, date), the newest complete and the
newest one; the makers of kept versions; runs of findings that are not closed; jobs that have not ended, and undelivered messages.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Max, Q
from django.utils.timezone import now

from backfill.models import (
    AuditResult,
    Event,
    EventKind,
    Finding,
    Job,
    Launch,
    Notice,
    Run,
    StepLog,
    Trigger,
)
from backfill.processors.registry import PROCESSORS
from validation.findings.kinds import pluralize

# Rows per transaction, which holds the lock of a job.
CHUNK = 500
LAUNCH_ENDED = (Launch.State.STARTED, Launch.State.REFUSED, Launch.State.WITHDRAWN)


def prune(before: datetime, actor: str, *, dry_run: bool = False) -> Counter[str]:
    """Delete the rows of jobs that ended before a time, in short transactions; return their number
    by kind. Safe while jobs run; an interrupted one is continued by the next.
    """
    counts, kept = Counter[str](), kept_runs()
    for job in Job.objects.filter(status__in=Job.ENDED, finished_at__lt=before).order_by("pk"):
        counts += _prune_job(job, kept, actor, before, dry_run=dry_run)
    for name, rows in _messages(before).items():
        counts[name] += _delete(rows, dry_run=dry_run)
    if counts and not dry_run:
        text = ", ".join(f"{n:,} {name}" for name, n in sorted(counts.items()))
        reason = f"ended before {before:%Y-%m-%d}: {text}"
        Event.objects.create(kind=EventKind.PRUNED, actor=actor, action="pruned", reason=reason)
    return +counts


def prune_logs(before: datetime, *, dry_run: bool = False) -> Counter[str]:
    """Delete the logs of the steps that began before a time and do not run any more."""
    running = Run.objects.filter(status=Run.Status.RUNNING).values("claim")
    old = StepLog.objects.filter(started_at__lt=before).exclude(claim__in=running)
    return +Counter(logs=_delete(old, dry_run=dry_run))


def kept_runs() -> set[int]:
    """Return the runs to keep whatever their age."""
    runs = Run.objects.all()
    newest = runs.values("processor", "date").annotate(newest=Max("pk"))
    complete = newest.filter(status__in=(Run.Status.COMPLETE, Run.Status.SKIPPED))
    kept = set(runs.newest_decisive(date.min, date.max).values_list("pk", flat=True))
    kept |= set(newest.values_list("newest", flat=True))
    kept |= set(complete.values_list("newest", flat=True))
    audited = AuditResult.objects.exclude(run_id="").values("run_id")
    kept |= set(runs.filter(run_id__in=audited).values_list("pk", flat=True))
    since = now() - timedelta(days=settings.KEEP_VERSIONS_DAYS)
    replaced = runs.filter(finished_at__gte=since, replaced__isnull=False).values("replaced")
    kept |= set(runs.filter(fence__in=replaced).values_list("pk", flat=True))
    for code, days in _evidence().items():
        of_findings = runs.filter(processor=code, date__in=days)
        kept |= set(of_findings.values_list("pk", flat=True))
    return kept


def _evidence() -> dict[str, set[date]]:
    """Return the dates of the findings that are not closed, by processor."""
    found: dict[str, set[date]] = defaultdict(set)
    open_findings = Finding.objects.exclude(state=Finding.State.CLOSED)
    for codes, days in open_findings.values_list("processors", "dates"):
        for code in codes or PROCESSORS:
            found[code] |= set(map(date.fromisoformat, days))
    return found


def _prune_job(
    job: Job, kept: set[int], actor: str, before: datetime, *, dry_run: bool
) -> Counter[str]:
    counts = Counter[str]()
    runs = [pk for pk in job.runs.values_list("pk", flat=True) if pk not in kept]
    events = Event.objects.filter(
        job=job, run__isnull=False, kind=EventKind.TRANSITION, at__lt=before
    )
    if dry_run:
        of_runs = Event.objects.filter(run__in=runs)
        return Counter(runs=len(runs), events=(events | of_runs).distinct().count())
    for chunk in _chunks(runs):
        counts += _locked(job, lambda chunk=chunk: _delete_runs(chunk))  # type: ignore[misc]
    for chunk in _chunks(list(events.values_list("pk", flat=True))):
        counts += _locked(job, lambda chunk=chunk: _delete_events(chunk))  # type: ignore[misc]
    if counts["runs"]:
        counts += _locked(job, lambda: _close(job, counts["runs"], actor, before))
    return counts


def _locked(job: Job, delete: Callable[[], Counter[str]]) -> Counter[str]:
    """Delete under the lock of the job, unless a person has resumed it."""
    with transaction.atomic():
        return delete() if Job.locked(job.pk).status in Job.ENDED else Counter()


def _delete_runs(pks: Sequence[int]) -> Counter[str]:
    found = Run.objects.filter(pk__in=pks).exclude(status__in=Run.ACTIVE)
    names = list(found.values_list("run_id", flat=True))
    deleted = found.delete()[1]
    AuditResult.with_replaced.filter(run_id__in=names, is_current=False).delete()
    return Counter(runs=deleted.get("backfill.Run", 0), events=deleted.get("backfill.Event", 0))


def _delete_events(pks: Sequence[int]) -> Counter[str]:
    return Counter(events=Event.objects.filter(pk__in=pks).delete()[0])


def _close(job: Job, deleted: int, actor: str, before: datetime) -> Counter[str]:
    """Delete a job without runs; note the deletion on any other."""
    waiting = job.notices.filter(delivered_at=None).exists() or _undelivered(job.triggers).exists()
    if not waiting and not job.runs.exists():
        job.delete()
        return Counter(jobs=1)
    reason = f"{pluralize(deleted, 'superseded run')} that ended before {before:%Y-%m-%d}"
    Event.objects.create(
        job=job, kind=EventKind.PRUNED, actor=actor, action="pruned", reason=reason
    )
    return Counter()


def _undelivered(triggers: Any) -> models.QuerySet[Trigger]:
    found: models.QuerySet[Trigger] = triggers.filter(delivered_at=None).exclude(topic="")
    return found


def _messages(before: datetime) -> dict[str, models.QuerySet[Any]]:
    """Return delivered messages, those that are only recorded, and launches without a job."""
    recorded = Q(delivered_at=None, topic="", created_at__lt=before)
    return {
        "notifications": Notice.objects.filter(delivered_at__lt=before),
        "triggers": Trigger.objects.filter(Q(delivered_at__lt=before) | recorded),
        "launches": Launch.objects.filter(state__in=LAUNCH_ENDED, job=None, created_at__lt=before),
    }


def _chunks(pks: Sequence[int]) -> Iterator[Sequence[int]]:
    yield from (pks[n : n + CHUNK] for n in range(0, len(pks), CHUNK))


def _delete(rows: models.QuerySet[Any], *, dry_run: bool) -> int:
    pks = list(rows.values_list("pk", flat=True))
    for chunk in [] if dry_run else _chunks(pks):
        with transaction.atomic():
            rows.filter(pk__in=chunk).delete()
    return len(pks)
