"""One processor over some dates: select, account, replace partitions, read back. Knows no job and
no database.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from backfill.crash_points import crash_point
from backfill.errors import AccountingError, WarehouseError, WarehouseUnwritable
from backfill.processors.registry import Processor
from backfill.processors.render import accounted, render
from backfill.warehouse.port import Warehouse
from backfill.warehouse.tables import FAILURES, UPGC
from validation.categories import UNKNOWN

NO_POPULATION = "population"  # RefusedBy.POPULATION, without the database


@dataclass(frozen=True, kw_only=True)
class DateResult:
    """How one date ended. `error` is empty when it completed; `untouched` when its partitions were
    not replaced.
    """

    date: date
    population: int = 0
    rows: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    error: str = ""
    error_class: str = ""  # of the errors, not of what the domain foresees
    refused_by: str = ""  # the check that found nothing to run, as RefusedBy
    error_detail: Mapping[str, str] = field(
        default_factory=dict
    )  # what the error is about, as keys
    untouched: bool = False
    query_seconds: float = 0.0
    write_seconds: float = 0.0

    @property
    def failed(self) -> int:
        """Entities that failed."""
        return sum(self.failures.values())


@dataclass(frozen=True)
class Step:
    """What one statement is run for; `run_ids` has one id per date."""

    processor: Processor
    dates: tuple[date, ...]
    season_start: date
    started_at: datetime
    run_ids: Mapping[date, str]
    backfill_mode: bool = True

    def of(self, dates: Sequence[date]) -> Step:
        """The same step for some of its dates."""
        return Step(
            self.processor,
            tuple(dates),
            self.season_start,
            self.started_at,
            self.run_ids,
            self.backfill_mode,
        )

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


def execute(
    warehouse: Warehouse, step: Step, before_writing: Callable[[], None] = lambda: None
) -> list[DateResult]:
    """Run a step; one that breaks is halved down to the date that breaks it, and its neighbours
    complete.

    `before_writing` may raise to stop it. What no date can cure (a full disk, a busy warehouse) is
    raised.
    """
    started = time.perf_counter()
    try:
        return _attempt(warehouse, step, before_writing)
    except (WarehouseError, AccountingError) as error:
        if isinstance(error, WarehouseUnwritable) or getattr(error, "retryable", False):
            raise
        divisible = isinstance(error, AccountingError) or error.concerns_dates
        if divisible and len(step.dates) > 1:
            middle = len(step.dates) // 2
            halves = step.of(step.dates[:middle]), step.of(step.dates[middle:])
            return [
                outcome for half in halves for outcome in execute(warehouse, half, before_writing)
            ]
        return failed(step, error, time.perf_counter() - started)


def failed(step: Step, error: Exception, seconds: float = 0.0) -> list[DateResult]:
    """The outcome of every date of a step that broke before anything was replaced."""
    name, share = type(error).__name__, seconds / len(step.dates)
    detail = error.detail if isinstance(error, WarehouseError) else {}
    return [
        DateResult(
            date=day,
            error=f"{name}: {error}",
            error_class=name,
            error_detail=detail,
            untouched=True,
            query_seconds=share,
        )
        for day in step.dates
    ]


def _attempt(
    warehouse: Warehouse, step: Step, before_writing: Callable[[], None]
) -> list[DateResult]:
    code, params = step.processor.code, step.params
    started = time.perf_counter()
    warehouse.stage("staged", accounted(code, render(code), render(code, "population")), params)
    accounts = _accounts(warehouse, step)
    _check_accounts(step, accounts)
    queried = time.perf_counter()
    before_writing()
    # Failures first: a crash in between leaves a run that is not done, and doing it again heals it.
    failed = warehouse.replace(
        FAILURES, step.dates, render(code, "failures"), params, step.processor.name
    )
    crash_point("after-failures")
    rows = warehouse.replace(step.processor.output, step.dates, render(code, "output"), params)
    crash_point("after-output")
    must_be = sum(a.failed for a in accounts.values()), sum(a.rows for a in accounts.values())
    written = {} if (failed, rows) == must_be else _written(warehouse, step)
    seconds = (queried - started, time.perf_counter() - queried)
    return [
        _outcome(step, accounts[d], written.get(d) or accounts[d].held, seconds) for d in step.dates
    ]


@dataclass
class _Held:
    """What there is of one date: rows and failures by category; `is_single` when no entity has two
    of a kind.
    """

    rows: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    is_single: bool = True


@dataclass
class _Account:
    """The population of one date against the statement's rows."""

    day: date
    population: set[str] = field(default_factory=set)
    copies: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    categories: Counter[str] = field(default_factory=Counter)

    @property
    def repeated(self) -> int:
        """Entities with more than one row."""
        return sum(n > 1 for n in self.copies.values())

    @property
    def strangers(self) -> int:
        """Entities outside the population."""
        return len(self.copies.keys() - self.population)

    @property
    def missing(self) -> int:
        """Entities with neither a row nor a failure, which are logged as such."""
        return len(self.population - self.copies.keys())

    @property
    def failed(self) -> int:
        """Rows that the failures table must hold: a date without population has one of its own."""
        return self.categories.total() + self.missing + (not self.population)

    @property
    def held(self) -> _Held:
        """What the warehouse must hold."""
        unknown = {UNKNOWN.name: self.missing} if self.missing else {}
        return _Held(self.rows, {**self.categories, **unknown})


def _accounts(warehouse: Warehouse, step: Step) -> dict[date, _Account]:
    """Count what was staged, date by date."""
    accounts = {day: _Account(day) for day in step.dates}
    output = step.processor.output
    columns = (
        output.partition,
        output.entity,
        "failure_category",
        "expected_date",
        "expected_entity",
    )
    for day, entity, category, expected_date, expected_entity in warehouse.staged(
        "staged", columns
    ):
        found = day or expected_date
        account = accounts.setdefault(found, _Account(found))
        if expected_date:
            account.population.add(expected_entity)
        if not day:
            continue
        account.copies[entity] += 1
        if category:
            account.categories[category] += 1
        else:
            account.rows += 1
    return accounts


def _check_accounts(step: Step, accounts: Mapping[date, _Account]) -> None:
    """Stop before anything is written when a row is there twice or belongs to nobody."""
    for day, found in accounts.items():
        if found.repeated or found.strangers:
            raise AccountingError(
                f"{step.processor.code} {day}: {found.repeated} entities more than once, "
                f"{found.strangers} outside the population of {len(found.population)}; nothing was written"
            )


def _written(warehouse: Warehouse, step: Step) -> dict[date, _Held]:
    """What the partitions hold, asked of the warehouse where the count of what was written does not
    say it.
    """
    found = {day: _Held() for day in step.dates}
    for row in warehouse.query(render(step.processor.code, "written"), step.params):
        held = found[row["date"]]
        held.is_single &= row["n"] == row["entities"]
        if row["category"] is None:
            held.rows += row["n"]
        else:
            held.failures[row["category"]] = row["n"]
    return found


def _outcome(
    step: Step, account: _Account, held: _Held, seconds: tuple[float, float]
) -> DateResult:
    """What the warehouse holds for one date, against what it must hold."""
    day, population = account.day, len(account.population)
    failures = dict(sorted(held.failures.items()))
    error, error_class, refused_by, detail = "", AccountingError.__name__, "", {}
    if not population:
        which, source = (
            "for" if step.processor.population is UPGC else "before",
            str(step.processor.population),
        )
        error, error_class = f"population: {source}: no row {which} {day}", ""
        refused_by, detail = NO_POPULATION, {"source": source}
    elif held.rows + sum(failures.values()) != population or not held.is_single:
        error = f"read back {held.rows} rows and {sum(failures.values())} failures for a population of {population}"
    elif failures.get(UNKNOWN.name):
        error = f"{failures[UNKNOWN.name]} entities with neither a row nor a classified failure"
    share = 1 / len(step.dates)
    return DateResult(
        date=day,
        population=population,
        rows=held.rows,
        failures=failures,
        error=error,
        error_class=error_class if error else "",
        refused_by=refused_by,
        error_detail=detail,
        query_seconds=seconds[0] * share,
        write_seconds=seconds[1] * share,
    )


def empty(warehouse: Warehouse, step: Step) -> None:
    """Replace the step's partitions by nothing, as bootstrap dates have them."""
    warehouse.replace(FAILURES, step.dates, "", step.params, step.processor.name)
    warehouse.replace(step.processor.output, step.dates, "", step.params)
