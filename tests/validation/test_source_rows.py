"""Phase 3 row behind a failure: the newest bad one among those that the processor checks."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from validation.expectation import GameHistory, GameRow, PlayerContext, SeasonGames, expected
from validation.source_rows import SourceRow, bad_rows, failing_row

START = date(2021, 10, 19)
DAYS = [START + timedelta(days=n) for n in range(40)]
DAY = DAYS[35]


def games(*bad: int) -> list[GameRow]:
    return [GameRow(day, f"g{n}", is_bad=n in bad) for n, day in enumerate(DAYS)]


def facts(
    *, player: tuple[int, ...] = (), team: tuple[int, ...] = (), is_bad: bool = False
) -> SeasonGames:
    """Make the facts of one player, `homer` of BOS, and of that team; the numbers are bad games."""
    return SeasonGames(
        start=START,
        players={"homer": GameHistory(games(*player), 20)},
        defenses={"BOS": GameHistory(games(*team), 15)},
        offenses={"BOS": GameHistory(games(*team), 10)},
        contexts={DAY: [PlayerContext("homer", "BOS", is_bad)]},
        schedule={"BOS": [(day, f"g{n}") for n, day in enumerate(DAYS)]},
    )


def row(table: str, n: int, entity: str = "homer") -> SourceRow:
    return SourceRow(day=DAYS[n], entity=entity, game_id=f"g{n}", table=table)


@pytest.mark.parametrize(
    ("code", "entity", "given", "found"),
    [
        ("TDZA", "BOS", facts(team=(20, 30)), row("TDGS", 30, "BOS")),
        ("TDZA", "BOS", facts(team=(19,)), None),
        ("PSZA", "homer", facts(player=(15, 16, 36)), row("PGS", 16)),
        ("PSZA", "homer", facts(player=(14,)), None),
        ("PCF", "homer", facts(is_bad=True, player=(30,)), row("UPGC", 35)),
        ("PCF", "homer", facts(player=(30,)), None),
        ("PDC", "homer", facts(is_bad=True, player=(30,)), row("UPGC", 35)),
        ("PDC", "homer", facts(player=(2,), team=(30,)), row("PGS", 2)),
        ("PDC", "homer", facts(team=(25,)), row("TOGS", 25, "BOS")),
        ("PDC", "homer", facts(team=(24,)), None),
        ("ML", "homer", facts(player=(2,), team=(30,)), row("PGS", 2)),
        ("ML", "homer", facts(team=(30,)), None),
        ("ML", "nobody", facts(player=(2,)), None),
    ],
)
def test_the_newest_bad_row_that_a_processor_examines_fails_the_entity(
    code: str, entity: str, given: SeasonGames, found: SourceRow | None
) -> None:
    assert failing_row(given, code, DAY, entity) == found
    must_fail = expected(given, DAY)[code].get(entity) == "PROCESSING_ERROR"
    assert must_fail == (found is not None)


def test_the_bad_rows_of_a_game_are_those_of_every_entity_in_order_of_their_dates() -> None:
    others = {
        "homer": GameHistory(games(3, 7), 20),
        "awad": GameHistory(games(3), 20),
        "sound": GameHistory(games(), 20),
    }
    given = SeasonGames(start=START, players=others, defenses={"BOS": GameHistory(games(3), 15)})
    assert bad_rows(given, [("PGS", "g7"), ("PGS", "g3")]) == [
        row("PGS", 3, "awad"),
        row("PGS", 3),
        row("PGS", 7),
    ]
    assert bad_rows(given, [("TDGS", "g3")]) == [row("TDGS", 3, "BOS")]


def test_a_context_row_has_the_game_of_its_date() -> None:
    assert bad_rows(facts(is_bad=True), [("UPGC", "g35")]) == [row("UPGC", 35)]
    assert bad_rows(facts(is_bad=True), [("UPGC", "g34")]) == []
