"""One database per process: a season is read once for all sessions, and forgotten with the last."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from backfill.processors.registry import PROCESSORS
from backfill.processors.render import render
from backfill.warehouse.parquet.engine import Engine, SharedTable, engine
from backfill.warehouse.parquet.reading import DEFAULT_OPTIONS
from backfill.warehouse.parquet.session import ParquetWarehouse
from tests.factories import AWAY, HOME, PLAYERS
from tests.seasons.tiny import FIRST, OPENING

PARAMS = {
    "dates": [FIRST],
    "season_start": OPENING,
    "backfill_mode": True,
    "started_at": None,
}


def tables_of(root: Path) -> set[str]:
    """Return the shared tables of a warehouse."""
    held = engine(DEFAULT_OPTIONS)._tables
    return {str(key[1]) for key in held if key[0] == root}


def staged(session: ParquetWarehouse, column: str) -> list[str]:
    return [row[column] for row in session.query(f"SELECT {column} FROM staged ORDER BY 1")]


def test_sessions_share_what_they_read_of_a_season_until_the_last_has_ended(season: Path) -> None:
    first, second = ParquetWarehouse(season), ParquetWarehouse(season)
    first.stage("staged", render("PSZA"), PARAMS)
    made = tables_of(season)
    second.stage("staged", render("PSZA"), PARAMS)
    assert made == tables_of(season)
    assert any(name.startswith("kept_") for name in made)
    assert all(first._cached[name][1] is table for name, (_, table) in second._cached.items())
    rows = [staged(w, "player_lookup") for w in (first, second)]
    assert rows[0] == rows[1] != []
    del first
    gc.collect()
    assert staged(second, "player_lookup") == rows[1]
    second.stage("staged", render("PSZA"), PARAMS)
    del second
    gc.collect()
    assert tables_of(season) == set()


def test_sessions_of_two_threads_see_only_their_own_dates(season: Path) -> None:
    together = Barrier(2)

    def rows(code: str) -> list[str]:
        session = ParquetWarehouse(season)
        together.wait()
        for _ in range(5):
            session.stage("staged", render(code), PARAMS)
        return staged(session, PROCESSORS[code].output.entity)

    with ThreadPoolExecutor(2) as pool:
        teams, players = pool.map(rows, ("TDZA", "PSZA"))
    assert set(teams) == {HOME, AWAY}
    assert set(players) == set(PLAYERS.values())


def test_of_two_threads_one_fills_a_table_and_the_other_waits() -> None:
    shared, filled, together = Engine(DEFAULT_OPTIONS), [], Barrier(2)

    def table(_: int) -> SharedTable:
        together.wait()
        return shared.shared(("season",), fill)

    def fill(name: str) -> None:
        filled.append(name)
        shared._db.cursor().execute(f"CREATE TABLE {name} AS SELECT 1 AS n")

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(table, range(2))
    assert one is other
    assert filled == [one.name]


def test_a_table_whose_query_failed_is_filled_by_the_next_caller() -> None:
    shared, tries = Engine(DEFAULT_OPTIONS), []

    def fill(name: str) -> None:
        tries.append(name)
        if len(tries) == 1:
            raise OSError("the file is gone")
        shared._db.cursor().execute(f"CREATE TABLE {name} AS SELECT 1 AS n")

    for _ in range(2):
        try:
            made = shared.shared(("season",), fill)
        except OSError:
            continue
    assert len(tries) == 2
    assert made.name == tries[1]
