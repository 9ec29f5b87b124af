"""Which entities must fail on a date, and with what, from the games played alone; held against what
was logged.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import NamedTuple

from validation.categories import (
    INCOMPLETE_DATA,
    INSUFFICIENT_DATA,
    MISSING_DEPENDENCY,
    PROCESSING_ERROR,
)
from validation.thresholds import COMPLETENESS, DAILY_CACHE, SHOT_ZONES, TEAM_DEFENSE

CODES = TDZA, PSZA, PCF, PDC, ML = "TDZA", "PSZA", "PCF", "PDC", "ML"
BAD, FEW = PROCESSING_ERROR.name, INSUFFICIENT_DATA.name
MISSING, INCOMPLETE = MISSING_DEPENDENCY.name, INCOMPLETE_DATA.name
ROW = "row"  # what an entity has that did not fail

# Fewest games for a row of TDZA, PSZA and PDC.
DEFENSE_GAMES, SHOT_GAMES = TEAM_DEFENSE.sample_games, SHOT_ZONES.sample_games
CACHE_GAMES = DAILY_CACHE.required_games
# How many of an entity's newest games are examined for impossible values; PDC and ML also
# examine the whole season.
DEFENSE_WINDOW, SHOT_WINDOW = TEAM_DEFENSE.sample_games, SHOT_ZONES.trend_games
OFFENSE_WINDOW = DAILY_CACHE.team_games

Statuses = dict[str, str]  # entity to category, or to ROW


class GameRow(NamedTuple):
    """One row of a source about a game; `rank` 1 is the one that counts among those of its entity
    and game.
    """

    day: date
    game_id: str
    rank: int = 1
    is_bad: bool = False
    counts: bool = True
    team: str = ""


class GamesBefore(NamedTuple):
    """An entity before a date: its games, and whether the newest of them, or any, hold an
    impossible value.
    """

    games: int = 0
    bad_recent: bool = False
    bad: bool = False


NOTHING = GamesBefore()


class GameHistory:
    """The games of one entity in one season; `window` is how many of the newest are looked at for
    impossible values.
    """

    def __init__(self, rows: Iterable[GameRow], window: int) -> None:
        self.rows, self.window = sorted(rows, key=attrgetter("day")), window
        self._days: list[date] = []
        self._standings: list[GamesBefore] = []
        self._build()

    def _build(self) -> None:
        """What is known changes only after a date with a game. Of a game's rows, only those inside
        the cut-off compete.
        """
        kept: dict[str, GameRow] = {}
        games, may_be_bad = 0, any(map(itemgetter(3), self.rows))
        for day, todays in groupby(self.rows, key=itemgetter(0)):
            for row in todays:
                before = kept.get(row.game_id)
                if before is None or row.rank < before.rank:
                    kept[row.game_id] = row
                    games += row.counts - (before is not None and before.counts)
            self._days.append(day)
            self._standings.append(
                GamesBefore(games, *self._bad(kept)) if may_be_bad else GamesBefore(games)
            )

    def _bad(self, kept: Mapping[str, GameRow]) -> tuple[bool, bool]:
        newest = _newest_first(kept.values())
        return any(row.is_bad for row in newest[: self.window]), any(row.is_bad for row in newest)

    def before(self, day: date) -> GamesBefore:
        """Where the entity stands on a date, whose own games it does not know."""
        place = bisect_left(self._days, day)
        return self._standings[place - 1] if place else NOTHING

    def games_before(self, day: date) -> list[GameRow]:
        """The games that count before a date, newest first."""
        kept: dict[str, GameRow] = {}
        for row in self.rows:
            if row.day < day and (row.game_id not in kept or row.rank < kept[row.game_id].rank):
                kept[row.game_id] = row
        return _newest_first(kept.values())


def _newest_first(rows: Iterable[GameRow]) -> list[GameRow]:
    return sorted((row for row in rows if row.counts), key=itemgetter(0, 1), reverse=True)


NO_HISTORY = GameHistory((), 0)


class PlayerContext(NamedTuple):
    """A player's context row of a date."""

    player: str
    team: str
    is_bad: bool = False


@dataclass(frozen=True)
class SeasonGames:
    """Phase 3 and the calendar of one season, as far as failures depend on them.

    `contexts` has a date's context rows, one per player; `schedule` each team's final games as
    (date, game_id).
    """

    start: date
    players: Mapping[str, GameHistory] = field(default_factory=dict)
    defenses: Mapping[str, GameHistory] = field(default_factory=dict)
    offenses: Mapping[str, GameHistory] = field(default_factory=dict)
    contexts: Mapping[date, Sequence[PlayerContext]] = field(default_factory=dict)
    schedule: Mapping[str, Sequence[tuple[date, str]]] = field(default_factory=dict)

    def player(self, name: str) -> GameHistory:
        """A player's games; none for who has not played."""
        return self.players.get(name, NO_HISTORY)


def expected(facts: SeasonGames, day: date, *, live: bool = False) -> dict[str, Statuses]:
    """What must become of every entity of every processor on a processing date; `live` is normal
    mode.

    The dates that bootstrap skips have no failure at all, and are not asked for.
    """
    return Expectation(facts, day, live).statuses


@dataclass(frozen=True)
class Expectation:
    """The statuses of one date."""

    facts: SeasonGames
    day: date
    live: bool = False

    @cached_property
    def statuses(self) -> dict[str, Statuses]:
        """Per processor, the category of each entity, or that it has a row."""
        contexts = self.facts.contexts.get(self.day, ())
        shots = dict(self._each(self.facts.players, SHOT_GAMES))
        cached = {c.player: self._cache(c, shots) for c in contexts}
        return {
            TDZA: dict(self._each(self.facts.defenses, DEFENSE_GAMES)),
            PSZA: shots,
            PCF: {c.player: BAD if c.is_bad else ROW for c in contexts},
            PDC: cached,
            ML: {c.player: self._vector(c, shots, cached) for c in contexts},
        }

    def _each(
        self, histories: Mapping[str, GameHistory], minimum: int
    ) -> Iterator[tuple[str, str]]:
        """TDZA and PSZA: everybody who has played this season."""
        for name, history in histories.items():
            games, bad, _ = history.before(self.day)
            if games:
                status = BAD if bad else FEW if games < minimum else ROW
                yield name, INCOMPLETE if status == ROW and self._lacks(history) else status

    def _cache(self, context: PlayerContext, shots: Mapping[str, str]) -> str:
        history = self.facts.player(context.player)
        games, _, bad = history.before(self.day)
        if (
            context.is_bad
            or bad
            or self.facts.offenses.get(context.team, NO_HISTORY).before(self.day).bad_recent
        ):
            return BAD
        if games < CACHE_GAMES:
            return FEW
        if shots[context.player] != ROW:
            return MISSING
        return INCOMPLETE if self._lacks(history, context.team) else ROW

    def _vector(
        self, context: PlayerContext, shots: Mapping[str, str], cached: Mapping[str, str]
    ) -> str:
        if context.is_bad or self.facts.player(context.player).before(self.day).bad:
            return BAD
        return ROW if shots.get(context.player) == ROW == cached[context.player] else MISSING

    def _lacks(self, history: GameHistory, team: str = "") -> bool:
        """Normal mode: too few of the newest games of a team, or of the team of the newest game."""
        if not self.live or (self.day - self.facts.start).days < COMPLETENESS.first_day:
            return False
        games = history.games_before(self.day)
        newest = self._newest_games(team or games[0].team)
        found = sum(1 for row in games if newest and row.day >= newest[0])
        return (
            bool(newest)
            and min(len(newest), found) * 10 < len(newest) * COMPLETENESS.required_tenths
        )

    def _newest_games(self, team: str) -> list[date]:
        """The dates of a team's newest games, oldest first; a game that stands on two dates counts
        on the later one.
        """
        days = {
            game_id: day
            for day, game_id in sorted(self.facts.schedule.get(team, ()))
            if day < self.day
        }
        return sorted(days.values())[-COMPLETENESS.games :]


@dataclass(frozen=True)
class ExpectationDiff:
    """What was logged of one (processor, date), held against what must have been.

    `explained` failed as they must; `unexplained` failed and must not, or otherwise (entity to
    category); `lost` must
    have failed and did not, or otherwise; `unaccounted` have neither row nor failure; `strange`
    have one and are not
    in the population.
    """

    population: int
    explained: int = 0
    unexplained: Mapping[str, str] = field(default_factory=dict)
    lost: Mapping[str, str] = field(default_factory=dict)
    unaccounted: frozenset[str] = frozenset()
    strange: frozenset[str] = frozenset()

    @property
    def is_exact(self) -> bool:
        """Whether everything is as it must be."""
        return not (self.unexplained or self.lost or self.unaccounted or self.strange)


def compare(
    must: Mapping[str, str], rows: Collection[str], failures: Mapping[str, str]
) -> ExpectationDiff:
    """Hold the entities with a row and those with a failure (entity to category) against what they
    must be.
    """
    failing = {entity: status for entity, status in must.items() if status != ROW}
    if (
        failing == failures
        and len(rows) + len(failing) == len(must)
        and must.keys() == {*rows, *failures}
    ):
        return ExpectationDiff(len(must), len(failing))
    there = {*rows, *failures}
    unexplained = {
        e: category for e, category in failures.items() if must.get(e) != category and e in must
    }
    lost = {
        e: category for e, category in failing.items() if failures.get(e) != category and e in there
    }
    strange = frozenset((there - must.keys()) | (set(rows) & failures.keys()))
    return ExpectationDiff(
        len(must),
        len(failures) - len(unexplained) - len(failures.keys() - must.keys()),
        unexplained,
        lost,
        frozenset(must.keys() - there),
        strange,
    )
