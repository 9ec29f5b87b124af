"""Diffs as text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from backfill.cli.tables import table
from backfill.versions.job_diff import JobDiff, RunChanges, gone_sentence
from backfill.versions.row_diff import ColumnDiff, RowDiff
from validation.findings.kinds import pluralize


def diff_text(found: JobDiff, values: RowDiff | None) -> str:
    """Write a job's diff: the runs that differ, with `values` also columns and failures."""
    if not found.runs:
        return f"job {found.job.pk} replaced nothing"
    summary = found.summary
    differing = [run for run in found.runs if run.differs]
    lines = [f"job {found.job.pk}: {summary.sentence}"]
    if summary.gone:
        lines.append(summary.gone_sentence)
    if differing:
        lines.append(table([_run(run) for run in differing]))
    if same := len(found.runs) - len(differing) - summary.gone:
        lines.append(f"{pluralize(same, 'run')} without a change")
    if values is not None:
        lines += _value_lines(found, values)
    return "\n".join(lines)


def versions_text(values: RowDiff) -> str:
    """Write the diff of two versions."""
    [counts] = values.dates
    rows = [{"": kind, **getattr(counts, kind)._asdict()} for kind in ("rows", "failures")]
    return "\n".join([f"{counts.processor} {counts.date}", table(rows), *_columns(values.columns)])


def _value_lines(found: JobDiff, values: RowDiff) -> list[str]:
    lines = _columns(values.columns)
    failures = [
        {
            "processor": one.processor,
            "date": str(one.date),
            "category": one.category,
            "change": one.change,
            "entities": one.entities,
            "result": one.result,
        }
        for one in found.failures(values.categories)
    ]
    if failures:
        lines += ["Failures:", table(failures)]
    return [*lines, *filter(None, [gone_sentence(values.gone)])]


def _run(run: RunChanges) -> dict[str, Any]:
    assert run.rows
    return {
        "date": str(run.date),
        "processor": run.processor,
        **run.rows._asdict(),
        "failures appeared": run.failures.added,
        "disappeared": run.failures.removed,
        "changed failures": run.failures.changed,
    }


def _columns(columns: Iterable[ColumnDiff]) -> list[str]:
    rows = [
        {
            "processor": one.processor,
            "column": one.label,
            "rows": one.rows,
            "min": _number(one.smallest),
            "median": _number(one.median),
            "max": _number(one.largest),
            "example": f"{one.date} {one.entity}: {_value(one.old)} → {_value(one.new)}",
        }
        for one in columns
    ]
    return ["Columns:", table(rows)] if rows else []


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def _value(text: str | None) -> str:
    return "NULL" if text is None else text
