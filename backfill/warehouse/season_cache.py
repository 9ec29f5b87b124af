"""What this process has made of a season's inputs, kept until one of their tables is loaded again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any, TypeVar, cast

from django.conf import settings

from backfill.warehouse import warehouse
from backfill.warehouse.schema import Table

T = TypeVar("T")
# A dozen seasons' worth, of some two megabytes each: a process that goes through many must not keep
# them all.
MOST = 120
EVERY_SEASON = 0

_kept: OrderedDict[tuple[str, str, int], tuple[tuple[str, ...], Any]] = OrderedDict()
_lock = Lock()


def cached_for_season(name: str, year: int, tables: Iterable[Table], make: Callable[[], T]) -> T:
    """The value of this name for a season, made of these tables; made anew when one of them has
    changed.
    """
    return _remembered(name, year, tuple(warehouse().stamp(table, year) for table in tables), make)


def cached_for_all_seasons(name: str, tables: Iterable[Table], make: Callable[[], T]) -> T:
    """The same of all the seasons that are loaded; made anew when one has changed, has come or has
    gone.
    """
    found = sorted(
        (str(table), year, warehouse().stamp(table, year))
        for table in tables
        for year in warehouse().seasons(table)
    )
    return _remembered(
        name, EVERY_SEASON, tuple(f"{name} {year} {stamp}" for name, year, stamp in found), make
    )


def _remembered(name: str, year: int, stamps: tuple[str, ...], make: Callable[[], T]) -> T:
    key = settings.WAREHOUSE_URL, name, year
    with _lock:
        found = _kept.get(key)
    if not found or found[0] != stamps:
        found = stamps, make()
    with _lock:
        _kept[key] = found
        _kept.move_to_end(key)
        while len(_kept) > MOST:
            _kept.popitem(last=False)
    return cast("T", found[1])
