"""What the warehouse holds: the calendar, the seasons loaded, rows per table and date, partitions written."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from backfill.errors import Refused
from backfill.models import Run
from backfill.options import Options
from backfill.planning import Key
from backfill.processors import PROCESSORS
from backfill.processors.statement import sql_hash
from backfill.warehouse import warehouse
from backfill.warehouse.tables import FAILURES, INPUTS, SCHED
from validation.season import Calendar, Game

GAMES = f"SELECT game_date, season_year, game_status, season_type FROM {SCHED}"
ROWS = " UNION ALL ".join(
    f"SELECT '{table}' AS name, game_date, COUNT(*) AS n FROM {table} WHERE game_date BETWEEN @start AND @end GROUP BY game_date"
    for table in INPUTS
    if table is not SCHED
)


def calendar() -> Calendar:
    """The dates of every season that is loaded."""
    rows = warehouse().query(GAMES)
    return Calendar(Game(r["game_date"], r["season_year"], r["game_status"], r["season_type"]) for r in rows)


def season_name(year: int) -> str:
    """A season as people write it: 2021-22."""
    return f"{year}-{(year + 1) % 100:02}"


def check_loaded(options: Options) -> None:
    """Raise Refused when the range needs a season that is not loaded."""
    if missing := [season_name(y) for y in options.seasons if y not in warehouse().seasons(SCHED)]:
        raise Refused(
            f"no Phase 3 data for the season {', '.join(missing)}: load it with `manage.py load_phase3 DIR`, "
            f"or make one up with `manage.py simulate_season YEAR`"
        )


def source_rows(start: date, end: date) -> dict[tuple[str, date], int]:
    """Rows per (Phase 3 table, date)."""
    return {(r["name"], r["game_date"]): r["n"] for r in warehouse().query(ROWS, {"start": start, "end": end})}


def written(codes: Iterable[str]) -> dict[str, set[date]]:
    """The dates of which a processor's output and failures are both there."""
    found = (PROCESSORS[code] for code in codes)
    return {p.code: warehouse().partitions(p.output) & warehouse().partitions(FAILURES, p.name) for p in found}


def outdated(options: Options) -> set[Key]:
    """The (processor, date) whose newest complete run was made by another statement than the present one."""
    complete = Run.objects.filter(date__range=(options.start, options.end), status=Run.Status.COMPLETE)
    newest = {(r.processor, r.date): r.sql_hash for r in complete.only("processor", "date", "sql_hash").order_by("started_at")}
    return {(code, day) for (code, day), made_by in newest.items() if made_by != sql_hash(code)}


def done(options: Options) -> set[Key]:
    """The (processor, date) that need no run: complete by the database, and both slices there in the warehouse."""
    recorded, there = Run.objects.done(options.start, options.end), written(options.processors)
    return {(code, day) for code, day in recorded if day in there.get(code, ())}
