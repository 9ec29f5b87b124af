"""Cascade: root causes of missing dependencies, per entity, across processors and across dates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from validation.categories import BY_NAME
from validation.expectation import MISSING, ROW, GameHistory, GameRow
from validation.processor_rules import CODES, RULES

NOTHING = "nothing"  # no upstream row and no failure: upstream did not run, or its run failed


@dataclass(frozen=True, order=True)
class RootCause:
    """Failure that causes failures downstream."""

    processor: str
    category: str

    def __str__(self) -> str:
        return f"{self.processor} {self.category}"


@dataclass(frozen=True)
class Cascade:
    """Failures of one date: root causes with entity counts, and per processor the downstream
    failures of each root cause.

    `unexplained` are missing dependencies whose upstream row exists.
    """

    roots: Counter[RootCause] = field(default_factory=Counter)
    follows: Mapping[str, Counter[RootCause]] = field(default_factory=dict)
    unexplained: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def following(self, root: RootCause) -> int:
        """Return the number of downstream failures of a root cause."""
        return sum(counted[root] for counted in self.follows.values())


def merge(cascades: Iterable[Cascade]) -> Cascade:
    """Merge the cascades of several dates."""
    roots: Counter[RootCause] = Counter()
    follows: dict[str, Counter[RootCause]] = {}
    unexplained: dict[str, tuple[str, ...]] = {}
    for of_date in cascades:
        roots.update(of_date.roots)
        for code, counted in of_date.follows.items():
            follows.setdefault(code, Counter()).update(counted)
        for code, entities in of_date.unexplained.items():
            unexplained[code] = unexplained.get(code, ()) + entities
    return Cascade(roots, follows, unexplained)


def root_of(entity: str, code: str, statuses: Mapping[str, Mapping[str, str]]) -> RootCause | None:
    """Return the root cause of a MISSING_DEPENDENCY; None if upstream has all rows of the entity."""
    causes = []
    for before in RULES[code].requires:
        status = statuses.get(before, {}).get(entity, NOTHING)
        if status == MISSING:
            causes.append(root_of(entity, before, statuses) or RootCause(before, status))
        elif status != ROW:
            causes.append(RootCause(before, status))
    return min(causes, key=_weight, default=None)


def _weight(root: RootCause) -> tuple[bool, bool, int]:
    """Sort key: bugs before other failures, early processors of the chain before later ones."""
    category = BY_NAME.get(root.category)
    return not (category and category.is_bug), root.category == NOTHING, CODES.index(root.processor)


def cascade(statuses: Mapping[str, Mapping[str, str]]) -> Cascade:
    """Trace every failure of one date to its root cause.

    `statuses` has, per processor, the category of each entity, or ROW.
    """
    roots: Counter[RootCause] = Counter()
    follows: dict[str, Counter[RootCause]] = {}
    unexplained: dict[str, list[str]] = {}
    for code, of_processor in statuses.items():
        for entity, status in of_processor.items():
            if status == MISSING and RULES[code].requires:
                if root := root_of(entity, code, statuses):
                    follows.setdefault(code, Counter())[root] += 1
                else:
                    unexplained.setdefault(code, []).append(entity)
            elif status != ROW:
                roots[RootCause(code, status)] += 1
    return Cascade(roots, follows, {code: tuple(names) for code, names in unexplained.items()})


def shortened(
    entities: Collection[str],
    histories: Mapping[str, GameHistory],
    teams: Mapping[date, Collection[str]],
    day: date,
    minimum: int,
) -> dict[str, tuple[date, ...]]:
    """Return the entities that would have enough games with the missing Phase 3 dates, with these
    dates.

    `teams` has the teams that played on each date without Phase 3. A player's team on such a date
    is that of the newest game before it, or of the first game after it. The result assumes that
    the player played, so it is an upper limit.
    """
    short, gaps = {}, sorted(gap for gap in teams if gap < day)
    for entity in entities:
        n = histories[entity].before(day).games
        if n < minimum <= n + len(gaps):
            games = histories[entity].games_before(day)
            missing = tuple(gap for gap in gaps if _misses(games, gap, teams[gap]))
            if minimum <= n + len(missing):
                short[entity] = missing
    return short


def _misses(games: Sequence[GameRow], gap: date, teams: Collection[str]) -> bool:
    near = next((game for game in games if game.day <= gap), games[-1] if games else None)
    return near is not None and near.day != gap and near.team in teams
