"""Runs page: filters, columns, actions of a row, and CSV download."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from backfill.errors import Refused
from backfill.models import Job, Run
from backfill.processors.registry import CHAIN, processor
from backfill.season_calendar import load_calendar, season_name, season_year
from backfill.status.failures import failures_with
from backfill.status.run.retry import retry_reasons
from backfill.status.run_search import FAR, NEWEST_FIRST, ORDERS, Search, code_versions
from webapp.live.middleware import is_poll
from webapp.middleware.heavy_reads import heavy_read
from webapp.models import User
from webapp.pages.job.buttons import RowAction
from webapp.ui import links
from webapp.ui.csv_export import as_csv
from webapp.ui.query_params import Choice, day, one_of, reversed_dates, whole, year
from webapp.ui.tables import ListColumn, Pager, page_size, parse_order
from webapp.ui.typing import HtmxRequest

COLUMNS = (
    ListColumn(heading="Run", order="run", descending_first=True),
    ListColumn(heading="Processor", order="processor"),
    ListColumn(heading="Date", order="date"),
    ListColumn(heading="State", order="state"),
    ListColumn(
        heading="Rows",
        hint="rows, of the population",
        order="rows",
        numeric=True,
        descending_first=True,
    ),
    "#Failures",
    ListColumn(
        heading="Query", hint="query duration", order="seconds", numeric=True, descending_first=True
    ),
    "Finished",
    ListColumn(heading="Job", order="job"),
    "-Action",
)
CSV = (
    "run_id",
    "job",
    "processor",
    "date",
    "state",
    "population",
    "rows",
    "failures",
    "query_seconds",
    "write_seconds",
    "started_at",
    "finished_at",
    "code_version",
    "sql_hash",
    "error",
    "why",
)


@require_safe
def page(request: HtmxRequest) -> HttpResponse:
    search, order, number = search_of(request.GET), order_of(request.GET), page_of(request.GET)
    size = page_size(request.GET)

    def content() -> dict[str, Any]:
        return {
            **context(search, order, number, size, request.user),
            **({} if is_poll(request) else _choices()),
        }

    return render(request, "runs/page.html", {"search": search, "shared_context": content})


@require_safe
@heavy_read
def download(request: HtmxRequest) -> StreamingHttpResponse:
    """Stream all matching runs as CSV. Raises Refused."""
    search, order = search_of(request.GET), order_of(request.GET)
    return as_csv(file_name(search), CSV, csv_rows(search, order))


def search_of(query: QueryDict) -> Search:
    """Return the filters of a query string. Raises Refused, naming the invalid filter."""
    state = one_of(query.get("state", ""), "run state", Run.Status.values)
    code = query.get("processor", "")
    start, end = day(query.get("start"), "start"), day(query.get("end"), "end")
    if error := reversed_dates(start, end):
        raise Refused(error)
    return Search(
        processor=processor(code).code if code else "",
        state=state,
        season=year(query.get("season")),
        day=day(query.get("date"), "date"),
        start=start,
        end=end,
        job=_number(query, "job"),
        code=query.get("code", ""),
        text=query.get("text", "").strip(),
        run_id=query.get("run_id", "").strip(),
        older=query.get("older") == "1",
    )


def order_of(query: QueryDict) -> str:
    """Return the order of a query string. Raises Refused."""
    return parse_order(query, ORDERS, "runs", NEWEST_FIRST)


def page_of(query: QueryDict) -> int:
    """Return the page number of a query string. Raises Refused."""
    number = whole(query.get("page"), "page", 1)
    last = FAR // page_size(query)
    if not 1 <= number <= last:
        raise Refused(
            f"page takes 1 to {last}, not {number}; filter by season, date or job instead"
        )
    return number


def context(search: Search, order: str, number: int, size: int, user: User) -> dict[str, Any]:
    """Return a page of the runs that match a search, each with its action."""
    runs, is_more = search.page(order, number, size)
    return {
        "rows": list(zip(runs, actions(runs, user), strict=True)),
        "columns": COLUMNS,
        "order": order,
        "pager": Pager.at(number, size, len(runs), None, more=is_more),
        "backfill_stale": backfill_stale_url(search),
    }


def actions(runs: Sequence[Run], user: User) -> list[RowAction | None]:
    """Return the action of each run: cancel its active job, or retry it if that fixes something.

    Reads the warehouse only for failed runs that no later run has replaced.
    """
    broken = [r for r in runs if failures_with(r) and r.job.status in Job.ENDED]
    reasons: dict[int, str] = retry_reasons(broken) if user.may_operate else {}
    return [_action(run, reasons, user) for run in runs]


def _action(run: Run, reasons: Mapping[int, str], user: User) -> RowAction | None:
    if not user.may_operate:
        return None
    if run.status in Run.ACTIVE and run.job.status not in Job.ENDED:
        url = reverse("job_cancel", args=[run.job_id])
        return RowAction(label=f"Cancel job {run.job_id}", url=url, dialog=True)
    if run.pk not in reasons:
        return None
    url = links.to_retry(run.job_id, processor=run.processor, start=run.date, end=run.date)
    return RowAction(label="Retry", url=url, disabled_reason=reasons[run.pk])


def backfill_stale_url(search: Search) -> str:
    """Return the URL of a backfill of the listed stale runs; empty for any other list."""
    reach = search.reach() if search.older else None
    return links.to_new(*reach, what="outdated") if reach else ""


def _choices() -> dict[str, Any]:
    years = sorted(load_calendar().starts, reverse=True)
    return {
        "processors": CHAIN, "states": Run.Status.values, "versions": code_versions(),
        "seasons": [Choice(season_name(year), str(year)) for year in years],
    }  # fmt: skip


def _number(query: QueryDict, name: str) -> int | None:
    return whole(query.get(name), name, 0) or None


def file_name(search: Search) -> str:
    """Return the name of the CSV file, without extension."""
    year = search.season or (search.day and season_year(search.day))
    return "-".join(
        str(part) for part in ("runs", search.processor, year, search.day, search.state) if part
    )


def csv_rows(search: Search, order: str) -> Iterator[tuple[Any, ...]]:
    """Yield every matching run as a CSV row."""
    for run in search.all(order):
        failures = "; ".join(f"{name} {n}" for name, n in sorted(run.failures.items()))
        yield (
            run.run_id,
            run.job_id,
            run.processor,
            run.date,
            run.status,
            run.population,
            run.rows,
            failures,
            run.query_seconds,
            run.write_seconds,
            run.started_at,
            run.finished_at,
            run.code_version,
            run.sql_hash,
            run.error,
            run.reason,
        )
