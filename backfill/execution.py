"""One processor over some dates: select, account, replace partitions, read back. Knows no job and no database."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from backfill.crashpoints import passing
from backfill.errors import AccountingError, WarehouseError, WarehouseUnwritable
from backfill.processors import Processor
from backfill.processors.statement import render
from backfill.warehouse.base import Row, Warehouse
from backfill.warehouse.tables import FAILURES, UPGC
from validation.categories import UNKNOWN


@dataclass(frozen=True)
class Outcome:
    """How one date ended. `error` is empty when it completed; `untouched` when its partitions were not replaced."""

    date: date
    population: int = 0
    rows: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    error: str = ""
    untouched: bool = False
    query_seconds: float = 0.0
    write_seconds: float = 0.0

    @property
    def failed(self) -> int:
        """Entities that failed."""
        return sum(self.failures.values())


@dataclass(frozen=True)
class Batch:
    """What one statement is run for; `run_ids` has one id per date."""

    processor: Processor
    dates: tuple[date, ...]
    season_start: date
    started_at: datetime
    run_ids: Mapping[date, str]
    backfill_mode: bool = True

    def of(self, dates: Sequence[date]) -> Batch:
        """The same batch for some of its dates."""
        return Batch(self.processor, tuple(dates), self.season_start, self.started_at, self.run_ids, self.backfill_mode)

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of its statements."""
        return {
            "dates": list(self.dates),
            "season_start": self.season_start,
            "started_at": self.started_at,
            "backfill_mode": self.backfill_mode,
            "run_ids": [self.run_ids[d] for d in self.dates],
        }


def execute(warehouse: Warehouse, batch: Batch) -> list[Outcome]:
    """Run a batch; one that breaks is halved down to the date that breaks it, and its neighbours complete."""
    started = time.perf_counter()
    try:
        return _attempt(warehouse, batch)
    except WarehouseUnwritable:
        raise  # no date can be written now; the job pauses, and goes on when there is room again
    except (WarehouseError, AccountingError) as error:
        divisible = isinstance(error, AccountingError) or error.concerns_dates
        if divisible and len(batch.dates) > 1:
            middle = len(batch.dates) // 2
            return execute(warehouse, batch.of(batch.dates[:middle])) + execute(warehouse, batch.of(batch.dates[middle:]))
        spent = (time.perf_counter() - started) / len(batch.dates)
        return [Outcome(d, error=f"{type(error).__name__}: {error}", untouched=True, query_seconds=spent) for d in batch.dates]


def _attempt(warehouse: Warehouse, batch: Batch) -> list[Outcome]:
    code, params = batch.processor.code, batch.params
    started = time.perf_counter()
    warehouse.stage("result", render(code), params)
    warehouse.stage("population", render(code, "population"), params)
    accounts = {row["date"]: row for row in warehouse.query(render(code, "accounting"), params)}
    _check_accounts(batch, accounts)
    queried = time.perf_counter()
    # Failures first: a crash in between leaves a run that is not done, and doing it again heals it.
    warehouse.replace(FAILURES, batch.dates, render(code, "failures"), params, batch.processor.name)
    passing("after-failures")
    warehouse.replace(batch.processor.output, batch.dates, render(code, "output"), params)
    passing("after-output")
    written = warehouse.query(render(code, "written"), params)
    seconds = (queried - started, time.perf_counter() - queried)
    return [_outcome(batch, d, accounts.get(d), [r for r in written if r["date"] == d], seconds) for d in batch.dates]


def _check_accounts(batch: Batch, accounts: Mapping[date, Row]) -> None:
    """Stop before anything is written when a row is there twice or belongs to nobody."""
    for day, found in accounts.items():
        if found["repeated"] or found["strangers"]:
            raise AccountingError(
                f"{batch.processor.code} {day}: {found['repeated']} entities more than once, "
                f"{found['strangers']} outside the population of {found['population']}; nothing was written"
            )


def _outcome(batch: Batch, day: date, account: Row | None, written: Sequence[Row], seconds: tuple[float, float]) -> Outcome:
    """What the warehouse holds for one date, against what it must hold."""
    population = account["population"] if account else 0
    rows = sum(r["n"] for r in written if r["category"] is None)
    failures = {r["category"]: r["n"] for r in sorted(written, key=lambda r: r["category"] or "") if r["category"]}
    error = ""
    if not population:
        which = "for" if batch.processor.population is UPGC else "before"
        error = f"population: {batch.processor.population}: no row {which} {day}"
    elif rows + sum(failures.values()) != population or any(r["n"] != r["entities"] for r in written):
        error = f"read back {rows} rows and {sum(failures.values())} failures for a population of {population}"
    elif failures.get(UNKNOWN.name):
        error = f"{failures[UNKNOWN.name]} entities with neither a row nor a classified failure"
    share = 1 / len(batch.dates)
    return Outcome(day, population, rows, failures, error, False, seconds[0] * share, seconds[1] * share)


def empty(warehouse: Warehouse, batch: Batch) -> None:
    """Replace the batch's partitions by nothing, as bootstrap dates have them."""
    warehouse.replace(FAILURES, batch.dates, "", batch.params, batch.processor.name)
    warehouse.replace(batch.processor.output, batch.dates, "", batch.params)
