"""Where a missing dependency comes from: entity by entity, through any depth, to its root; and
across dates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from validation.categories import BY_NAME
from validation.expectation import CODES, MISSING, ML, PCF, PDC, PSZA, ROW, GameHistory, GameRow

# Which processors' rows an entity needs before its own can be written.
REQUIRED: Mapping[str, tuple[str, ...]] = {PDC: (PSZA,), ML: (PSZA, PCF, PDC)}
NOTHING = "nothing"  # upstream has neither row nor failure: it was not run, or its run failed


@dataclass(frozen=True, order=True)
class RootCause:
    """The failure that another one follows from."""

    processor: str
    category: str

    def __str__(self) -> str:
        return f"{self.processor} {self.category}"


@dataclass(frozen=True)
class Cascade:
    """The failures of one date: roots with their entities' number, and of each processor what
    follows from which root.

    `unexplained` are missing dependencies that upstream has a row of after all.
    """

    roots: Counter[RootCause] = field(default_factory=Counter)
    follows: Mapping[str, Counter[RootCause]] = field(default_factory=dict)
    unexplained: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def following(self, root: RootCause) -> int:
        """How many failures downstream follow from a root."""
        return sum(counted[root] for counted in self.follows.values())


def merge(cascades: Iterable[Cascade]) -> Cascade:
    """The failures of many dates as one."""
    roots: Counter[RootCause] = Counter()
    follows: dict[str, Counter[RootCause]] = {}
    unexplained: dict[str, tuple[str, ...]] = {}
    for found in cascades:
        roots.update(found.roots)
        for code, counted in found.follows.items():
            follows.setdefault(code, Counter()).update(counted)
        for code, entities in found.unexplained.items():
            unexplained[code] = unexplained.get(code, ()) + entities
    return Cascade(roots, follows, unexplained)


def root_of(entity: str, code: str, statuses: Mapping[str, Mapping[str, str]]) -> RootCause | None:
    """The root of an entity's MISSING_DEPENDENCY; None when upstream has all of its rows."""
    found = []
    for before in REQUIRED.get(code, ()):
        status = statuses.get(before, {}).get(entity, NOTHING)
        if status == MISSING:
            found.append(root_of(entity, before, statuses) or RootCause(before, status))
        elif status != ROW:
            found.append(RootCause(before, status))
    return min(found, key=_weight, default=None)


def _weight(root: RootCause) -> tuple[bool, bool, int]:
    """A bug weighs more than too few games, and what comes first in the chain more than what
    follows.
    """
    category = BY_NAME.get(root.category)
    return not (category and category.is_bug), root.category == NOTHING, CODES.index(root.processor)


def cascade(statuses: Mapping[str, Mapping[str, str]]) -> Cascade:
    """Trace every failure of one date; `statuses` has per processor the category of each entity, or
    ROW.
    """
    roots: Counter[RootCause] = Counter()
    follows: dict[str, Counter[RootCause]] = {}
    unexplained: dict[str, list[str]] = {}
    for code, of_processor in statuses.items():
        for entity, status in of_processor.items():
            if status == MISSING and code in REQUIRED:
                if root := root_of(entity, code, statuses):
                    follows.setdefault(code, Counter())[root] += 1
                else:
                    unexplained.setdefault(code, []).append(entity)
            elif status != ROW:
                roots[RootCause(code, status)] += 1
    return Cascade(roots, follows, {code: tuple(found) for code, found in unexplained.items()})


def shortened(
    entities: Collection[str],
    histories: Mapping[str, GameHistory],
    teams: Mapping[date, Collection[str]],
    day: date,
    minimum: int,
) -> dict[str, tuple[date, ...]]:
    """Of entities with too few games before a date, those whom the games of earlier dates would
    have given enough.

    `teams` has of each date that lacks Phase 3 who played. A player's team on it is that of his
    newest game before it, or
    of his first one after it. That he would have played is assumed, so this is the most that such a
    date can explain.
    """
    found, gaps = {}, sorted(gap for gap in teams if gap < day)
    for entity in entities:
        n = histories[entity].before(day).games
        if n < minimum <= n + len(gaps):
            games = histories[entity].games_before(day)
            lacking = tuple(gap for gap in gaps if _lacks(games, gap, teams[gap]))
            if minimum <= n + len(lacking):
                found[entity] = lacking
    return found


def _lacks(games: Sequence[GameRow], gap: date, teams: Collection[str]) -> bool:
    near = next((game for game in games if game.day <= gap), games[-1] if games else None)
    return near is not None and near.day != gap and near.team in teams
