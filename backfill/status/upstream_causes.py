"""What lies before a failure: the rows of Phase 3 that its run may read, and what upstream has for
its entities.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime
from itertools import accumulate

from backfill.models import Run
from backfill.plan.planning import Key
from backfill.processors.registry import BY_NAME, PROCESSORS
from backfill.statements import render
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import UPGC
from validation.categories import CATEGORIES, INSUFFICIENT_DATA, MISSING_DEPENDENCY
from validation.retry import HAS_NOTHING, HAS_ROW
from validation.season import FIRST_MONTH, season_year

SOURCES = tuple(dict.fromkeys(source for p in PROCESSORS.values() for source in p.sources))


class Phase3:
    """When the newest row was processed that a run may read; one query for any number of dates."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._on: dict[tuple[str, date], datetime] = {}
        by_season: dict[tuple[str, int], list[tuple[date, datetime]]] = {}
        for row in sorted(rows, key=lambda r: r["game_date"]):
            name, day, newest = row["name"], row["game_date"], row["newest"].replace(tzinfo=UTC)
            self._on[name, day] = newest
            by_season.setdefault((name, season_year(day)), []).append((day, newest))
        self._dates = {key: [day for day, _ in found] for key, found in by_season.items()}
        self._so_far = {
            key: list(accumulate((at for _, at in found), max)) for key, found in by_season.items()
        }

    @classmethod
    def of(cls, days: Collection[date]) -> Phase3:
        """Ask for the seasons of these dates, up to the last of them."""
        first = date(season_year(min(days)), FIRST_MONTH, 1)
        return cls(
            warehouse().query(
                render("newest-input-rows", sources=SOURCES), {"first": first, "last": max(days)}
            )
        )

    def newest(self, source: Table, day: date) -> datetime | None:
        """Of the context on the date itself; of games, before it in its season."""
        if source is UPGC:
            return self._on.get((str(source), day))
        key = str(source), season_year(day)
        before = bisect_left(self._dates.get(key, []), day)
        return self._so_far[key][before - 1] if before else None

    def newer(self, run: Run) -> set[Table]:
        """The sources of a run of which rows that it may read were processed after it began, or of
        which it found none.
        """
        sources, began = (
            PROCESSORS[run.processor].sources,
            run.started_at or datetime.max.replace(tzinfo=UTC),
        )
        lacked = sources[:1] if run.status == Run.Status.FAILED and run.population == 0 else ()
        return {
            t for t in sources if (at := self.newest(t, run.date)) and (t in lacked or at > began)
        }


# Whose rows an entity needs: of what a processor reads, that about the same kind of entity.
NEEDED = tuple(
    (p, before)
    for p in PROCESSORS.values()
    for before in PROCESSORS.values()
    if before.output in p.reads and before.output.entity == p.output.entity
)


# The first that holds for any of them: a bug weighs more than too few games, and these more than
# their cascade.
ORDER = sorted(
    CATEGORIES, key=lambda c: (not c.is_bug, c is not INSUFFICIENT_DATA, c is MISSING_DEPENDENCY)
)


def causes(days: Collection[date]) -> dict[Key, dict[str, int]]:
    """Per (processor, date), how many of its MISSING_DEPENDENCY entities have which failure, or
    row, upstream.
    """
    found: dict[Key, dict[str, int]] = {}
    sql = render(
        "upstream-causes",
        needed=NEEDED,
        order=tuple(category.name for category in ORDER),
        has_row=HAS_ROW,
        has_nothing=HAS_NOTHING,
    )
    for row in warehouse().query(sql, {"dates": sorted(days)}) if days else ():
        found.setdefault((BY_NAME[row["processor_name"]].code, row["d"]), {})[row["cause"]] = row[
            "n"
        ]
    return found
