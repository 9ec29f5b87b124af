"""Plans, retry previews and preflight reports as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from backfill.cli.tables import table
from backfill.documents.plan import run_document
from backfill.jobs.retry import LeftOut, RetryPlan
from backfill.jobs.start import Preview
from backfill.models import Run
from backfill.plan import preflight
from backfill.plan.estimate import COSTS_NOTHING, Estimate, estimate
from backfill.plan.options import Options
from backfill.plan.outside_runs import outside_notes
from backfill.plan.planning import PlannedAction
from backfill.warehouse.tables import INPUTS, SCHED
from validation.findings.kinds import pluralize
from validation.preflight_report import DateState, Item, Report
from validation.season import DateType, Day

LIMIT = 20
SHORT = {str(source): source.short for source in INPUTS if source is not SCHED}


# Plans


def plan_text(preview: Preview, *, verbose: bool) -> str:
    """Write a plan: dates per action and reason; each run with `verbose`."""
    planned = preview.plan
    counted = Counter(
        (r.processor, r.action, r.heading or r.reason)
        for r in planned.runs
        if r.action is not PlannedAction.NONE
    )
    rows = [
        {"processor": p, "action": str(a), "dates": n, "reason": reason}
        for (p, a, reason), n in counted.items()
    ]
    parts = [
        days_text(planned.options, planned.days),
        f"{_size(len(planned.todo), planned.batches, planned.batch_size)}",
        *_estimate_line(preview),
        table(rows),
        *_canary_line(preview),
        *_overwrites_line(preview),
        *outside_notes(planned),
        *blocking_lines(preview.report.blocks),
        *warning_lines(preview.report, planned.options),
        *_resume_line(preview),
    ]
    if verbose:
        parts.append(
            table([run_document(r) for r in planned.runs if r.action is not PlannedAction.NONE])
        )
    return "\n".join(parts)


def _estimate_line(preview: Preview) -> list[str]:
    forecast = estimate(preview.plan)
    timed = forecast.runs and forecast.high
    lines = [f"estimated duration: {_seconds(forecast)}, from the latest runs"] if timed else []
    if forecast.bytes is not None:
        lines.append(f"reads about {forecast.bytes / 2**30:,.1f} GiB: {forecast.cost}")
    elif forecast.cost != COSTS_NOTHING:
        lines.append(f"estimated cost: {forecast.cost}")
    return lines


def _seconds(forecast: Estimate) -> str:
    low, high = f"{forecast.low:.0f}", f"{forecast.high:.0f}"
    return f"{high} s" if low == high else f"{low} to {high} s"


def _canary_line(preview: Preview) -> list[str]:
    first = {r.date for r in preview.plan.todo if r.batch == 0}
    alone = preview.plan.options.canary and len(first) == 1 and preview.plan.batches > 1
    return [f"canary: {first.pop()} runs first, alone"] if alone else []


def _overwrites_line(preview: Preview) -> list[str]:
    if not (complete := preview.to_confirm):
        return []
    return [
        f"overwrites {pluralize(complete, 'complete run')}; start it with --overwrites {complete}"
    ]


def _size(runs: int, batches: int, dates: int) -> str:
    return (
        f"{runs:,} run{'s' * (runs != 1)} in {batches} batch{'es' * (batches != 1)}"
        f" of up to {dates} date{'s' * (dates != 1)}"
    )


def _resume_line(preview: Preview) -> list[str]:
    job = preview.goes_on
    left = job.runs.filter(status__in=Run.ACTIVE).count() if job else 0
    return (
        [f"starting resumes job {job.pk} ({job.status}) with {left} run{'s' * (left != 1)} left"]
        if job
        else []
    )


# Retries


def retry_text(retry: RetryPlan) -> str:
    """Write the preview of a retry: its runs and the excluded failures, each with a reason."""
    plan = retry.plan
    rows = [{"processor": r.processor, "date": str(r.date), "reason": r.reason} for r in plan.todo]
    items = [
        *_overwrites_line(retry),
        *blocking_lines(retry.report.blocks),
        *warning_lines(retry.report, plan.options),
    ]
    size = _size(len(plan.todo), plan.batches, plan.batch_size)
    return "\n".join(
        [
            f"retry of job {retry.job}: {size}",
            *items,
            *([table(rows)] if rows else []),
            *_left_out_lines(retry.left_out),
        ]
    )


def _left_out_lines(left_out: Sequence[LeftOut]) -> list[str]:
    """Write the excluded failures, grouped by processor, failure and reason."""
    alike: dict[tuple[str, str, str, str], list[LeftOut]] = {}
    for out in left_out:
        alike.setdefault((out.processor, out.what, out.retry, out.reason), []).append(out)
    rows = [
        {
            "processor": processor,
            "failure": what,
            "dates": len(outs),
            "entities": sum(out.entities for out in outs),
            "first": str(min(out.date for out in outs)),
            "last": str(max(out.date for out in outs)),
            "retry": retry,
            "reason": reason,
        }
        for (processor, what, retry, reason), outs in alike.items()
    ]
    return ["Not retried:", table(rows)] if rows else []


# Preflights


def check_text(options: Options, report: Report) -> str:
    """Write a preflight report: a line per date, then blockers, warnings and notes."""
    in_season = [state for state in report.dates if state.day.index is not None]
    parts = [
        days_text(options, [state.day for state in report.dates]),
        *([table([_row(state) for state in in_season])] if in_season else []),
        *blocking_lines(report.blocks),
        *_lines("warning", report.warns),
        *map(str, report.tells),
        _result(report),
    ]
    return "\n".join(parts)


def blocking_lines(items: Sequence[Item]) -> list[str]:
    """Write the blockers, a line each."""
    return _lines("BLOCKER", items)


def warning_lines(report: Report | None, options: Options) -> list[str]:
    """Write the number of preflight warnings and the command that lists them."""
    if not (report and report.warns):
        return []
    n = len(report.warns)
    return [
        f"preflight: {n} warning{'s' * (n > 1)}; `{preflight.command(options)}` lists"
        f" {'them' if n > 1 else 'it'}"
    ]


def _lines(word: str, items: Sequence[Item]) -> list[str]:
    more = [f"and {len(items) - LIMIT} more; --json lists them all"] if len(items) > LIMIT else []
    return [*(f"{word}: {item}" for item in items[:LIMIT]), *more]


def days_text(options: Options, days: Sequence[Day]) -> str:
    """Write the number of dates of a range, by type."""
    types = Counter(day.type for day in days)
    games = len(days) - types[DateType.NO_GAMES]
    counted = ", ".join(f"{n} {kind}" for kind, n in types.items())
    between = f"{options.span}, {options.mode} mode"
    return (
        f"{between}: {len(days)} day{'s' * (len(days) != 1)}, {games} with games ({counted})"
        if days
        else between
    )


def _row(state: DateState) -> dict[str, Any]:
    day, found = state.day, {c.table: f"{c.rows}/{c.expected:.0f}" for c in state.coverage}
    return {
        "date": str(day.day),
        "type": str(day.type),
        "games": day.games,
        **{short: found.get(source, "-") for source, short in SHORT.items()},
        "output": " ".join(state.output) or "-",
        "not final": f"{state.not_final} game{'s' * (state.not_final != 1)}"
        if state.not_final
        else "",
    }


def _result(report: Report) -> str:
    counted = [
        f"{len(items)} {word}{'s' * (len(items) != 1)}"
        for items, word in ((report.blocks, "blocker"), (report.warns, "warning"))
        if items
    ]
    return ", ".join(["ready" if report.ready else "not ready", *counted])
