"""Diffs: rows and failures of a job against those that they replaced, and of any two versions."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import ConfigDict

from backfill.documents.diff import job_diff_document, versions_document
from backfill.errors import Refused
from backfill.processors.registry import processor as processor_of
from backfill.versions.job_diff import job_diff
from backfill.versions.row_diff import Pair, compare
from webapp.api.body import Day
from webapp.api.jobs import job_of

router = Router(tags=["diffs"])
Document = dict[str, Any]
DESCRIPTIONS = {
    "added": "only in the new version",
    "removed": "only in the old version",
    "changed": "in both versions, with different content",
    "unchanged": "equal in both versions",
    "job": "number of the job",
    "summary": "counts of all runs together",
    "runs": "runs that replaced a version",
    "run": "number of the run",
    "gone": "runs whose versions are gone",
    "rows": "rows",
    "failures": "failures",
    "failure_counts": "failures by change",
    "sentence": "counts in words",
    "note": "runs that are not counted, in words",
    "processor": "code of the processor",
    "date": "date analyzed",
    "column": "name of the column, or of an element of an array",
    "columns": "columns with changed values",
    "smallest": "smallest absolute difference; null for texts",
    "median": "median of the absolute differences; null for texts",
    "largest": "largest absolute difference; null for texts",
    "entity": "player or team",
    "entities": "entities",
    "old": "old value, as text",
    "new": "new value, as text",
    "category": "failure category",
    "appeared": "entities whose failure appeared",
    "disappeared": "entities whose failure disappeared",
    "change": "added, removed or changed; of a category, appeared or disappeared",
    "result": "expected, unexpected, bug or not audited",
    "kind": "row or failure",
    "old_category": "category of the old failure",
    "new_category": "category of the new failure",
    "old_reason": "reason of the old failure",
    "new_reason": "reason of the new failure",
}


def _describe(schema: dict[str, Any]) -> None:
    for name, field in schema["properties"].items():
        field["description"] = DESCRIPTIONS[name]


class Described(Schema):
    """Answer whose fields have the same meaning everywhere."""

    model_config = ConfigDict(json_schema_extra=_describe)


class CountsOut(Described):
    """Rows or failures by change."""

    added: int
    removed: int
    changed: int
    unchanged: int


class SummaryOut(Described):
    """Counts of all runs that replaced a version."""

    runs: int
    gone: int
    rows: CountsOut
    failures: CountsOut
    sentence: str
    note: str


class RunOut(Described):
    """Counts of a run; null if its replaced version was gone."""

    run: int
    processor: str
    date: date
    rows: CountsOut | None
    failures: CountsOut | None


class ColumnOut(Described):
    """Changed values of a column or array element, with absolute differences of numbers and the
    value with the largest one.
    """

    processor: str
    column: str
    rows: int
    smallest: float | None
    median: float | None
    largest: float | None
    date: date
    entity: str
    old: str | None
    new: str | None


class CategoryOut(Described):
    """Entities of a date whose failure of a category appeared or disappeared."""

    processor: str
    date: date
    category: str
    appeared: int
    disappeared: int


class FailureOut(Described):
    """Entities whose failure of a category appeared or disappeared, with the result of the audit."""

    processor: str
    date: date
    category: str
    change: str
    entities: int
    result: str


class EntityOut(Described):
    """Entity whose row or failure differs; `columns` are the names of its changed columns."""

    processor: str
    date: date
    entity: str
    kind: str
    change: str
    columns: list[str]
    old_category: str
    new_category: str
    old_reason: str
    new_reason: str


class PlaceOut(Described):
    """Processor and date."""

    processor: str
    date: date


class JobDiffOut(Described):
    """Diff of a job; the lists after `runs` are null without `columns`."""

    job: int
    summary: SummaryOut
    runs: list[RunOut]
    columns: list[ColumnOut] | None
    failures: list[FailureOut] | None
    entities: list[EntityOut] | None
    gone: list[PlaceOut] | None


class VersionsDiffOut(Described):
    """Diff of two versions of a processor and date."""

    processor: str
    date: date
    rows: CountsOut
    failure_counts: CountsOut
    columns: list[ColumnOut]
    failures: list[CategoryOut]
    entities: list[EntityOut]


@router.get("/jobs/{number}/diff", response=JobDiffOut, summary="Get the diff of a job")
def diff(
    request: HttpRequest,
    number: int,
    processor: str = "",
    date: Day | None = None,
    columns: bool = False,
) -> Document:
    """Return the rows that a job added, removed and changed, of one processor or date if given;
    with `columns` also its changed values per column, failures by category, and entities (up to 5,000 per processor).
    """
    code = processor_of(processor).code if processor else ""
    found = job_diff(job_of(number), code, date)
    return job_diff_document(found, found.compare(with_entities=True) if columns else None)


@router.get("/versions/diff", response=VersionsDiffOut, summary="Compare two versions")
def versions(
    request: HttpRequest, processor: str, date: Day, old: int, new: int | None = None
) -> Document:
    """Return the diff of two versions of a processor on a date, by their tokens; without `new`, of
    `old` and the live partition.
    """
    pair = Pair(processor_of(processor).code, date, old, new)
    values = compare([pair], with_entities=True)
    if values.gone:
        raise Refused(f"{pair.processor} on {date} has no such versions")
    return versions_document(values)
