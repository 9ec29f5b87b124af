"""Failures that exist only because Phase 3 rows are missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from validation.coverage import Coverage
from validation.expectation import FEW, MISSING, GameHistory, GameRow, PlayerContext, SeasonGames
from validation.inputs.missing_rows import MissingRows, missing_rows
from validation.inputs.problem import full_name
from validation.processor_rules import ML, PDC, PSZA, TDZA

START = date(2021, 10, 19)
NIGHTS = [START + timedelta(days=2 * n) for n in range(20)]
GAP, TODAY = NIGHTS[5], NIGHTS[10]  # ten nights before today, nine with rows
MINE, THEIRS = "BOS", "NYK"


def history(nights: Iterable[date], team: str = MINE) -> GameHistory:
    return GameHistory([GameRow(day, f"{day}", team=team) for day in nights], 20)


def nights(*without: date, until: date = NIGHTS[-1]) -> list[date]:
    return [day for day in NIGHTS if day <= until and day not in without]


def found(
    players: Mapping[str, GameHistory],
    *tables: str,
    gaps: Iterable[date] = (GAP,),
    teams: Mapping[str, GameHistory] | None = None,
    context: Iterable[date] = NIGHTS,
) -> MissingRows:
    facts = SeasonGames(
        start=START,
        players=players,
        defenses=teams or {},
        contexts={day: [PlayerContext(name, MINE) for name in players] for day in context},
        schedule={MINE: [(day, f"{day}") for day in NIGHTS]},
    )
    cells = [
        Coverage(date=day, table=full_name(table), games=1, rows=0, expected=10, is_low=True)
        for table in tables
        for day in gaps
    ]
    return missing_rows(facts, NIGHTS, cells)


def test_a_player_one_game_short_fails_only_because_of_the_missing_date() -> None:
    result = found({"homer": history(nights(GAP))}, "PGS")
    assert result.entities == {(code, TODAY): {"homer": (GAP,)} for code in (PSZA, PDC, ML)}
    failed = {(PSZA, TODAY): {"homer": FEW}, (PDC, TODAY): {"homer": MISSING}}
    assert result.of((PSZA, TODAY), failed[PSZA, TODAY]) == {FEW: 1}
    assert result.of((PDC, TODAY), failed[PDC, TODAY]) == {MISSING: 1}
    assert result.of((ML, TODAY), {}) == {}
    assert result.by_date(failed) == {GAP: 2}


def test_complete_data_has_no_such_failure() -> None:
    assert found({"homer": history(nights())}).entities == {}


def test_too_few_games_stay_too_few_with_the_missing_one() -> None:
    rookie = history(nights(until=NIGHTS[7]))
    assert found({"homer": rookie}, "PGS", gaps=[NIGHTS[-1]]).entities == {}


def test_dates_up_to_the_gap_are_not_affected() -> None:
    result = found({"homer": history(nights(GAP))}, "PGS")
    assert min(day for _, day in result.entities) > GAP


def test_several_gaps_have_their_share() -> None:
    gaps = (GAP, NIGHTS[6])
    result = found({"homer": history(nights(*gaps))}, "PGS", gaps=gaps)
    assert result.entities[PSZA, TODAY] == {"homer": gaps}


def test_the_context_row_decides_who_played() -> None:
    player = {"homer": history(nights(GAP))}
    without = [day for day in NIGHTS if day != GAP]
    assert found(player, "PGS", context=without).entities == {}
    assert found(player, "PGS", "UPGC", context=without).entities


def test_without_context_a_player_played_who_did_before_and_after() -> None:
    without = [day for day in NIGHTS if day != GAP]
    injured = {"homer": history(nights(GAP, NIGHTS[6]))}
    assert found(injured, "PGS", "UPGC", context=without).entities == {}
    traded = {"homer": history(nights(GAP), THEIRS)}
    assert found(traded, "PGS", "UPGC", context=without).entities == {}


def test_a_team_without_its_row_fails_only_because_of_the_missing_date() -> None:
    result = found({}, "TDGS", teams={MINE: history(nights(GAP))})
    assert result.entities == {(TDZA, NIGHTS[15]): {MINE: (GAP,)}}


def test_who_has_a_row_on_a_date_with_few_lacks_nothing() -> None:
    assert found({"homer": history(nights())}, "PGS", "UPGC").entities == {}
