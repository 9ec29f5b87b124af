"""What a job did, processor by processor, and what to look at next."""

from __future__ import annotations

from collections import Counter
from typing import Any

from backfill.models import Job, Run
from validation.categories import BY_NAME

ENDED_BADLY = (Run.Status.FAILED, Run.Status.BLOCKED)


def summarise(job: Job) -> dict[str, Any]:
    """A job as one document: its options, its processors' figures, the dates that went wrong, what to look at next."""
    runs = list(job.runs.order_by("date", "pk"))
    processors = [_processor(code, [r for r in runs if r.processor == code]) for code in job.parsed_options.processors]
    return {
        "job": job.pk,
        "status": job.status,
        "who": job.who,
        "why": job.why,
        "options": job.options,
        "batch_size": job.batch_size,
        "code_version": job.code_version,
        "seconds": round((job.finished_at - job.started_at).total_seconds(), 3) if job.finished_at and job.started_at else None,
        "processors": processors,
        "problems": [_problem(r) for r in runs if r.status in ENDED_BADLY],
        "next": _next(processors, runs),
    }


def _processor(code: str, runs: list[Run]) -> dict[str, Any]:
    failures: Counter[str] = Counter()
    for run in runs:
        failures.update(run.failures)
    skipped = Counter(r.why.partition(":")[0] for r in runs if r.status == Run.Status.SKIPPED)
    return {
        "processor": code,
        "dates": dict(Counter(r.status for r in runs)),
        "skipped": dict(skipped),
        "rows": sum(r.rows or 0 for r in runs),
        "failures": {name: failures[name] for name in BY_NAME if failures[name]},
        "query_seconds": round(sum(r.query_seconds or 0 for r in runs), 3),
        "write_seconds": round(sum(r.write_seconds or 0 for r in runs), 3),
    }


def _problem(run: Run) -> dict[str, Any]:
    return {"processor": run.processor, "date": run.date, "status": run.status, "why": run.why}


def _next(processors: list[dict[str, Any]], runs: list[Run]) -> list[str]:
    """Sentences for a person, worst first: runs that did not complete, then bugs, then what is expected."""
    found = [f"{status}: {_dates(runs, status)}" for status in ENDED_BADLY if any(r.status == status for r in runs)]
    for category in sorted(BY_NAME.values(), key=lambda c: not c.is_bug):
        if counts := [f"{p['processor']} {n:,}" for p in processors if (n := p["failures"].get(category.name))]:
            found.append(f"{category.name} ({category.meaning}): {', '.join(counts)}. {category.advice}")
    return found


def _dates(runs: list[Run], status: str) -> str:
    found = [r for r in runs if r.status == status]
    shown = "; ".join(f"{r.processor} {r.date} ({r.why})" for r in found[:3])
    return f"{shown} and {len(found) - 3} more" if len(found) > 3 else shown
