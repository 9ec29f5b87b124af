from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validation.expectation import (
    BAD,
    FEW,
    INCOMPLETE,
    MISSING,
    NOTHING,
    ROW,
    ExpectationDiff,
    GameHistory,
    GameRow,
    GamesBefore,
    PlayerContext,
    SeasonGames,
    compare,
    expected,
)
from validation.processor_rules import CODES

START = date(2023, 10, 24)
TODAY = START + timedelta(days=45)
SHOTS, DEFENSE, OFFENSE = 20, 15, 10  # games checked for impossible values


def day(index: int) -> date:
    return START + timedelta(days=index)


def row(index: int, game_id: str = "", rank: int = 1, **values: object) -> GameRow:
    """Make a row on a day of the season, by default of that day's only game."""
    return GameRow(day(index), game_id or f"g{index:02}", rank, **values)  # type: ignore[arg-type]


def standings(rows: Iterable[GameRow], window: int = 99) -> list[GamesBefore]:
    """Return an entity's standing on each day of the season until its last known row."""
    rows = list(rows)
    history = GameHistory(rows, window)
    return [history.before(day(n)) for n in range((max(r.day for r in rows) - START).days + 2)]


# Histories


def test_who_has_not_played_has_nothing_behind_him() -> None:
    empty = GameHistory((), SHOTS)
    assert (empty.before(TODAY), empty.games_before(TODAY)) == (NOTHING, [])


def test_a_date_does_not_know_its_own_games() -> None:
    assert standings([row(1), row(3)]) == [GamesBefore(n) for n in (0, 0, 1, 1, 2)]


def test_a_season_is_known_for_good_after_its_last_game() -> None:
    assert GameHistory([row(1), row(3, is_bad=True)], SHOTS).before(day(300)) == GamesBefore(
        2, True, True
    )


def test_two_rows_of_a_game_are_one_game() -> None:
    assert standings([row(1, "a"), row(1, "a", 2), row(1, "b", 3), row(1, "b", 1)]) == [
        NOTHING,
        NOTHING,
        GamesBefore(2),
    ]


def test_of_two_rows_on_a_date_the_better_one_counts_whatever_their_order() -> None:
    bad, good = row(1, "a", 2, is_bad=True), row(1, "a", 1)
    assert standings([bad, good]) == standings([good, bad]) == [NOTHING, NOTHING, GamesBefore(1)]


def test_a_game_that_moved_is_one_game_on_the_date_of_its_better_row() -> None:
    early, late = row(1, "a", 2), row(3, "a", 1)
    assert standings([early, late]) == [GamesBefore(n) for n in (0, 0, 1, 1, 1)]
    history = GameHistory([early, late], SHOTS)
    assert [history.games_before(day(n)) for n in range(5)] == [[], [], [early], [early], [late]]


def test_a_worse_row_on_a_later_date_changes_nothing() -> None:
    early, late = row(1, "a", 1), row(3, "a", 2, is_bad=True)
    assert standings([early, late]) == [GamesBefore(n) for n in (0, 0, 1, 1, 1)]
    assert GameHistory([early, late], SHOTS).games_before(day(4)) == [early]


def test_a_better_row_heals_a_bad_one_from_its_date_on() -> None:
    rows = [row(1, "a", 2, is_bad=True), row(3, "a", 1)]
    assert standings(rows) == [
        NOTHING,
        NOTHING,
        GamesBefore(1, True, True),
        GamesBefore(1, True, True),
        GamesBefore(1),
    ]


def test_a_bad_row_may_replace_a_good_one() -> None:
    rows = [row(1, "a", 2), row(3, "a", 1, is_bad=True)]
    assert standings(rows) == [
        NOTHING,
        NOTHING,
        GamesBefore(1),
        GamesBefore(1),
        GamesBefore(1, True, True),
    ]


def test_a_game_is_gone_once_its_better_row_says_that_nobody_played() -> None:
    rows = [row(1, "a", 2), row(2, "b"), row(3, "a", 1, counts=False)]
    assert standings(rows) == [GamesBefore(n) for n in (0, 0, 1, 2, 1)]
    assert GameHistory(rows, SHOTS).games_before(day(9)) == [rows[1]]


def test_a_game_is_there_once_its_better_row_says_that_it_was_played() -> None:
    assert standings([row(1, "a", 2, counts=False), row(3, "a", 1)]) == [
        GamesBefore(n) for n in (0, 0, 0, 0, 1)
    ]


def test_a_bad_row_leaves_the_window_when_enough_games_have_followed() -> None:
    found = standings([row(1, is_bad=True), row(2), row(3), row(4)], window=2)
    inside, gone = (
        [GamesBefore(n, True, True) for n in (1, 2)],
        [GamesBefore(n, False, True) for n in (3, 4)],
    )
    assert found == [NOTHING, NOTHING, *inside, *gone]


def test_a_row_that_does_not_count_has_no_rank_and_is_not_examined() -> None:
    rows = [row(1, is_bad=True), row(2, counts=False, is_bad=True), row(3, counts=False)]
    assert standings(rows, window=1)[2:] == [GamesBefore(1, True, True)] * 3
    assert standings(rows[1:], window=1) == [NOTHING] * 5


def test_of_two_games_on_a_date_the_higher_id_is_the_newer() -> None:
    low, high = row(1, "a"), row(1, "b")
    assert GameHistory([low, high], 1).games_before(day(2)) == [high, low]
    assert standings([low, high._replace(is_bad=True)], window=1)[2] == GamesBefore(2, True, True)
    assert standings([low._replace(is_bad=True), high], window=1)[2] == GamesBefore(2, False, True)


def test_the_order_in_which_rows_are_read_does_not_matter() -> None:
    rows = [
        row(1, "a", 3, is_bad=True),
        row(1, "a", 2),
        row(4, "a", 1, counts=False),
        row(2, "b", is_bad=True),
    ]
    assert {tuple(standings(given, window=1)) for given in permutations(rows)} == {
        tuple(standings(rows, window=1))
    }


def naive(rows: Sequence[GameRow], window: int, today: date) -> GamesBefore:
    """Implement the specification literally."""
    inside = [r for r in rows if r.day < today]
    games = [
        min((r for r in inside if r.game_id == g), key=lambda r: r.rank)
        for g in {r.game_id for r in inside}
    ]
    newest = sorted((g for g in games if g.counts), key=lambda r: (r.day, r.game_id), reverse=True)
    return GamesBefore(
        len(newest), any(r.is_bad for r in newest[:window]), any(r.is_bad for r in newest)
    )


@given(seed=st.integers(0, 2**32), games=st.integers(1, 12), window=st.integers(1, 4))
def test_a_history_is_what_the_specification_says_whatever_the_rows(
    seed: int, games: int, window: int
) -> None:
    rng = Random(seed)
    rows = [
        row(rng.randrange(12), f"g{n}", rank, is_bad=rng.random() < 0.2, counts=rng.random() < 0.8)
        for n in range(games)
        for rank in range(1, rng.choice((1, 1, 2, 4)) + 1)
    ]
    rng.shuffle(rows)
    history = GameHistory(rows, window)
    again = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(history))))
    for today in map(day, range(14)):
        assert history.before(today) == naive(rows, window, today) == again.before(today)
        assert len(history.games_before(today)) == history.before(today).games
        assert history.games_before(today) == again.games_before(today)
    assert history.rows == again.rows


# Expected statuses


def games(n: int, *bad: int, window: int = SHOTS, team: str = "BOS") -> GameHistory:
    """Make one game a day until yesterday; `bad` are ranks, 1 being the newest."""
    last = (TODAY - START).days
    return GameHistory(
        [row(last - rank, is_bad=rank in bad, team=team) for rank in range(1, n + 1)], window
    )


def of_player(
    history: GameHistory | None, *, bad_context: bool = False, offense: GameHistory | None = None
) -> list[str]:
    """Return a player's expected status in PSZA, PCF, PDC and ML; empty outside the population."""
    facts = SeasonGames(
        start=START,
        players={"p": history} if history else {},
        offenses={"BOS": offense} if offense else {},
        contexts={TODAY: [PlayerContext("p", "BOS", bad_context)]},
    )
    found = expected(facts, TODAY)
    assert found.keys() == set(CODES)
    return [found[code].get("p", "") for code in CODES[1:]]


def test_a_player_without_a_game_is_in_no_population_but_that_of_the_context() -> None:
    assert of_player(None) == of_player(games(0)) == ["", ROW, FEW, MISSING]


@pytest.mark.parametrize(
    ("n", "statuses"),
    [
        (1, [FEW, ROW, FEW, MISSING]),
        (4, [FEW, ROW, FEW, MISSING]),
        (5, [FEW, ROW, MISSING, MISSING]),
        (9, [FEW, ROW, MISSING, MISSING]),
        (10, [ROW, ROW, ROW, ROW]),
        (30, [ROW, ROW, ROW, ROW]),
    ],
)
def test_games_played_decide(n: int, statuses: list[str]) -> None:
    assert of_player(games(n)) == statuses


@pytest.mark.parametrize(
    ("n", "bad", "statuses"),
    [
        (1, 1, [BAD, ROW, BAD, BAD]),
        (9, 9, [BAD, ROW, BAD, BAD]),
        (30, 1, [BAD, ROW, BAD, BAD]),
        (30, 20, [BAD, ROW, BAD, BAD]),
        (30, 21, [ROW, ROW, BAD, BAD]),
        (30, 30, [ROW, ROW, BAD, BAD]),
    ],
)
def test_a_bad_game_is_seen_by_psza_among_the_newest_twenty_and_by_pdc_and_ml_all_season(
    n: int, bad: int, statuses: list[str]
) -> None:
    assert of_player(games(n, bad)) == statuses


@pytest.mark.parametrize(("n", "shots"), [(0, ""), (4, FEW), (7, FEW), (12, ROW)])
def test_a_bad_context_row_fails_a_player_wherever_it_is_read(n: int, shots: str) -> None:
    assert of_player(games(n), bad_context=True) == [shots, BAD, BAD, BAD]


@pytest.mark.parametrize(("n", "shots"), [(0, ""), (4, FEW), (7, FEW), (12, ROW)])
def test_a_bad_row_of_his_teams_offense_fails_pdc_and_ml_misses_that(n: int, shots: str) -> None:
    assert of_player(games(n), offense=games(12, 10, window=OFFENSE)) == [shots, ROW, BAD, MISSING]


def test_a_bad_row_of_his_teams_offense_beyond_the_newest_ten_is_not_examined() -> None:
    assert of_player(games(12), offense=games(12, 11, window=OFFENSE)) == [ROW] * 4


def test_a_bad_game_of_his_own_comes_before_that_of_his_teams_offense() -> None:
    assert of_player(games(12, 3), offense=games(12, 1, window=OFFENSE)) == [BAD, ROW, BAD, BAD]


def test_the_offense_is_that_of_the_contexts_team() -> None:
    offenses = {"OLD": games(12, 1, window=OFFENSE), "NEW": games(12, window=OFFENSE)}
    contexts = {TODAY: [PlayerContext("p", "NEW"), PlayerContext("q", "OLD")]}
    facts = SeasonGames(
        start=START,
        players=dict.fromkeys("pq", games(12, team="OLD")),
        offenses=offenses,
        contexts=contexts,
    )
    assert expected(facts, TODAY)["PDC"] == {"p": ROW, "q": BAD}


def test_a_player_needs_no_context_for_psza_and_nothing_else_for_the_others() -> None:
    contexts = {TODAY: [PlayerContext("rookie", "BOS")], day(44): [PlayerContext("veteran", "BOS")]}
    facts = SeasonGames(start=START, players={"veteran": games(12)}, contexts=contexts)
    assert expected(facts, TODAY) == {
        "TDZA": {},
        "PSZA": {"veteran": ROW},
        "PCF": {"rookie": ROW},
        "PDC": {"rookie": FEW},
        "ML": {"rookie": MISSING},
    }


def test_who_plays_his_first_game_today_is_in_no_population_yet() -> None:
    today = GameHistory([GameRow(TODAY, "a")], SHOTS)
    facts = SeasonGames(start=START, players={"p": today}, defenses={"BOS": today})
    assert expected(facts, TODAY) == {code: {} for code in CODES}
    assert expected(facts, TODAY + timedelta(days=1))["PSZA"] == {"p": FEW}


def of_team(history: GameHistory) -> dict[str, str]:
    return expected(SeasonGames(start=START, defenses={"BOS": history}), TODAY)["TDZA"]


@pytest.mark.parametrize(
    ("n", "bad", "statuses"),
    [
        (0, 0, {}),
        (1, 0, {"BOS": FEW}),
        (14, 0, {"BOS": FEW}),
        (15, 0, {"BOS": ROW}),
        (14, 14, {"BOS": BAD}),
        (20, 15, {"BOS": BAD}),
        (20, 16, {"BOS": ROW}),
    ],
)
def test_a_team_is_judged_by_its_newest_fifteen_games(
    n: int, bad: int, statuses: dict[str, str]
) -> None:
    assert of_team(games(n, bad, window=DEFENSE)) == statuses


# Normal mode: missing recent games of the team


def of_days(days: Iterable[int], team: str = "BOS", window: int = SHOTS) -> GameHistory:
    return GameHistory([row(n, team=team) for n in days], window)


def scheduled(*days: int) -> list[tuple[date, str]]:
    return [(day(n), f"g{n:02}") for n in days]


def live_statuses(
    history: GameHistory,
    schedule: Mapping[str, Sequence[tuple[date, str]]],
    *,
    team: str = "BOS",
    index: int = 45,
    live: bool = True,
) -> list[str]:
    """Return the expected status of a player of this team in PSZA, PCF, PDC and ML."""
    facts = SeasonGames(
        start=START,
        players={"p": history},
        contexts={day(index): [PlayerContext("p", team)]},
        schedule=schedule,
    )
    found = expected(facts, day(index), live=live)
    return [found[code]["p"] for code in CODES[1:]]


LACKING = [INCOMPLETE, ROW, MISSING, MISSING]
COMPLETE = [ROW] * 4
RECENT = scheduled(*range(19, 29))


@pytest.mark.parametrize(
    ("index", "live", "statuses"),
    [(29, True, COMPLETE), (30, True, LACKING), (30, False, COMPLETE)],
)
def test_completeness_is_looked_at_in_normal_mode_from_day_30_on(
    index: int, live: bool, statuses: list[str]
) -> None:
    assert live_statuses(of_days(range(10)), {"BOS": RECENT}, index=index, live=live) == statuses


@pytest.mark.parametrize(
    ("recent", "statuses"),
    [(range(21, 29), LACKING), (range(20, 29), COMPLETE), (range(19, 29), COMPLETE)],
    ids=["8", "9", "10"],
)
def test_nine_of_ten_are_enough(recent: range, statuses: list[str]) -> None:
    assert live_statuses(of_days([*range(10), *recent]), {"BOS": RECENT}) == statuses


@pytest.mark.parametrize(
    ("recent", "statuses"), [(range(25, 29), LACKING), (range(24, 29), COMPLETE)], ids=["4", "5"]
)
def test_of_five_games_none_may_be_missing(recent: range, statuses: list[str]) -> None:
    assert live_statuses(of_days([*range(10), *recent]), {"BOS": RECENT[5:]}) == statuses


def test_only_the_newest_ten_games_of_a_team_before_the_date_are_asked_for() -> None:
    schedule = scheduled(*range(10, 29), *range(45, 55))
    nine, eight = {*range(10), *range(19, 29)} - {24}, {*range(10), *range(19, 29)} - {24, 25}
    assert live_statuses(of_days(nine), {"BOS": schedule}) == COMPLETE
    assert live_statuses(of_days(eight), {"BOS": schedule}) == LACKING


def test_his_games_count_whatever_team_he_played_them_for() -> None:
    rows = [row(n, team="OLD" if n < 27 else "BOS") for n in [*range(10), *range(20, 29)]]
    assert live_statuses(GameHistory(rows, SHOTS), {"BOS": RECENT}) == COMPLETE


def test_a_game_in_which_he_did_not_play_is_missing() -> None:
    rows = [row(n, team="BOS", counts=n != 25) for n in [*range(10), *range(20, 29)]]
    assert live_statuses(GameHistory(rows, SHOTS), {"BOS": RECENT}) == LACKING


def test_a_team_without_a_schedule_lacks_nothing() -> None:
    assert (
        live_statuses(of_days(range(10)), {"NYK": RECENT})
        == live_statuses(of_days(range(10)), {})
        == COMPLETE
    )


def test_psza_asks_for_the_team_of_the_newest_game_and_pdc_for_that_of_the_context() -> None:
    schedule = {"OLD": scheduled(*range(10)), "NEW": RECENT}
    old, new = of_days(range(10), "OLD"), of_days(range(10), "NEW")
    assert live_statuses(old, schedule, team="OLD") == COMPLETE
    assert live_statuses(old, schedule, team="NEW") == [ROW, ROW, INCOMPLETE, MISSING]
    assert live_statuses(new, schedule, team="OLD") == LACKING
    assert live_statuses(new, schedule, team="NEW") == LACKING


def test_a_game_that_stands_on_two_dates_is_asked_for_on_the_later_one_inside_the_cut_off() -> None:
    moved = [(day(5), "g28"), *RECENT]
    assert live_statuses(of_days([*range(10), *range(20, 29)]), {"BOS": moved}) == COMPLETE
    postponed = [(day(n), "moved") for n in (28, 44, 46)]
    played = of_days(range(34, 44))
    assert live_statuses(played, {"BOS": postponed}) == LACKING
    assert live_statuses(of_days([*range(34, 44), 44]), {"BOS": postponed}) == COMPLETE


def test_what_is_bad_or_too_few_stays_so_in_normal_mode() -> None:
    schedule = {"BOS": RECENT}
    assert live_statuses(of_days(range(4)), schedule) == [FEW, ROW, FEW, MISSING]
    assert live_statuses(of_days(range(9)), schedule) == [FEW, ROW, MISSING, MISSING]
    bad = GameHistory([row(n, is_bad=n == 5, team="BOS") for n in range(10)], SHOTS)
    assert live_statuses(bad, schedule) == [BAD, ROW, BAD, BAD]


@pytest.mark.parametrize(
    ("recent", "status"), [(range(21, 29), INCOMPLETE), (range(20, 29), ROW)], ids=["8", "9"]
)
def test_a_team_lacks_games_of_its_own_defense(recent: range, status: str) -> None:
    defenses = {
        "BOS": of_days([*range(10), *recent], window=DEFENSE),
        "NYK": of_days(range(3), "NYK", DEFENSE),
    }
    facts = SeasonGames(start=START, defenses=defenses, schedule={"BOS": RECENT, "NYK": RECENT})
    assert expected(facts, TODAY, live=True)["TDZA"] == {"BOS": status, "NYK": FEW}


# Logged failures compared with the expectation

MUST = {"a": ROW, "b": ROW, "c": FEW, "d": BAD}
ROWS, FAILURES = {"a", "b"}, {"c": FEW, "d": BAD}


@pytest.mark.parametrize(
    ("must", "rows", "failures", "found"),
    [
        (MUST, ROWS, FAILURES, ExpectationDiff(population=4, explained=2)),
        ({}, set(), {}, ExpectationDiff(population=0)),
        (MUST, set(), {}, ExpectationDiff(population=4, unaccounted=frozenset("abcd"))),
        (
            MUST,
            {"a"},
            FAILURES,
            ExpectationDiff(population=4, explained=2, unaccounted=frozenset("b")),
        ),
        (
            MUST,
            ROWS,
            {"c": FEW},
            ExpectationDiff(population=4, explained=1, unaccounted=frozenset("d")),
        ),
        (
            MUST,
            {"a"},
            {**FAILURES, "b": FEW},
            ExpectationDiff(population=4, explained=2, unexplained={"b": FEW}),
        ),
        (
            MUST,
            ROWS,
            {"c": BAD, "d": BAD},
            ExpectationDiff(population=4, explained=1, unexplained={"c": BAD}, lost={"c": FEW}),
        ),
        (
            MUST,
            {*ROWS, "c"},
            {"d": BAD},
            ExpectationDiff(population=4, explained=1, lost={"c": FEW}),
        ),
        (
            MUST,
            {*ROWS, "x"},
            FAILURES,
            ExpectationDiff(population=4, explained=2, strange=frozenset("x")),
        ),
        (
            MUST,
            ROWS,
            {**FAILURES, "x": FEW},
            ExpectationDiff(population=4, explained=2, strange=frozenset("x")),
        ),
        (
            MUST,
            {"a", "x"},
            FAILURES,
            ExpectationDiff(
                population=4, explained=2, unaccounted=frozenset("b"), strange=frozenset("x")
            ),
        ),
        (
            MUST,
            {*ROWS, "c"},
            FAILURES,
            ExpectationDiff(population=4, explained=2, strange=frozenset("c")),
        ),
        (
            MUST,
            ROWS,
            {**FAILURES, "a": FEW},
            ExpectationDiff(
                population=4, explained=2, unexplained={"a": FEW}, strange=frozenset("a")
            ),
        ),
        ({}, {"x"}, {"y": FEW}, ExpectationDiff(population=0, strange=frozenset("xy"))),
        (
            {**MUST, "e": FEW, "f": MISSING, "g": ROW},
            {"a", "e", "x"},
            {"b": INCOMPLETE, "c": FEW, "d": FEW, "y": BAD},
            ExpectationDiff(
                population=7,
                explained=1,
                unexplained={"b": INCOMPLETE, "d": FEW},
                lost={"d": BAD, "e": FEW},
                unaccounted=frozenset("fg"),
                strange=frozenset("xy"),
            ),
        ),
    ],
    ids=[
        "exact",
        "nobody",
        "nothing written",
        "a row is not there",
        "a failure is not there",
        "a failure instead of a row",
        "another category",
        "a row instead of a failure",
        "a row of nobody",
        "a failure of nobody",
        "a row of nobody instead of another",
        "a row beside its failure",
        "a failure beside its row",
        "all of nobody",
        "everything at once",
    ],
)
def test_what_was_logged_is_held_against_what_must_be(
    must: dict[str, str], rows: set[str], failures: dict[str, str], found: ExpectationDiff
) -> None:
    assert compare(must, rows, failures) == found
    assert found.is_exact == (
        found in (ExpectationDiff(population=4, explained=2), ExpectationDiff(population=0))
    )
