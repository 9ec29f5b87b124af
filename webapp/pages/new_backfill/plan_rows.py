"""Rows of the plan: by reason, by processor, by date, and the preflight's items by severity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validation.preflight_report import Item
from validation.season import Day


@dataclass(frozen=True, kw_only=True)
class PlanGroup:
    """Runs with the same state for the same reason, with their dates."""

    state: str
    reason: str
    runs: int
    dates: int
    text: str


@dataclass(frozen=True, kw_only=True)
class ProcessorRow:
    """A processor's runs in a plan by action, with the expected failures of those that run."""

    code: str
    label: str
    runs: int
    replaced: int
    skipped: int
    kept: int
    population: int
    failures: dict[str, int]

    @property
    def failing(self) -> int:
        """Expected failures of all categories."""
        return sum(self.failures.values())

    @property
    def share(self) -> float | None:
        """Expected failures per entity of the known population."""
        return self.failing / self.population if self.population else None


@dataclass(frozen=True, kw_only=True)
class PlanRow:
    """A date of a plan with the state of each run and the reason."""

    day: Day
    url: str
    cells: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class ItemGroup:
    """Preflight items of one severity: the first ones and the others."""

    state: str
    first: Sequence[Item]
    others: Sequence[Item]
