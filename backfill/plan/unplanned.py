"""Dates that the schedule does not plan, or no longer: pending runs and stored rows on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import date

from backfill.models import Key
from backfill.processors.registry import PROCESSORS
from backfill.statements import render
from backfill.warehouse import warehouse
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
        broken = damaged(p.output, "", days) | damaged(FAILURES, p.name, days)
        for day in broken:
            found[p.code, day] += 1
        whole |= look(p.output, "", days) | look(FAILURES, p.name, days)
    if readable := sorted(whole - {day for _, day in found}):
        rows = warehouse().query(
            render("rows-by-date", processors=tuple(named)), {"dates": readable}
        )
        for row in rows:
            found[row["processor"], row["d"]] += row["n"]
    return dict(sorted(found.items(), key=lambda item: (item[0][1], item[0][0])))
