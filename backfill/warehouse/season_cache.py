"""Values derived from a season's inputs, cached in this process, and in DATA_DIR for the next one,
until one of their tables is reloaded.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import partial
from threading import Lock
from typing import Any, TypeVar, cast

from django.conf import settings

from backfill.errors import WarehouseBusy
from backfill.warehouse import warehouse
from backfill.warehouse.kept_values import keep, read_kept
from backfill.warehouse.schema import Table

T = TypeVar("T")
MAX_READS = 20
# A season's values are some twenty megabytes. The panel reads many seasons in any order; a worker
# goes through them one after the other.
MOST_SEASONS, MOST_SEASONS_OF_A_WORKER = 10, 2
EVERY_SEASON = 0

Place = tuple[str, int]
Stamps = tuple[str, ...]
# By warehouse and season, the least recently used first: stamps and value by name.
_kept: OrderedDict[Place, dict[str, tuple[Stamps, Any]]] = OrderedDict()
_limit = {"seasons": MOST_SEASONS}
_lock = Lock()


def limit_seasons(most: int) -> None:
    """Keep the values of this many seasons in this process."""
    _limit["seasons"] = most


def cached_for_season(
    name: str, year: int, tables: Iterable[Table], make: Callable[[], T], *, in_memory: bool = False
) -> T:
    """Return the value of this name for a season; recomputed when one of these tables has changed.

    With `in_memory` it is not kept for the next process: of a name with dates there are many.
    """
    stamps = partial(stamps_of, year, tuple(tables))
    return _remembered(name, year, stamps, make, in_memory=in_memory)


def cached_for_all_seasons(name: str, tables: Iterable[Table], make: Callable[[], T]) -> T:
    """Return the value of this name for all loaded seasons; recomputed when one is loaded, changed
    or removed.
    """
    read = tuple(tables)

    def stamps() -> Stamps:
        found = sorted(
            (str(table), year, warehouse().stamp(table, year))
            for table in read
            for year in warehouse().seasons(table)
        )
        return tuple(f"{name} {year} {stamp}" for name, year, stamp in found)

    return _remembered(name, EVERY_SEASON, stamps, make)


def stamps_of(year: int, tables: Iterable[Table]) -> Stamps:
    """Return the stamps of these tables of a season."""
    return tuple(warehouse().stamp(table, year) for table in tables)


def of_one_version(years: Iterable[int], make: Callable[[], T]) -> T:
    """Return a value made of several reads, repeated if one of these seasons is loaded during them.
    Raises WarehouseBusy.
    """
    read = tuple(years)
    return _stamped(lambda: tuple(map(warehouse().season_version, read)), make)[1]


def _stamped(stamps: Callable[[], Stamps], make: Callable[[], T]) -> tuple[Stamps, T]:
    for _ in range(MAX_READS):
        before, value = stamps(), make()
        if stamps() == before:
            return before, value
    raise WarehouseBusy(f"seasons were loaded {MAX_READS} times during the read")


def _remembered(
    name: str,
    year: int,
    stamps: Callable[[], Stamps],
    make: Callable[[], T],
    *,
    in_memory: bool = False,
) -> T:
    place = settings.WAREHOUSE_URL, year
    with _lock:
        found = _kept.get(place, {}).get(name)
    if not found or found[0] != stamps():
        read = _stamped if in_memory else partial(_read_or_made, (year, name))
        found = read(stamps, make)
    with _lock:
        _kept.setdefault(place, {})[name] = found
        _kept.move_to_end(place)
        while len(_seasons()) > _limit["seasons"]:
            del _kept[_seasons()[0]]
    return cast("T", found[1])


def _read_or_made(
    place: tuple[int, str], stamps: Callable[[], Stamps], make: Callable[[], T]
) -> tuple[Stamps, T]:
    now = stamps()
    if kept := read_kept(place, now):
        return now, kept[0]
    found = _stamped(stamps, make)
    keep(place, *found)
    return found


def _seasons() -> list[Place]:
    """Return the kept seasons without the values of all seasons together, oldest first."""
    return [place for place in _kept if place[1] != EVERY_SEASON]
