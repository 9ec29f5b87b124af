"""Job summary: figures by processor, and the next steps."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

from django.utils.timezone import now

from backfill.errors import WarehouseError
from backfill.models import Finding, Job, Run
from backfill.season_calendar import load_calendar
from backfill.status import error_groups
from backfill.status.attention import is_audited, stop_cause
from backfill.status.change_summary import change_summary
from backfill.status.comparison import compare
from backfill.status.job_outcome import own_runs, verdicts_of
from validation.categories import BY_NAME
from validation.findings.kinds import Severity

ENDED_BADLY = (Run.Status.FAILED, Run.Status.BLOCKED)
SUMS = ("rows", "query_seconds", "write_seconds")


def summarize(job: Job) -> dict[str, Any]:
    """Return a job as one document: options, figures by processor, failed dates, next steps."""
    processors = [_processor(code, job) for code in job.parsed_options.processors]
    problems = list(
        job.runs.filter(status__in=ENDED_BADLY)
        .only("processor", "date", "status", "reason")
        .order_by("date", "pk")
    )
    found, unread = _groups(job)
    changes = change_summary(job)
    audits = verdicts_of(own_runs(job))
    waiting = sum(audit.n_waiting for audit in audits.values())
    return {
        "job": job.pk,
        "status": job.status,
        "stopped": _pause_reason(job),
        "who": job.actor,
        "why": job.reason,
        "options": job.in_force,
        "batch_size": job.batch_size,
        "code_version": job.code_version,
        "seconds": round(job.active_seconds(now()), 3) if job.started_at else None,
        "clock_moved": job.has_clock_moved(now()),
        "processors": processors,
        "problems": [_problem(r) for r in problems],
        "groups": found,
        "waiting": waiting,
        "findings": _findings(job),
        "changes": changes and {**changes.as_json(), "note": changes.gone_sentence},
        "retry_of": job.retry_of_id,
        "undo_of": job.undo_of_id,
        "retried": _retried(job),
        "next": _next(processors, problems) + unread,
    }


def _groups(job: Job) -> tuple[list[dict[str, Any]] | None, list[str]]:
    """Return the error groups of the current failures; or None, and a sentence with the reason."""
    try:
        found, calendar = error_groups.of_job(job), load_calendar()
        return [
            g.as_json()
            | {"query": _query(g, calendar.starts.get(calendar.season_year(g.dates[0])))}
            for g in found
        ], []
    except WarehouseError as error:
        return None, [f"Cannot read the error groups: {type(error).__name__}: {error}"]


def _query(group: error_groups.ErrorGroup, season_start: date | None) -> str:
    """Return the evidence query of a group; empty if its season is no longer loaded."""
    return error_groups.evidence_query(group, season_start) if season_start else ""


def _findings(job: Job) -> list[dict[str, Any]] | None:
    """Return the open problems and warnings about the job's dates; None until all its seasons are
    audited after the job.
    """
    if not is_audited(job):
        return None
    options = job.parsed_options
    found = (
        Finding.objects.about(options.start, options.end)
        .listed()
        .filter(severity__gt=Severity.NOTE)
        .counted()
        .listed()
    )
    return [
        {"finding": f.pk, "severity": str(f.weight), "kind": f.kind, "sentence": f.sentence}
        for f in found
    ]


def _retried(job: Job) -> dict[str, dict[str, int]] | None:
    """Return the failures that a retry fixed, left and added compared with its original job, by
    state and category.
    """
    if job.retry_of is None:
        return None
    found = compare(job.retry_of, job)
    return {kind: found.counts(kind) for kind in ("healed", "remaining", "new")}


def _pause_reason(job: Job) -> str:
    """Return the reason of a paused or pausing job; empty for any other."""
    found = stop_cause(job) if job.status in (Job.Status.PAUSING, Job.Status.PAUSED) else None
    return found.reason if found else ""


def _processor(code: str, job: Job) -> dict[str, Any]:
    states, skipped, failures = Counter[str](), Counter[str](), Counter[str]()
    sums = Counter[str]()
    fields = ("status", "skip_reason", "failures", *SUMS)
    runs = job.runs.filter(processor=code).order_by("date", "pk")
    for status, reason, failed, *numbers in runs.values_list(*fields).iterator(
        error_groups.RUNS_AT_ONCE
    ):
        states[status] += 1
        skipped[reason] += 1
        failures += Counter(failed)
        for name, number in zip(SUMS, numbers, strict=True):
            sums[name] += number or 0
    return {
        "processor": code,
        "dates": dict(states),
        "skipped": {reason: n for reason, n in skipped.items() if reason},
        "rows": sums["rows"],
        "failures": {name: failures[name] for name in BY_NAME if failures[name]},
        "query_seconds": round(sums["query_seconds"], 3),
        "write_seconds": round(sums["write_seconds"], 3),
    }


def _problem(run: Run) -> dict[str, Any]:
    return {"processor": run.processor, "date": run.date, "status": run.status, "why": run.reason}


def _next(processors: list[dict[str, Any]], problems: list[Run]) -> list[str]:
    """Return next steps as sentences, most severe first: failed and blocked runs, then bugs, then
    expected categories.
    """
    found = [
        f"{status}: {_dates(problems, status)}"
        for status in ENDED_BADLY
        if any(r.status == status for r in problems)
    ]
    for category in sorted(BY_NAME.values(), key=lambda c: not c.is_bug):
        if counts := [
            f"{p['processor']} {n:,}" for p in processors if (n := p["failures"].get(category.name))
        ]:
            found.append(
                f"{category.name} ({category.meaning}): {', '.join(counts)}. {category.advice}"
            )
    return found


def _dates(runs: list[Run], status: str) -> str:
    found = [r for r in runs if r.status == status]
    shown = "; ".join(f"{r.processor} {r.date} ({r.reason})" for r in found[:3])
    return f"{shown} and {len(found) - 3} more" if len(found) > 3 else shown
