"""Diff of a job: counts by processor and date, then values, failures and entities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from backfill.documents.diff import COLUMNS, csv_row, job_diff_document
from backfill.errors import BackcourtError
from backfill.models import Job
from backfill.processors.registry import processor
from backfill.season_calendar import season_dates
from backfill.versions.job_diff import JobDiff, RunChanges, gone_sentence, job_diff
from backfill.versions.row_diff import MOST_ENTITIES, EntityDiff
from webapp.middleware.heavy_reads import heavy_read
from webapp.pages.job.figures import MOST_CELLS
from webapp.ui import links, season_grid, states
from webapp.ui.csv_export import as_csv
from webapp.ui.query_params import day, one_of
from webapp.ui.tables import page_size, paginate
from webapp.ui.typing import HtmxRequest

# Runs that each filter shows.
CHANGES: dict[str, Callable[[RunChanges], bool]] = {
    "changed": lambda run: bool(run.rows and run.rows.changed),
    "added": lambda run: bool(run.rows and run.rows.added),
    "removed": lambda run: bool(run.rows and run.rows.removed),
    "appeared": lambda run: bool(run.failures.added),
    "disappeared": lambda run: bool(run.failures.removed),
    "failures": lambda run: bool(run.failures.different),
    "unchanged": lambda run: run.rows is not None and not run.differs,
    "gone": lambda run: run.rows is None,
    "all": lambda run: True,
}
# Grid states by the largest share of changed rows that they have.
SHARES = ((0.0, "rows unchanged"), (0.01, "few rows changed"), (0.1, "some rows changed"))
MOST, GONE = "many rows changed", "version gone"


@dataclass(frozen=True, kw_only=True)
class DiffFilters:
    """Filters of a diff, from a query string."""

    processor: str
    date: date | None
    change: str
    column: str

    @classmethod
    def of(cls, query: QueryDict) -> DiffFilters:
        """Parse a query string. Raises Refused."""
        code = query.get("processor", "")
        return cls(
            processor=processor(code).code if code else "",
            date=day(query.get("date"), "date"),
            change=one_of(query.get("change", ""), "change", CHANGES),
            column=query.get("column", "")[:100],
        )

    def url(self, path: str, **other: object) -> str:
        """Return a path with these filters, changed by `other`."""
        own = {"processor": self.processor, "date": self.date, "change": self.change}
        return links.with_query(path, **{**own, **other})


@require_safe
def page(request: HtmxRequest, number: int) -> HttpResponse:
    """Render the diff of a job. Raises Refused."""
    found, filters = _found(request, number)
    here = reverse("job_diff", args=[number])
    differs = CHANGES[filters.change] if filters.change else lambda run: run.differs
    of_run = reverse("job_diff_values", args=[number])
    shown = [
        (run, links.with_query(of_run, processor=run.processor, date=run.date))
        for run in found.runs
        if differs(run)
    ]
    return render(
        request,
        "job/diff.html",
        {
            "job": found.job,
            "filters": filters,
            "changes": found.summary,
            "rows": paginate(shown, page_size(request.GET), request.GET.get("page")),
            "grid": _grid(found, here) if found.runs else None,
            "codes": found.job.options["processors"],
            "choices": list(CHANGES),
            "here": here,
            "urls": {name: filters.url(here, change=name) for name in CHANGES},
            "csv": filters.url(reverse("job_diff_file", args=[number, "csv"])),
            "json": filters.url(reverse("job_diff_file", args=[number, "json"])),
            "values_url": filters.url(reverse("job_diff_values", args=[number]), change=""),
        },
    )


@require_safe
def values(request: HtmxRequest, number: int) -> HttpResponse:
    """Render columns, failures and entities, which need warehouse queries. Raises Refused."""
    found, filters = _found(request, number)
    context: dict[str, Any] = {"job": found.job, "filters": filters}
    here = reverse("job_diff_values", args=[number])
    try:
        compared = found.compare(with_entities=True)
    except BackcourtError as error:
        context["unread"] = f"{type(error).__name__}: {error}"
    else:
        entities = [
            (entity, links.named("entity", entity.date, entity.processor, entity.entity))
            for entity in compared.entities
            if not filters.column or _has(entity, filters)
        ]
        context |= {
            "columns": [
                (
                    column,
                    links.named("entity", column.date, column.processor, column.entity),
                    filters.url(here, processor=column.processor, change="", column=column.column),
                )
                for column in compared.columns
            ],
            "failures": found.failures(compared.categories),
            "entities": paginate(entities, page_size(request.GET), request.GET.get("page")),
            "is_cut": len(compared.entities) >= MOST_ENTITIES and MOST_ENTITIES,
            "gone": gone_sentence(compared.gone),
            "here": here,
        }
    return render(
        request, "job/_diff_values.html" if request.htmx else "job/diff_values.html", context
    )


@require_safe
@heavy_read
def download(request: HtmxRequest, number: int, kind: str) -> HttpResponseBase:
    """Return the counts as CSV, or everything as one JSON document. Raises Refused."""
    found, _ = _found(request, number)
    if kind == "csv":
        return as_csv(f"job-{number}-diff", COLUMNS, map(csv_row, found.runs))
    document = job_diff_document(found, found.compare(with_entities=True))
    answer = JsonResponse(document, json_dumps_params={"indent": 1})
    answer["Content-Disposition"] = f'attachment; filename="job-{number}-diff.json"'
    return answer


def _found(request: HtmxRequest, number: int) -> tuple[JobDiff, DiffFilters]:
    filters = DiffFilters.of(request.GET)
    job = get_object_or_404(Job, pk=number)
    return job_diff(job, filters.processor, filters.date), filters


def _has(entity: EntityDiff, filters: DiffFilters) -> bool:
    return filters.column in entity.columns


def _grid(found: JobDiff, here: str) -> season_grid.RenderedGrid:
    """Return the runs as a grid; of a large job, those of its last season."""
    runs, of = found.runs, season_dates().year_of
    if len(runs) > MOST_CELLS:
        last = max(of(run.date) for run in runs)
        runs = tuple(run for run in runs if of(run.date) == last)
    by_key = {(run.processor, run.date): run for run in runs}
    codes = [
        code for code in found.job.options["processors"] if any(r.processor == code for r in runs)
    ]
    dates = sorted({run.date for run in runs})
    return season_grid.draw(
        dates, lambda code, on: _cell(code, on, by_key.get((code, on)), here), codes, name="diff"
    )


def _cell(code: str, on: date, run: RunChanges | None, here: str) -> season_grid.GridCell:
    state = _state(run)
    words = f"{code}, {on}: {states.of(state).label}"
    if run and run.rows:
        words += f"; {run.rows.different:,} of {run.rows.total:,} rows differ"
    url = (
        links.with_query(here, processor=code, date=on, change="all")
        if run
        else links.to_date(on, code)
    )
    return season_grid.GridCell(processor=code, date=on, state=state, title=words, url=url)


def _state(run: RunChanges | None) -> str:
    if run is None:
        return "not part"
    if run.rows is None:
        return GONE
    different = run.rows.different + run.failures.different
    share = different / max(1, run.rows.total + run.failures.total)
    return next((state for most, state in SHARES if share <= most), MOST)
