"""Notifications about a job: it ended and needs attention, it was paused, or it stalled.

A message is stored with the change that it reports. Its text is written here, for a finished job
after the audit of its season.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Max

from backfill.models import EventKind, Finding, Job, Notice, Run, SeasonAudit
from backfill.models.finding import folded
from backfill.notify import apprise
from backfill.season_calendar import seasons_of
from backfill.status.job_summary import summarize
from backfill.status.progress import STALLED_SECONDS, progress
from validation.categories import BY_NAME
from validation.findings.kind_labels import label
from validation.findings.kinds import Severity

log = logging.getLogger(__name__)
# After this, the message is sent without the audit, which may have failed.
MOST_AUDIT_WAIT = timedelta(minutes=10)
MOST_LINES = 10
MOST_LINE = 300
MOST_TITLE = Notice._meta.get_field("title").max_length or 200
Text = tuple[str, str]  # title and body


def notify(at: datetime) -> int:
    """Write and send the due notifications to NOTIFY_URLS; return how many were delivered.

    Do not call within a transaction.
    """
    if not settings.NOTIFY_URLS:
        return 0
    _note_stalled(at)
    for notice in (
        Notice.objects.filter(title="", delivered_at=None)
        .select_related("job", "event")
        .order_by("pk")
    ):
        _write(notice, at)
    return apprise.deliver(at)


def _note_stalled(at: datetime) -> None:
    """Store one notification per stretch in which a job stalls."""
    active = Job.objects.exclude(status__in=Job.STOPPED).annotate(changed_at=Max("events__at"))
    for job in active.filter(changed_at__lt=at - timedelta(seconds=STALLED_SECONDS)):
        # The stretch starts with the job's own change of state; later events, such as a changed
        # limit or a batch sent again, do not start another one.
        entered = job.events.filter(
            kind__in=(EventKind.CREATED, EventKind.TRANSITION), to_state=job.status, run=None
        )
        began = entered.order_by("pk").last()
        noted = began and began.notices.filter(kind=Notice.Kind.STALLED).exists()
        if began and not noted and progress(job, at).stalled:
            Notice.note(job, Notice.Kind.STALLED, began)


def _write(notice: Notice, at: datetime) -> None:
    if notice.kind == Notice.Kind.DONE and _awaits_audit(notice, at):
        return
    try:
        text = WRITERS[Notice.Kind(notice.kind)](notice, at)
    except Exception:  # one failure must not block the other notifications
        log.exception("Writing %s of %s failed; the next sweep retries", notice, notice.job)
        return
    if text:
        notice.write(_short(text[0], MOST_TITLE), text[1])
    else:
        notice.keep_silent(at)


def _awaits_audit(notice: Notice, at: datetime) -> bool:
    if not settings.AUDIT_AFTER_JOBS or at - notice.event.at > MOST_AUDIT_WAIT:
        return False
    years = seasons_of(notice.job.parsed_options)
    return SeasonAudit.objects.filter(
        season__in=years, at__gt=notice.job.finished_at
    ).count() < len(years)


# Texts


def _done(notice: Notice, at: datetime) -> Text | None:
    """Return the text; None if the job succeeded without findings."""
    job, found = notice.job, _open_findings(notice.job)
    if job.status == Job.Status.SUCCEEDED and not found:
        return None
    counts = _counts(job)
    wrong = [
        f"{_plural(counts[s], 'run')} {s}"
        for s in (Run.Status.FAILED, Run.Status.BLOCKED)
        if counts[s]
    ]
    wrong += [_plural(len(found), "open finding")] if found else []
    summary = summarize(job)
    body = [
        *_opening(job, counts),
        *_failures(summary),
        *_groups(summary),
        *_retry_command(job, counts),
        *_findings(found),
        *_unaudited(summary),
    ]
    return f"Job {job.pk} {job.status}{': ' if wrong else ''}{', '.join(wrong)}", "\n".join(body)


def _paused(notice: Notice, at: datetime) -> Text:
    job, reason = notice.job, notice.event.reason
    action = f"Fix the cause, then resume: `manage.py resume {job.pk}`. Or cancel: `manage.py cancel {job.pk}`."
    body = [*_opening(job, _counts(job)), f"Reason: {reason}", *_groups(summarize(job)), action]
    return f"Job {job.pk} paused: {reason}", "\n".join(body)


def _stalled(notice: Notice, at: datetime) -> Text | None:
    """Return the text; None if the job has resumed."""
    job, measured = notice.job, progress(notice.job, at)
    if not measured.stalled:
        return None
    waiting = [
        f"- {_plural(w['batches'], 'batch', 'batches')}, {w['first']} to {w['last']}: {w['why']}"
        for w in measured.waiting
    ]
    done = f"{measured.ended:,} of {_plural(measured.total, 'run')} ended."
    action = f"Check the workers: `manage.py workers`. Show the job: `manage.py jobs {job.pk}`."
    body = [*_opening(job, _counts(job)), done, *_listed("Waiting:", waiting), action]
    return f"Job {job.pk} stalled: {measured.stalled}", "\n".join(body)


WRITERS: dict[str, Callable[[Notice, datetime], Text | None]] = {
    Notice.Kind.DONE: _done,
    Notice.Kind.PAUSED: _paused,
    Notice.Kind.STALLED: _stalled,
}


def page_of(job: Job) -> str:
    """Return the URL of a job's page."""
    return f"{settings.PANEL_URL.rstrip('/')}/jobs/{job.pk}/"


def _open_findings(job: Job) -> list[Finding]:
    """Return the open findings about the job's runs, without notes and consequences, worst
    first.
    """
    options = job.parsed_options
    found = Finding.objects.about(options.start, options.end).listed()
    about = [
        f
        for f in found.filter(state=Finding.State.OPEN, severity__gt=Severity.NOTE)
        if _concerns(f, job)
    ]
    return [finding for finding, _ in folded(about)]


def _concerns(finding: Finding, job: Job) -> bool:
    options = job.parsed_options
    dates = {str(day) for day in options.days}.intersection(finding.dates)
    return bool(dates) and (
        not finding.processors or bool(set(finding.processors) & set(options.processors))
    )


def _counts(job: Job) -> Counter[str]:
    """Count the job's own runs by status."""
    return Counter(job.runs.own().values_list("status", flat=True))


def _opening(job: Job, counts: Counter[str]) -> Iterator[str]:
    """Yield link, options and counts; the link first, because some services cut off the end."""
    options = job.parsed_options
    yield page_of(job)
    reason = f": {job.reason}" if job.reason else ""
    yield f"{options.start} to {options.end}, {', '.join(options.processors)}, {options.mode} mode, by {job.actor}{reason}"
    yield f"Runs: {', '.join(f'{n:,} {status}' for status, n in counts.most_common()) or 'none'}"


def _failures(summary: dict[str, Any]) -> list[str]:
    """Return the failed entities by category, bugs first."""
    found: Counter[str] = Counter()
    for processor in summary["processors"]:
        found.update(processor["failures"])
    ordered = sorted(found, key=lambda name: (not BY_NAME[name].is_bug, -found[name]))
    return (
        [f"Failures: {', '.join(f'{found[name]:,} {name}' for name in ordered)}"] if found else []
    )


def _groups(summary: dict[str, Any]) -> list[str]:
    """Return the error groups with their counts, largest first."""
    if summary["groups"] is None:
        return [str(line) for line in summary["next"][-1:]]  # reason that the groups are unreadable
    lines = [
        f"- {g['count']:,} × {g['processor']} {g['what']} on {_plural(g['dates'], 'date')} from {g['first']}: {g['sample']}"
        for g in summary["groups"]
    ]
    return _listed("Error groups:", lines)


def _retry_command(job: Job, counts: Counter[str]) -> list[str]:
    if not counts[Run.Status.FAILED] and not counts[Run.Status.BLOCKED]:
        return []
    return [f"Preview a retry: `manage.py retry {job.pk} --dry-run`"]


def _findings(found: Sequence[Finding]) -> list[str]:
    return _listed(
        "Findings, worst first:", [f"- {f.weight}: {label(f.kind)}: {f.sentence}" for f in found]
    )


def _unaudited(summary: dict[str, Any]) -> list[str]:
    return ["These runs have not been audited."] if summary["findings"] is None else []


def _listed(head: str, lines: Iterable[str]) -> list[str]:
    every = list(lines)
    more = [f"and {len(every) - MOST_LINES:,} more"] if len(every) > MOST_LINES else []
    return [head, *(_short(line, MOST_LINE) for line in every[:MOST_LINES]), *more] if every else []


def _short(text: str, most: int) -> str:
    """Return one line of at most this many characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _plural(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
