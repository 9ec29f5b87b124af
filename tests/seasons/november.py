"""Runbook's month as Phase 4 rows, and the expected answers of its queries.

The answers are counted from the same lists in Python.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.tables import FAILURES, HISTORY, OUTPUTS, SCHED
from tests.factories import make_row, store, write_rows
from validation.season import Calendar, DateType, Game

PROCESSORS = {
    "TDZA": "TeamDefenseZoneAnalysisProcessor",
    "PSZA": "PlayerShotZoneAnalysisProcessor",
    "PCF": "PlayerCompositeFactorsProcessor",
    "PDC": "PlayerDailyCacheProcessor",
    "ML": "MLFeatureStoreProcessor",
}
CODES = {name: code for code, name in PROCESSORS.items()}
START, END = date(2021, 11, 1), date(2021, 11, 30)

BOOTSTRAP, ALL_FAIL, SOME_FAIL, NONE_FAIL, MANY_FAIL, UNTOUCHED, REFUSED = (
    date(2021, 11, d) for d in range(1, 8)
)
BEFORE, AFTER = date(2021, 10, 31), date(2021, 12, 1)
GAMES = [
    *(
        Game(game_date=day, season_year=2021)
        for day in (
            date(2021, 10, 19),
            BEFORE,
            BOOTSTRAP,
            ALL_FAIL,
            SOME_FAIL,
            NONE_FAIL,
            MANY_FAIL,
        )
    ),
    *(Game(game_date=day, season_year=2021) for day in (UNTOUCHED, REFUSED, AFTER)),
    Game(game_date=date(2021, 11, 8), season_year=2021, status=1),
    Game(game_date=date(2021, 11, 9), season_year=2021, season_type="all-star"),
]

# Output rows and failing entities by date; 31 October and 1 December must not be counted.
OUTPUT = {
    "TDZA": {ALL_FAIL: 2, SOME_FAIL: 1, NONE_FAIL: 4, MANY_FAIL: 3, AFTER: 2},
    "PSZA": {BEFORE: 1, SOME_FAIL: 2, NONE_FAIL: 3, MANY_FAIL: 1, AFTER: 5},
    "PCF": {SOME_FAIL: 3, NONE_FAIL: 2, MANY_FAIL: 7, AFTER: 1},
    "PDC": {NONE_FAIL: 2, MANY_FAIL: 1},
    "ML": {MANY_FAIL: 1, AFTER: 1},
}
FEW, UPSTREAM, BUG = "INSUFFICIENT_DATA", "MISSING_DEPENDENCY", "PROCESSING_ERROR"
FAILED = {
    "TDZA": {ALL_FAIL: [FEW], MANY_FAIL: [BUG]},
    "PSZA": {
        ALL_FAIL: [FEW, FEW, FEW],
        SOME_FAIL: [BUG],
        MANY_FAIL: [FEW, FEW, FEW, UPSTREAM, BUG, FEW],
        AFTER: [FEW],
    },
    "PCF": {ALL_FAIL: [UPSTREAM]},
    "PDC": {ALL_FAIL: [UPSTREAM, UPSTREAM], SOME_FAIL: [UPSTREAM], AFTER: [UPSTREAM]},
    "ML": {BEFORE: [UPSTREAM], SOME_FAIL: [UPSTREAM], NONE_FAIL: [UPSTREAM, UPSTREAM]},
}
FIRST_RUN = datetime(2022, 1, 1, 12)


def outputs() -> dict[str, list[Row]]:
    """Return the rows of the five tables; PCF has its date twice, the others once."""
    return {
        table.short: [
            make_row(table, **{table.partition: day, "analysis_date": day, table.entity: f"e{n}"})
            for day, count in OUTPUT[table.short].items()
            for n in range(count)
        ]
        for table in OUTPUTS
    }


def failure(code: str, day: date, entity: str, category: str) -> Row:
    values = {"failure_category": category, "can_retry": category != BUG, "run_id": "0" * 8}
    return make_row(
        FAILURES, processor_name=PROCESSORS[code], analysis_date=day, entity_id=entity, **values
    )


def failures() -> list[Row]:
    found = [
        failure(code, day, f"f{n}", category)
        for code, dates in FAILED.items()
        for day, categories in dates.items()
        for n, category in enumerate(categories)
    ]
    return [
        *found,
        failure("PSZA", REFUSED, "DATE_LEVEL", UPSTREAM),
        failure("PSZA", MANY_FAIL, "DATE_LEVEL", UPSTREAM),
    ]


def runs() -> list[Row]:
    """Return two runs per processor on 22 November, one the day before, one of another phase."""
    late, early = date(2021, 11, 22), date(2021, 11, 21)
    wanted = [
        (name, day, "phase_4_precompute")
        for day in (late, early, late)
        for name in PROCESSORS.values()
    ]
    return [
        make_row(
            HISTORY,
            processor_name=name,
            run_id=f"{n:08x}",
            data_date=day,
            phase=phase,
            status=("success", "skipped", "failed")[n % 3],
            records_created=10 * n,
            duration_seconds=Decimal(n) / 8,
            started_at=FIRST_RUN + timedelta(minutes=n),
        )
        for n, (name, day, phase) in enumerate(
            [*wanted, ("PlayerGameSummaryProcessor", late, "phase_3_analytics")]
        )
    ]


def fill(folder: Path) -> None:
    """Write the month into the warehouse through a file in `folder`."""
    schedule = [
        make_row(
            SCHED,
            game_id=f"{n:010}",
            season_type=g.season_type,
            game_status=g.status,
            game_date=g.game_date,
            season_year=2021,
        )
        for n, g in enumerate(GAMES)
    ]
    warehouse().load(2021, {SCHED: write_rows(folder / "schedule.parquet", SCHED, schedule)})
    made = outputs()
    for table in OUTPUTS:
        store(table, made[table.short])
    store(FAILURES, failures())
    warehouse().record(HISTORY, runs())


# Expected answers, counted in Python


def in_range(day: date) -> bool:
    return START <= day <= END


def records(*codes: str) -> list[tuple[Any, ...]]:
    return sorted(
        (day, code, n) for code in codes for day, n in OUTPUT[code].items() if in_range(day)
    )


def failed(rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    counts = Counter(
        (row["processor_name"], row["failure_category"])
        for row in rows
        if in_range(row["analysis_date"])
    )
    return sorted((*key, n) for key, n in counts.items())


def breakdown() -> list[tuple[Any, ...]]:
    return [
        (name, category, n, 0 if category == BUG else n) for name, category, n in failed(failures())
    ]


def retryable() -> list[tuple[Any, ...]]:
    return failed(row for row in failures() if row["can_retry"] and row["failure_category"] != FEW)


def month_status() -> list[tuple[Any, ...]]:
    dates = {code: [day for day in days if in_range(day)] for code, days in OUTPUT.items()}
    return [(code, min(days), max(days), len(days)) for code, days in dates.items()]


def rate(code: str, day: date) -> tuple[int, int, float | None]:
    bad, good = len(FAILED[code].get(day, [])), OUTPUT[code].get(day, 0)
    return bad, good, round(bad / (bad + good) * 100, 1) if bad + good else None


def rates() -> list[tuple[Any, ...]]:
    found = []
    for day in Calendar(GAMES).days(START, END):
        if day.is_processing:
            for name, code in sorted(CODES.items()):
                bad, good, pct = rate(code, day.day)
                idle = "bootstrap" if day.type is DateType.BOOTSTRAP else "not processed"
                status = (
                    "processed"
                    if bad + good
                    else "failed"
                    if (code, day.day) == ("PSZA", REFUSED)
                    else idle
                )
                found.append((day.day, name, status, bad, good, pct))
    return found


def history(day: date | None = None) -> list[Row]:
    return [
        r
        for r in reversed(runs())
        if r["phase"] == "phase_4_precompute" and day in (None, r["data_date"])
    ]


def values(rows: list[Row]) -> list[tuple[Any, ...]]:
    return [tuple(float(v) if isinstance(v, Decimal) else v for v in row.values()) for row in rows]
