"""Search over the runs of all jobs, by page or as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import F, Max, Min, Q
from django.db.models.functions import Coalesce

from backfill.models import Run, RunQuerySet
from backfill.processors.registry import CHAIN
from backfill.processors.render import sql_hash
from backfill.season_calendar import season_dates

FAR = 20_000  # rows; use a filter to reach older runs
CHUNK = 2000
SECONDS = Coalesce(F("query_seconds"), 0.0) + Coalesce(F("write_seconds"), 0.0)
# A leading minus reverses the order. Ties are broken by run number.
ORDERS: dict[str, Any] = {
    "run": F("pk"),
    "date": F("date"),
    "processor": F("processor"),
    "state": F("status"),
    "rows": Coalesce(F("rows"), -1),
    "seconds": SECONDS,
    "job": F("job_id"),
}
NEWEST_FIRST = "-run"
# Columns that lists do not show.
DEFERRED = ("checks", "claim", "input_signature", "worker")


@dataclass(frozen=True, kw_only=True)
class Search:
    """Search filters; empty ones do not filter. `older` selects stale runs: made by older SQL."""

    processor: str = ""
    state: str = ""
    season: int | None = None
    day: date | None = None
    start: date | None = None
    end: date | None = None
    job: int | None = None
    code: str = ""
    text: str = ""
    run_id: str = ""
    older: bool = False

    def runs(self) -> RunQuerySet:
        """Return the matching runs, unordered."""
        found = older_than_code() if self.older else Run.objects.all()
        exact = {
            "processor": self.processor,
            "status": self.state,
            "date": self.day,
            "job": self.job,
            "code_version": self.code,
        }
        found = found.filter(**{name: value for name, value in exact.items() if value})
        if self.season is not None:
            found = found.filter(date__range=season_dates().bounds(self.season))
        bounds = {
            "date__gte": self.start,
            "date__lte": self.end,
            "run_id__istartswith": self.run_id,
        }
        found = found.filter(**{name: value for name, value in bounds.items() if value})
        if self.text:
            found = found.filter(Q(reason__icontains=self.text) | Q(error__icontains=self.text))
        return found

    def page(self, order: str, number: int, size: int) -> tuple[list[Run], bool]:
        """Return one page of runs, the first is 1, and True if another page follows. Does not
        count all runs.
        """
        first = (number - 1) * size
        runs = self._ordered(order).select_related("job").defer(*DEFERRED)
        found = list(runs[first : first + size + 1])
        return found[:size], len(found) > size

    def all(self, order: str) -> Iterator[Run]:
        """Stream all matching runs."""
        return self._ordered(order).in_chunks(CHUNK)

    def _ordered(self, order: str) -> RunQuerySet:
        by = ORDERS[order.removeprefix("-")]
        turned = order.startswith("-")
        return self.runs().order_by(by.desc() if turned else by.asc(), "-pk" if turned else "pk")

    def reach(self) -> tuple[date, date, tuple[str, ...]] | None:
        """Return the first and last date of the runs, and their processors; None without runs."""
        ends = self.runs().aggregate(first=Min("date"), last=Max("date"))
        codes = set(self.runs().order_by().values_list("processor", flat=True).distinct())
        return (
            (ends["first"], ends["last"], tuple(c for c in CHAIN if c in codes))
            if ends["first"]
            else None
        )


def older_than_code() -> RunQuerySet:
    """Return latest decisive runs that are complete and stale: made by older SQL of their
    processor.
    """
    other = reduce(
        or_, (Q(processor=code) & ~Q(sql_hash__in=["", sql_hash(code)]) for code in CHAIN)
    )
    latest = (
        Run.objects.newest_decisive(date.min, date.max)
        .filter(status=Run.Status.COMPLETE)
        .values("pk")
    )
    return Run.objects.filter(pk__in=latest).filter(other)


def code_versions() -> list[str]:
    """Return the code versions of all runs, newest first."""
    found = (
        Run.objects.exclude(code_version="")
        .values("code_version")
        .annotate(newest=Max("pk"))
        .order_by("-newest")
    )
    return [row["code_version"] for row in found]
