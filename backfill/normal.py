"""Normal mode's checks before a live run: has upstream run, are the sources there, are they fresh?

Backfill mode leaves them out: history needs no proof that its upstream ran, and it does not change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from backfill.processors import BY_NAME, PROCESSORS, Processor
from backfill.warehouse.base import Warehouse
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import FAILURES, HISTORY, UPGC
from validation.categories import DATE_LEVEL, MISSING_DEPENDENCY

SUCCESS = "success"
RUNS = f"SELECT processor_name, output_table, status FROM {HISTORY} WHERE data_date = @day ORDER BY started_at"
NEWEST = "SELECT COUNT(*) AS n, MAX(processed_at) AS newest FROM {} WHERE {} BETWEEN @first AND @last"
DATE_LEVEL_ROW = f"""
SELECT * FROM {FAILURES} WHERE processor_name = @processor_name AND entity_id <> '{DATE_LEVEL}'
UNION ALL
SELECT @processor_name, @run_id, @day, '{DATE_LEVEL}', '{MISSING_DEPENDENCY.name}', SUBSTR(@reason, 1, 1000),
  {MISSING_DEPENDENCY.can_retry}, @started_at
"""


@dataclass(frozen=True)
class Freshness:
    """How old a source may be before a run warns, and before it is refused."""

    warn: timedelta
    refuse: timedelta


# Teams can rest for days, so what is read team by team may be older.
TEAM_FRESHNESS = Freshness(timedelta(hours=72), timedelta(hours=168))
FRESHNESS = Freshness(timedelta(hours=24), timedelta(hours=72))


@dataclass(frozen=True)
class LiveRun:
    """One processor on one date; `previous` is the processing date before it, `season_start` opening night."""

    processor: Processor
    day: date
    season_start: date
    previous: date | None
    started_at: datetime

    def reference(self, source: Table) -> date | None:
        """The date on which a Phase 3 source must have rows."""
        return self.day if source is UPGC else self.previous

    def window(self, source: Table) -> tuple[date, date]:
        """The first and last date of the rows that the run may read."""
        if source.kind == "output" or source is UPGC:
            return self.day, self.day
        return self.season_start, self.day - timedelta(days=1)


@dataclass(frozen=True)
class Verdict:
    """Whether a live run may start; both are empty when nothing is wrong."""

    refusal: str = ""
    warning: str = ""


def check(warehouse: Warehouse, run: LiveRun) -> Verdict:
    """Run the defensive and the freshness check; the first refusal ends them."""
    for refusal in _defensive(warehouse, run):
        return Verdict(refusal)
    warnings = []
    for is_refusal, text in _stale(warehouse, run):
        if is_refusal:
            return Verdict(text)
        warnings.append(text)
    return Verdict(warning=f"warning: {'; '.join(warnings)}" if warnings else "")


def _defensive(warehouse: Warehouse, run: LiveRun) -> Iterator[str]:
    history = warehouse.query(RUNS, {"day": run.day, "dates": [run.day]})
    newest = {r["processor_name"]: r["status"] for r in history}
    for upstream in (PROCESSORS[code] for code in run.processor.after):
        if (status := newest.get(upstream.name)) != SUCCESS:
            fact = f"the newest run for {run.day} is {status}" if status else f"no run for {run.day}"
            yield f"defensive: {upstream.output}: {fact}"
    proven = {r["output_table"] for r in history if r["status"] == SUCCESS and r["processor_name"] not in BY_NAME}
    for source in run.processor.sources:
        reference = run.reference(source)
        if source.name not in proven and (reference is None or not _newest(warehouse, source, reference, reference)[0]):
            yield f"defensive: {source}: no row for {reference or run.day} and no successful run"


def _stale(warehouse: Warehouse, run: LiveRun) -> Iterator[tuple[bool, str]]:
    """Sources that are too old, as (refuses, text)."""
    limits = TEAM_FRESHNESS if run.processor.code == "TDZA" else FRESHNESS
    for source in (*run.processor.sources, *run.processor.reads):
        count, newest = _newest(warehouse, source, *run.window(source))
        if newest is None or not count:
            yield True, f"freshness: {source}: no row that the run may read"
            continue
        age = run.started_at - newest.replace(tzinfo=UTC)
        if age > limits.warn:
            yield age > limits.refuse, f"freshness: {source}: {age / timedelta(hours=1):.0f} hours old"


def _newest(warehouse: Warehouse, table: Table, first: date, last: date) -> tuple[int, datetime | None]:
    (found,) = warehouse.query(NEWEST.format(table, table.partition), {"first": first, "last": last})
    return found["n"], found["newest"]


def refuse(warehouse: Warehouse, run: LiveRun, run_id: str, reason: str) -> None:
    """Log a refused run as the date's one DATE_LEVEL failure; all else stays as it is."""
    params = {"processor_name": run.processor.name, "run_id": run_id, "reason": reason, "started_at": run.started_at}
    warehouse.replace(FAILURES, [run.day], DATE_LEVEL_ROW, {**params, "day": run.day, "dates": [run.day]}, run.processor.name)
