"""The closed list of failure categories: expected or not, retryable or not, what to do."""

from __future__ import annotations

from dataclasses import dataclass

from validation.thresholds import MID_SEASON_SHARE, percent


@dataclass(frozen=True)
class Category:
    """One reason why an entity has no row. `can_retry` is what the failures table stores."""

    name: str
    can_retry: bool
    is_bug: bool
    meaning: str
    advice: str


PROCESSING_ERROR = Category(
    "PROCESSING_ERROR",
    can_retry=False,
    is_bug=True,
    meaning="a source row holds an impossible value",
    advice="Investigate at once: correct the row that the reason names in Phase 3, load it again, run the date again.",
)
INSUFFICIENT_DATA = Category(
    "INSUFFICIENT_DATA",
    can_retry=True,
    is_bug=False,
    meaning="fewer games than the minimum",
    advice="Ignore early in a season: only more games cure it, no retry does. "
    f"Investigate above {percent(MID_SEASON_SHARE)} in mid-season.",
)
MISSING_DEPENDENCY = Category(
    "MISSING_DEPENDENCY",
    can_retry=True,
    is_bug=False,
    meaning="a required upstream row is absent",
    advice="Look upstream first: the cascade is expected when the upstream failure is.",
)
INCOMPLETE_DATA = Category(
    "INCOMPLETE_DATA",
    can_retry=True,
    is_bug=False,
    meaning="recent games are missing, as normal mode checks",
    advice="Run Phase 3 for the missing games, then this date again.",
)
UNKNOWN = Category(
    "UNKNOWN",
    can_retry=False,
    is_bug=True,
    meaning="an entity of the population has neither a row nor a classified failure",
    advice="Investigate at once: it is a defect of the processor.",
)

# The order is the order in which every processor checks, but for UNKNOWN, which accounting adds.
CATEGORIES = (PROCESSING_ERROR, INSUFFICIENT_DATA, MISSING_DEPENDENCY, INCOMPLETE_DATA, UNKNOWN)
BY_NAME = {c.name: c for c in CATEGORIES}
BUGS = tuple(c.name for c in CATEGORIES if c.is_bug)

# An entity_id that stands for the whole date; it takes no part in the accounting.
DATE_LEVEL = "DATE_LEVEL"
