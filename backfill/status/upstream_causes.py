"""Upstream causes of missing dependencies."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

from backfill.models import Key
from backfill.processors.registry import BY_NAME, PROCESSORS
from backfill.statements import render
from backfill.warehouse import warehouse
from backfill.warehouse.date_cache import cached_by_date
from backfill.warehouse.tables import FAILURES
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
    needed = tuple((p, before) for p in PROCESSORS.values() for before in p.required)
    sql = render(
        "upstream-causes",
        needed=needed,
        order=tuple(category.name for category in ORDER),
        has_row=HAS_ROW,
        has_nothing=HAS_NOTHING,
    )

    def read(changed: Sequence[date]) -> dict[date, dict[str, dict[str, int]]]:
        found: dict[date, dict[str, dict[str, int]]] = {day: {} for day in changed}
        for row in warehouse().query(sql, {"dates": changed}):
            code = BY_NAME[row["processor_name"]].code
            found[row["d"]].setdefault(code, {})[row["cause"]] = row["n"]
        return found

    tables = (FAILURES, *dict.fromkeys(before.output for _, before in needed))
    by_date = cached_by_date("causes", tables, days, read)
    return {
        (code, day): found for day, by_code in by_date.items() for code, found in by_code.items()
    }
