"""The list of runs as the page shows it: its filters and columns read from the query string, and
links to its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.urls import reverse

from backfill.errors import Refused
from backfill.models import Run
from backfill.processors.registry import CHAIN, processor
from backfill.season_calendar import load_calendar, season_name
from backfill.status.run_search import FAR, NEWEST_FIRST, ORDERS, Search, code_versions
from validation.season import season_year
from webapp.ui import links
from webapp.ui.query_params import Choice, day, one_of, reversed_dates, whole, year

# Heading, name of its order, whether it is a number.
COLUMNS = (
    ("Run", "run", False),
    ("Processor", "processor", False),
    ("Date", "date", False),
    ("State", "state", False),
    ("Population", "", True),
    ("Rows", "rows", True),
    ("Failures", "", True),
    ("Query", "seconds", True),
    ("Write", "", True),
    ("Ended (UTC)", "", False),
    ("Job", "job", False),
    ("Code", "", False),
    ("Why", "", False),
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


@dataclass(frozen=True)
class Column:
    """A heading. `url` sorts by it, or turns the order round; `sorted` is what aria-sort says."""

    words: str
    url: str
    sorted: str
    is_number: bool


def search_of(query: QueryDict) -> Search:
    """What a query string asks for. Raises Refused with the filter that is wrong."""
    state = one_of(query.get("state", ""), "state of a run", Run.Status.values)
    named, start, end = (
        query.get("processor", ""),
        day(query.get("start"), "start"),
        day(query.get("end"), "end"),
    )
    if said := reversed_dates(start, end):
        raise Refused(said)
    return Search(
        processor(named).code if named else "",
        state,
        year(query.get("season")),
        day(query.get("date"), "date"),
        start,
        end,
        _number(query, "job"),
        query.get("code", ""),
        query.get("text", "").strip(),
        query.get("run_id", "").strip(),
        query.get("older") == "1",
    )


def order_of(query: QueryDict) -> str:
    """By what a query string sorts. Raises Refused."""
    order = query.get("sort") or NEWEST_FIRST
    if order.removeprefix("-") not in ORDERS:
        raise Refused(f"runs are sorted by {', '.join(ORDERS)}, not by {order!r}")
    return order


def context(query: QueryDict) -> dict[str, Any]:
    """One page of the runs that a query string asks for. Raises Refused."""
    search, order, number = search_of(query), order_of(query), whole(query.get("page"), "page", 1)
    if not 1 <= number <= FAR:
        raise Refused(
            f"there are pages 1 to {FAR}, not {number}; filter by season, date or job instead"
        )
    found, is_more = search.page(order, number)
    return {
        "runs": found,
        "search": search,
        "columns": list(_columns(query, order)),
        "number": number,
        "newer": _page(query, number - 1) if number > 1 else "",
        "older": _page(query, number + 1) if is_more else "",
        "first": (number - 1) * 100 + 1,
        "attempts": search.attempts() if search.is_one else [],
        "csv": f"{reverse('runs_csv')}?{_without(query, 'page').urlencode()}",
        "outdated": outdated(search),
        **_choices(),
    }


def outdated(search: Search) -> str:
    """The form that backfills what older code made among these; empty unless that is what is
    listed.
    """
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


def _without(query: QueryDict, *names: str) -> QueryDict:
    left = query.copy()
    for name in (*names, *(name for name, value in query.items() if not value)):
        left.pop(name, None)
    return left


def _page(query: QueryDict, number: int) -> str:
    left = _without(query, "page")
    left["page"] = str(number)
    return f"{reverse('runs')}?{left.urlencode()}"


def _columns(query: QueryDict, order: str) -> Iterator[Column]:
    for words, name, is_number in COLUMNS:
        turned = f"-{name}" if order == name else name
        asked = _without(query, "page", "sort")
        asked["sort"] = (
            turned
            if order.removeprefix("-") == name
            else f"-{name}"
            if name in ("run", "seconds", "rows")
            else name
        )
        direction = (
            ""
            if order.removeprefix("-") != name
            else "descending"
            if order.startswith("-")
            else "ascending"
        )
        yield Column(
            words,
            f"{reverse('runs')}?{asked.urlencode()}" if name else "",
            direction if name else "",
            is_number,
        )


def file_name(search: Search) -> str:
    """What a download is called."""
    year = search.season or (search.day and season_year(search.day))
    return "-".join(
        str(part) for part in ("runs", search.processor, year, search.day, search.state) if part
    )


def csv_rows(search: Search, order: str) -> Iterator[tuple[Any, ...]]:
    """Every run that is asked for, as the row of a file."""
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
