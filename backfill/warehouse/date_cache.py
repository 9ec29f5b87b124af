"""Values derived from the partitions of single dates, cached in this process until a partition of
their date changes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from threading import Lock
from typing import Any, TypeVar

from django.conf import settings

from backfill.warehouse import warehouse
from backfill.warehouse.schema import Table

T = TypeVar("T")
Stamps = tuple[str, ...]
MOST_DATES = 5_000  # of all names together; some kilobytes each
# By warehouse, name and date, the least recently used first.
_kept: OrderedDict[tuple[str, str, date], tuple[Stamps, Any]] = OrderedDict()
_lock = Lock()


def cached_by_date(
    name: str,
    tables: Iterable[Table],
    dates: Collection[date],
    make: Callable[[Sequence[date]], Mapping[date, T]],
) -> dict[date, T]:
    """Return the value of this name for each date. `make` returns those of the dates whose
    partitions in these tables have changed, all of them.
    """
    read, days = tuple(tables), sorted(dates)
    before, place = _stamps(read, days), (settings.WAREHOUSE_URL, name)
    with _lock:
        kept = {day: _kept.get((*place, day)) for day in days}
    known = {day: found[1] for day, found in kept.items() if found and found[0] == before[day]}
    changed = [day for day in days if day not in known]
    made = make(changed) if changed else {}
    after = _stamps(read, changed)
    with _lock:
        for day in days:
            if day in known or after[day] == before[day]:
                _kept[(*place, day)] = before[day], (known if day in known else made)[day]
                _kept.move_to_end((*place, day))
        while len(_kept) > MOST_DATES:
            _kept.popitem(last=False)
    return {day: (known if day in known else made)[day] for day in days}


def _stamps(tables: Sequence[Table], days: Sequence[date]) -> dict[date, Stamps]:
    found = [warehouse().partition_stamps(table, days) for table in tables]
    return {day: tuple(stamps[day] for stamps in found) for day in days}
