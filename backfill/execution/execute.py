"""Execution of one processor over some dates: select, account, replace partitions, read back.

Independent of jobs and of the database.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from backfill.crash_points import crash_point
from backfill.errors import (
    AccountingError,
    CorruptPartition,
    UnreadableInput,
    WarehouseError,
    WarehouseUnwritable,
)
from backfill.processors.registry import PROCESSORS, Processor
from backfill.processors.render import accounted, render
from backfill.telemetry.log_lines import note
from backfill.versions.replaced import Replaced, replaced
from backfill.warehouse.accounts import Account
from backfill.warehouse.port import Warehouse
from backfill.warehouse.tables import FAILURES, UPGC
from validation.categories import UNKNOWN

log = logging.getLogger(__name__)
NO_POPULATION = "population"  # RefusedBy.POPULATION, without the database


@dataclass(frozen=True, kw_only=True)
class DateResult:
    """Outcome of one date.

    `error` is empty for a complete date; `untouched` is True if its partitions were not replaced.
    """

    date: date
    population: int = 0
    rows: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    error: str = ""
    error_class: str = ""  # empty for a refusal
    refused_by: str = ""  # the refusing check, as RefusedBy
    error_detail: Mapping[str, str] = field(default_factory=dict)  # e.g. table and date
    untouched: bool = False
    replaced: Replaced | None = None  # None without a partition before
    query_seconds: float = 0.0
    write_seconds: float = 0.0

    @property
    def failed(self) -> int:
        """Number of failed entities."""
        return sum(self.failures.values())


@dataclass(frozen=True, kw_only=True)
class Step:
    """Input of one statement; `run_ids` has one id per date, `recorded` the fencing token of the
    newest recorded run of each date. With `restores`, the rows are those of
    these versions instead of computed ones: the token of each date.
    """

    processor: Processor
    dates: tuple[date, ...]
    season_start: date
    started_at: datetime
    run_ids: Mapping[date, str]
    backfill_mode: bool = True
    recorded: Mapping[date, int] = field(default_factory=dict)
    restores: Mapping[date, int] = field(default_factory=dict)

    def of(self, dates: Sequence[date]) -> Step:
        """Return this step restricted to some of its dates."""
        return replace(self, dates=tuple(dates))

    @property
    def params(self) -> dict[str, Any]:
        """Parameters of its statements."""
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
    """Run a step; on an error, halve it down to the failing date, so that other dates complete.

    `before_writing` may raise to stop it. Errors independent of dates (a full disk, a busy
    warehouse, an unreadable input) are raised.
    """
    started = time.perf_counter()
    try:
        return _attempt(warehouse, step, before_writing)
    except (WarehouseError, AccountingError) as error:
        is_general = isinstance(error, WarehouseUnwritable | UnreadableInput)
        if is_general or getattr(error, "retryable", False):
            raise
        if isinstance(error, CorruptPartition) and _is_moot(step, error.detail):
            kept = warehouse.set_aside(error)
            log.info("%s; it is kept as %s", error, kept)
            return execute(warehouse, step, before_writing)
        note(f"{_span(step)} failed: {type(error).__name__}: {error}", level="ERROR")
        divisible = isinstance(error, AccountingError) or error.concerns_dates
        if divisible and len(step.dates) > 1:
            middle = len(step.dates) // 2
            note(f"halving {_span(step)}, to complete the dates without error", level="WARNING")
            halves = step.of(step.dates[:middle]), step.of(step.dates[middle:])
            return [
                outcome for half in halves for outcome in execute(warehouse, half, before_writing)
            ]
        return failed(step, error, time.perf_counter() - started)


def _is_moot(step: Step, file: Mapping[str, str]) -> bool:
    """Return True for a damaged file without rows for this step: its own partition, which it
    replaces, or the failures of a processor that is not upstream.

    Set aside, the file is missing, so that the next plan includes its processor and date.
    """
    if file.get("table") == str(FAILURES):
        upstream = {PROCESSORS[code].name for code in step.processor.after}
        return file.get("processor_name") not in upstream
    return file.get("table") == str(step.processor.output)


def _span(step: Step) -> str:
    first, last, n = step.dates[0], step.dates[-1], len(step.dates)
    return f"{first} to {last} ({n} dates)" if n > 1 else f"{first}"


def failed(step: Step, error: Exception, seconds: float = 0.0) -> list[DateResult]:
    """Return the outcomes of a step that failed before replacing any partition."""
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
    _stage(warehouse, step)
    nothing = dict.fromkeys(step.dates, Account())
    accounts = nothing | warehouse.accounts("staged", step.processor.output)
    _check_accounts(step, accounts)
    queried = time.perf_counter()
    expected = sum(map(_failed, accounts.values())), sum(a.rows for a in accounts.values())
    note(f"query of {_span(step)}: {expected[1]} rows in {queried - started:.3f} s")
    before_writing()
    slices = ((FAILURES, step.processor.name), (step.processor.output, ""))
    warehouse.announce(slices, step.dates)
    old = replaced(warehouse, step.processor, params, step.recorded)
    # Failures first: a crash in between leaves an unfinished run, which a rerun completes.
    failed = warehouse.replace(
        FAILURES, step.dates, render(code, "failures"), params, step.processor.name
    )
    crash_point("after-failures")
    rows = warehouse.replace(step.processor.output, step.dates, render(code, "output"), params)
    crash_point("after-output")
    written = {} if (failed, rows) == expected else _written(warehouse, step)
    seconds = (queried - started, time.perf_counter() - queried)
    note(f"write: {rows} rows, {failed} failures in {seconds[1]:.3f} s")
    return [
        replace(
            _outcome(
                step, d, accounts[d].population, written.get(d) or _held(accounts[d]), seconds
            ),
            replaced=old.get(d),
        )
        for d in step.dates
    ]


def _stage(warehouse: Warehouse, step: Step) -> None:
    """Stage the accounted rows of a step: computed, or read from versions."""
    code, of = step.processor.code, step.processor
    if not step.restores:
        text = accounted(code, render(code), render(code, "population"))
    else:
        picks = {day: step.restores[day] for day in step.dates}
        warehouse.stage_versions("version_rows", of.output, picks)
        warehouse.stage_versions("version_failures", FAILURES, picks, of.name)
        text = render(code, "restored")
    warehouse.stage("staged", text, step.params)


@dataclass
class _Held:
    """Rows and failures by category of one date; `is_single` is False for duplicate entities."""

    rows: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    is_single: bool = True


def _held(account: Account) -> _Held:
    """Return the expected content of the warehouse."""
    unknown = {UNKNOWN.name: account.missing} if account.missing else {}
    return _Held(account.rows, {**account.categories, **unknown})


def _failed(account: Account) -> int:
    """Return the expected rows in the failures table; a date without population has 1."""
    return sum(account.categories.values()) + account.missing + (not account.population)


def _check_accounts(step: Step, accounts: Mapping[date, Account]) -> None:
    """Raise AccountingError, before any write, for duplicate rows or unknown entities."""
    for day, account in accounts.items():
        if account.repeated or account.strangers:
            raise AccountingError(
                f"{step.processor.code} {day}: {account.repeated} entities more than once, "
                f"{account.strangers} outside the population of {account.population}; "
                "nothing was written"
            )


def _written(warehouse: Warehouse, step: Step) -> dict[date, _Held]:
    """Read back the partitions, for writes whose row counts differ from the expected ones."""
    written = {day: _Held() for day in step.dates}
    for row in warehouse.query(render(step.processor.code, "written"), step.params):
        held = written[row["date"]]
        held.is_single &= row["n"] == row["entities"]
        if row["category"] is None:
            held.rows += row["n"]
        else:
            held.failures[row["category"]] = row["n"]
    return written


def _outcome(
    step: Step, day: date, population: int, held: _Held, seconds: tuple[float, float]
) -> DateResult:
    """Compare the content of the warehouse for one date with the population."""
    failures = dict(sorted(held.failures.items()))
    error, error_class, refused_by, detail = "", AccountingError.__name__, "", {}
    if not population:
        relation, source = (
            "for" if step.processor.population is UPGC else "before",
            str(step.processor.population),
        )
        error, error_class = f"no population: {source} has no rows {relation} {day}", ""
        refused_by, detail = NO_POPULATION, {"source": source}
    elif held.rows + sum(failures.values()) != population or not held.is_single:
        error = (
            f"read back {held.rows} rows and {sum(failures.values())} failures "
            f"for a population of {population}"
        )
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
    """Empty the partitions of a step, for bootstrap dates."""
    warehouse.replace(FAILURES, step.dates, "", step.params, step.processor.name)
    warehouse.replace(step.processor.output, step.dates, "", step.params)
