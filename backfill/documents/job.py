"""Plans and jobs as text."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from backfill.cli.tables import table
from backfill.documents.preflight import blocking_lines, days_text, report_document, warning_lines
from backfill.documents.retry import group_lines, retried_lines
from backfill.jobs.start import Preview
from backfill.models import Run
from backfill.plan.estimate import COSTS_NOTHING, estimate
from backfill.plan.options import Options
from backfill.plan.planning import PlannedAction, PlannedRun
from backfill.plan.signed_plan import signature

WORDS = (
    ("failed", "only what failed"),
    ("force", "forced"),
    ("skip_preflight", "preflight skipped"),
)


def plan_document(preview: Preview) -> dict[str, Any]:
    """A plan as one document: the very runs that starting would make."""
    planned = preview.plan
    return {
        "options": planned.options.as_json(),
        "batch_size": planned.batch_size,
        "batches": planned.batches,
        "dates": dict(Counter(day.type for day in planned.days)),
        "counts": {code: dict(n) for code, n in planned.counts().items()},
        "overwrites": preview.overwrites,
        "signature": signature(planned),
        "estimate": asdict(estimate(planned)),
        "preflight": report_document(preview.report),
        "goes_on": preview.goes_on and preview.goes_on.pk,
        "runs": [_run(r) for r in planned.runs if r.action is not PlannedAction.NONE],
    }


def _run(run: PlannedRun) -> dict[str, Any]:
    return {
        "processor": run.processor,
        "date": run.date,
        "action": run.action,
        "reason": run.reason,
        "batch": run.batch,
    }


def plan_text(preview: Preview, *, verbose: bool) -> str:
    """A plan for a person: what happens to how many dates and why; each run with `verbose`."""
    planned = preview.plan
    counted = Counter(
        (r.processor, r.action, r.heading or r.reason)
        for r in planned.runs
        if r.action is not PlannedAction.NONE
    )
    rows = [
        {"processor": p, "action": str(a), "dates": n, "because": reason}
        for (p, a, reason), n in counted.items()
    ]
    parts = [
        days_text(planned.options, planned.days),
        f"{len(planned.todo)} runs to execute in {planned.batches} batches of up to {planned.batch_size} dates",
        *_estimate_line(preview),
        table(rows),
        *_canary_line(preview),
        *blocking_lines(preview.report.blocks),
        *warning_lines(preview.report, planned.options),
        *_goes_on_line(preview),
    ]
    if verbose:
        parts.append(table([_run(r) for r in planned.runs if r.action is not PlannedAction.NONE]))
    return "\n".join(parts)


def _estimate_line(preview: Preview) -> list[str]:
    found = estimate(preview.plan)
    lines = (
        [f"{found.low:.0f} to {found.high:.0f} s, as the newest runs took"]
        if found.runs and found.high
        else []
    )
    if found.bytes is not None:
        lines.append(f"reads about {found.bytes / 2**30:,.1f} GiB: {found.cost}")
    elif found.cost != COSTS_NOTHING:
        lines.append(f"what it costs is {found.cost}")
    return lines


def _canary_line(preview: Preview) -> list[str]:
    first = {r.date for r in preview.plan.todo if r.batch == 0}
    alone = preview.plan.options.canary and len(first) == 1 and preview.plan.batches > 1
    return [f"{first.pop()} runs alone first, as canary"] if alone else []


def _goes_on_line(preview: Preview) -> list[str]:
    job = preview.goes_on
    left = job.runs.filter(status__in=Run.ACTIVE).count() if job else 0
    return (
        [f"starting would go on with job {job.pk} ({job.status}): {left} of its runs are left"]
        if job
        else []
    )


def job_text(summary: dict[str, Any]) -> str:
    """A job for a person: its figures, and what to look at next."""
    seconds = f" in {summary['seconds']:.1f} s" if summary["seconds"] is not None else ""
    rows = [
        {
            "processor": p["processor"],
            "dates": ", ".join(f"{n} {status}" for status, n in p["dates"].items()) or "-",
            "skipped because": ", ".join(f"{n} {reason}" for reason, n in p["skipped"].items())
            or "-",
            "rows": p["rows"],
            "failures": ", ".join(f"{n:,} {name}" for name, n in p["failures"].items()) or "-",
            "query s": round(p["query_seconds"], 2),
            "write s": round(p["write_seconds"], 2),
        }
        for p in summary["processors"]
    ]
    look = (
        ["What to look at next:", *(f"  - {line}" for line in summary["next"])]
        if summary["next"]
        else ["Nothing failed."]
    )
    stopped = f": {summary['stopped']}" if summary["stopped"] else ""
    if summary["status"] == "paused":
        look.append(
            f"`manage.py resume {summary['job']}` goes on, with --no-brake past further bugs; `cancel` gives its dates back"
        )
    first = f"job {summary['job']} {summary['status']}{seconds}{stopped}"
    lines = [
        first,
        _options_line(summary),
        *retried_lines(summary),
        table(rows),
        *look,
        *group_lines(summary),
    ]
    return "\n".join([*lines, *_finding_lines(summary)])


def _finding_lines(summary: dict[str, Any]) -> list[str]:
    """What the judgement found, worst first; nothing before there is one."""
    found, options = summary["findings"], summary["options"]
    if found is None:
        return []
    triage = f"`manage.py triage --start {options['start']} --end {options['end']}`"
    lines = [f"  #{f['finding']} {f['severity']}: {f['kind']}: {f['sentence']}" for f in found]
    return (
        [f"Judged: {len(found)} findings want somebody; {triage}", *lines]
        if found
        else [f"Judged: nothing wants a person; {triage}"]
    )


def _options_line(summary: dict[str, Any]) -> str:
    """The options in force, and by whom and why."""
    options = summary["options"]
    words = [
        Options.from_json(options).span,
        f"{options['mode']} mode",
        f"batches of {summary['batch_size']}",
    ]
    words += [word for name, word in WORDS if options.get(name)]
    words += [f"no {name}" for name in ("canary", "brake") if not options.get(name, True)]
    return ", ".join([*words, f"by {summary['who']}"]) + (
        f": {summary['why']}" if summary["why"] else ""
    )
