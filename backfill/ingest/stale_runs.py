"""Runs whose inputs a load changes, before it is done and afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from backfill.ingest.load import EVERYTHING, checked_input, written_files
from backfill.ingest.load_checks import check_reading
from backfill.ingest.selection import LoadSelection
from backfill.models import Key, Run
from backfill.plan import input_signatures
from backfill.processors.registry import CHAIN
from backfill.season_calendar import season_dates
from backfill.warehouse import open_warehouse
from backfill.warehouse.port import Warehouse
from backfill.warehouse.tables import INPUTS
from validation.findings.kinds import FindingDraft, format_date_ranges, pluralize


@dataclass(frozen=True, kw_only=True)
class StaleRuns:
    """Complete runs with changed inputs, each with the change."""

    reasons: dict[Key, str]

    @property
    def dates(self) -> list[date]:
        return sorted({day for _, day in self.reasons})

    @property
    def codes(self) -> list[str]:
        """Processors of these runs, in chain order."""
        return [code for code in CHAIN if any(code == found for found, _ in self.reasons)]

    @property
    def sentence(self) -> str:
        """Number of runs and their dates, empty if there are none."""
        if not self.reasons:
            return ""
        runs, dates = pluralize(len(self.reasons), "run"), format_date_ranges(self.dates)
        return f"{runs} of {', '.join(self.codes)} on {pluralize(len(self.dates), 'date')}: {dates}"

    @property
    def command(self) -> str:
        """Command that backfills these runs, empty if there are none."""
        if not self.reasons:
            return ""
        return f"manage.py backfill --start {self.dates[0]} --end {self.dates[-1]} --stale"


@dataclass(frozen=True, kw_only=True)
class LoadPreview:
    """Result that a load would have. With problems, nothing would be loaded."""

    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()
    seasons: tuple[int, ...] = ()
    rows: dict[str, dict[int, int]]
    findings: tuple[FindingDraft, ...] = ()
    stale: StaleRuns


def preview(path: Path, selection: LoadSelection = EVERYTHING) -> LoadPreview:
    """Read and check an input, and compare the season as it would be with the runs; load nothing.

    Raises Refused if there is no input.
    """
    none = StaleRuns(reasons={})
    with checked_input(path, selection) as found:
        session = found.reading
        if session.problems:
            return LoadPreview(
                problems=tuple(session.problems), notes=tuple(session.notes), rows={}, stale=none
            )
        findings = check_reading(session.db, session.conditions)
        files, rows = written_files(session, INPUTS)
        after = open_warehouse(f"parquet:{session.temporary / 'after'}")
        for year in session.seasons:
            after.load(year, {table: files[table, year] for table in INPUTS})
        return LoadPreview(
            problems=(),
            notes=tuple(session.notes),
            seasons=tuple(session.seasons),
            rows={
                str(table): {year: rows[table, year] for year in session.seasons}
                for table in selection.tables
            },
            findings=findings,
            stale=stale_runs(session.seasons, after),
        )


def stale_runs(years: Iterable[int], session: Warehouse | None = None) -> StaleRuns:
    """Return the stale runs of seasons, with the inputs of a warehouse, by default the configured
    one.
    """
    reasons: dict[Key, str] = {}
    for year in years:
        runs = Run.objects.deciding(*season_dates().bounds(year)).values()
        complete = [run for run in runs if run.status == Run.Status.COMPLETE]
        found = input_signatures.changes(complete, session)
        reasons |= {key: change.reason for key, change in found.items()}
    return StaleRuns(reasons=reasons)
