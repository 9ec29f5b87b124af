from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from validation.coverage import ROWS_PER_GAME
from validation.preflight import LOAD, PreflightInput, judge
from validation.preflight_report import (
    DateState,
    Item,
    PreflightEffect,
    PreflightKind,
    Report,
    first_three,
)
from validation.season import DateType, Day

NIGHT, NEXT = date(2021, 11, 22), date(2021, 11, 23)
PLAYERS, DEFENSE, OFFENSE, CONTEXT, TEAM_CONTEXT = ROWS_PER_GAME


def make_day(day: date = NIGHT, type_: str = "regular", games: int = 2) -> Day:
    return Day(day=day, type=DateType(type_), index=(day - date(2021, 10, 19)).days, games=games)


def make_rows(*days: Day) -> dict[tuple[str, date], int]:
    """Return exactly the rows that the games of these dates imply."""
    return {(table, day.day): n * day.games for day in days for table, n in ROWS_PER_GAME.items()}


def found(*days: Day, lost: Any = (), **facts: Any) -> Report:
    """Return the report of these dates; all computed ones are requested.

    `lost` are the (table, date) pairs without rows.
    """
    days = days or (make_day(),)
    asked = {day.day for day in days if day.is_computed}
    season = [day for day in days if day.is_processing]
    rows = {key: n for key, n in make_rows(*season).items() if key not in lost}
    return judge(
        PreflightInput(**{"days": days, "asked": asked, "season": season, "rows": rows, **facts})
    )


# Rows


def test_a_date_with_the_rows_of_its_games_is_ready() -> None:
    report = found()
    assert (report.ready, report.items, report.types) == (True, (), {"regular": 1})
    assert [(c.table, c.rows, c.is_low) for c in report.dates[0].coverage] == [
        (table, 2 * n, False) for table, n in ROWS_PER_GAME.items()
    ]


def test_a_table_without_a_row_blocks_and_says_what_to_do() -> None:
    (item,) = found(lost=[(PLAYERS, NIGHT)]).blocks
    assert item == Item(
        kind=PreflightKind.NO_ROWS,
        sentence="2021-11-22: nba_analytics.player_game_summary has no rows, "
        "at least 20 expected for 2 games",
        advice="run Phase 3 for 2021-11-22, then load it with `manage.py load_phase3 DIR`",
        dates=(NIGHT,),
        tables=(PLAYERS,),
        numbers={"games": 2, "rows": 0, "expected": 20},
    )
    assert str(item) == f"{item.sentence}; {item.advice}"


def test_a_date_that_no_table_knows_blocks_in_each() -> None:
    assert [item.tables for item in found(rows={}).blocks] == [(table,) for table in ROWS_PER_GAME]


def test_too_few_rows_warn() -> None:
    day = make_day()
    report = found(day, rows=make_rows(day) | {(DEFENSE, NIGHT): 3})
    assert (report.ready, report.items) == (True, report.warns)
    assert report.warns == (
        Item(
            kind=PreflightKind.FEW_ROWS,
            sentence="2021-11-22: nba_analytics.team_defense_game_summary has 3 rows (75 %), "
            "4 expected for 2 games",
            advice="run Phase 3 for 2021-11-22, then load it with `manage.py load_phase3 DIR`",
            dates=(NIGHT,),
            tables=(DEFENSE,),
            numbers={"games": 2, "rows": 3, "expected": 4},
        ),
    )


def test_players_are_measured_by_the_whole_season_not_by_the_range() -> None:
    days = [make_day(NIGHT + timedelta(days=n), games=6) for n in range(8)]
    rows = make_rows(*days) | {(PLAYERS, day.day): 144 for day in days} | {(PLAYERS, NIGHT): 72}
    (item,) = found(days[0], season=days, rows=rows).warns
    assert item.numbers == {"games": 6, "rows": 72, "expected": 144}


@pytest.mark.parametrize(
    ("type_", "blocks"), [("regular", 5), ("playoffs", 5), ("bootstrap", 0), ("no games", 0)]
)
def test_only_dates_that_are_computed_need_rows(type_: str, blocks: int) -> None:
    report = found(
        make_day(), make_day(NEXT, type_), lost=[(table, NEXT) for table in ROWS_PER_GAME]
    )
    assert len(report.blocks) == blocks
    assert report.types == ({"regular": 2} if type_ == "regular" else {"regular": 1, type_: 1})


def test_a_live_run_needs_only_what_exists_before_the_games() -> None:
    report = found(rows={}, live=True)
    assert [item.tables for item in report.blocks] == [(CONTEXT,), (TEAM_CONTEXT,)]
    assert [c.table for c in report.dates[0].coverage] == [CONTEXT, TEAM_CONTEXT]


def test_dates_that_are_not_asked_for_need_no_rows_of_their_own() -> None:
    assert (
        found(
            make_day(), make_day(NEXT), asked={NIGHT}, lost=[(CONTEXT, NEXT), (PLAYERS, NEXT)]
        ).items
        == ()
    )


# Windows


def earlier(n: int, type_: str = "regular") -> Day:
    return make_day(NIGHT - timedelta(days=n), type_, games=3)


def windows(*before: Day, lost: Any, **facts: Any) -> list[tuple[Any, ...]]:
    report = found(
        make_day(),
        season=[*before, make_day()],
        rows={k: n for k, n in make_rows(*before, make_day()).items() if k not in lost},
        **facts,
    )
    assert report.ready
    assert {item.kind for item in report.items} <= {PreflightKind.SHORT_WINDOWS}
    return [(item.tables, item.dates, item.numbers["games"]) for item in report.warns]


def test_dates_before_the_range_that_are_lost_leave_its_windows_short() -> None:
    before = [earlier(25, "bootstrap"), earlier(3), earlier(2)]
    lost = [
        (PLAYERS, before[0].day),
        (PLAYERS, before[2].day),
        (DEFENSE, before[1].day),
        (OFFENSE, before[1].day),
    ]
    assert windows(*before, lost=lost) == [
        ((PLAYERS,), (before[0].day, before[2].day), 6),
        ((DEFENSE, OFFENSE), (before[1].day,), 3),
    ]


def test_short_windows_are_a_sentence() -> None:
    before = [earlier(n) for n in range(7, 0, -1)]
    (item,) = found(
        make_day(), season=[*before, make_day()], rows=make_rows(make_day()), reads=[DEFENSE]
    ).warns
    dates = "2021-11-15, 2021-11-16, 2021-11-17, 2021-11-18, 2021-11-19 and 2 more dates"
    assert (
        item.sentence
        == f"{dates}: 21 games have no rows in {DEFENSE}; later dates are computed without them"
    )
    assert item.advice == f"run Phase 3 for {dates}, then load it with `manage.py load_phase3 DIR`"


def test_windows_miss_only_tables_that_they_read() -> None:
    day = earlier(1)
    assert windows(day, lost=[(CONTEXT, day.day), (TEAM_CONTEXT, day.day)]) == []
    assert windows(day, lost=[(PLAYERS, day.day)], reads=[DEFENSE, CONTEXT]) == []


def test_windows_end_before_the_last_date_asked_for_and_begin_with_its_season() -> None:
    after, last_season = (
        make_day(NEXT),
        Day(day=date(2021, 4, 1), type=DateType.REGULAR, index=100, games=2),
    )
    assert found(season=[last_season, make_day(), after], rows=make_rows(make_day())).items == ()


def test_bootstrap_dates_inside_the_range_are_in_its_windows() -> None:
    first = earlier(20, "bootstrap")
    (item,) = found(first, make_day(), lost=[(table, first.day) for table in ROWS_PER_GAME]).items
    assert (item.kind, item.dates, item.tables) == (
        PreflightKind.SHORT_WINDOWS,
        (first.day,),
        (PLAYERS, DEFENSE, OFFENSE),
    )


# Existing output


@pytest.mark.parametrize(
    ("replaced", "fate"),
    [
        ([], "kept"),
        ([NIGHT], "replaced on 1 date"),
        ([NIGHT, NEXT], "replaced"),
    ],
)
def test_output_that_is_there_is_told(replaced: list[date], fate: str) -> None:
    days = [
        make_day(earlier(25).day, "bootstrap"),
        make_day(),
        make_day(NEXT),
        make_day(NEXT + timedelta(days=1)),
    ]
    there = {NIGHT, NEXT, days[0].day, date(2020, 1, 1)}
    report = found(*days, output={"TDZA": [], "PSZA": there}, replaced={"PSZA": replaced})
    numbers = {"dates": 3, "existing": 2, "replaced": len(replaced)}
    assert report.items == (
        Item(
            kind=PreflightKind.OUTPUT,
            sentence=f"PSZA: output exists for 2 of 3 dates and will be {fate}",
            dates=(NIGHT, NEXT),
            numbers=numbers,
        ),
    )
    assert (report.ready, report.tells) == (True, report.items)
    assert [state.output for state in report.dates] == [(), ("PSZA",), ("PSZA",), ()]


# Other blockers


def test_partitions_that_expire_block() -> None:
    (item,) = found(expiring={"nba_precompute.player_daily_cache": 60}).items
    assert (item.kind, item.tables, item.numbers) == (
        PreflightKind.EXPIRY,
        ("nba_precompute.player_daily_cache",),
        {"days": 60},
    )
    assert item.sentence == (
        "partitions of nba_precompute.player_daily_cache expire after 60 days, "
        "which deletes older dates"
    )
    assert "SET OPTIONS (partition_expiration_days = NULL)" in item.advice


def test_a_job_that_holds_the_dates_blocks() -> None:
    assert found(held="job 7 holds them; wait for it").blocks == (
        Item(kind=PreflightKind.HELD, sentence="job 7 holds them; wait for it"),
    )


def test_an_unfinished_load_blocks_and_a_reason_overrides_it() -> None:
    sentence = "load of season 2021-22 interrupted, began 2026-11-01 10:00"
    report = found(unfinished={sentence: "run `manage.py load_phase3 x` again"})
    (item,) = report.blocks
    assert (item.kind, str(item)) == (
        PreflightKind.UNFINISHED,
        f"{sentence}; run `manage.py load_phase3 x` again",
    )
    assert report.stops(skip=True) == ()


def test_a_season_that_is_not_loaded_blocks() -> None:
    (item,) = found(days=(), season=(), asked=(), not_loaded=["2021-22", "2022-23"]).items
    assert (item.kind, item.sentence) == (
        PreflightKind.NOT_LOADED,
        "no Phase 3 data for the seasons 2021-22, 2022-23",
    )
    assert item.advice.startswith(LOAD)


def test_a_range_without_a_game_has_nothing_to_run_and_no_gap() -> None:
    (item,) = found(make_day(type_="no games"), make_day(NEXT, "no games")).items
    assert (item.kind, item.kind.effect) == (PreflightKind.NOTHING_TO_RUN, PreflightEffect.BLOCKS)
    assert item.sentence == "no games between 2021-11-22 and 2021-11-23, so nothing to backfill"


def test_games_that_are_not_final_are_told_with_their_date_alone() -> None:
    day = make_day(type_="no games", games=0)
    report = found(make_day(NEXT), day, not_final={NIGHT: 2})
    assert (report.items, report.dates[1]) == ((), DateState(day=day, not_final=2))


def test_nothing_to_look_at_is_nothing_wrong() -> None:
    assert found(days=(), season=(), asked=()) == Report((), ())


# Consequences


def test_a_reason_overrides_rows_and_expiry_and_nothing_else() -> None:
    report = found(rows={}, held="held", expiring={"t": 1})
    assert {item.kind for item in report.stops(skip=False)} == {
        PreflightKind.HELD,
        PreflightKind.EXPIRY,
        PreflightKind.NO_ROWS,
    }
    assert [item.kind for item in report.stops(skip=True)] == [PreflightKind.HELD]
    assert {*report.overridable, *report.stops(skip=True)} == set(report.blocks)
    assert [
        kind
        for kind in PreflightKind
        if kind.can_be_overridden and kind.effect is not PreflightEffect.BLOCKS
    ] == []


def test_what_blocks_comes_first() -> None:
    days = [make_day(), make_day(NEXT)]
    rows = make_rows(*days) | {(OFFENSE, NIGHT): 1, (CONTEXT, NEXT): 0}
    report = found(*days, rows=rows, output={"ML": [NIGHT]}, expiring={"t": 1})
    assert [item.kind.effect for item in report.items] == ["blocks", "blocks", "warns", "tells"]
    assert report.items == report.blocks + report.warns + report.tells


def test_the_first_three_are_named() -> None:
    items = [Item(kind=PreflightKind.HELD, sentence=word) for word in "abcde"]
    assert [first_three(items[:n]) for n in (0, 1, 3, 5)] == [
        "",
        "a",
        "a; b; c",
        "a; b; c (and 2 more)",
    ]
