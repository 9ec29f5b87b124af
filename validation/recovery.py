"""Recovery: when a failing entity will first succeed if it plays every game from now on.

Derived from the games played and the schedule alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from validation.expectation import (
    BAD,
    FEW,
    INCOMPLETE,
    NO_HISTORY,
    ROW,
    GameHistory,
    SeasonGames,
)
from validation.findings.kinds import pluralize
from validation.processor_rules import RULES

# A player who missed this many team games in a row is unlikely to play the next one.
ABSENT_GAMES = 5
CORRECTION = "or as soon as Phase 3 is corrected and the dates are rerun"


@dataclass(frozen=True)
class UpcomingGames:
    """Dates of the team's games from a date on, including it, and the processing dates after it.

    `missed` counts the team's newest games that the player missed in a row.
    """

    games: Sequence[date] = ()
    dates: Sequence[date] = ()
    missed: int = 0


@dataclass(frozen=True)
class Recovery:
    """Number of games after which an entity first has a row, and the first such date.

    `games` is None if more games do not help. `day` is the earliest date, if the entity plays every
    game; None if the season has no such date.
    """

    games: int | None
    day: date | None
    text: str


def recovery(
    facts: SeasonGames,
    day: date,
    code: str,
    entity: str,
    *,
    status: str,
    coming: UpcomingGames,
    team: str = "",
) -> Recovery:
    """Return the recovery of an entity with this expected status on a date.

    `team` is that of a player's context row.
    """
    if status == ROW:
        return Recovery(0, day, "no failure expected")
    if status == INCOMPLETE:
        return Recovery(
            None,
            None,
            "after Phase 3 loads the missing games, or after they leave the newest games",
        )
    games = needed_games(facts, day, code, entity, team)
    if games is None:
        return Recovery(
            None,
            None,
            "not in this season: its windows contain all games of the season, and one has an "
            f"impossible value, {CORRECTION}",
        )
    return Recovery(
        games, first := _first(code, day, games, coming), _text(code, status, games, first, coming)
    )


def needed_games(
    facts: SeasonGames, day: date, code: str, entity: str, team: str = ""
) -> int | None:
    """Return the games that an entity needs before a processor can write its row; None if no
    number is enough.
    """
    rules = RULES[code]
    history = facts.histories(rules.games).get(entity, NO_HISTORY)
    if rules.window is None and history.before(day).bad:
        return None
    of_team = facts.offenses.get(team, NO_HISTORY)
    required = [needed_games(facts, day, before, entity, team) for before in rules.requires]
    if None in required:
        return None
    return max(
        rules.minimum - history.before(day).games,
        _until_clean(history, day, rules.window or 0),
        _until_clean(of_team, day, rules.team_window),
        *(games for games in required if games is not None),
        0,  # every game brings a new context row
    )


def _until_clean(history: GameHistory, day: date, window: int) -> int:
    """Return the number of games after which the window has no impossible value."""
    if not window or not history.has_bad(day, window):
        return 0
    places = [place for place, row in enumerate(history.games_before(day)[:window]) if row.is_bad]
    return window - min(places)


def _first(code: str, day: date, games: int, coming: UpcomingGames) -> date | None:
    """Return the first date after these games, on which the team plays if `by_context`."""
    if games > len(coming.games):
        return None
    after = coming.games[games - 1] if games else day
    return next(
        (d for d in (coming.games if RULES[code].by_context else coming.dates) if d > after), None
    )


def _text(code: str, status: str, games: int, first: date | None, coming: UpcomingGames) -> str:
    after = f"after {pluralize(games, 'more game')}" if games else "with the next game"
    if status not in (FEW, BAD):
        after = f"when upstream succeeds, {after}"
    fix = f", {CORRECTION}" if status == BAD else ""
    return f"{_absence(coming)}{after} ({_earliest(first, coming)}){fix}"


def _absence(coming: UpcomingGames) -> str:
    if coming.missed < ABSENT_GAMES:
        return ""
    return f"not before the player returns (missed the team's last {coming.missed} games); then "


def _earliest(first: date | None, coming: UpcomingGames) -> str:
    if first:
        return f"{first} at the earliest"
    left = pluralize(len(coming.games), "game") if coming.games else "no games"
    return f"not in this season: the team has {left} left"
