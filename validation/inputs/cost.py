"""Downstream cost of a problem: wrong output rows, and failures and missing rows that would not
occur without it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from validation.expectation import (
    ROW,
    GameHistory,
    GameRow,
    PlayerContext,
    SeasonGames,
    Statuses,
    expected,
)
from validation.inputs.problem import InputProblem, RowKey
from validation.processor_rules import RULES

# A row as it is, and as it would be; None for a row that does not exist.
Change = tuple[RowKey | None, RowKey | None]
ANYBODY = "*"
Place = tuple[str, str]  # table and entity
# Processors that compute from the row of the opponent's defense.
READS_OPPONENT = ("PCF", "ML")


class Cost(NamedTuple):
    """Output rows that are wrong, failures that would be rows, and rows that do not exist at all;
    `lost` counts both of the latter by entity.
    """

    wrong_rows: int = 0
    failures: int = 0
    missing_rows: int = 0
    lost: Mapping[str, int] = MappingProxyType({})

    @property
    def text(self) -> str:
        """Cost as the end of a sentence; empty for none."""
        parts = {
            "wrong row": self.wrong_rows,
            "failure that would not occur": self.failures,
            "missing row": self.missing_rows,
        }
        named = [f"{n:,} {_plural(name) if n != 1 else name}" for name, n in parts.items() if n]
        return f"{', '.join(named)} downstream" if named else ""


def _plural(name: str) -> str:
    first, _, rest = name.partition(" that ")
    return f"{first}s that {rest}" if rest else f"{name}s"


@dataclass(frozen=True)
class SeasonCosts:
    """Costs of the problems of one season; `dates` are its computed dates."""

    facts: SeasonGames
    dates: Sequence[date]
    _statuses: dict[date, dict[str, Statuses]] = field(default_factory=dict)

    def statuses(self, day: date) -> dict[str, Statuses]:
        """Return the expected status of every entity on a date."""
        if day not in self._statuses:
            self._statuses[day] = expected(self.facts, day)
        return self._statuses[day]

    def of(self, problem: InputProblem) -> Cost:
        """Return the cost of a problem on all dates."""
        if not problem.dates:
            return Cost()
        days = [day for day in self.dates if day >= problem.dates[0]]
        changed = self._changed(problem)
        reached = _Reached(self, problem, changed)
        prevented = self._prevented(changed, days)
        wrong = sum(map(reached.rows, days))
        return Cost(wrong, prevented.failures.total(), prevented.missing.total(), prevented.rows)

    # Rows of a problem, each with the row that it would be

    def _changed(self, problem: InputProblem) -> list[Change]:
        wrong, right = problem.wrong, problem.right
        if len(wrong) == len(right):
            return [pair for both in zip(wrong, right, strict=True) for pair in self._pairs(*both)]
        return [
            *((key, None) for one in wrong for key in self._entities(one)),
            *((None, key) for one in right for key in self._absent(one)),
        ]

    def _pairs(self, wrong: RowKey, right: RowKey) -> Iterator[tuple[RowKey, RowKey]]:
        for key in self._entities(wrong):
            yield key, right._replace(entity=right.entity or key.entity)

    def _entities(self, key: RowKey) -> list[RowKey]:
        """Return a key per player of the team, for a key of all its players."""
        if key.entity:
            return [key]
        names = self._players if key.table == "PGS" else self._contexts
        return [key._replace(entity=name) for name in names.get((key.day, key.team), ())]

    def _absent(self, key: RowKey) -> list[RowKey]:
        """Return the same for rows that do not exist: the players come from the other table."""
        if key.entity:
            return [key]
        names = self._contexts if key.table == "PGS" else self._players
        return [key._replace(entity=name) for name in names.get((key.day, key.team), ())]

    @cached_property
    def _players(self) -> Mapping[tuple[date, str], list[str]]:
        found: dict[tuple[date, str], list[str]] = defaultdict(list)
        for name, history in self.facts.players.items():
            for row in history.rows:
                found[row.day, row.team].append(name)
        return found

    @cached_property
    def _contexts(self) -> Mapping[tuple[date, str], list[str]]:
        found: dict[tuple[date, str], list[str]] = defaultdict(list)
        for day, contexts in self.facts.contexts.items():
            for context in contexts:
                found[day, context.team].append(context.player)
        return found

    @cached_property
    def opponents(self) -> Mapping[tuple[str, date], str]:
        """Opponent of each team on each date of the schedule."""
        by_game: dict[tuple[date, str], list[str]] = defaultdict(list)
        for team, games in self.facts.schedule.items():
            for game in games:
                by_game[game].append(team)
        return {
            (team, day): other
            for (day, _), teams in by_game.items()
            for team, other in zip(teams, teams[::-1], strict=True)
            if team != other
        }

    # Failures that would not occur

    def _prevented(self, changed: Sequence[Change], days: Sequence[date]) -> _Prevented:
        found = _Prevented(Counter(), Counter())
        moved = [pair for pair in changed if pair[0] != pair[1]]
        if not moved:
            return found
        actual = of_entities(self.facts, {key.entity for pair in moved for key in pair if key})
        fixed = repaired(actual, moved)
        for day in days:
            before = expected(actual, day)
            for code, statuses in expected(fixed, day).items():
                for entity, status in statuses.items():
                    if status == ROW and (was := before[code].get(entity, "")) != ROW:
                        (found.failures if was else found.missing)[entity] += 1
        return found


class _Prevented(NamedTuple):
    """Failures that would be rows, and rows that do not exist, by entity."""

    failures: Counter[str]
    missing: Counter[str]

    @property
    def rows(self) -> Counter[str]:
        return self.failures + self.missing


def of_entities(facts: SeasonGames, names: set[str]) -> SeasonGames:
    """Return the facts of these players and teams alone."""

    def some(histories: Mapping[str, GameHistory]) -> dict[str, GameHistory]:
        return {name: histories[name] for name in names & histories.keys()}

    contexts = {
        day: [context for context in found if context.player in names]
        for day, found in facts.contexts.items()
    }
    return replace(
        facts,
        players=some(facts.players),
        defenses=some(facts.defenses),
        offenses=some(facts.offenses),
        contexts=contexts,
    )


def repaired(facts: SeasonGames, moved: Sequence[Change]) -> SeasonGames:
    """Return facts with the wrong rows replaced by the right ones."""
    contexts = {day: list(found) for day, found in facts.contexts.items()}
    for wrong, right in moved:
        if wrong and wrong.table == "UPGC":
            found = contexts.get(wrong.day, [])
            contexts[wrong.day] = [c for c in found if c.player != wrong.entity]
        if right and right.table == "UPGC":
            contexts.setdefault(right.day, []).append(PlayerContext(right.entity, right.team))
    return replace(
        facts,
        players=_moved(facts.players, "PGS", moved),
        defenses=_moved(facts.defenses, "TDGS", moved),
        offenses=_moved(facts.offenses, "TOGS", moved),
        contexts=contexts,
    )


def _moved(
    histories: Mapping[str, GameHistory],
    table: str,
    moved: Sequence[Change],
) -> dict[str, GameHistory]:
    window = next((history.window for history in histories.values()), 0)
    rows = {name: list(history.rows) for name, history in histories.items()}
    was = {(name, row.game_id, row.day): row for name, found in rows.items() for row in found}
    for wrong, right in moved:
        row = was.get((wrong.entity, wrong.game_id, wrong.day)) if wrong else None
        if wrong and wrong.table == table and row and row in rows.get(wrong.entity, ()):
            rows[wrong.entity].remove(row)
        if right and right.table == table:
            same = row or GameRow(right.day, right.game_id)
            new = same._replace(day=right.day, game_id=right.game_id, team=right.team)
            rows.setdefault(right.entity, []).append(new)
    return {name: GameHistory(found, window) for name, found in rows.items()}


# Rows computed from wrong ones


class _Reached:
    """Output rows that are computed from changed rows."""

    def __init__(
        self, season: SeasonCosts, problem: InputProblem, changed: Iterable[Change]
    ) -> None:
        self.season, self.direct = season, problem.processors or tuple(RULES)
        days: dict[Place, set[date]] = defaultdict(set)
        self.moved: dict[Place, list[tuple[date, date]]] = defaultdict(list)
        for wrong, right in changed:
            if (
                wrong
                and right
                and wrong.day != right.day
                and wrong == right._replace(day=wrong.day)
            ):
                first, last = sorted((wrong.day, right.day))
                self.moved[wrong.table, wrong.entity].append((first, last))
                continue
            for key in filter(None, (wrong, right)):
                days[key.table, key.entity].add(key.day)
        self.days = {place: sorted(found) for place, found in days.items()}
        self.tables = {table for table, _ in (*self.days, *self.moved)}
        self._days_of: dict[Place, list[date]] = {}

    def rows(self, day: date) -> int:
        """Return the number of wrong rows of a date."""
        teams = {c.player: c.team for c in self.season.facts.contexts.get(day, ())}
        wrong: dict[str, set[str]] = {}
        for code, statuses in self.season.statuses(day).items():
            rows = (entity for entity, status in statuses.items() if status == ROW)
            wrong[code] = {
                entity
                for entity in rows
                if self._is_wrong(code, entity, teams.get(entity, ""), day, wrong)
            }
        return sum(map(len, wrong.values()))

    def _is_wrong(
        self, code: str, entity: str, team: str, day: date, wrong: Mapping[str, set[str]]
    ) -> bool:
        """Return whether a row reads a wrong row of an earlier processor, or a changed source."""
        rules = RULES[code]
        if any(entity in wrong[before] for before in rules.reads if before in wrong):
            return True
        if code in READS_OPPONENT and self._has_wrong_opponent(team, day, wrong):
            return True
        if code not in self.direct:
            return False
        if rules.by_context and self._has_context(entity, team, day):
            return True
        if rules.games and self._in_window(rules.games, entity, day, rules.window):
            return True
        return bool(rules.team_window) and self._in_window("TOGS", team, day, rules.team_window)

    def _has_wrong_opponent(self, team: str, day: date, wrong: Mapping[str, set[str]]) -> bool:
        """Return whether the opponent's defense row is wrong, or missing although it has games."""
        opponent, code = self.season.opponents.get((team, day), ""), "TDZA"
        if opponent in wrong.get(code, ()):
            return True
        is_known = opponent in self.season.statuses(day).get(code, ())
        return not is_known and self._in_window("TDGS", opponent, day, RULES[code].window)

    def _has_context(self, player: str, team: str, day: date) -> bool:
        places = [("UPGC", player), ("UPGC", ANYBODY), ("UTGC", team)]
        return any(
            day in self.days.get(place, ())
            or any(day in dates for dates in self.moved.get(place, ()))
            for place in places
            if place[0] in self.tables
        )

    def _in_window(self, table: str, entity: str, day: date, window: int | None) -> bool:
        if table not in self.tables:
            return False
        # With another date, a game is in windows too early or too late, and in the same afterwards.
        if any(first < day <= last for first, last in self.moved.get((table, entity), ())):
            return True
        days = self.days.get((table, entity)) or self.days.get((table, ANYBODY), [])
        place = bisect_left(days, day)
        if not place:
            return False
        games = self._games(table, entity)
        newer = bisect_left(games, day) - bisect_left(games, days[place - 1])
        return window is None or newer <= window

    def _games(self, table: str, entity: str) -> list[date]:
        place = table, entity
        if place not in self._days_of:
            history = self.season.facts.histories(table).get(entity)
            self._days_of[place] = [row.day for row in history.rows] if history else []
        return self._days_of[place]
