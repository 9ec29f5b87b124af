"""What lies before a failure: the rows of Phase 3 that its run may read, and what upstream has for its entities."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import accumulate

from backfill.models import Run
from backfill.planning import Key
from backfill.processors import BY_NAME, PROCESSORS
from backfill.warehouse import warehouse
from backfill.warehouse.base import Row
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import FAILURES, UPGC
from validation.categories import CATEGORIES, DATE_LEVEL, INSUFFICIENT_DATA, MISSING_DEPENDENCY
from validation.retry import HAS_NOTHING, HAS_ROW
from validation.season import FIRST_MONTH, season_year

SOURCES = tuple(dict.fromkeys(source for p in PROCESSORS.values() for source in p.sources))
NEWEST = "\nUNION ALL\n".join(
    f"SELECT '{table}' AS name, game_date, MAX(processed_at) AS newest FROM {table}"
    f" WHERE game_date BETWEEN @first AND @last GROUP BY game_date"
    for table in SOURCES
)


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
        self._so_far = {key: list(accumulate((at for _, at in found), max)) for key, found in by_season.items()}

    @classmethod
    def of(cls, days: Collection[date]) -> Phase3:
        """Ask for the seasons of these dates, up to the last of them."""
        first = date(season_year(min(days)), FIRST_MONTH, 1)
        return cls(warehouse().query(NEWEST, {"first": first, "last": max(days)}))

    def newest(self, source: Table, day: date) -> datetime | None:
        """Of the context on the date itself; of games, before it in its season."""
        if source is UPGC:
            return self._on.get((str(source), day))
        key = str(source), season_year(day)
        before = bisect_left(self._dates.get(key, []), day)
        return self._so_far[key][before - 1] if before else None

    def newer(self, run: Run) -> set[Table]:
        """The sources of a run of which rows that it may read were processed after it began, or of which it found none."""
        sources, began = PROCESSORS[run.processor].sources, run.started_at or datetime.max.replace(tzinfo=UTC)
        lacked = sources[:1] if run.status == Run.Status.FAILED and run.population == 0 else ()
        return {t for t in sources if (at := self.newest(t, run.date)) and (t in lacked or at > began)}


# Whose rows an entity needs: of what a processor reads, that about the same kind of entity.
NEEDED = [
    (p, before)
    for p in PROCESSORS.values()
    for before in PROCESSORS.values()
    if before.output in p.reads and before.output.entity == p.output.entity
]


def _required() -> Iterator[str]:
    for p, before in NEEDED:
        yield f"SELECT '{p.name}' AS processor_name, '{before.name}' AS before_name"


def _present() -> Iterator[str]:
    """Who has a row, of each processor that another needs."""
    for p in dict.fromkeys(before for _, before in NEEDED):
        yield (
            f"SELECT '{p.name}' AS before_name, {p.output.partition} AS d, {p.output.entity} AS entity"
            f" FROM {p.output} WHERE {p.output.partition} IN UNNEST(@dates)"
        )


UNION = "\n  UNION ALL\n  "
# The first that holds for any of them: a bug weighs more than too few games, and these more than their cascade.
ORDER = sorted(CATEGORIES, key=lambda c: (not c.is_bug, c is not INSUFFICIENT_DATA, c is MISSING_DEPENDENCY))
CAUSES = f"""
WITH
failures AS (
  SELECT processor_name, analysis_date AS d, entity_id AS entity, failure_category
  FROM {FAILURES}
  WHERE analysis_date IN UNNEST(@dates) AND entity_id <> '{DATE_LEVEL}'
),
required AS (
  {UNION.join(_required())}
),
present AS (
  {UNION.join(_present())}
),
traced AS (
  SELECT
    m.processor_name, m.d, m.entity,
    CASE
      {" ".join(f"WHEN COUNTIF(f.failure_category = '{c.name}') > 0 THEN '{c.name}'" for c in ORDER)}
      WHEN COUNT(p.entity) = COUNT(*) THEN '{HAS_ROW}'
      ELSE '{HAS_NOTHING}'
    END AS cause
  FROM failures AS m
  JOIN required AS r ON r.processor_name = m.processor_name
  LEFT JOIN failures AS f ON f.processor_name = r.before_name AND f.d = m.d AND f.entity = m.entity
  LEFT JOIN present AS p ON p.before_name = r.before_name AND p.d = m.d AND p.entity = m.entity
  WHERE m.failure_category = '{MISSING_DEPENDENCY.name}'
  GROUP BY m.processor_name, m.d, m.entity
)
SELECT processor_name, d, cause, COUNT(*) AS n
FROM traced
GROUP BY processor_name, d, cause
"""


def causes(days: Collection[date]) -> dict[Key, dict[str, int]]:
    """Per (processor, date), how many of its MISSING_DEPENDENCY entities have which failure, or row, upstream."""
    found: dict[Key, dict[str, int]] = {}
    for row in warehouse().query(CAUSES, {"dates": sorted(days)}) if days else ():
        found.setdefault((BY_NAME[row["processor_name"]].code, row["d"]), {})[row["cause"]] = row["n"]
    return found
