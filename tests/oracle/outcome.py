"""Outcome of a run for one date, and its possible failures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from backfill.warehouse import tables as schema
from backfill.warehouse.schema import Table

Row = dict[str, Any]
Rows = list[Row]
Tables = dict[str, Rows]
Failure = tuple[str, str, bool]

TABLES: dict[str, Table] = {t.short: t for t in schema.TABLES}
ORDER = ("TDZA", "PSZA", "PCF", "PDC", "ML")
PROCESSOR_NAMES = {
    "TDZA": "TeamDefenseZoneAnalysisProcessor",
    "PSZA": "PlayerShotZoneAnalysisProcessor",
    "PCF": "PlayerCompositeFactorsProcessor",
    "PDC": "PlayerDailyCacheProcessor",
    "ML": "MLFeatureStoreProcessor",
}
REASON_LENGTH = 1000


@dataclass(frozen=True)
class Outcome:
    """Rows and failures of one date by entity; a failure is (category, reason, can_retry)."""

    rows: dict[str, Row] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)


Outcomes = dict[date, Outcome]


def insufficient(found: int, minimum: int, day: date) -> Failure:
    """Return the failure for too few games, which only more games fix."""
    return ("INSUFFICIENT_DATA", f"{found} of {minimum} games before {day}", True)


def incomplete(found: int, expected: int) -> Failure:
    """Return the failure for recent team games missing from the entity's sample."""
    return (
        "INCOMPLETE_DATA",
        f"{found} of {expected} recent team games found, 90 % required",
        True,
    )


def missing(absent: Sequence[str], day: date, causes: Iterable[str]) -> Failure:
    """Return the failure for missing required upstream rows, with the upstream failures."""
    named = ", ".join(str(TABLES[short]) for short in absent)
    because = "; ".join(causes)
    reason = f"no row for {day} in {named}" + (f" ({because})" if because else "")
    return ("MISSING_DEPENDENCY", reason[:REASON_LENGTH], True)
