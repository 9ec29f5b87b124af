"""Root cause of each Finding that follows from another one of the same audit.

A consequence has its own row and closes with its root, but counts as a part of it. A Finding is a
consequence if each of its (processor, date) is within the reach of the root: downstream on the same
date, on later dates whose windows contain the date, or the runs that read a changed table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import product

from validation.findings import kinds
from validation.findings.finding_kind import FindingKind, Severity
from validation.findings.kinds import FindingDraft
from validation.findings.mismatches import AuditedSeason, Key
from validation.inputs.kinds import INPUT_KINDS
from validation.processor_rules import CODES, downstream

# Ten to fifteen games of a team: dates after a gap whose windows contain it.
WINDOW = timedelta(days=35)
RATES = (kinds.ODD_DATE, kinds.SUDDEN_RISE, kinds.HIGH_RATE, kinds.MID_SEASON)
OF_OUTPUT = (
    kinds.UNACCOUNTED, kinds.UNEXPLAINED, kinds.LOST, kinds.WRONG_CONTENT, kinds.COLUMN_JUMP,
    kinds.RUN_FAILED, kinds.STILL_BLOCKED, kinds.HOLE, *RATES,
)  # fmt: skip
WINDOWED = (*RATES, kinds.COLUMN_JUMP)
OF_RUNS = (kinds.RUN_FAILED, kinds.STILL_BLOCKED, kinds.HOLE)
STALE = (kinds.FORWARD_CASCADE, kinds.STALE_INPUT, kinds.OLD_SQL)
SOURCES = (kinds.PHASE3_MISSING, *INPUT_KINDS, kinds.LOW_COVERAGE)
# Parents before children, so that no Finding follows from itself.
ORDER = (
    kinds.LOST_PARTITION, *SOURCES, kinds.IMPOSSIBLE_VALUE, kinds.BUG, kinds.RUN_FAILED, *STALE,
    *(kind for kind in OF_OUTPUT if kind is not kinds.RUN_FAILED),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Finding with its (processor, date) pairs."""

    finding: FindingDraft
    keys: frozenset[Key]

    @property
    def rank(self) -> tuple[int, int, tuple[date, ...], str]:
        """Parents have a lower rank."""
        finding = self.finding
        first = min((CODES.index(code) for code in finding.processors), default=0)
        return ORDER.index(finding.kind), first, finding.dates, finding.subject


def with_roots(season: AuditedSeason, found: Sequence[FindingDraft]) -> list[FindingDraft]:
    """Return the Findings, each consequence with the key of its root."""
    places = sorted(
        (_place(f) for f in found if f.kind in ORDER and f.weight > Severity.NOTE),
        key=lambda place: place.rank,
    )
    roots: dict[tuple[str, int, str], tuple[str, int, str]] = {}
    for n, place in enumerate(places):
        parent = next((p for p in places[:n] if _follows(season, place, p)), None)
        if parent:
            roots[place.finding.key] = roots.get(parent.finding.key, parent.finding.key)
    return [replace(f, root=roots[f.key]) if f.key in roots else f for f in found]


def _place(finding: FindingDraft) -> _Place:
    keys = frozenset(product(finding.processors or CODES, finding.dates))
    return _Place(finding=finding, keys=keys)


def _follows(season: AuditedSeason, place: _Place, root: _Place) -> bool:
    rule = REACH.get(root.finding.kind)
    return rule is not None and rule(season, place, root)


def _below(place: _Place, root: _Place, *, own: bool = False) -> bool:
    """True if all pairs are downstream of the root's on the same dates; with `own`, or equal."""
    codes = root.finding.processors
    reach = {code for code in downstream(codes) if own or code not in codes}
    dates = set(root.finding.dates)
    return all(code in reach and day in dates for code, day in place.keys)


def _of_output(season: AuditedSeason, place: _Place, root: _Place) -> bool:
    """Wrong or missing output: everything downstream, and the rates of the processor itself."""
    kind = place.finding.kind
    return kind in OF_OUTPUT and _below(place, root, own=kind in RATES)


def _of_lost(season: AuditedSeason, place: _Place, root: _Place) -> bool:
    """Lost partitions: everything downstream on each date of its own."""
    below = season.below_lost
    return place.finding.kind in OF_OUTPUT and place.keys <= below


def _of_source_row(season: AuditedSeason, place: _Place, root: _Place) -> bool:
    """An impossible row: failures of other processors by the same row, and, once the row is
    corrected, its stale runs.
    """
    if place.finding.kind is kinds.IMPOSSIBLE_VALUE:
        return bool(_rows(place) & _rows(root))
    if place.finding.kind in STALE:
        return root.keys <= season.stale
    return _of_output(season, place, root)


def _rows(place: _Place) -> set[tuple[str, ...]]:
    rows: object = place.finding.evidence.get("rows", ())
    assert isinstance(rows, Sequence)
    return {tuple(sorted(row.items())) for row in rows}


def _of_source(season: AuditedSeason, place: _Place, root: _Place) -> bool:
    """Missing or contradictory rows: runs, rates and columns of the same dates, and rates and
    columns of later dates whose windows contain them.

    Unexpected failures and wrong rows are not among them: the expectation reads the same rows.
    """
    kind, dates, days = place.finding.kind, root.finding.dates, place.finding.dates
    if kind not in (*WINDOWED, *OF_RUNS):
        return kind in SOURCES and root.finding.kind is kinds.PHASE3_MISSING and _same(place, root)
    is_after = dates[0] <= days[0] and days[-1] <= dates[-1] + WINDOW
    return _same(place, root) or (kind in WINDOWED and is_after)


def _same(place: _Place, root: _Place) -> bool:
    return set(place.finding.dates) <= set(root.finding.dates)


def _of_stale(season: AuditedSeason, place: _Place, root: _Place) -> bool:
    """Stale output: rates and rows of the same runs."""
    return place.finding.kind in OF_OUTPUT and place.keys <= season.stale


REACH: Mapping[FindingKind, Callable[[AuditedSeason, _Place, _Place], bool]] = {
    **dict.fromkeys(SOURCES, _of_source),
    kinds.LOST_PARTITION: _of_lost,
    kinds.IMPOSSIBLE_VALUE: _of_source_row,
    **dict.fromkeys(STALE, _of_stale),
    **dict.fromkeys(
        (
            kinds.BUG, kinds.RUN_FAILED, kinds.UNACCOUNTED, kinds.UNEXPLAINED, kinds.LOST,
            kinds.WRONG_CONTENT, kinds.COLUMN_JUMP,
        ),
        _of_output,
    ),
}  # fmt: skip
