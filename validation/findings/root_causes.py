"""Root cause of each Finding that follows from another one of the same audit.

A consequence has its own row and closes with its root, but counts as a part of it. A Finding is a
consequence only if the root explains all of it: each of its (processor, date) is within the reach
of the root, and its kind is an effect that the root can have. A root never explains a Finding of
higher severity. A Finding in doubt is on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import product

from validation.expectation import MISSING
from validation.findings import kinds
from validation.findings.finding_kind import FindingKind, Severity
from validation.findings.kinds import FindingDraft
from validation.findings.mismatches import AuditedSeason, Key
from validation.inputs.kinds import INPUT_KINDS
from validation.inputs.problem import TABLE_NAMES
from validation.processor_rules import CODES, RULES, downstream

# Ten to fifteen games of a team: dates after a gap whose windows contain it.
WINDOW = timedelta(days=35)
RATES = (kinds.ODD_DATE, kinds.SUDDEN_RISE, kinds.HIGH_RATE, kinds.MID_SEASON)
STALE = (kinds.FORWARD_CASCADE, kinds.STALE_INPUT, kinds.OLD_SQL)
SOURCES = (kinds.PHASE3_MISSING, *INPUT_KINDS, kinds.LOW_COVERAGE)
# Effects of a table without rows, among the contradictions between tables.
OF_ABSENT_ROWS = (kinds.GAME_TEAMS, kinds.NO_CONTEXT)
# Effects of a lost partition, and of failed or missing entities, on the processors downstream.
OF_LOST = (
    kinds.UNEXPLAINED, kinds.LOST, kinds.UNACCOUNTED, kinds.WRONG_CONTENT, kinds.COLUMN_JUMP,
    kinds.RUN_FAILED, kinds.STILL_BLOCKED,
)  # fmt: skip
OF_FAILED = (kinds.UNEXPLAINED, kinds.RUN_FAILED, kinds.STILL_BLOCKED)
# Parents before children, so that no Finding follows from itself.
ORDER = (
    kinds.LOST_PARTITION, *SOURCES, kinds.IMPOSSIBLE_VALUE, kinds.BUG, kinds.RUN_FAILED, *STALE,
    kinds.UNACCOUNTED, kinds.UNEXPLAINED, kinds.LOST, kinds.WRONG_CONTENT, kinds.COLUMN_JUMP,
    kinds.STILL_BLOCKED, kinds.HOLE, *RATES,
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
    return (
        rule is not None
        and place.finding.weight <= root.finding.weight
        and rule(season, place, root)
    )


def _below(place: _Place, root: _Place, *, own: bool = False) -> bool:
    """True if all pairs are downstream of the root's on the same dates; with `own`, or equal. A
    Finding about Phase 3 is not downstream of a processor.
    """
    codes = root.finding.processors
    reach = {code for code in downstream(codes) if own or code not in codes}
    dates = set(root.finding.dates)
    return bool(place.finding.processors) and all(
        code in reach and day in dates for code, day in place.keys
    )


def _of_lost(season: AuditedSeason, place: _Place, root: _Place) -> bool:
    """Lost partitions: everything downstream on each date of its own."""
    kind, is_below = place.finding.kind, place.keys <= season.below_lost
    return kind in (*OF_LOST, *RATES) and bool(place.finding.processors) and is_below


def _of_failed(season: AuditedSeason, place: _Place, root: _Place) -> bool:
    """Failed or missing entities, or failed runs: refused and blocked runs downstream, failures of
    the same entities, and the rates.
    """
    kind = place.finding.kind
    if kind in RATES:
        return _below(place, root, own=True)
    if kind not in OF_FAILED or not _below(place, root):
        return False
    if kind is kinds.RUN_FAILED:
        return all(key in season.ran and season.ran[key].refused_by for key in place.keys)
    return kind is not kinds.UNEXPLAINED or _has_same_entities(season, place, root)


def _has_same_entities(season: AuditedSeason, place: _Place, root: _Place) -> bool:
    """Return whether each unexpected failure is a missing row of the root's processors."""
    return all(
        category == MISSING
        and any(_has_no_row(season, (code, day), entity) for code in root.finding.processors)
        for (of, day) in place.keys & season.compared.keys()
        for entity, category in season.compared[of, day].unexplained.items()
    )


def _has_no_row(season: AuditedSeason, key: Key, entity: str) -> bool:
    """Return whether an entity has no row where one is expected; of a failed run, no entity has."""
    diff, run = season.compared.get(key), season.ran.get(key)
    if diff is None or (run and not run.succeeded):
        return True
    return entity in diff.unexplained or entity in diff.unaccounted


def _of_wrong_rows(season: AuditedSeason, place: _Place, root: _Place) -> bool:
    """Rows that are wrong, or that the expectation does not have: the same downstream."""
    return place.finding.kind is root.finding.kind and _below(place, root)


def _of_source_row(season: AuditedSeason, place: _Place, root: _Place) -> bool:
    """An impossible row: failures of other processors by the same row, and, once the row is
    corrected, its stale runs.
    """
    if place.finding.kind is kinds.IMPOSSIBLE_VALUE:
        return bool(_rows(place) & _rows(root))
    is_corrected = root.keys <= season.stale
    return place.finding.kind in STALE and is_corrected and _is_after(place, root)


def _is_after(place: _Place, root: _Place) -> bool:
    """Return whether all dates are after an impossible row."""
    days = [value for row in _rows(root) for name, value in row if name == "date"]
    return bool(days) and str(place.finding.dates[0]) > min(days)


def _rows(place: _Place) -> set[tuple[tuple[str, str], ...]]:
    rows: object = place.finding.evidence.get("rows", ())
    assert isinstance(rows, Sequence)
    return {tuple(sorted(row.items())) for row in rows}


def _of_source(season: AuditedSeason, place: _Place, root: _Place) -> bool:
    """Missing or contradictory rows: runs without population and gaps of the same dates, the rates
    of later dates whose windows contain them, and columns computed from them.

    Unexpected failures and wrong rows are not among them: the expectation reads the same rows.
    """
    kind, tables = place.finding.kind, _tables(root)
    if kind is kinds.RUN_FAILED:
        return _same(place, root) and all(
            key in season.ran and _names(season.ran[key].reason, tables) for key in place.keys
        )
    if kind in (kinds.HOLE, kinds.STILL_BLOCKED):
        return _same(place, root) and root.finding.kind is kinds.PHASE3_MISSING
    if kind in RATES:
        return _is_fed(place, root, tables)
    if root.finding.kind is kinds.PHASE3_MISSING:
        return kind in OF_ABSENT_ROWS and _same(place, root) and bool(_tables(place) & tables)
    return kind is kinds.COLUMN_JUMP and _is_of_columns(place, root)


def _tables(place: _Place) -> set[str]:
    """Return the short names of the Phase 3 tables that a Finding is about."""
    evidence = place.finding.evidence
    names: object = evidence.get("tables") or [evidence.get("table")]
    assert isinstance(names, Sequence)
    short = {name: code for code, name in TABLE_NAMES.items()}
    return {short.get(str(name).rpartition(".")[2], str(name)) for name in names}


def _names(reason: str, tables: set[str]) -> bool:
    return any(name in reason for table, name in TABLE_NAMES.items() if table in tables)


def _is_fed(place: _Place, root: _Place, tables: set[str]) -> bool:
    """Return whether the windows of all dates contain the root's, in a table that counts games."""
    days, first = place.finding.dates, root.finding.dates[0]
    codes = downstream([code for code in CODES if RULES[code].games in tables])
    is_after = first < days[0] and days[-1] <= root.finding.dates[-1] + WINDOW
    return is_after and bool(place.finding.processors) and set(place.finding.processors) <= {*codes}


def _is_of_columns(place: _Place, root: _Place) -> bool:
    """Return whether a column of the same table is wrong on the same dates."""
    columns, named = _columns(place), _columns(root)
    is_named = bool(columns) and columns <= named
    return _same(place, root) and _tables(place) == _tables(root) and is_named


def _columns(place: _Place) -> set[str]:
    names: object = place.finding.evidence.get("columns", ())
    assert isinstance(names, Sequence)
    return {str(name).rpartition(".")[2] for name in names}


def _same(place: _Place, root: _Place) -> bool:
    return set(place.finding.dates) <= set(root.finding.dates)


def _of_stale(season: AuditedSeason, place: _Place, root: _Place) -> bool:
    """Stale output: the rates of the same runs."""
    return place.finding.kind in RATES and place.keys <= season.stale


REACH: Mapping[FindingKind, Callable[[AuditedSeason, _Place, _Place], bool]] = {
    **dict.fromkeys(SOURCES, _of_source),
    kinds.LOST_PARTITION: _of_lost,
    kinds.IMPOSSIBLE_VALUE: _of_source_row,
    **dict.fromkeys(STALE, _of_stale),
    **dict.fromkeys(
        (kinds.BUG, kinds.RUN_FAILED, kinds.UNACCOUNTED, kinds.UNEXPLAINED), _of_failed
    ),
    **dict.fromkeys((kinds.LOST, kinds.WRONG_CONTENT), _of_wrong_rows),
}
