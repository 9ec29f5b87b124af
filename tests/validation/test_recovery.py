from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from random import Random
from typing import NamedTuple

import pytest

from validation.expectation import (
    BAD,
    FEW,
    INCOMPLETE,
    MISSING,
    OFFENSE_WINDOW,
    ROW,
    GameHistory,
    GameRow,
    PlayerContext,
    SeasonGames,
    Statuses,
    expected,
)
from validation.processor_rules import ML, PCF, PDC, PSZA, RULES, TDZA
from validation.recovery import ABSENT_GAMES, Recovery, UpcomingGames, recovery

START = date(2021, 10, 19)
TODAY = START + timedelta(days=20)


def day(index: int) -> date:
    return TODAY + timedelta(days=index)


def row(index: int, *, is_bad: bool = False, team: str = "BOS") -> GameRow:
    """Make a row of a game so many days after today; negative numbers are played games."""
    return GameRow(day(index), f"g{index:+03}", is_bad=is_bad, team=team)


def history(code: str, *rows: GameRow) -> GameHistory:
    return GameHistory(rows, RULES[code].window or OFFENSE_WINDOW)


def played(n: int, *bad: int) -> list[GameRow]:
    """Make one game a day until yesterday; the given ones are bad, 1 being the newest."""
    return [row(-k, is_bad=k in bad) for k in range(n, 0, -1)]


def of_player(
    code: str,
    rows: list[GameRow],
    status: str,
    coming: UpcomingGames,
    offense: tuple[GameRow, ...] = (),
) -> Recovery:
    facts = SeasonGames(
        start=START, players={"ann": history(PSZA, *rows)}, offenses={"BOS": history(PDC, *offense)}
    )
    return recovery(facts, TODAY, code, "ann", status=status, coming=coming, team="BOS")


def every(step: int, n: int) -> UpcomingGames:
    """Make games of the team today and every so many days; other teams play every day."""
    return UpcomingGames([day(step * k) for k in range(n)], [day(k) for k in range(1, 60)])


# Forecasts


def test_too_few_games_end_on_the_first_date_after_the_last_that_is_lacking() -> None:
    found = of_player(PSZA, played(7), FEW, every(3, 9))
    assert found == Recovery(3, day(7), f"after 3 more games ({day(7)} at the earliest)")


def test_a_team_lacks_games_too() -> None:
    facts = SeasonGames(start=START, defenses={"BOS": history(TDZA, *played(14))})
    found = recovery(facts, TODAY, TDZA, "BOS", status=FEW, coming=every(2, 9))
    assert found == Recovery(1, day(1), f"after 1 more game ({day(1)} at the earliest)")


def test_a_cache_of_few_games_waits_for_the_shots_that_need_more() -> None:
    found = of_player(PDC, played(3), FEW, every(2, 9))
    assert (found.games, found.day) == (7, day(14)), (
        "the date of his team's eighth game from today on"
    )


def test_what_goes_by_context_rows_waits_for_a_date_on_which_the_team_plays() -> None:
    upstream = "when upstream succeeds, after 1 more game ({} at the earliest)"
    assert of_player(ML, played(9), MISSING, every(4, 9)) == Recovery(
        1, day(4), upstream.format(day(4))
    )
    assert of_player(PSZA, played(9), FEW, every(4, 9)).day == day(1)


def test_a_season_may_end_first() -> None:
    found = of_player(PSZA, played(7), FEW, UpcomingGames([day(1), day(2)], [day(1), day(2)]))
    assert found == Recovery(
        3, None, "after 3 more games (not in this season: the team has 2 games left)"
    )


def test_the_last_game_helps_no_date_when_none_follows() -> None:
    found = of_player(PSZA, played(8), FEW, UpcomingGames([day(1), day(2)], [day(1), day(2)]))
    assert (found.games, found.day) == (2, None)


def test_who_has_not_played_for_long_has_to_come_back_first() -> None:
    coming = every(1, 20)
    assert (
        "not before"
        not in of_player(
            PSZA, played(7), FEW, UpcomingGames(coming.games, coming.dates, ABSENT_GAMES - 1)
        ).text
    )
    found = of_player(PSZA, played(7), FEW, UpcomingGames(coming.games, coming.dates, 12))
    assert found.text.startswith(
        "not before the player returns (missed the team's last 12 games); then after 3 more games"
    )


@pytest.mark.parametrize(("ago", "games"), [(1, 20), (5, 16), (20, 1)])
def test_an_impossible_value_leaves_the_newest_games(ago: int, games: int) -> None:
    found = of_player(PSZA, played(25, ago), BAD, every(1, 40))
    assert (found.games, found.day) == (games, day(games))
    assert "as soon as Phase 3 is corrected" in found.text


def test_of_two_impossible_values_the_newer_one_decides() -> None:
    assert of_player(PSZA, played(25, 3, 9), BAD, every(1, 40)).games == 18


def test_where_all_games_are_read_an_impossible_value_stays() -> None:
    found = of_player(PDC, played(50, 40), BAD, every(1, 40))
    assert (found.games, found.day) == (None, None)
    assert found.text.startswith("not in this season")


def test_a_team_s_impossible_value_leaves_its_newest_games() -> None:
    found = of_player(PDC, played(12), BAD, every(1, 40), tuple(played(12, 4)))
    assert (found.games, found.day) == (7, day(7))


def test_an_impossible_context_row_is_of_its_date_alone() -> None:
    found = of_player(PCF, [], BAD, every(3, 4))
    assert (found.games, found.day) == (0, day(3))


def test_no_number_of_games_brings_what_phase_3_lacks() -> None:
    found = of_player(PSZA, played(12), INCOMPLETE, every(1, 9))
    assert (found.games, found.day) == (None, None)


# Forecasts that come true


class League(NamedTuple):
    facts: SeasonGames
    days: list[date]
    statuses: dict[date, dict[str, Statuses]]
    missed: dict[str, set[date]]  # per player, dates of team games without the player


TEAMS = ("BOS", "NYK", "PHI", "MIA")
PLAYERS = 5


@cache
def league(seed: int) -> League:
    """Make four teams for sixty days with two or three days between games.

    Players miss some games, and few rows are impossible.
    """
    rng = Random(seed)
    games = [START + timedelta(days=n) for n in range(60)]
    schedule: dict[str, list[tuple[date, str]]] = {team: [] for team in TEAMS}
    for night in games:
        pair = rng.sample(TEAMS, 2)
        for team in pair:
            schedule[team].append((night, f"{night}"))
    rows: dict[str, list[GameRow]] = {}
    contexts: dict[date, list[PlayerContext]] = {}
    missed: dict[str, set[date]] = {}
    for team, own in schedule.items():
        for n in range(PLAYERS):
            name, share = f"{team}{n}", rng.choice((1.0, 0.97, 0.8, 0.4))
            for night, game in own:
                contexts.setdefault(night, []).append(
                    PlayerContext(name, team, rng.random() < 0.01)
                )
                if rng.random() < share:
                    rows.setdefault(name, []).append(
                        GameRow(night, game, is_bad=rng.random() < 0.01, team=team)
                    )
                else:
                    missed.setdefault(name, set()).add(night)

    def of_teams(window: int) -> dict[str, GameHistory]:
        return {
            t: GameHistory([GameRow(d, g, is_bad=rng.random() < 0.01) for d, g in own], window)
            for t, own in schedule.items()
        }

    players = {name: GameHistory(own, RULES[PSZA].window or 0) for name, own in rows.items()}
    facts = SeasonGames(
        start=START,
        players=players,
        defenses=of_teams(RULES[TDZA].window or 0),
        offenses=of_teams(OFFENSE_WINDOW),
        contexts=contexts,
        schedule=schedule,
    )
    return League(facts, games, {d: expected(facts, d) for d in games}, missed)


class Case(NamedTuple):
    today: date
    code: str
    entity: str
    team: str
    found: Recovery


def cases(found: League) -> Iterator[Case]:
    """Yield every failing entity on every date."""
    for today in found.days:
        for code, statuses in found.statuses[today].items():
            for entity, status in statuses.items():
                if status != ROW:
                    team = entity[:3]
                    games = [d for d, _ in found.facts.schedule[team] if d >= today]
                    coming = UpcomingGames(games, [d for d in found.days if d > today])
                    yield Case(
                        today,
                        code,
                        entity,
                        team,
                        recovery(
                            found.facts,
                            today,
                            code,
                            entity,
                            status=status,
                            coming=coming,
                            team=team,
                        ),
                    )


def comes_true(found: League, case: Case) -> bool:
    """Return true if the forecast's assumptions hold.

    The player played every game until then, and no further value was impossible.
    """
    last = case.found.day or found.days[-1]
    between = [d for d in found.days if case.today <= d < last]
    histories = (
        (found.facts.players, found.facts.offenses)
        if case.code != TDZA
        else (found.facts.defenses,)
    )
    rows = [
        r
        for by in histories
        for name in (case.entity, case.team)
        if name in by
        for r in by[name].rows
    ]
    context = [
        c
        for d in found.days
        if d > case.today
        for c in found.facts.contexts[d]
        if c.player == case.entity
    ]
    is_bad = any(r.is_bad for r in rows if case.today <= r.day < last) or any(
        c.is_bad for c in context
    )
    return not is_bad and not found.missed.get(case.entity, set()).intersection(between)


@pytest.mark.parametrize("seed", range(2))
def test_whoever_plays_every_game_has_his_first_row_on_the_date_that_was_told(seed: int) -> None:
    found, kept = league(seed), Counter[str]()
    for case in cases(found):
        if comes_true(found, case):
            later = [d for d in found.days if d > case.today]
            rows = [d for d in later if found.statuses[d][case.code].get(case.entity) == ROW]
            assert min(rows, default=None) == case.found.day, case
            kept[case.code] += 1
    assert min(kept[code] for code in (TDZA, PSZA, PDC, ML)) > 50, "it is tried often enough"


def test_before_the_date_that_was_told_nobody_has_a_row() -> None:
    found = league(0)
    for case in cases(found):
        until = case.found.day or found.days[-1]
        between = [d for d in found.days if case.today < d < until]
        if case.found.games is not None and case.code in (TDZA, PSZA):
            assert ROW not in {found.statuses[d][case.code].get(case.entity) for d in between}, case
