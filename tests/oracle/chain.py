"""Runs of one processor or all five, on plain rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from types import ModuleType
from typing import Protocol

from tests.oracle import ml, pcf, pdc, psza, tdza
from tests.oracle.outcome import ORDER, PROCESSOR_NAMES, Outcome, Outcomes, Row, Rows, Tables
from tests.oracle.sources import Facts

# Later than every source row of a test, so that upstream rows are the newest.
STARTED_AT = datetime(2030, 1, 1, 12)
PROCESSORS: dict[str, ModuleType] = {"TDZA": tdza, "PSZA": psza, "PCF": pcf, "PDC": pdc, "ML": ml}


class Runner(Protocol):
    """Function that runs one processor on plain rows: the oracle, or SQL in an engine."""

    def __call__(
        self,
        code: str,
        tables: Tables,
        dates: Sequence[date],
        *,
        season_start: date,
        backfill_mode: bool = True,
    ) -> Outcomes: ...


def run(
    code: str,
    tables: Tables,
    dates: Sequence[date],
    *,
    season_start: date,
    backfill_mode: bool = True,
) -> Outcomes:
    """Return a processor's outcome for each date of the season that began on season_start."""
    facts = Facts(tables, season_start, backfill_mode)
    return {day: _run_date(PROCESSORS[code], facts, day) for day in dates}


def _run_date(processor: ModuleType, facts: Facts, day: date) -> Outcome:
    outcome = Outcome()
    for entity in processor.population(facts, day):
        result = processor.decide(facts, entity, day)
        (outcome.failures if isinstance(result, tuple) else outcome.rows)[entity] = result
    return outcome


def run_chain(
    tables: Tables,
    dates: Sequence[date],
    *,
    season_start: date,
    backfill_mode: bool = True,
    runner: Runner = run,
    codes: Iterable[str] = ORDER,
) -> dict[str, Outcomes]:
    """Run the processors in order, each on the output of the previous ones.

    Output tables among the given ones are ignored.
    """
    current = {short: rows for short, rows in tables.items() if short not in (*ORDER, "FAILURES")}
    results: dict[str, Outcomes] = {}
    for code in codes:
        results[code] = runner(
            code, current, dates, season_start=season_start, backfill_mode=backfill_mode
        )
        current = with_written(current, code, results[code])
    return results


def with_written(tables: Tables, code: str, outcomes: Outcomes) -> Tables:
    """Return the tables after writing a processor's outcomes to them."""
    return tables | {
        code: [*tables.get(code, []), *_written_rows(outcomes)],
        "FAILURES": [*tables.get("FAILURES", []), *_written_failures(code, outcomes)],
    }


def upstream_tables(tables: Tables, results: dict[str, Outcomes], code: str) -> Tables:
    """Return the tables that the processor reads after its predecessors have run."""
    current = {short: rows for short, rows in tables.items() if short not in (*ORDER, "FAILURES")}
    for before in ORDER[: ORDER.index(code)]:
        current = with_written(current, before, results[before])
    return current


def _written_rows(outcomes: Outcomes) -> Rows:
    closing = {"created_at": STARTED_AT, "processed_at": STARTED_AT}
    return [
        _as_text(row) | closing for outcome in outcomes.values() for row in outcome.rows.values()
    ]


def _as_text(row: Row) -> Row:
    """Convert JSON columns to text, as in the warehouse."""
    return {
        name: json.dumps(v, default=_number) if isinstance(v, dict) else v
        for name, v in row.items()
    }


def _number(value: object) -> float:
    assert isinstance(value, Decimal)
    return float(value)


def _written_failures(code: str, outcomes: Outcomes) -> Rows:
    return [
        {
            "processor_name": PROCESSOR_NAMES[code],
            "run_id": "0123abcd",
            "analysis_date": day,
            "entity_id": entity,
            "failure_category": category,
            "failure_reason": reason,
            "can_retry": can_retry,
            "created_at": STARTED_AT,
        }
        for day, outcome in outcomes.items()
        for entity, (category, reason, can_retry) in outcome.failures.items()
    ]
