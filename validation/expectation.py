"""Expectation: failures expected from the games played alone, compared with the tables."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from validation.categories import (
    INCOMPLETE_DATA,
    INSUFFICIENT_DATA,
    MISSING_DEPENDENCY,
    PROCESSING_ERROR,
)
from validation.processor_rules import (
    DEFENSE_TABLE,
    OFFENSE_TABLE,
    PLAYER_TABLE,
    RULES,
    ProcessorRules,
)
from validation.thresholds import COMPLETENESS, DAILY_CACHE, SHOT_ZONES, TEAM_DEFENSE

BAD, FEW = PROCESSING_ERROR.name, INSUFFICIENT_DATA.name
MISSING, INCOMPLETE = MISSING_DEPENDENCY.name, INCOMPLETE_DATA.name
ROW = "row"  # status of an entity without a failure

# Newest games of each table that are checked for impossible values in advance; other window sizes
# are checked on request.
DEFENSE_WINDOW, SHOT_WINDOW = TEAM_DEFENSE.sample_games, SHOT_ZONES.trend_games
OFFENSE_WINDOW = DAILY_CACHE.team_games

Statuses = dict[str, str]  # entity to category, or to ROW


class GameRow(NamedTuple):
    """Source row of a game; `rank` 1 is the row used among those of its entity and game."""

    day: date
    game_id: str
    rank: int = 1
    is_bad: bool = False
    counts: bool = True
    team: str = ""


class GamesBefore(NamedTuple):
    """Games of an entity before a date: their number, and whether the newest ones, or any, have an
    impossible value.
    """

    games: int = 0
    bad_recent: bool = False
    bad: bool = False


_games_before = cache(GamesBefore)  # one object each: a season has thousands of equal ones
NOTHING = GamesBefore()


class GameHistory:
    """Games of one entity in one season; the `window` newest are checked for impossible values."""

    _columns: tuple[tuple[Any, ...], ...]  # of the rows, in one that was read from a file

    def __init__(self, rows: Iterable[GameRow], window: int) -> None:
        vars(self)["rows"] = sorted(rows, key=attrgetter("day"))
        self.window = window
        self._days: list[date] = []
        self._standings: list[GamesBefore] = []
        self._build()

    @cached_property
    def rows(self) -> list[GameRow]:
        """Rows of the games, by date."""
        return list(map(GameRow._make, zip(*self._columns, strict=True)))

    def __getstate__(self) -> dict[str, object]:
        """Return columns instead of rows, which take ten times as long to read and are seldom
        needed.
        """
        kept = {name: value for name, value in vars(self).items() if name != "rows"}
        return kept | {"_columns": tuple(zip(*self.rows, strict=True))}

    def _build(self) -> None:
        """Compute the state after each date with a game. Only rows inside the cut-off compete for
        rank 1 of a game.
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
                _games_before(games, *self._bad(kept)) if may_be_bad else _games_before(games)
            )

    def _bad(self, kept: Mapping[str, GameRow]) -> tuple[bool, bool]:
        newest = _newest_first(kept.values())
        return any(row.is_bad for row in newest[: self.window]), any(row.is_bad for row in newest)

    def before(self, day: date) -> GamesBefore:
        """Return the state before a date, without the games of the date itself."""
        place = bisect_left(self._days, day)
        return self._standings[place - 1] if place else NOTHING

    def has_bad(self, day: date, window: int | None) -> bool:
        """Return whether the `window` newest games before a date (None: all) have a bad value."""
        _, bad_recent, bad = self.before(day)
        if window is None or not bad:
            return bad
        if window == self.window:
            return bad_recent
        return any(row.is_bad for row in self.games_before(day)[:window])

    def games_before(self, day: date) -> list[GameRow]:
        """Return the games before a date, newest first."""
        kept: dict[str, GameRow] = {}
        for row in self.rows:
            if row.day < day and (row.game_id not in kept or row.rank < kept[row.game_id].rank):
                kept[row.game_id] = row
        return _newest_first(kept.values())


def _newest_first(rows: Iterable[GameRow]) -> list[GameRow]:
    return sorted((row for row in rows if row.counts), key=itemgetter(0, 1), reverse=True)


NO_HISTORY = GameHistory((), 0)


class PlayerContext(NamedTuple):
    """Context row of a player on a date."""

    player: str
    team: str
    is_bad: bool = False


@dataclass(frozen=True, kw_only=True)
class SeasonGames:
    """Phase 3 rows and schedule of one season that failures depend on.

    `contexts` has the context rows of a date, one per player; `schedule` the final games of each
    team as (date, game_id).
    """

    start: date
    players: Mapping[str, GameHistory] = field(default_factory=dict)
    defenses: Mapping[str, GameHistory] = field(default_factory=dict)
    offenses: Mapping[str, GameHistory] = field(default_factory=dict)
    contexts: Mapping[date, Sequence[PlayerContext]] = field(default_factory=dict)
    schedule: Mapping[str, Sequence[tuple[date, str]]] = field(default_factory=dict)

    def player(self, name: str) -> GameHistory:
        """Return a player's games; empty before the first game."""
        return self.players.get(name, NO_HISTORY)

    def histories(self, table: str) -> Mapping[str, GameHistory]:
        """Return the games in a Phase 3 table, by entity; empty for a processor without one."""
        return {
            PLAYER_TABLE: self.players,
            DEFENSE_TABLE: self.defenses,
            OFFENSE_TABLE: self.offenses,
        }.get(table, {})


def expected(facts: SeasonGames, day: date, *, live: bool = False) -> dict[str, Statuses]:
    """Return the expected status of every entity of every processor on a processing date.

    `live` is normal mode. Do not call it for bootstrap dates, which have no failures.
    """
    return Expectation(facts, day, live).statuses


@dataclass(frozen=True)
class Expectation:
    """Expected statuses of one date."""

    facts: SeasonGames
    day: date
    live: bool = False

    @cached_property
    def statuses(self) -> dict[str, Statuses]:
        """Category of each entity, or ROW, per processor."""
        by_code: dict[str, Statuses] = {}
        for code, rules in RULES.items():  # in chain order: required processors come first
            required = [by_code[before] for before in rules.requires]
            statuses = self._by_context if rules.by_context else self._by_games
            by_code[code] = dict(statuses(rules, required))
        return by_code

    def _by_games(
        self, rules: ProcessorRules, required: Sequence[Statuses]
    ) -> Iterator[tuple[str, str]]:
        """Yield the statuses of all entities with a game this season."""
        day, minimum, tested = self.day, rules.minimum, self._tests_recent_games(rules)
        for name, history in self.facts.histories(rules.games).items():
            games, _, bad = history.before(day)
            if not games:
                continue
            if bad and history.has_bad(day, rules.window):
                yield name, BAD
            elif games < minimum:
                yield name, FEW
            elif required and any(statuses.get(name) != ROW for statuses in required):
                yield name, MISSING
            else:
                yield name, INCOMPLETE if tested and self._misses(history) else ROW

    def _by_context(
        self, rules: ProcessorRules, required: Sequence[Statuses]
    ) -> Iterator[tuple[str, str]]:
        """Yield the statuses of all players with a context row of the date."""
        day, minimum, tested = self.day, rules.minimum, self._tests_recent_games(rules)
        histories, bad_teams = self.facts.histories(rules.games), self._bad_teams(rules)
        for player, team, is_bad in self.facts.contexts.get(day, ()):
            history = histories.get(player, NO_HISTORY)
            games, _, bad = history.before(day)
            if is_bad or team in bad_teams or (bad and history.has_bad(day, rules.window)):
                yield player, BAD
            elif games < minimum:
                yield player, FEW
            elif required and any(statuses.get(player) != ROW for statuses in required):
                yield player, MISSING
            else:
                yield player, INCOMPLETE if tested and self._misses(history, team) else ROW

    def _bad_teams(self, rules: ProcessorRules) -> frozenset[str]:
        """Return the teams with an impossible value in their newest games."""
        window, teams = rules.team_window, self.facts.offenses if rules.team_window else {}
        return frozenset(team for team, h in teams.items() if h.has_bad(self.day, window))

    def _tests_recent_games(self, rules: ProcessorRules) -> bool:
        """Return whether normal mode tests recent games on this date."""
        days = (self.day - self.facts.start).days
        return self.live and rules.completeness and days >= COMPLETENESS.first_day

    def _misses(self, history: GameHistory, team: str = "") -> bool:
        """Return whether too many of the team's newest games are missing (normal mode).

        The default team is that of the newest game.
        """
        games = history.games_before(self.day)
        newest = self._newest_games(team or games[0].team)
        present = sum(1 for row in games if newest and row.day >= newest[0])
        return (
            bool(newest)
            and min(len(newest), present) * 10 < len(newest) * COMPLETENESS.required_tenths
        )

    def _newest_games(self, team: str) -> list[date]:
        """Return the dates of a team's newest games, oldest first; of a game with two dates, the
        later one.
        """
        days = {
            game_id: day
            for day, game_id in sorted(self.facts.schedule.get(team, ()))
            if day < self.day
        }
        return sorted(days.values())[-COMPLETENESS.games :]


@dataclass(frozen=True, kw_only=True)
class ExpectationDiff:
    """Comparison of one (processor, date) with its expectation.

    `explained` counts the expected failures. `unexplained` has the unexpected failures, including
    those with another category than expected (entity to actual category). `lost` has the unexpected
    successes, and the same category differences (entity to expected category). `unaccounted` have
    no row and no failure. `strange` have both, or are outside the population.
    """

    population: int
    explained: int = 0
    unexplained: Mapping[str, str] = field(default_factory=dict)
    lost: Mapping[str, str] = field(default_factory=dict)
    unaccounted: frozenset[str] = frozenset()
    strange: frozenset[str] = frozenset()

    @property
    def is_exact(self) -> bool:
        """Return whether there is no difference."""
        return not (self.unexplained or self.lost or self.unaccounted or self.strange)


def compare(
    must: Mapping[str, str], rows: Collection[str], failures: Mapping[str, str]
) -> ExpectationDiff:
    """Compare rows and failures (entity to category) with the expected statuses `must`.

    Incomplete data is an unexpected failure, even where the rule foresees it.
    """
    failing = {entity: status for entity, status in must.items() if status != ROW}
    if (
        failing == failures
        and INCOMPLETE not in failing.values()
        and len(rows) + len(failing) == len(must)
        and must.keys() == {*rows, *failures}
    ):
        return ExpectationDiff(population=len(must), explained=len(failing))
    there = {*rows, *failures}
    unexplained = {
        e: category
        for e, category in failures.items()
        if e in must and (must[e] != category or category == INCOMPLETE)
    }
    lost = {
        e: category for e, category in failing.items() if failures.get(e) != category and e in there
    }
    strange = frozenset((there - must.keys()) | (set(rows) & failures.keys()))
    return ExpectationDiff(
        population=len(must),
        explained=len(failures) - len(unexplained) - len(failures.keys() - must.keys()),
        unexplained=unexplained,
        lost=lost,
        unaccounted=frozenset(must.keys() - there),
        strange=strange,
    )
