"""Dates that the schedule does not plan, or no longer: pending runs and stored rows on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date

from backfill.errors import CorruptPartition
from backfill.models import Key
from backfill.processors.registry import PROCESSORS, Processor
from backfill.statements import render
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.tables import FAILURES
from validation.season import Calendar, dates_between


def is_unplanned(calendar: Calendar, day: date, *, live: bool) -> bool:
    """Return True for a date of a loaded season that is not a processing date."""
    found = calendar.day(day, live=live)
    return found.season in calendar.starts and not found.is_processing


def of_season(calendar: Calendar, year: int) -> list[date]:
    """Return the dates of a loaded season without a game, played or to come."""
    days = dates_between(*calendar.seasons.bounds(year))
    return [day for day in days if is_unplanned(calendar, day, live=True)]


def rows_on(days: Collection[date], codes: Collection[str] = ()) -> dict[Key, int]:
    """Return the (processor, date) of these dates that have rows or failures, with their number; of
    all processors if none is named. A damaged file counts as one row. Raises WarehouseError.
    """
    named = [PROCESSORS[code] for code in codes or PROCESSORS]
    look, damaged = warehouse().partitions, warehouse().damaged
    found: Counter[Key] = Counter()
    whole: set[date] = set()
    for p in named:
        there = look(p.output, "", days)
        broken = damaged(p.output, "", days) | damaged(FAILURES, p.name, there)
        for day in broken:
            found[p.code, day] += 1
        whole |= there
    readable = sorted(whole - {day for _, day in found})
    for row in _counted(named, readable):
        found[row["processor"], row["d"]] += row["n"]
    for code, day in ((p.code, day) for p in named for day in whole - {*readable}):
        found[code, day] += (code, day) not in found
    return dict(sorted((item for item in found.items() if item[1]), key=lambda i: i[0][::-1]))


def _counted(named: Sequence[Processor], days: list[date]) -> list[Row]:
    """Count rows and failures per date; remove the dates that cannot be read from `days`."""
    while days:
        try:
            return warehouse().query(render("rows-by-date", processors=(*named,)), {"dates": days})
        except CorruptPartition as error:
            if (day := date.fromisoformat(error.detail.get("date", ""))) not in days:
                raise
            days.remove(day)
    return []
