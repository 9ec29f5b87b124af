from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.warehouse.tables import INPUTS, SCHED
from validation.coverage import (
    GAME_TABLES,
    LIVE_TABLES,
    PLAYER_TABLES,
    ROWS_PER_GAME,
    Coverage,
    Norm,
    Norms,
    expected_rows,
    is_low,
    phase3,
)
from validation.season import DateType, Day

NIGHT = date(2021, 11, 22)
PLAYERS, TEAMS = "nba_analytics.player_game_summary", "nba_analytics.team_defense_game_summary"
USUAL = Norm(20.4, 2.5)


def make_days(*games: int) -> list[Day]:
    """Make consecutive dates with so many games each, from NIGHT on."""
    return [
        Day(day=NIGHT + timedelta(days=n), type=DateType.REGULAR, index=34 + n, games=found)
        for n, found in enumerate(games)
    ]


def made(days: list[Day], *rows: int, table: str = PLAYERS) -> dict[tuple[str, date], int]:
    return {(table, day.day): n for day, n in zip(days, rows, strict=True)}


def of(table: str, days: list[Day], rows: Mapping[tuple[str, date], int]) -> list[Coverage]:
    return [found for found in phase3(days, rows) if found.table == table]


# Covered dates


def test_every_input_but_the_schedule_is_looked_at() -> None:
    assert set(ROWS_PER_GAME) == {str(table) for table in INPUTS if table is not SCHED}
    assert {
        "nba_analytics.upcoming_player_game_context",
        "nba_analytics.upcoming_team_game_context",
    } == LIVE_TABLES
    assert {
        "nba_analytics.player_game_summary",
        "nba_analytics.upcoming_player_game_context",
    } == PLAYER_TABLES
    assert set(ROWS_PER_GAME) == GAME_TABLES | LIVE_TABLES


def test_every_date_with_games_has_a_coverage_in_each_table_and_no_other_has() -> None:
    types = [DateType.BOOTSTRAP, DateType.NO_GAMES, DateType.REGULAR, DateType.PLAYOFFS]
    days = [
        Day(day=NIGHT + timedelta(days=n), type=kind, index=n, games=2)
        for n, kind in enumerate(types)
    ]
    found = phase3(days, {})
    assert [(c.table, c.date) for c in found] == [
        (t, days[n].day) for t in ROWS_PER_GAME for n in (0, 2, 3)
    ]
    assert all(c.is_missing and c.is_low and c.games == 2 for c in found)


# Teams


@pytest.mark.parametrize(("rows", "low"), [(0, True), (19, True), (20, False), (21, False)])
def test_teams_are_two_a_game_whatever_other_dates_have(rows: int, low: bool) -> None:
    days = make_days(10, 10, 10)
    found = of(TEAMS, days, made(days, rows, 20, 12, table=TEAMS))[0]
    assert found == Coverage(date=NIGHT, table=TEAMS, games=10, rows=rows, expected=20, is_low=low)


def test_missing_teams_are_a_sentence() -> None:
    (found,) = of(TEAMS, make_days(10), {(TEAMS, NIGHT): 18})
    assert str(found) == f"{NIGHT}: {TEAMS} has 18 rows (90 %), 20 expected for 10 games"


# Players


def test_players_are_expected_as_the_other_dates_of_the_season_have_them() -> None:
    days = make_days(10, 5, 5, 5)
    found = of(PLAYERS, days, made(days, 152, 102, 100, 104))[0]
    assert (found.expected, found.is_low, round(found.share, 3)) == (204, True, 0.745)
    assert (
        str(found) == f"{NIGHT}: {PLAYERS} has 152 rows (74 %), about 204 expected for 10 games "
        "(20.4 per game this season)"
    )


def test_a_date_is_not_measured_by_itself() -> None:
    days = make_days(5, 5)
    assert [c.expected for c in of(PLAYERS, days, made(days, 100, 130))] == [130, 100]


def test_dates_that_were_lost_say_nothing_about_the_others() -> None:
    days = make_days(5, 5, 5, 5)
    lost, found, *_ = of(PLAYERS, days, made(days, 0, 100, 0, 0))
    assert (found.expected, found.is_low) == (50, False)
    assert (lost.expected, lost.is_missing) == (100, True)
    assert (
        str(lost) == f"{NIGHT}: {PLAYERS} has no rows, about 100 expected for 5 games "
        "(20.0 per game this season)"
    )


def test_a_few_dates_that_went_wrong_do_not_move_what_is_usual() -> None:
    days = make_days(*[8] * 12)
    rows = made(days, 80, 80, 320, 320, *[160, 164, 156, 160, 163, 158, 160, 157])
    assert [c.is_low for c in of(PLAYERS, days, rows)] == [True, True, *[False] * 10]
    assert {round(c.expected / 8) for c in of(PLAYERS, days, rows)} == {20}


def test_without_another_date_a_game_has_five_players_a_side_at_least() -> None:
    days = make_days(2)
    short, enough = (of(PLAYERS, days, {(PLAYERS, NIGHT): n})[0] for n in (19, 20))
    assert (short.is_low, enough.is_low, short.expected) == (True, False, 20)
    assert str(short) == f"{NIGHT}: {PLAYERS} has 19 rows (95 %), at least 20 expected for 2 games"


def test_a_season_that_is_broken_everywhere_is_measured_by_five_a_side() -> None:
    days = make_days(1, 1, 1)
    found = of(PLAYERS, days, made(days, 2, 2, 1))
    assert [(c.expected, c.is_low) for c in found] == [(10, True)] * 3
    assert [str(c).partition(" has ")[2] for c in found[1:]] == [
        "2 rows (20 %), at least 10 expected for 1 game",
        "1 row (10 %), at least 10 expected for 1 game",
    ]


# Chance


@pytest.mark.parametrize(
    ("games", "rows", "low"),
    [
        (1, 15, False),  # 74 %, possible for a single game by chance
        (1, 10, True),
        (1, 11, False),
        (10, 180, False),  # 88 %, within the chance of ten games
        (10, 172, True),
        (10, 173, False),
        (15, 275, False),
        (15, 267, True),
    ],
)
def test_a_small_night_may_stray_further_than_a_large_one(games: int, rows: int, low: bool) -> None:
    assert is_low(PLAYERS, games, rows, USUAL) is low


def test_ten_percent_may_always_be_missing() -> None:
    steady = Norm(20, 0.1)
    assert [is_low(PLAYERS, 10, rows, steady) for rows in (179, 180)] == [True, False]


def test_few_dates_know_little_of_chance() -> None:
    assert Norms([]).without(None) is None
    assert Norms([(5, 100)]).without((5, 100)) is None
    assert Norms([(5, 100)]).without(None) == Norm(20, sqrt(20) / 2)
    assert Norms([(1, 2), (1, 2), (1, 2)]).without(None) == Norm(2, sqrt(2) / 2)


def test_the_spread_is_that_of_one_game() -> None:
    nights = [(4, 80 + 2 * n) for n in (-5, -3, -1, 1, 3, 5)]
    assert Norms(nights).without(None) == Norm(20, pytest.approx(1.4826 * 3))


@given(st.lists(st.tuples(st.integers(1, 15), st.integers(1, 400)), min_size=1, max_size=12))
def test_the_norm_of_a_date_is_that_of_the_other_dates(nights: list[tuple[int, int]]) -> None:
    norms = Norms(nights)
    for n, night in enumerate(nights):
        others = nights[:n] + nights[n + 1 :]
        assert norms.without(night) == Norms(others).without(None)


@given(
    st.integers(1, 15),
    st.integers(0, 400),
    st.floats(2, 40),
    st.floats(0, 6),
    st.sampled_from(sorted(ROWS_PER_GAME)),
)
def test_more_rows_are_never_worse(
    games: int, rows: int, per_game: float, spread: float, table: str
) -> None:
    norm = Norm(per_game, spread)
    assert is_low(table, games, rows, norm) or not is_low(table, games, rows + 1, norm)
    assert not is_low(table, games, int(expected_rows(table, games, norm)) + 1, norm)
