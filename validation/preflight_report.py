"""What a preflight comes to: a report of items, each of which blocks a start, warns, or is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from validation.coverage import Coverage
from validation.season import DateType, Day


class PreflightEffect(StrEnum):
    """What an item does to a start."""

    BLOCKS = "blocks"
    WARNS = "warns"
    TELLS = "tells"


class PreflightKind(StrEnum):
    """What there is to say before a start."""

    NOT_LOADED = "season not loaded"
    NOTHING_TO_RUN = "nothing to run"
    HELD = "held by a job"
    EXPIRY = "partitions expire"
    NO_ROWS = "no rows"
    FEW_ROWS = "few rows"
    SHORT_WINDOWS = "short windows"
    OUTPUT = "output there"

    @property
    def effect(self) -> PreflightEffect:
        """Whether it blocks, warns or is told only."""
        others = {
            PreflightKind.FEW_ROWS: PreflightEffect.WARNS,
            PreflightKind.SHORT_WINDOWS: PreflightEffect.WARNS,
            PreflightKind.OUTPUT: PreflightEffect.TELLS,
        }
        return others.get(self, PreflightEffect.BLOCKS)

    @property
    def can_be_overridden(self) -> bool:
        """Whether a person with a reason may start all the same; two jobs on one date, or none at
        all, may not be.
        """
        return self in (PreflightKind.EXPIRY, PreflightKind.NO_ROWS)


@dataclass(frozen=True)
class Item:
    """One thing that blocks, warns or is told: the sentence, and what to do next."""

    kind: PreflightKind
    sentence: str
    advice: str = ""
    dates: tuple[date, ...] = ()
    tables: tuple[str, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return f"{self.sentence}; {self.advice}" if self.advice else self.sentence


@dataclass(frozen=True)
class DateState:
    """One date of the range: what its tables hold, which processors have output, and how many games
    are not final.
    """

    day: Day
    coverage: tuple[Coverage, ...] = ()
    output: tuple[str, ...] = ()
    not_final: int = 0


@dataclass(frozen=True)
class Report:
    """What a preflight found: each date, and the items, what blocks first."""

    dates: tuple[DateState, ...]
    items: tuple[Item, ...]

    @property
    def ready(self) -> bool:
        """Whether nothing blocks."""
        return not self.blocks

    @property
    def blocks(self) -> tuple[Item, ...]:
        """What stops a start."""
        return self._with(PreflightEffect.BLOCKS)

    @property
    def warns(self) -> tuple[Item, ...]:
        """What does not stop it and is probably wrong."""
        return self._with(PreflightEffect.WARNS)

    @property
    def tells(self) -> tuple[Item, ...]:
        """What is neither, and good to know."""
        return self._with(PreflightEffect.TELLS)

    def _with(self, effect: PreflightEffect) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.kind.effect is effect)

    @property
    def overridable(self) -> tuple[Item, ...]:
        """What blocks, and can be overridden with a reason."""
        return tuple(item for item in self.blocks if item.kind.can_be_overridden)

    def stops(self, *, skip: bool) -> tuple[Item, ...]:
        """What stops a start that skips the preflight, or does not."""
        return tuple(item for item in self.blocks if not (skip and item.kind.can_be_overridden))

    @property
    def types(self) -> dict[DateType, int]:
        """How many dates of each type the range has."""
        return dict(Counter(state.day.type for state in self.dates))


def first_three(items: Sequence[Item]) -> str:
    """Items in one line: the first three of them, and how many more."""
    more = f" (and {len(items) - 3} more)" if len(items) > 3 else ""
    return "; ".join(item.sentence for item in items[:3]) + more
