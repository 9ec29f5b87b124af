"""Upstream causes of missing dependencies."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from backfill.models import Key
from backfill.processors.registry import BY_NAME, PROCESSORS
from backfill.statements import render
from backfill.warehouse import warehouse
from validation.categories import CATEGORIES, INSUFFICIENT_DATA, MISSING_DEPENDENCY
from validation.retry import HAS_NOTHING, HAS_ROW

# By precedence: bugs before too few games, and both before their cascade.
ORDER = sorted(
    CATEGORIES, key=lambda c: (not c.is_bug, c is not INSUFFICIENT_DATA, c is MISSING_DEPENDENCY)
)


def causes(days: Collection[date]) -> dict[Key, dict[str, int]]:
    """Return per (processor, date) how many of its MISSING_DEPENDENCY entities have which failure,
    or row, upstream.
    """
    found: dict[Key, dict[str, int]] = {}
    needed = tuple((p, before) for p in PROCESSORS.values() for before in p.required)
    sql = render(
        "upstream-causes",
        needed=needed,
        order=tuple(category.name for category in ORDER),
        has_row=HAS_ROW,
        has_nothing=HAS_NOTHING,
    )
    for row in warehouse().query(sql, {"dates": sorted(days)}) if days else ():
        found.setdefault((BY_NAME[row["processor_name"]].code, row["d"]), {})[row["cause"]] = row[
            "n"
        ]
    return found
