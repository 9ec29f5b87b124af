"""Failure categories: a closed list with meaning, retryability and advice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from validation.thresholds import MID_SEASON_SHARE, percent


@dataclass(frozen=True, kw_only=True)
class Category:
    """Category of a failure. `can_retry` is the value stored in the failures table."""

    name: str
    can_retry: bool
    is_bug: bool
    meaning: str
    advice: str


PROCESSING_ERROR = Category(
    name="PROCESSING_ERROR",
    can_retry=False,
    is_bug=True,
    meaning="a source row holds an impossible value",
    advice="Investigate now: correct the Phase 3 row named in the failure reason, load it again, "
    "then rerun the date.",
)
INSUFFICIENT_DATA = Category(
    name="INSUFFICIENT_DATA",
    can_retry=True,
    is_bug=False,
    meaning="fewer games than the minimum",
    advice="Ignore early in a season: only more games fix it, a retry does not. "
    f"Investigate above {percent(MID_SEASON_SHARE)} in mid-season.",
)
MISSING_DEPENDENCY = Category(
    name="MISSING_DEPENDENCY",
    can_retry=True,
    is_bug=False,
    meaning="a required upstream row is missing",
    advice="Check upstream first: the cascade is expected if the upstream failure is expected.",
)
INCOMPLETE_DATA = Category(
    name="INCOMPLETE_DATA",
    can_retry=True,
    is_bug=False,
    meaning="recent games are missing (checked in normal mode)",
    advice="Run Phase 3 for the missing games, then rerun this date.",
)
UNKNOWN = Category(
    name="UNKNOWN",
    can_retry=False,
    is_bug=True,
    meaning="an entity of the population has neither a row nor a classified failure",
    advice="Investigate now: this is a defect in the processor.",
)

# In the order in which every processor checks; UNKNOWN is added by the accounting.
CATEGORIES = (PROCESSING_ERROR, INSUFFICIENT_DATA, MISSING_DEPENDENCY, INCOMPLETE_DATA, UNKNOWN)
BY_NAME = {c.name: c for c in CATEGORIES}
BUGS = tuple(c.name for c in CATEGORIES if c.is_bug)
# Missing games are a gap in Phase 3, even where the rule foresees the failure.
NEVER_EXPECTED = (*BUGS, INCOMPLETE_DATA.name)

# An entity_id that represents the whole date; the accounting excludes it.
DATE_LEVEL = "DATE_LEVEL"


def count_bugs(failures: Mapping[str, int]) -> int:
    """Count the failures in categories that are never expected."""
    return sum(failures.get(bug, 0) for bug in BUGS)
