"""Table coverage: rows of every Phase 3 and Phase 4 table of a season by date, compared with the
expected rows.

Phase 3 is counted in the warehouse and cached until it is loaded again. Phase 4 rows come from the
runs and from the latest audit, because opening every partition of a season takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from backfill.models import Finding, Key, Run
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.season_calendar import load_calendar
from backfill.statements import render
from backfill.status.latest_runs import audit_summaries
from backfill.status.season_grid import Grid, RunCell, season_grid
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.schema import Table
from backfill.warehouse.season_cache import cached_for_season
from backfill.warehouse.tables import INPUTS, SCHED
from validation.coverage import LOW, phase3
from validation.findings import kinds as finding_kinds
from validation.findings.inputs import OF_ROWS as KINDS_OF_ROWS
from validation.findings.kinds import pluralize
from validation.season import DateType, Day

ALL, LOW_SHARE, MISSING, TWICE = "all there", "low", "missing", "twice"
NOT_WRITTEN, EMPTY, BOOTSTRAP, ALL_FAILED = "not written", "empty", "bootstrap", "all failed"
NO_GAMES, LATER = "no games", "not run"
# Grid states without written rows.
UNWRITTEN = ("failed", "blocked", "skipped", "cancelled", "running", "pending", "hole")
# States that need attention, most severe first.
BAD = (MISSING, LOW_SHARE, NOT_WRITTEN, TWICE, LATER)
# States without output that a job will write.
AWAITED = ("running", "pending")
GAPS = (*BAD, *AWAITED)
# Kinds of findings about tables, by cell state.
ABOUT = {
    state: tuple(kind.name for kind in about)
    for state, about in {
        MISSING: (finding_kinds.PHASE3_MISSING, finding_kinds.LOST_PARTITION, *KINDS_OF_ROWS),
        LOW_SHARE: (finding_kinds.LOW_COVERAGE, finding_kinds.UNACCOUNTED, *KINDS_OF_ROWS),
        TWICE: (finding_kinds.DUPLICATE_INPUT, finding_kinds.DUPLICATE_OUTPUT),
        NOT_WRITTEN: (
            *(finding_kinds.HOLE, finding_kinds.RUN_FAILED),
            *(finding_kinds.STILL_BLOCKED, finding_kinds.PHASE3_MISSING),
        ),
    }.items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOnDate:
    """Table on a date. `rows` counts distinct entities; `failed` counts entities logged as
    failures in Phase 4.

    `expected` is None if no expectation is known; `repeated` counts rows that repeat the key of
    another row. `at` is the time of the newest row: `processed_at` in Phase 3, the end of the run
    in Phase 4.
    """

    name: str
    day: Day
    state: str
    rows: int | None = None
    failed: int = 0
    expected: float | None = None
    repeated: int = 0
    at: datetime | None = None
    run: int | None = None
    job: int | None = None
    reason: str = ""

    @property
    def date(self) -> date:
        """Calendar date."""
        return self.day.day

    @property
    def share(self) -> float | None:
        """Rows and failures divided by the expected rows."""
        return (
            (self.rows + self.failed) / self.expected
            if self.expected and self.rows is not None
            else None
        )


@dataclass(frozen=True, kw_only=True)
class CoverageGap:
    """Consecutive dates with the same state in the same tables, and the number of the finding
    about them, if any. `job` will write the awaited ones.
    """

    state: str
    names: tuple[str, ...]
    dates: tuple[date, ...]
    finding: int | None
    job: int | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        """Processors among the tables: the ones that a backfill can write."""
        return tuple(name for name in self.names if name in PROCESSORS)


@dataclass(frozen=True, kw_only=True)
class TableCoverage:
    """Season with its calendar dates from opening night to the last date with games, and each
    table on each date.
    """

    year: int
    days: tuple[Day, ...]
    tables: Mapping[str, tuple[TableOnDate, ...]]
    holes: tuple[CoverageGap, ...]


def season_coverage(year: int) -> TableCoverage:
    """Return the coverage of every table of a season; empty for one that is not loaded. Raises
    WarehouseError.
    """
    inputs = cached_for_season("holdings", year, INPUTS, lambda: _phase3(year))
    grid = season_grid(year)
    days = next(iter(inputs.values()), ())
    found = {**inputs, **_phase4(year, grid, [cell.day for cell in days])}
    played = [day.day for day in grid.days]
    return TableCoverage(
        year=year,
        days=tuple(cell.day for cell in days),
        tables=found,
        holes=tuple(_gaps(year, found, played)),
    )


def table_of(name: str) -> Table | None:
    """Return the table of a short name: `PGS`, or a processor's code for its output."""
    return next(
        (t for t in (*INPUTS, *(p.output for p in PROCESSORS.values())) if t.short == name), None
    )


# Phase 3


def _phase3(year: int) -> dict[str, tuple[TableOnDate, ...]]:
    played = load_calendar().season(year)
    if not played:
        return {}
    days = load_calendar().days(played[0].day, played[-1].day)
    counts = {table.short: _counted(table, played[0].day) for table in INPUTS}
    rows = {
        (str(table), d): row["entities"]
        for table in INPUTS
        for d, row in counts[table.short].items()
    }
    covered = {(c.table, c.date): c for c in phase3(days, rows)}
    found: dict[str, tuple[TableOnDate, ...]] = {}
    for table in INPUTS:
        repeated = _repeated(table, played[0].day)
        found[table.short] = tuple(
            _input(
                table,
                day,
                counts[table.short].get(day.day),
                repeated.get(day.day, 0),
                covered.get((str(table), day.day)),
            )
            for day in days
        )
    return found


def _counted(table: Table, start: date) -> dict[date, Row]:
    sql = render("input-counts", table=table)
    return {row["d"]: row for row in warehouse().query(sql, {"season_start": start})}


def _repeated(table: Table, start: date) -> dict[date, int]:
    found = warehouse().query(render("repeated-rows", table=table), {"season_start": start})
    return {row["d"]: row["n"] for row in found}


def _input(table: Table, day: Day, row: Row | None, repeated: int, covered: Any) -> TableOnDate:
    rows, at = (row["entities"], _aware(row["newest"])) if row else (0, None)
    found = partial(TableOnDate, name=table.short, day=day, rows=rows, repeated=repeated, at=at)
    if not day.is_processing:
        reason = (
            ""
            if not rows
            else f"{rows:,} scheduled, none final"
            if table is SCHED
            else f"{pluralize(rows, 'row')} without a game"
        )
        return found(state=NO_GAMES, reason=reason)
    state, reason = (TWICE, pluralize(repeated, "duplicate row")) if repeated else (ALL, "")
    if not rows or (covered and covered.is_low):
        state, reason = LOW_SHARE if rows else MISSING, str(covered)
    return found(state=state, expected=covered and covered.expected, reason=reason)


def _aware(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at and at.tzinfo is None else at


# Phase 4


def _phase4(year: int, grid: Grid, days: Sequence[Day]) -> dict[str, tuple[TableOnDate, ...]]:
    findings = _output_findings(year)
    populations = {key: audit.population for key, audit in audit_summaries(year).items()}
    ended = _ended_at(cell.run for cell in grid.cells.values())
    found: dict[str, tuple[TableOnDate, ...]] = {}
    for code in CHAIN:
        cells = ((day, grid.cells.get((code, day.day))) for day in days)
        found[code] = tuple(
            _output(cell, findings, populations.get((code, day.day)), ended)
            if cell
            else TableOnDate(name=code, day=day, state=NO_GAMES)
            for day, cell in cells
        )
    return found


def _ended_at(runs: Iterable[int | None]) -> dict[int, datetime]:
    numbers = [number for number in runs if number]
    if not numbers:
        return {}
    # A range, because databases limit the number of values in a list.
    found = Run.objects.filter(
        pk__gte=min(numbers), pk__lte=max(numbers), finished_at__isnull=False
    )
    return {pk: at for pk, at in found.values_list("pk", "finished_at") if at}


def _output_findings(year: int) -> dict[tuple[str, Key], int]:
    """Return the findings of the latest audit about outputs: finding number by kind, processor and
    date.
    """
    kinds = (finding_kinds.DUPLICATE_OUTPUT.name, finding_kinds.LOST_PARTITION.name)
    rows = _listed(year, kinds).values_list("pk", "kind", "processors", "dates")
    return {
        (kind, (code, date.fromisoformat(day))): pk
        for pk, kind, codes, days in rows
        for code in codes
        for day in days
    }


def _listed(year: int, kinds: Iterable[str]) -> Any:
    """Return the findings with present evidence, including those marked expected."""
    states = (*Finding.LISTED, Finding.State.EXPECTED)
    return Finding.objects.filter(season=year, kind__in=list(kinds), state__in=states)


def _output(
    cell: RunCell,
    findings: Mapping[tuple[str, Key], int],
    population: int | None,
    ended: Mapping[int, datetime],
) -> TableOnDate:
    key = cell.processor, cell.date
    found = partial(TableOnDate, name=cell.processor, day=cell.day)
    if cell.day.type is DateType.BOOTSTRAP:
        return found(state=BOOTSTRAP, reason=cell.day.why_skipped)
    if cell.state in UNWRITTEN or cell.rows is None or cell.population is None:
        kept = cell.state in (LATER, *AWAITED)
        return found(
            state=cell.state if kept else NOT_WRITTEN,
            run=cell.run,
            job=cell.job,
            expected=population,
            reason=cell.title,
        )
    expected, repeated = cell.population if population is None else population, 0
    state, reason, accounted = ALL, "", cell.rows + cell.failed
    if not cell.population:
        state = EMPTY
    elif expected and accounted < LOW * expected:
        state, reason = LOW_SHARE, f"{accounted:,} of {expected:,} entities accounted for"
    elif not cell.rows:
        state, reason = ALL_FAILED, "no row: every entity failed"
    if (finding_kinds.DUPLICATE_OUTPUT.name, key) in findings:
        state, reason = TWICE, "the latest audit found duplicate keys"
    if (finding_kinds.LOST_PARTITION.name, key) in findings:
        state, reason = MISSING, "partition lost or damaged after its run"
    at = ended.get(cell.run) if cell.run else None
    return found(
        state=state,
        rows=cell.rows,
        failed=cell.failed,
        expected=expected,
        repeated=repeated,
        at=at,
        run=cell.run,
        reason=reason,
    )


# Gaps


def _gaps(
    year: int, tables: Mapping[str, tuple[TableOnDate, ...]], played: Sequence[date]
) -> Iterator[CoverageGap]:
    """Yield gaps: tables with the same state on the same consecutive dates are combined."""
    folded: dict[tuple[str, tuple[date, ...]], list[str]] = {}
    for name, cells in tables.items():
        for state in GAPS:
            for stretch in finding_kinds.ranges(
                [c.date for c in cells if c.state == state], played
            ):
                folded.setdefault((state, tuple(stretch)), []).append(name)
    about = {kind for kinds in ABOUT.values() for kind in kinds}
    findings = list(_listed(year, about).order_by("-severity", "rank")) if folded else []
    for (state, dates), names in sorted(
        folded.items(), key=lambda item: (item[0][1][0], GAPS.index(item[0][0]))
    ):
        yield CoverageGap(
            state=state,
            names=tuple(names),
            dates=dates,
            finding=_finding(findings, state, names, dates),
            job=_job(tables[names[0]], dates[0]) if state in AWAITED else None,
        )


def _job(cells: Iterable[TableOnDate], day: date) -> int | None:
    return next((cell.job for cell in cells if cell.date == day), None)


def _finding(
    findings: Iterable[Finding], state: str, names: Sequence[str], dates: Sequence[date]
) -> int | None:
    """Return the first finding about one of these dates, and about one of these tables if it names
    any.
    """
    texts, codes = {str(day) for day in dates}, {name for name in names if name in PROCESSORS}
    for finding in findings:
        fits = not finding.processors or codes & set(finding.processors)
        if finding.kind in ABOUT.get(state, ()) and fits and texts & set(finding.dates):
            return int(finding.pk)
    return None
