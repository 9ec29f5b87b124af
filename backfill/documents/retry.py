"""Retries and comparisons as documents and as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from backfill.cli.tables import table
from backfill.documents.preflight import blocking_lines, report_document, warning_lines
from backfill.jobs.retry import LeftOut, RetryPlan
from backfill.status.comparison import JobComparison

MOST_GROUPS = 20


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {what}" for what, n in counts.items()) or "nothing"


# Retries


def retry_document(found: RetryPlan) -> dict[str, Any]:
    """What a retry would run and leave out, as one document."""
    planned = found.plan
    return {
        "retry_of": found.job,
        "options": planned.options.as_json(),
        "batch_size": planned.batch_size,
        "batches": planned.batches,
        "preflight": report_document(found.report),
        "runs": [
            {
                "processor": r.processor,
                "date": r.date,
                "action": r.action,
                "reason": r.reason,
                "batch": r.batch,
            }
            for r in planned.todo
        ],
        "left_out": [_left_out_document(out) for out in found.left_out],
    }


def _left_out_document(out: LeftOut) -> dict[str, Any]:
    return {name: value for name, value in asdict(out).items() if name != "because"}


def retry_text(found: RetryPlan) -> str:
    """What a retry would run, each with its reason, and what it would leave out, for a person."""
    todo = found.plan.todo
    rows = [{"processor": r.processor, "date": str(r.date), "because": r.reason} for r in todo]
    told = [*blocking_lines(found.report.blocks), *warning_lines(found.report, found.plan.options)]
    head = f"retry of job {found.job}: {len(todo)} runs in {found.plan.batches} batches of up to {found.plan.batch_size} dates"
    return "\n".join(
        [head, *told, *([table(rows)] if rows else []), *_left_out_lines(found.left_out)]
    )


def _left_out_lines(left_out: Sequence[LeftOut]) -> list[str]:
    """What is left out, alike ones together."""
    alike: dict[tuple[str, str, str, str], list[LeftOut]] = {}
    for out in left_out:
        alike.setdefault((out.processor, out.what, out.retry, out.reason), []).append(out)
    rows = [
        {
            "processor": processor,
            "what": what,
            "dates": len(outs),
            "entities": sum(out.entities for out in outs),
            "first": str(min(out.date for out in outs)),
            "last": str(max(out.date for out in outs)),
            "retry": retry,
            "because": reason,
        }
        for (processor, what, retry, reason), outs in alike.items()
    ]
    return ["Left out:", table(rows)] if rows else []


def retried_lines(summary: dict[str, Any]) -> list[str]:
    """What a retry made of the job that it retried, in one line; none for any other job."""
    if not (found := summary["retried"]):
        return []
    kinds = "; ".join(f"{kind}: {_counted(found[kind])}" for kind in ("healed", "remaining", "new"))
    return [f"retry of job {summary['retry_of']}: {kinds}"]


def group_lines(summary: dict[str, Any]) -> list[str]:
    """The error groups with the names by which `retry` knows them."""
    if not (groups := summary["groups"]):
        return []
    columns = ("id", "processor", "what", "count", "dates", "first", "last", "sample")
    rows = [
        {name: str(g[name]) if name in ("first", "last") else g[name] for name in columns}
        | {"who": ", ".join(g["entities"]) or "-"}
        for g in groups[:MOST_GROUPS]
    ]
    more = [f"and {len(groups) - MOST_GROUPS} more"] if len(groups) > MOST_GROUPS else []
    return [f"Error groups (`manage.py retry {summary['job']} --group ID`):", table(rows), *more]


# Comparisons


def comparison_text(found: JobComparison) -> str:
    """Two jobs side by side, for a person."""
    rows = [{"what": what, **counts} for what, counts in found.totals().items()]
    apart = [
        f"{len(keys)} runs {where}"
        for keys, where in (
            (found.only_before, f"only in job {found.before}"),
            (found.only_after, f"only in job {found.after}"),
            (found.undecided, "not run to an end in both"),
        )
        if keys
    ]
    head = f"job {found.before} against job {found.after}: {found.compared} runs in both"
    return "\n".join(
        [
            ", ".join([head, *apart]),
            table(rows) if rows else "nothing failed in either",
            *_new_lines(found),
        ]
    )


def _new_lines(found: JobComparison) -> list[str]:
    new = [c for c in found.changes if c.new]
    shown = [f"  - {c.processor} {c.date}: {c.new:,} {c.what}" for c in new[:10]]
    more = [f"  - and {len(new) - 10} more"] if len(new) > 10 else []
    return ["New:", *shown, *more] if new else []
