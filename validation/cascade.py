"""Cascade: root causes of missing dependencies, per entity, across processors and across dates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from validation.categories import BY_NAME
from validation.expectation import MISSING, ROW
from validation.processor_rules import CODES, RULES

NOTHING = "nothing"  # no upstream row and no failure: upstream did not run, or its run failed


@dataclass(frozen=True, order=True)
class RootCause:
    """Failure that causes failures downstream."""

    processor: str
    category: str

    def __str__(self) -> str:
        what = "without a row or failure" if self.category == NOTHING else self.category
        return f"{self.processor} {what}"


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
