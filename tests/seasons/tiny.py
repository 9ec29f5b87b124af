"""Tiny season of two teams with a player each and a game a night: all processors run in a second.

The players' windows are full before bootstrap ends, the teams' one night later: on the first
processing date TDZA fails both teams for too few games, and from the second on everything succeeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from backfill.execution import execute as execution
from backfill.execution.execute import DateResult, Step, execute
from backfill.ingest.load import load
from backfill.plan.options import Options
from backfill.processors.registry import PROCESSORS
from backfill.processors.render import render
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import FAILURES, INPUTS, SCHED
from tests.factories import game_rows, make_row, phase3_folder, write_rows

OPENING = date(2021, 10, 19)
NIGHTS = tuple(OPENING + timedelta(days=n) for n in range(18))
BOOTSTRAP, PROCESSING = NIGHTS[:14], NIGHTS[14:]
FIRST, SECOND, THIRD, LAST = PROCESSING
STARTED_AT = datetime(2022, 1, 1, 12)
RUN_ID = "0123abcd"


def make_game(night: date) -> Row:
    """Make a game and all its rows; every column that a processor averages varies by night."""
    n = (night - OPENING).days
    zones = {"paint": (8 + n % 3, 5), "mid_range": (4, n % 4), "three_pt": (6 + n % 2, 2)}
    shots = {
        f"{side}{z}_{k}": v
        for side in ("", "opp_")
        for z, made in zones.items()
        for k, v in zip(("attempts", "makes"), made, strict=True)
    }
    rates = {
        "usage_rate": Decimal("21.25") + n,
        "ts_pct": Decimal("0.551"),
        "pace": Decimal("98.3") + n,
    }
    ratings = {
        "defensive_rating": Decimal("108.31") + n,
        "offensive_rating": Decimal("111.1"),
        "opponent_pace": Decimal("99.7"),
    }
    allowed = {
        "points_in_paint_allowed": 40 + n,
        "points_allowed": 100 + n,
        "blocks_paint": n % 2,
        "points_scored": 101 + n,
    }
    scored = {
        "minutes_played": Decimal(30 + n % 5),
        "points": 20 + n % 7,
        "fg_makes": 6,
        "assisted_fg_makes": 2 + n % 3,
    }
    rest = {
        "days_rest": 1,
        "back_to_back": True,
        "games_in_last_7_days": 3,
        "pace_differential": Decimal("-1.3"),
    }
    usage = {
        "projected_usage_rate": Decimal("25.55"),
        "avg_usage_rate_last_7_games": Decimal("22.15"),
    }
    game = {"game_id": f"00221{n:05}", "game_date": night, "season_year": 2021}
    return {**game, **shots, **rates, **ratings, **allowed, **scored, **rest, **usage}


def season_rows(table: Table, nights: Iterable[date] = NIGHTS) -> list[Row]:
    return [row for night in nights for row in game_rows(table, make_game(night))]


def load_season(folder: Path) -> None:
    load(phase3_folder(folder, **{table.short.lower(): season_rows(table) for table in INPUTS}))


def give(table: Table, rows: Sequence[Row], folder: Path) -> None:
    """Replace an input table of the loaded season."""
    warehouse().load(2021, {table: write_rows(folder / f"{table.short}.parquet", table, rows)})


def without(table: Table, night: date, folder: Path) -> None:
    """Remove one night from an input table."""
    give(table, season_rows(table, [n for n in NIGHTS if n != night]), folder)


def scheduled(night: date, n: int = 0) -> Row:
    """Return a game that is not played yet."""
    game = {"game_id": f"00221{900 + n:05}", "game_date": night, "season_year": 2021}
    return make_row(SCHED, **game, game_status=1, season_type="regular")


def make_options(start: date = FIRST, end: date = LAST, **overrides: object) -> Options:
    """Return options for all dates in one batch: a step costs the same for any number of dates."""
    common = {"canary": False, "brake": False, "batch_size": len(PROCESSING)}
    return Options(start=start, end=end, **{**common, **overrides})  # type: ignore[arg-type]


def make_step(
    code: str, dates: Sequence[date] = PROCESSING, started_at: datetime = STARTED_AT
) -> Step:
    return Step(
        processor=PROCESSORS[code],
        dates=tuple(dates),
        season_start=OPENING,
        started_at=started_at,
        run_ids=dict.fromkeys(dates, RUN_ID),
    )


def run(code: str, *dates: date) -> dict[date, DateResult]:
    """Execute one processor for these dates, or for all processing dates."""
    return {
        outcome.date: outcome
        for outcome in execute(warehouse(), make_step(code, dates or PROCESSING))
    }


def run_before(code: str) -> None:
    """Execute every processor that this one depends on."""
    for upstream in PROCESSORS[code].after:
        run(upstream)


def break_on(monkeypatch: pytest.MonkeyPatch, code: str, *days: date) -> None:
    """Make one processor's statement yield every entity of these dates twice."""

    def twice(wanted: str, part: str = "result") -> str:
        sql = render(wanted, part)
        column, dates = (
            PROCESSORS[code].output.partition,
            ", ".join(f"DATE '{day}'" for day in days),
        )
        again = f"SELECT * FROM ({sql}) UNION ALL SELECT * FROM ({sql}) WHERE {column} IN ({dates})"
        return again if (wanted, part) == (code, "result") else sql

    monkeypatch.setattr(execution, "render", twice)


# Warehouse contents


def rows_of(code: str, day: date | None = None) -> list[Row]:
    output = PROCESSORS[code].output
    where = f"WHERE {output.partition} = DATE '{day}'" if day else ""
    return warehouse().query(
        f"SELECT * FROM {output} {where} ORDER BY {output.partition}, {output.entity}"
    )


def failures_of(code: str, day: date | None = None) -> list[tuple[object, ...]]:
    """Return (date, entity, category, reason, can_retry) of one processor."""
    where = f"AND analysis_date = DATE '{day}'" if day else ""
    found = warehouse().query(
        f"SELECT analysis_date, entity_id, failure_category, failure_reason, can_retry FROM {FAILURES} "
        f"WHERE processor_name = '{PROCESSORS[code].name}' {where} ORDER BY analysis_date, entity_id"
    )
    return [tuple(row.values()) for row in found]


def part(root: Path, code: str, day: date) -> Path:
    """Return the file of one output partition."""
    output = PROCESSORS[code].output
    return root / output.dataset / output.name / f"{output.partition}={day}" / "part.parquet"


def put(file: Path, content: bytes) -> None:
    """Replace a file; it can be a link to a file of other tests."""
    file.unlink()
    file.write_bytes(content)


def cut(file: Path) -> None:
    """Truncate a file, as a disk that fills up during a write does."""
    put(file, file.read_bytes()[:-40])


def listing(root: Path) -> dict[str, tuple[int, int]]:
    """Return every file with its identity and time, without fences; equal listings mean that no
    data changed.
    """
    return {
        str(f): (f.stat().st_ino, f.stat().st_mtime_ns)
        for f in root.rglob("*")
        if f.is_file() and ".fences" not in f.parts
    }


def counted(
    outcomes: Mapping[date, DateResult],
) -> dict[date, tuple[int, int, dict[str, int], str]]:
    """Return population, rows, failures and error by date."""
    return {day: (o.population, o.rows, dict(o.failures), o.error) for day, o in outcomes.items()}
