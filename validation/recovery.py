"""When an entity that fails will stop to, if it plays every game from now on: by the games played
and the schedule alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from validation.expectation import (
    BAD,
    CACHE_GAMES,
    DEFENSE_GAMES,
    DEFENSE_WINDOW,
    FEW,
    INCOMPLETE,
    ML,
    NO_HISTORY,
    OFFENSE_WINDOW,
    PCF,
    PDC,
    PSZA,
    ROW,
    SHOT_GAMES,
    SHOT_WINDOW,
    TDZA,
    GameHistory,
    SeasonGames,
)
from validation.findings.kinds import pluralize

# Fewest games of each processor that has such a rule, and how many of the newest games must be free
# of impossible values
# (None: all of the season). PCF looks at the context row of the date alone.
MINIMUM = {TDZA: DEFENSE_GAMES, PSZA: SHOT_GAMES, PDC: CACHE_GAMES}
WINDOW = {TDZA: DEFENSE_WINDOW, PSZA: SHOT_WINDOW, PDC: None, ML: None}
BY_CONTEXT = (PCF, PDC, ML)  # who has no context row on a date is not of their population
# A player who misses so many of his team's games in a row is not about to play the next one.
ABSENT_GAMES = 5
MENDED = "or as soon as Phase 3 is corrected and the dates are run again"


@dataclass(frozen=True)
class UpcomingGames:
    """What lies ahead: the dates of the team's games from the date on, its own included, and the
    processing dates after it.

    `missed` is how many of the team's newest games the player has missed in a row.
    """

    games: Sequence[date] = ()
    dates: Sequence[date] = ()
    missed: int = 0


@dataclass(frozen=True)
class Recovery:
    """After how many more games an entity has a row again (None: no number of games mends it), and
    the first such date.

    `day` is the earliest, if it plays them all; None when the season has no such date.
    """

    games: int | None
    day: date | None
    text: str


def recovery(
    facts: SeasonGames,
    day: date,
    code: str,
    entity: str,
    status: str,
    coming: UpcomingGames,
    team: str = "",
) -> Recovery:
    """What becomes of an entity that must have this status on a date. `team` is a player's, by his
    context row.
    """
    if status == ROW:
        return Recovery(0, day, "it does not fail by the games played")
    if status == INCOMPLETE:
        return Recovery(
            None,
            None,
            "as soon as Phase 3 has the games that are missing, or once they are not among the newest",
        )
    games = needed_games(facts, day, code, entity, team)
    if games is None:
        return Recovery(
            None,
            None,
            f"not in this season, of which all games are read and one holds an impossible value; {MENDED}",
        )
    return Recovery(
        games, first := _first(code, day, games, coming), _text(code, status, games, first, coming)
    )


def needed_games(
    facts: SeasonGames, day: date, code: str, entity: str, team: str = ""
) -> int | None:
    """How many more games an entity needs before a processor can write its row; None when no number
    is enough.
    """
    player = facts.player(entity)
    if code == TDZA:
        return _more(facts.defenses.get(entity, NO_HISTORY), day, DEFENSE_GAMES, DEFENSE_WINDOW)
    if code == PSZA:
        return _more(player, day, SHOT_GAMES, SHOT_WINDOW)
    if code == PCF:
        return 0  # what it looks at is there anew with every game
    if player.before(day).bad:
        return None
    of_team = _until_clean(facts.offenses.get(team, NO_HISTORY), day, OFFENSE_WINDOW)
    return max(
        _more(player, day, SHOT_GAMES, SHOT_WINDOW), CACHE_GAMES - player.before(day).games, of_team
    )


def _more(history: GameHistory, day: date, minimum: int, window: int) -> int:
    return max(0, minimum - history.before(day).games, _until_clean(history, day, window))


def _until_clean(history: GameHistory, day: date, window: int) -> int:
    """After how many more games no impossible value is among the newest."""
    if not history.before(day).bad_recent:
        return 0
    places = [place for place, row in enumerate(history.games_before(day)[:window]) if row.is_bad]
    return window - min(places)


def _first(code: str, day: date, games: int, coming: UpcomingGames) -> date | None:
    """The first date after these games; for what goes by context rows, one on which the team plays."""
    if games > len(coming.games):
        return None
    after = coming.games[games - 1] if games else day
    return next(
        (d for d in (coming.games if code in BY_CONTEXT else coming.dates) if d > after), None
    )


def _text(code: str, status: str, games: int, first: date | None, coming: UpcomingGames) -> str:
    how = f"after {pluralize(games, 'more game')}" if games else "with the next game"
    if status not in (FEW, BAD):
        how = f"when upstream does, {how}"
    elif status == BAD and games:
        how = f"when the impossible value has left the newest games, {how}, {MENDED}"
    elif status == BAD:
        how = f"{how}, {MENDED}"
    return f"{_absence(coming)}{how}; {_when(first, coming)}"


def _absence(coming: UpcomingGames) -> str:
    if coming.missed < ABSENT_GAMES:
        return ""
    return f"not before he plays again, who has missed the team's last {coming.missed} games; then "


def _when(first: date | None, coming: UpcomingGames) -> str:
    if first:
        return f"by the schedule on {first} at the earliest"
    left = pluralize(len(coming.games), "game") if coming.games else "no game"
    return f"the team has {left} left, so not in this season"
