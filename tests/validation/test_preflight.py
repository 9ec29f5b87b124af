from __future__ import annotations

from datetime import date

import pytest

from backfill.warehouse.tables import INPUTS, SCHED
from validation.preflight import LIVE_TABLES, ROWS_PER_GAME, Gap, gaps
from validation.season import DateType, Day

NIGHT, NEXT = date(2021, 11, 22), date(2021, 11, 23)
PLAYERS = "nba_analytics.player_game_summary"


def make_day(games: int = 2, type_: DateType = DateType.REGULAR, day: date = NIGHT) -> Day:
    return Day(day, type_, 34, games)


def make_rows(games: int = 2, day: date = NIGHT, **overrides: int) -> dict[tuple[str, date], int]:
    """Exactly the rows that so many games imply; `player_game_summary=3` overrides a table."""
    return {(t, day): overrides.get(t.split(".")[1], n * games) for t, n in ROWS_PER_GAME.items()}


def test_every_input_but_the_schedule_is_looked_at() -> None:
    assert set(ROWS_PER_GAME) == {str(table) for table in INPUTS if table is not SCHED}


def test_a_date_with_the_rows_of_its_games_has_no_gap() -> None:
    assert gaps([make_day()], make_rows()) == []


def test_a_table_without_a_row_blocks() -> None:
    (gap,) = gaps([make_day()], make_rows(player_game_summary=0))
    assert (gap, gap.blocks) == (Gap(NIGHT, PLAYERS, 0, 20), True)
    assert str(gap) == "2021-11-22: nba_analytics.player_game_summary has no rows, its games imply at least 20"


def test_too_few_rows_warn() -> None:
    (gap,) = gaps([make_day()], make_rows(player_game_summary=19))
    assert (gap, gap.blocks) == (Gap(NIGHT, PLAYERS, 19, 20), False)
    assert str(gap) == "2021-11-22: nba_analytics.player_game_summary has 19 rows, its games imply at least 20"


def test_a_date_that_no_table_knows_has_a_gap_in_each() -> None:
    assert gaps([make_day(games=3)], {}) == [Gap(NIGHT, table, 0, 3 * n) for table, n in ROWS_PER_GAME.items()]


def test_rows_of_another_date_do_not_help() -> None:
    assert [g.date for g in gaps([make_day(), make_day(day=NEXT)], make_rows())] == [NEXT] * len(ROWS_PER_GAME)


@pytest.mark.parametrize(("type_", "found"), [("regular", 5), ("playoffs", 5), ("bootstrap", 0), ("no games", 0)])
def test_only_dates_that_are_computed_need_rows(type_: str, found: int) -> None:
    assert len(gaps([make_day(type_=DateType(type_))], {})) == found


def test_a_live_run_needs_only_what_exists_before_the_games() -> None:
    assert {"nba_analytics.upcoming_player_game_context", "nba_analytics.upcoming_team_game_context"} == LIVE_TABLES
    assert {gap.table for gap in gaps([make_day()], {}, live=True)} == LIVE_TABLES
