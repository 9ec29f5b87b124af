"""Warehouse reads of an audit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from backfill.audit import load
from backfill.audit.load import Written
from backfill.execution.execute import empty
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import FAILURES, PCF, PGS, SCHED, TDGS, TDZA, TOGS, UPGC
from tests.factories import AWAY, HOME, PLAYERS, make_row, store
from tests.seasons.november import failure
from tests.seasons.tiny import (
    BOOTSTRAP,
    FIRST,
    LAST,
    NIGHTS,
    OPENING,
    PROCESSING,
    SECOND,
    give,
    make_step,
    run,
    run_before,
    without,
)
from validation.categories import DATE_LEVEL
from validation.expectation import (
    BAD,
    FEW,
    MISSING,
    ROW,
    GameHistory,
    GameRow,
    PlayerContext,
    SeasonGames,
)

TEAMS = frozenset((HOME, AWAY))
EVERYBODY = frozenset(PLAYERS.values())
GAME_IDS = [f"00221{n:05}" for n in range(len(NIGHTS))]
EARLY, LATE = datetime(2021, 12, 1, 10), datetime(2021, 12, 1, 11)


# Phase 3


def game(table: Table, **values: object) -> Row:
    """Make a row for the game of opening night, which was played."""
    known = {
        "game_id": "g",
        "game_date": OPENING,
        "season_year": 2021,
        "player_lookup": "p",
        "team_abbr": HOME,
    }
    played = {"is_active": True, "minutes_played": Decimal(30), "processed_at": EARLY}
    return make_row(table, **{"defending_team_abbr": HOME, **known, **played, **values})


def of_team(team: str) -> list[GameRow]:
    return [
        GameRow(night, game_id, team=team) for night, game_id in zip(NIGHTS, GAME_IDS, strict=True)
    ]


def rows_of(histories: Mapping[str, GameHistory]) -> dict[str, tuple[list[GameRow], int]]:
    return {entity: (history.rows, history.window) for entity, history in histories.items()}


@pytest.mark.usefixtures("season")
def test_facts_are_the_games_contexts_and_schedule_of_a_season() -> None:
    found = load.facts(OPENING)
    assert found.start == OPENING
    assert rows_of(found.players) == {
        player: (of_team(team), 20) for team, player in PLAYERS.items()
    }
    assert rows_of(found.defenses) == {team: (of_team(team), 15) for team in PLAYERS}
    assert rows_of(found.offenses) == {team: (of_team(team), 10) for team in PLAYERS}
    contexts = {PlayerContext(player, team) for team, player in PLAYERS.items()}
    assert {day: (len(rows), set(rows)) for day, rows in found.contexts.items()} == dict.fromkeys(
        NIGHTS, (2, contexts)
    )
    nights = list(zip(NIGHTS, GAME_IDS, strict=True))
    assert {team: sorted(games) for team, games in found.schedule.items()} == dict.fromkeys(
        PLAYERS, nights
    )


def test_an_empty_warehouse_has_no_facts() -> None:
    assert load.facts(OPENING) == SeasonGames(start=OPENING)


@pytest.mark.usefixtures("season")
def test_facts_are_kept_until_a_table_of_the_season_is_loaded_again(tmp_path: Path) -> None:
    kept = load.facts(OPENING)
    assert load.facts(OPENING) is kept
    for table in (PGS, TDGS, TOGS, UPGC, SCHED):
        without(table, NIGHTS[0], tmp_path)
        before, kept = kept, load.facts(OPENING)
        assert kept is not before
    histories = (*kept.players.values(), *kept.defenses.values(), *kept.offenses.values())
    assert {len(history.rows) for history in histories} == {len(NIGHTS) - 1}
    assert kept.contexts.keys() == {day for day, _ in kept.schedule[HOME]} == set(NIGHTS[1:])


@pytest.mark.usefixtures("season")
def test_facts_of_one_warehouse_are_not_those_of_another(settings: Any, tmp_path: Path) -> None:
    assert load.facts(OPENING).players
    settings.WAREHOUSE_URL = f"parquet:{tmp_path}/another"
    assert load.facts(OPENING) == SeasonGames(start=OPENING)


def test_only_an_active_player_with_minutes_attempts_or_points_has_played(tmp_path: Path) -> None:
    nothing = dict.fromkeys(("minutes_played", "fg_attempts", "points"))
    told: dict[str, Row] = {
        "minutes": {**nothing, "minutes_played": Decimal("0.5")},
        "attempts": {**nothing, "fg_attempts": 1},
        "points": {**nothing, "minutes_played": Decimal(0), "points": 1},
        "nothing": nothing,
        "zeros": dict.fromkeys(nothing, 0),
        "inactive": {"is_active": False},
        "unknown": {"is_active": None},
    }
    give(
        PGS,
        [game(PGS, player_lookup=player, **values) for player, values in told.items()],
        tmp_path,
    )
    counts = {
        player: history.rows[0].counts for player, history in load.facts(OPENING).players.items()
    }
    assert counts == dict.fromkeys(told, False) | dict.fromkeys(
        ("minutes", "attempts", "points"), True
    )


@pytest.mark.parametrize(
    ("table", "bad", "possible"),
    [
        (PGS, {"paint_attempts": 1, "paint_makes": 2}, {"paint_attempts": None, "paint_makes": 2}),
        (TDGS, {"defensive_rating": Decimal("-0.01")}, {"defensive_rating": Decimal(0)}),
        (TOGS, {"points_scored": -1}, {"points_scored": None}),
    ],
    ids=str,
)
def test_an_impossible_value_is_known_and_an_unknown_one_breaks_nothing(
    tmp_path: Path, table: Table, bad: Row, possible: Row
) -> None:
    give(
        table,
        [game(table, game_id="bad", **bad), game(table, game_id="possible", **possible)],
        tmp_path,
    )
    facts = load.facts(OPENING)
    ((entity, history),) = {**facts.players, **facts.defenses, **facts.offenses}.items()
    assert entity == ("p" if table is PGS else HOME)
    assert {row.game_id: row.is_bad for row in history.rows} == {"bad": True, "possible": False}


def test_of_the_rows_of_a_game_the_latest_is_first_and_a_tie_goes_to_the_larger(
    tmp_path: Path,
) -> None:
    moved, written = OPENING + timedelta(days=3), {"game_date": OPENING, "team_abbr": HOME}
    rows = [
        written | {"points": 5},
        written | {"points": None},
        {"game_date": moved, "team_abbr": AWAY, "processed_at": LATE},
    ]
    give(PGS, [game(PGS, **values) for values in rows], tmp_path)
    (history,) = load.facts(OPENING).players.values()
    assert set(history.rows) == {
        GameRow(OPENING, "g", 2, team=HOME),
        GameRow(OPENING, "g", 3, team=HOME),
        GameRow(moved, "g", 1, team=AWAY),
    }


def test_of_a_players_context_rows_of_a_date_the_latest_counts_then_the_higher_game_id(
    tmp_path: Path,
) -> None:
    told: list[tuple[str, Row]] = [
        ("late", {"processed_at": LATE, "team_abbr": AWAY, "days_rest": -1}),
        ("late", {"processed_at": EARLY, "game_id": "z"}),
        ("tied", {"game_id": "a", "days_rest": -1, "universal_player_id": "2"}),
        ("tied", {"game_id": "b", "team_abbr": AWAY, "universal_player_id": "1"}),
    ]
    give(UPGC, [game(UPGC, player_lookup=player, **values) for player, values in told], tmp_path)
    ((day, contexts),) = load.facts(OPENING).contexts.items()
    assert (day, sorted(contexts)) == (
        OPENING,
        [PlayerContext("late", AWAY, True), PlayerContext("tied", AWAY)],
    )


def test_only_final_games_of_the_season_types_are_asked_for(tmp_path: Path) -> None:
    kinds = [(3, "regular"), (3, "playoffs"), (3, "play-in"), (1, "regular"), (2, "playoffs")]
    rows = [
        game(
            SCHED,
            game_id=f"g{n}",
            home_team_abbr=HOME,
            away_team_abbr=AWAY,
            game_status=status,
            season_type=label,
        )
        for n, (status, label) in enumerate(kinds)
    ]
    give(SCHED, rows, tmp_path)
    schedule = {team: sorted(games) for team, games in load.facts(OPENING).schedule.items()}
    assert schedule == {team: [(OPENING, "g0"), (OPENING, "g1")] for team in PLAYERS}


@pytest.mark.parametrize("days", [-200, -1, 365])
def test_what_lies_outside_the_season_is_not_read(tmp_path: Path, days: int) -> None:
    elsewhere = OPENING + timedelta(days=days)
    for table in (PGS, TDGS, TOGS, UPGC):
        give(table, [game(table, game_date=elsewhere)], tmp_path)
    final = {"game_date": elsewhere, "game_status": 3, "season_type": "regular"}
    give(SCHED, [game(SCHED, **final)], tmp_path)
    assert load.facts(OPENING) == SeasonGames(start=OPENING)


# Phase 4


def written(*dates: date, codes: Iterable[str] = CHAIN) -> dict[tuple[str, date], Written]:
    load.stage(dates, tuple(codes))
    return load.written(dates, tuple(codes))


def put(
    code: str, day: date, rows: Iterable[str] = (), failures: Iterable[tuple[str, str]] = ()
) -> None:
    """Write a partition with any rows and failures, as a defective writer would.

    Failures are (entity, category).
    """
    output = PROCESSORS[code].output
    empty(warehouse(), make_step(code, [day]))
    if made := [
        make_row(output, **{"analysis_date": day, output.partition: day, output.entity: entity})
        for entity in rows
    ]:
        store(output, made)
    if logged := [failure(code, day, entity, category) for entity, category in failures]:
        store(FAILURES, logged)


@pytest.mark.usefixtures("season")
def test_what_a_run_has_written_is_read_back_by_processor_and_date() -> None:
    for code in CHAIN:
        run(code, FIRST, SECOND)
    found = written(FIRST, SECOND)
    assert found.pop(("TDZA", FIRST)) == Written(failures=dict.fromkeys(TEAMS, FEW))
    assert found.pop(("TDZA", SECOND)) == Written(rows=TEAMS)
    assert found == {
        (code, day): Written(rows=EVERYBODY) for code in CHAIN[1:] for day in (FIRST, SECOND)
    }


@pytest.mark.usefixtures("season")
def test_only_what_was_asked_for_is_read() -> None:
    run_before("PCF")
    run("PCF")
    assert written(SECOND, codes=["TDZA"]) == {("TDZA", SECOND): Written(rows=TEAMS)}
    assert written(*PROCESSING, codes=["PCF"]) == {
        ("PCF", day): Written(rows=EVERYBODY) for day in PROCESSING
    }
    assert written() == written(*PROCESSING, codes=[]) == {}


def test_rows_and_failures_of_one_date_lie_side_by_side() -> None:
    put("PDC", FIRST, ["a", "b"], [("c", FEW), ("d", MISSING), ("e", MISSING)])
    put("ML", FIRST, ["a"], [("b", BAD)])
    assert written(FIRST) == {
        ("PDC", FIRST): Written(
            rows=frozenset("ab"), failures={"c": FEW, "d": MISSING, "e": MISSING}
        ),
        ("ML", FIRST): Written(rows=frozenset("a"), failures={"b": BAD}),
    }


def test_a_key_that_is_there_again_is_counted() -> None:
    put("PSZA", FIRST, "aaab", [("c", FEW), ("c", FEW), ("d", FEW), ("d", MISSING)])
    found = written(FIRST)["PSZA", FIRST]
    assert (found.rows, set(found.failures), found.repeated) == (frozenset("ab"), {"c", "d"}, 4)
    assert (found.failures["c"], found.whole_date) == (FEW, "")


def test_an_entity_with_a_row_and_a_failure_is_in_both() -> None:
    put("PSZA", FIRST, ["a"], [("a", FEW)])
    assert written(FIRST) == {("PSZA", FIRST): Written(rows=frozenset("a"), failures={"a": FEW})}


def test_what_became_of_each_entity_is_told_in_one_table() -> None:
    assert Written(rows=frozenset("ab"), failures={"c": FEW}, whole_date=MISSING).statuses == {
        "a": ROW,
        "b": ROW,
        "c": FEW,
    }
    assert load.NOT_WRITTEN.statuses == {}


def test_a_failure_of_the_whole_date_is_none_of_an_entity() -> None:
    put("PCF", FIRST, (), [(DATE_LEVEL, MISSING)])
    put("PCF", SECOND, ["a"], [(DATE_LEVEL, MISSING), ("b", FEW)])
    assert written(FIRST, SECOND) == {
        ("PCF", FIRST): Written(whole_date=MISSING),
        ("PCF", SECOND): Written(rows=frozenset("a"), failures={"b": FEW}, whole_date=MISSING),
    }


def test_an_empty_partition_is_there_and_has_nothing() -> None:
    empty(warehouse(), make_step("TDZA", BOOTSTRAP[:2]))
    assert written(*BOOTSTRAP[:3]) == {("TDZA", day): Written() for day in BOOTSTRAP[:2]}


def test_a_date_of_which_one_partition_is_missing_is_not_there() -> None:
    store(PCF, [make_row(PCF, player_lookup="a", game_date=FIRST, analysis_date=FIRST)])
    store(FAILURES, [failure("TDZA", SECOND, "BOS", FEW)])
    assert written(FIRST, SECOND, LAST) == {}
    store(TDZA, [make_row(TDZA, team_abbr="NYK", analysis_date=SECOND)])
    assert written(FIRST, SECOND, LAST) == {
        ("TDZA", SECOND): Written(rows=frozenset(["NYK"]), failures={"BOS": FEW})
    }
