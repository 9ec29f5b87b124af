"""A diff as a JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backfill.versions.job_diff import FailureChange, JobDiff, RunChanges
from backfill.versions.row_diff import ColumnDiff, DateDiff, EntityDiff, RowDiff

Document = dict[str, Any]
# Columns of the CSV file.
COLUMNS = (
    "run",
    "processor",
    "date",
    "rows_added",
    "rows_removed",
    "rows_changed",
    "rows_unchanged",
    "failures_added",
    "failures_removed",
    "failures_changed",
    "failures_unchanged",
)


def job_diff_document(found: JobDiff, values: RowDiff | None = None) -> Document:
    """Return the counts of a job's diff; with the values of its rows, also these: columns, failures
    by category, and runs whose versions are gone.
    """
    summary = found.summary
    document = {
        "job": found.job.pk,
        "summary": {**summary.as_json(), "note": summary.gone_sentence},
        "runs": [_run(run) for run in found.runs],
        "columns": None,
        "failures": None,
        "entities": None,
        "gone": None,
    }
    return (
        document
        if values is None
        else document | _values(values, found.failures(values.categories))
    )


def versions_document(values: RowDiff) -> Document:
    """Return the diff of two versions."""
    [counts] = values.dates
    return {
        "processor": counts.processor,
        "date": counts.date,
        **_counts(counts),
        "columns": [_column(column) for column in values.columns],
        "failures": [one._asdict() for one in values.categories],
        "entities": [_entity(entity) for entity in values.entities],
    }


def csv_row(run: RunChanges) -> list[Any]:
    """Return a run as a row of COLUMNS; counts are empty if the replaced version was gone."""
    counts = [*run.rows, *run.failures] if run.rows else [None] * 8
    return [run.pk, run.processor, run.date, *counts]


def _values(values: RowDiff, failures: Sequence[FailureChange]) -> Document:
    return {
        "columns": [_column(column) for column in values.columns],
        "failures": [one._asdict() for one in failures],
        "entities": [_entity(entity) for entity in values.entities],
        "gone": [{"processor": pair.processor, "date": pair.date} for pair in values.gone],
    }


def _run(run: RunChanges) -> Document:
    return {
        "run": run.pk,
        "processor": run.processor,
        "date": run.date,
        "rows": run.rows and run.rows._asdict(),
        "failures": run.failures._asdict() if run.rows else None,
    }


def _counts(counts: DateDiff) -> Document:
    return {"rows": counts.rows._asdict(), "failure_counts": counts.failures._asdict()}


def _column(column: ColumnDiff) -> Document:
    return {
        "processor": column.processor,
        "column": column.label,
        "rows": column.rows,
        "smallest": column.smallest,
        "median": column.median,
        "largest": column.largest,
        "date": column.date,
        "entity": column.entity,
        "old": column.old,
        "new": column.new,
    }


def _entity(entity: EntityDiff) -> Document:
    return entity._asdict()
