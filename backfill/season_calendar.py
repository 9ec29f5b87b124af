"""Warehouse contents: calendar, loaded seasons, rows per table and date, written partitions."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date

from backfill.errors import Refused, WarehouseError
from backfill.plan.options import Options
from backfill.processors.registry import PROCESSORS
from backfill.statements import render
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row, UnfinishedWrite, Warehouse
from backfill.warehouse.season_cache import cached_for_all_seasons
from backfill.warehouse.tables import FAILURES, INPUTS, SCHED
from validation.preflight import seasons_missing
from validation.season import Calendar, Game, PostponedGame, SeasonDates

COUNTED = tuple(table for table in INPUTS if table is not SCHED)


def load_calendar(session: Warehouse | None = None) -> Calendar:
    """Return the dates of every loaded season; reads the schedule again after a season is reloaded.

    That of another warehouse than the configured one, `session`, is not cached.
    """

    def make() -> Calendar:
        return calendar_of((session or warehouse()).query(render("calendar"), {}))

    return make() if session else cached_for_all_seasons("calendar", (SCHED,), make)


def calendar_of(rows: Iterable[Row]) -> Calendar:
    """Return the dates of these games of a schedule."""
    return Calendar(
        Game(
            game_date=r["game_date"],
            season_year=r["season_year"],
            status=r["game_status"],
            season_type=r["season_type"],
        )
        for r in rows
    )


def postponed_games(seasons: Collection[int]) -> list[PostponedGame]:
    """Return the games of these seasons that the schedule lists on several dates."""

    def make() -> list[PostponedGame]:
        rows = warehouse().query(render("postponed-games"))
        return sorted(PostponedGame(**{**row, "dates": tuple(row["dates"])}) for row in rows)

    games = cached_for_all_seasons("postponed", (SCHED,), make)
    return [game for game in games if game.season_year in seasons]


def season_dates() -> SeasonDates:
    """Return the dates of the loaded seasons; of none while the schedule is unreadable."""
    try:
        return load_calendar().seasons
    except WarehouseError:
        return SeasonDates(spans={})


def season_year(day: date) -> int:
    """Return the year of the season that a date belongs to. For many dates, take `season_dates`
    once.
    """
    return season_dates().year_of(day)


def seasons_of(options: Options) -> list[int]:
    """Return the seasons of the dates; a summer date outside the schedule needs none."""
    return season_dates().needed(options.days)


def season_name(year: int) -> str:
    """Return the name of a season, such as 2021-22."""
    return f"{year}-{(year + 1) % 100:02}"


def missing_seasons(options: Options) -> list[int]:
    """Return the seasons of the range that are not loaded."""
    loaded = warehouse().seasons(SCHED)
    return [year for year in seasons_of(options) if year not in loaded]


def unfinished_writes(seasons: Collection[int]) -> list[UnfinishedWrite]:
    """Return the loads and copies of these seasons that have begun and not ended."""
    return [write for write in warehouse().unfinished() if set(write.seasons) & set(seasons)]


def check_loaded(options: Options) -> None:
    """Raise Refused if the range needs a season that is not loaded."""
    if missing := missing_seasons(options):
        for write in unfinished_writes(missing):
            raise Refused(f"{write.sentence}; {write.advice}")
        item = seasons_missing([season_name(year) for year in missing])
        raise Refused(f"{item.sentence}: {item.advice}")


def source_rows(start: date, end: date) -> dict[tuple[str, date], int]:
    """Count rows per (Phase 3 table, date), each player or team once."""
    rows = warehouse().query(render("input-rows", inputs=COUNTED), {"start": start, "end": end})
    return {(row["name"], row["game_date"]): row["n"] for row in rows}


def written_dates(codes: Iterable[str], among: Collection[date]) -> dict[str, set[date]]:
    """Return the dates that have both output and failures of each processor."""
    found = (PROCESSORS[code] for code in codes)
    look = warehouse().partitions
    return {p.code: look(FAILURES, p.name, look(p.output, "", among)) for p in found}
