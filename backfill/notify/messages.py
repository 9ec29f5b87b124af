"""What people are told of a job, in one message each: that something of it wants them, that it was
paused, that it stalls.

A Notice is kept together with the change that it tells of; here it is written, which may have to
wait for the judgement.
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
from backfill.notify import apprise
from backfill.status.job_summary import summarise
from backfill.status.progress import STALLED_SECONDS, progress
from validation.categories import BY_NAME
from validation.findings.kinds import Severity

log = logging.getLogger(__name__)
# A season that cannot be judged must not keep for ever what is known without it.
JUDGEMENT_TAKES_AT_MOST = timedelta(minutes=10)
MOST_LINES = 10
MOST_LINE = 300
MOST_TITLE = Notice._meta.get_field("title").max_length or 200
Text = tuple[str, str]  # title and body


def notify(at: datetime) -> int:
    """Write what is due and send it, if NOTIFY_URLS says to whom; return how many messages were
    delivered.

    Not to be called within a transaction.
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
    """Once per stretch in which a job is under way."""
    under_way = Job.objects.exclude(status__in=Job.STOPPED).annotate(changed_at=Max("events__at"))
    for job in under_way.filter(changed_at__lt=at - timedelta(seconds=STALLED_SECONDS)):
        # What is newer than the stretch's beginning (a cap that was changed, a batch that was sent
        # again) is none of its own.
        entered = job.events.filter(
            kind__in=(EventKind.CREATED, EventKind.TRANSITION), to_state=job.status, run=None
        )
        began = entered.order_by("pk").last()
        told = began and began.notices.filter(kind=Notice.Kind.STALLED).exists()
        if began and not told and progress(job, at).stalled:
            Notice.note(job, Notice.Kind.STALLED, began)


def _write(notice: Notice, at: datetime) -> None:
    if notice.kind == Notice.Kind.DONE and _awaits_judgement(notice, at):
        return
    try:
        text = WRITERS[Notice.Kind(notice.kind)](notice, at)
    except Exception:  # one that cannot be written must not keep back the others
        log.exception(
            "%s of %s cannot be written now; the next sweep tries again", notice, notice.job
        )
        return
    if text:
        notice.write(_short(text[0], MOST_TITLE), text[1])
    else:
        notice.keep_silent(at)


def _awaits_judgement(notice: Notice, at: datetime) -> bool:
    if not settings.AUDIT_AFTER_JOBS or at - notice.event.at > JUDGEMENT_TAKES_AT_MOST:
        return False
    years = notice.job.parsed_options.seasons
    return SeasonAudit.objects.filter(
        season__in=years, at__gt=notice.job.finished_at
    ).count() < len(years)


# What each says


def _done(notice: Notice, at: datetime) -> Text | None:
    """Nothing when the job has succeeded and all of it is inside expectation."""
    job, found = notice.job, _wanting(notice.job)
    if job.status == Job.Status.SUCCEEDED and not found:
        return None
    counts = _counts(job)
    wrong = [
        f"{counts[s]:,} runs {s}" for s in (Run.Status.FAILED, Run.Status.BLOCKED) if counts[s]
    ]
    wrong += [f"{len(found):,} finding{'s' * (len(found) != 1)} to look at"] if found else []
    summary = summarise(job)
    body = [
        *_opening(job, counts),
        *_failures(summary),
        *_groups(summary),
        *_findings(found),
        *_unjudged(summary),
    ]
    return f"Job {job.pk} {job.status}{': ' if wrong else ''}{', '.join(wrong)}", "\n".join(body)


def _paused(notice: Notice, at: datetime) -> Text:
    job, reason = notice.job, notice.event.reason
    goes_on = "Resume it once that is mended, or cancel it: until then it holds its dates."
    body = [*_opening(job, _counts(job)), f"Why: {reason}", *_groups(summarise(job)), goes_on]
    return f"Job {job.pk} paused: {reason}", "\n".join(body)


def _stalled(notice: Notice, at: datetime) -> Text | None:
    """Nothing when it goes on again."""
    job, measured = notice.job, progress(notice.job, at)
    if not measured.stalled:
        return None
    waiting = [
        f"- {w['batches']:,} batches, {w['first']} to {w['last']}: {w['why']}"
        for w in measured.waiting
    ]
    done = f"{measured.ended:,} of {measured.total:,} runs have ended."
    body = [*_opening(job, _counts(job)), done, *_listed("What waits:", waiting)]
    return f"Job {job.pk} stalled: {measured.stalled}", "\n".join(body)


WRITERS: dict[str, Callable[[Notice, datetime], Text | None]] = {
    Notice.Kind.DONE: _done,
    Notice.Kind.PAUSED: _paused,
    Notice.Kind.STALLED: _stalled,
}


def page_of(job: Job) -> str:
    """Where the panel shows a job."""
    return f"{settings.PANEL_URL.rstrip('/')}/jobs/{job.pk}/"


def _wanting(job: Job) -> list[Finding]:
    """What is open, more than a note, and about what the job has run, worst first."""
    options = job.parsed_options
    found = Finding.objects.about(options.start, options.end).listed()
    return [
        f
        for f in found.filter(state=Finding.State.OPEN, severity__gt=Severity.NOTE)
        if _concerns(f, job)
    ]


def _concerns(finding: Finding, job: Job) -> bool:
    options = job.parsed_options
    dates = {str(day) for day in options.days}.intersection(finding.dates)
    return bool(dates) and (
        not finding.processors or bool(set(finding.processors) & set(options.processors))
    )


def _counts(job: Job) -> Counter[str]:
    """The job's own runs by status."""
    return Counter(job.runs.own().values_list("status", flat=True))


def _opening(job: Job, counts: Counter[str]) -> Iterator[str]:
    """The link first, because some services cut off the end."""
    options = job.parsed_options
    yield page_of(job)
    reason = f": {job.reason}" if job.reason else ""
    yield f"{options.start} to {options.end}, {', '.join(options.processors)}, {options.mode} mode, by {job.actor}{reason}"
    yield f"Runs: {', '.join(f'{n:,} {status}' for status, n in counts.most_common()) or 'none'}"


def _failures(summary: dict[str, Any]) -> list[str]:
    """Failed entities by category, the bugs first."""
    found: Counter[str] = Counter()
    for processor in summary["processors"]:
        found.update(processor["failures"])
    ordered = sorted(found, key=lambda name: (not BY_NAME[name].is_bug, -found[name]))
    return (
        [f"Failures: {', '.join(f'{found[name]:,} {name}' for name in ordered)}"] if found else []
    )


def _groups(summary: dict[str, Any]) -> list[str]:
    """The error groups with their counts, the largest first."""
    if summary["groups"] is None:
        return [str(line) for line in summary["next"][-1:]]  # why they cannot be read
    lines = [
        f"- {g['count']:,} × {g['processor']} {g['what']} on {g['dates']:,} dates from {g['first']}: {g['sample']}"
        for g in summary["groups"]
    ]
    return _listed("Error groups:", lines)


def _findings(found: Sequence[Finding]) -> list[str]:
    return _listed(
        "Findings, worst first:", [f"- {f.weight}: {f.kind}: {f.sentence}" for f in found]
    )


def _unjudged(summary: dict[str, Any]) -> list[str]:
    return ["What was run has not been judged."] if summary["findings"] is None else []


def _listed(head: str, lines: Iterable[str]) -> list[str]:
    every = list(lines)
    more = [f"and {len(every) - MOST_LINES:,} more"] if len(every) > MOST_LINES else []
    return [head, *(_short(line, MOST_LINE) for line in every[:MOST_LINES]), *more] if every else []


def _short(text: str, most: int) -> str:
    """In one line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
