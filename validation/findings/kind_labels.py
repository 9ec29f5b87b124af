"""Labels of finding kinds whose stored name differs from the word on screen."""

from __future__ import annotations

from validation.findings import kinds

LABELS = {
    kinds.PHASE3_MISSING.name: "Phase 3 rows missing",
    kinds.COLUMN_JUMP.name: "empty or constant column",
    kinds.UNEXPLAINED.name: "unexpected failure",
    kinds.LOST.name: "unexpected success",
    kinds.HOLE.name: "gap",
    kinds.OLD_SQL.name: "stale output",
    kinds.MID_SEASON.name: "high rate in mid-season",
    kinds.OUT_OF_BAND.name: "unusual rate",
}


def label(name: str) -> str:
    """Return the label of a finding kind, by its stored name."""
    return LABELS.get(name, name)
