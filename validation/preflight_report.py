"""Preflight report: a list of items, each a blocker, a warning or a note."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from validation.coverage import Coverage
from validation.season import DateType, Day


class PreflightEffect(StrEnum):
    """Effect of an item on a start: blocker, warning or note."""

    BLOCKS = "blocks"
    WARNS = "warns"
    TELLS = "tells"


class PreflightKind(StrEnum):
    """Kind of a preflight item; the values are stored and published."""

    NOT_LOADED = "season not loaded"
    NOTHING_TO_RUN = "nothing to run"
    SCHEDULE = "schedule contradicts itself"
    HELD = "held by a job"
    UNFINISHED = "unfinished load"
    EXPIRY = "partitions expire"
    NO_ROWS = "no rows"
    FEW_ROWS = "few rows"
    SHORT_WINDOWS = "short windows"
    KNOWN_BUG = "known bug"
    POSTPONED = "postponed games"
    CONTRADICTION = "tables disagree"
    OUTPUT = "output there"

    @property
    def effect(self) -> PreflightEffect:
        """Effect of items of this kind."""
        others = {
            PreflightKind.FEW_ROWS: PreflightEffect.WARNS,
            PreflightKind.SHORT_WINDOWS: PreflightEffect.WARNS,
            PreflightKind.KNOWN_BUG: PreflightEffect.WARNS,
            PreflightKind.POSTPONED: PreflightEffect.TELLS,
            PreflightKind.CONTRADICTION: PreflightEffect.WARNS,
            PreflightKind.OUTPUT: PreflightEffect.TELLS,
        }
        return others.get(self, PreflightEffect.BLOCKS)

    @property
    def can_be_overridden(self) -> bool:
        """Return whether a start with a reason can skip this blocker.

        Two jobs on one date, and a job without dates, are never allowed.
        """
        return self in (PreflightKind.UNFINISHED, PreflightKind.EXPIRY, PreflightKind.NO_ROWS)


@dataclass(frozen=True, kw_only=True)
class Item:
    """Blocker, warning or note: a sentence, and advice as an imperative."""

    kind: PreflightKind
    sentence: str
    advice: str = ""
    dates: tuple[date, ...] = ()
    tables: tuple[str, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return f"{self.sentence}; {self.advice}" if self.advice else self.sentence


@dataclass(frozen=True, kw_only=True)
class DateState:
    """State of one date of the range: table coverage, processors with output, unfinished games."""

    day: Day
    coverage: tuple[Coverage, ...] = ()
    output: tuple[str, ...] = ()
    not_final: int = 0


@dataclass(frozen=True)
class Report:
    """Result of a preflight: the state of each date, and the items, blockers first."""

    dates: tuple[DateState, ...]
    items: tuple[Item, ...]

    @property
    def ready(self) -> bool:
        """Return whether the report has no blockers."""
        return not self.blocks

    @property
    def blocks(self) -> tuple[Item, ...]:
        """Blockers."""
        return self._with(PreflightEffect.BLOCKS)

    @property
    def warns(self) -> tuple[Item, ...]:
        """Warnings."""
        return self._with(PreflightEffect.WARNS)

    @property
    def tells(self) -> tuple[Item, ...]:
        """Notes."""
        return self._with(PreflightEffect.TELLS)

    def _with(self, effect: PreflightEffect) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.kind.effect is effect)

    @property
    def overridable(self) -> tuple[Item, ...]:
        """Blockers that a start with a reason can skip."""
        return tuple(item for item in self.blocks if item.kind.can_be_overridden)

    def stops(self, *, skip: bool) -> tuple[Item, ...]:
        """Return the blockers that stop a start, with or without `skip`."""
        return tuple(item for item in self.blocks if not (skip and item.kind.can_be_overridden))

    @property
    def types(self) -> dict[DateType, int]:
        """Number of dates of each type in the range."""
        return dict(Counter(state.day.type for state in self.dates))


def first_three(items: Sequence[Item]) -> str:
    """Return items in one line: the first three sentences, and the number of the others."""
    more = f" (and {len(items) - 3} more)" if len(items) > 3 else ""
    return "; ".join(item.sentence for item in items[:3]) + more
