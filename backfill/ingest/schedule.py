"""Schedule of a load: games listed on several dates, and the seasons of its own season_year."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress

import duckdb

from backfill.errors import WarehouseError
from backfill.ingest.selection import LoadSelection
from backfill.season_calendar import load_calendar
from validation.season import (
    FINAL,
    FIRST_MONTH,
    Calendar,
    Game,
    PostponedGame,
    SeasonDates,
    postponed_text,
)

USUAL = f"year(game_date) - (month(game_date) < {FIRST_MONTH})::INTEGER"
# A game with one final row counts on its date; one without, on its last date.
LISTED_AGAIN = f"""
    SELECT
      game_id,
      list(DISTINCT game_date ORDER BY game_date) AS dates,
      arg_max(rowid, (coalesce(game_status = {FINAL}, false), game_date)) AS counts
    FROM SCHED WHERE game_id IS NOT NULL AND game_date IS NOT NULL
    GROUP BY game_id
    HAVING count(*) FILTER (game_status = {FINAL}) < 2 AND count(DISTINCT game_date) > 1
"""


def resolve_postponed(db: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Keep one row of each postponed game in SCHED; yield one note about all of them."""
    db.execute(f"CREATE OR REPLACE TEMP TABLE postponed AS {LISTED_AGAIN}")
    games = db.execute("SELECT game_id, dates FROM postponed ORDER BY dates, game_id").fetchall()
    db.execute(
        "DELETE FROM SCHED WHERE rowid NOT IN (SELECT counts FROM postponed) "
        "AND game_id IN (SELECT game_id FROM postponed)"
    )
    if games:
        yield postponed_text([PostponedGame(dates=tuple(days), game_id=g) for g, days in games])


def season_dates(
    db: duckdb.DuckDBPyConnection, selection: LoadSelection
) -> tuple[SeasonDates, list[int], list[str]]:
    """Return the dates of all seasons as they will be, the seasons in SCHED, and the contradictions
    of these, also with loaded games that stay.
    """
    rows = db.execute(
        "SELECT game_date, season_year, game_status, season_type FROM SCHED "
        "WHERE isfinite(game_date) AND season_year IS NOT NULL"
    ).fetchall()
    games = [
        Game(game_date=day, season_year=year, status=status or 0, season_type=kind or "")
        for day, year, status, kind in rows
    ]
    new = {game.season_year for game in games}
    calendar = Calendar([*games, *_staying(new, selection)])
    found = calendar.contradictions()
    sentences = [text for year, text in found.items() if new & {year, year - 1}]
    return calendar.seasons, sorted(new), sentences


def _staying(replaced: Collection[int], selection: LoadSelection) -> list[Game]:
    """Return the loaded games that the load does not replace; none while the schedule is
    unreadable, so that a load can replace it.
    """
    with suppress(WarehouseError):
        return [
            game
            for game in load_calendar().games
            if game.season_year not in replaced or not selection.includes(game.game_date)
        ]
    return []


def season_of(dates: SeasonDates, years: Iterable[int]) -> str:
    """Return SQL for the season year of a game_date."""
    cases = "".join(_cases(dates, years))
    return f"(CASE{cases} ELSE {USUAL} END)" if cases else USUAL


def _cases(dates: SeasonDates, years: Iterable[int]) -> Iterator[str]:
    for year in years:
        first, last = dates.bounds(year)
        yield f" WHEN game_date BETWEEN DATE '{first}' AND DATE '{last}' THEN {year}"
