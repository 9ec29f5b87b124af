"""Correction of the Phase 3 rows of a finding: exact rows, wrong values, owner, and whether the
corrected rows are loaded.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import StringIO

from django.conf import settings

from backfill import input_checks
from backfill.audit import content_checks, load
from backfill.audit.evidence import evidence_of, is_missing
from backfill.errors import BackcourtError
from backfill.models import Event, EventKind, Finding
from backfill.models.event import loaded_text
from backfill.season_calendar import load_calendar, unfinished_writes
from backfill.warehouse.port import Row
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import BY_REF, BY_SHORT, INPUTS
from validation.findings import kinds
from validation.inputs.kinds import INPUT_KINDS
from validation.value_rules import broken_rules


@dataclass(frozen=True, kw_only=True)
class WrongRow:
    """Phase 3 row to correct: its key and the rules that it breaks."""

    key: str
    wrong: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SourceCorrection:
    """Rows to correct and the part to load. `is_loaded` is True once they are correct; `at` is the
    time of the load since, if there was only one.
    """

    tables: tuple[Table, ...]
    start: date
    end: date
    rows: tuple[WrongRow, ...]
    is_loaded: bool
    at: datetime | None

    @property
    def owners(self) -> list[tuple[str, str]]:
        """Each table with its owner."""
        return [(str(table), owner_of(table)) for table in self.tables]

    @property
    def names(self) -> str:
        """Short names of the tables for a command or link; empty for all tables."""
        return ",".join(table.short for table in self.tables if len(self.tables) < len(INPUTS))

    @property
    def command(self) -> str:
        """Shell command that loads the corrected part."""
        tables = f" --tables {self.names}" if self.names else ""
        if self.rows:
            return f"./manage.py load_phase3 FILE{tables} --rows"
        return f"./manage.py load_phase3 DIR{tables} --start {self.start} --end {self.end}"


def correction_of(finding: Finding) -> SourceCorrection | None:
    """Return the correction that a finding needs; None if its cause is not in Phase 3. Raises
    WarehouseError.
    """
    tables = _tables(finding)
    if not tables:
        return None
    rows = source_rows(finding) if finding.kind == kinds.IMPOSSIBLE_VALUE.name else []
    days = [row["game_date"] for row in rows] or [finding.first, finding.last]
    wrong, at = tuple(_wrong(tables[0], row) for row in rows), _loaded_at(finding)
    is_loaded = _is_corrected(finding, wrong, at)
    return SourceCorrection(
        tables=tables,
        start=min(days),
        end=max(days),
        rows=tuple(row for row in wrong if row.wrong) or wrong,
        is_loaded=is_loaded,
        at=at if is_loaded else None,
    )


def _tables(finding: Finding) -> tuple[Table, ...]:
    evidence = finding.evidence
    if finding.kind == kinds.UNFINISHED_LOAD.name:
        return INPUTS
    names = [
        *(row["table"] for row in evidence.get("rows", ())),
        *evidence.get("tables", ()),
        evidence.get("table", ""),
    ]
    known = {**BY_REF, **BY_SHORT}
    return tuple(t for t in INPUTS if t in [known.get(name) for name in names])


def source_rows(finding: Finding) -> list[Row]:
    """Return the stored source rows of a finding. Raises WarehouseError."""
    if not finding.evidence.get("rows"):
        return []
    return evidence_of(finding).rows


def as_csv(finding: Finding) -> tuple[str, str]:
    """Return the file name and the source rows of a finding as CSV, to correct and load. Raises
    WarehouseError.
    """
    (table, *_), rows, file = _tables(finding), source_rows(finding), StringIO()
    writer = csv.DictWriter(file, table.names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return f"{table.name}.csv", file.getvalue()


def _wrong(table: Table, row: Row) -> WrongRow:
    key = ", ".join(f"{name} {row[name]}" for name in dict.fromkeys((*table.key, "game_date")))
    return WrongRow(key=key, wrong=tuple(broken_rules(table.short, row)))


def _loaded_at(finding: Finding) -> datetime | None:
    loads = Event.objects.filter(
        kind=EventKind.LOADED, action=loaded_text(finding.season), at__gt=finding.found_at
    )
    at = list(loads.values_list("at", flat=True)[:2])
    return at[0] if len(at) == 1 else None


def _is_corrected(finding: Finding, rows: Sequence[WrongRow], at: datetime | None) -> bool:
    """Return True if the cause in Phase 3 is gone; without a check of its kind, if the season has
    been loaded since.
    """
    if finding.state == Finding.State.CLOSED:
        return True
    if rows:
        return not any(row.wrong for row in rows)
    if finding.kind == kinds.PHASE3_MISSING.name:
        return not is_missing(finding)
    if finding.kind == kinds.UNFINISHED_LOAD.name:
        return not unfinished_writes([finding.season])
    if finding.kind in {kind.name for kind in INPUT_KINDS}:
        return not _is_problem(finding)
    if finding.kind in STILL:
        start = load_calendar().starts.get(finding.season)
        return start is None or not STILL[finding.kind](finding, start)
    return at is not None


def _has_few_rows(finding: Finding, start: date) -> bool:
    found = load.coverage_of(load_calendar(), finding.season)
    low = {(cell.table, str(cell.date)) for cell in found if cell.is_low}
    return any((table, day) in low for table in finding.evidence["tables"] for day in finding.dates)


def _has_duplicates(finding: Finding, start: date) -> bool:
    repeated = {
        (table, str(day)) for (table, day), n in content_checks.repeated_inputs(start).items() if n
    }
    return any(
        (table, day) in repeated for table in finding.evidence["tables"] for day in finding.dates
    )


def _has_jump(finding: Finding, start: date) -> bool:
    table, columns = finding.evidence["table"], set(finding.evidence["columns"])
    return any(
        jump.table == table
        and columns & {*jump.columns}
        and {*finding.dates} & {*map(str, jump.dates)}
        for jump in content_checks.input_jumps(start)
    )


# Checks of the finding's own rows: another load of the season fixes nothing.
STILL: Mapping[str, Callable[[Finding, date], bool]] = {
    kinds.LOW_COVERAGE.name: _has_few_rows,
    kinds.DUPLICATE_INPUT.name: _has_duplicates,
    kinds.COLUMN_JUMP.name: _has_jump,
}


def _is_problem(finding: Finding) -> bool:
    start = load_calendar().starts.get(finding.season)
    try:
        found = input_checks.of_season(start) if start else []
    except BackcourtError:
        return True
    return any((p.kind.name, p.subject) == (finding.kind, finding.subject) for p in found)


def owner_of(table: Table) -> str:
    """Return the owner of a Phase 3 table, from SOURCE_OWNERS by table or dataset."""
    owners: dict[str, str] = settings.SOURCE_OWNERS
    named = (owners.get(name) for name in (table.short, table.name, str(table), table.dataset))
    return next((owner for owner in named if owner), f"Phase 3 ({table.dataset})")
