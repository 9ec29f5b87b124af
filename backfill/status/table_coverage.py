"""What every Phase 3 and Phase 4 table holds of a season, date by date, against what must be there.

Phase 3 is counted in the warehouse and remembered until it is loaded again. Of Phase 4 the runs
tell what was read back
when it was written, and the last judgement what has become of it since: opening every partition of
a season takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from backfill.audit import content_checks
from backfill.models import Finding, Run
from backfill.plan.planning import Key
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
from validation.season import DateType, Day

ALL, LOW_SHARE, MISSING, TWICE = "all there", "low", "missing", "twice"
NOT_WRITTEN, EMPTY, BOOTSTRAP, NO_GAMES, LATER = (
    "not written",
    "empty",
    "bootstrap",
    "no games",
    "not run",
)
# What a grid says of a run that has left no rows, or of none.
UNWRITTEN = ("failed", "blocked", "skipped", "cancelled", "running", "pending", "hole")
# What wants somebody, the worst first.
BAD = (MISSING, LOW_SHARE, NOT_WRITTEN, TWICE, LATER)
# The Findings that tell of tables, by the state of the cells that they are about.
ABOUT = {
    MISSING: (finding_kinds.PHASE3_MISSING.name, finding_kinds.LOST_PARTITION.name),
    LOW_SHARE: (finding_kinds.LOW_COVERAGE.name, finding_kinds.UNACCOUNTED.name),
    TWICE: (finding_kinds.DUPLICATE_INPUT.name, finding_kinds.DUPLICATE_OUTPUT.name),
    NOT_WRITTEN: (
        finding_kinds.HOLE.name,
        finding_kinds.RUN_FAILED.name,
        finding_kinds.STILL_BLOCKED.name,
        finding_kinds.PHASE3_MISSING.name,
    ),
}


@dataclass(frozen=True, slots=True)
class TableOnDate:
    """One table on one date. `rows` are of entities, each once; `failed` of them, in Phase 4, are
    logged instead of written.

    `expected` is None where nothing says how many must be there; `repeated` rows are about what
    another one is about.
    `at` is when the newest of them was made: by `processed_at` in Phase 3, by the end of the run in
    Phase 4.
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
    reason: str = ""

    @property
    def date(self) -> date:
        """The date by itself."""
        return self.day.day

    @property
    def share(self) -> float | None:
        """Rows and failures of what is expected."""
        return (
            (self.rows + self.failed) / self.expected
            if self.expected and self.rows is not None
            else None
        )


@dataclass(frozen=True)
class CoverageGap:
    """Neighbouring dates on which the same tables lack the same thing, and the Finding that tells
    of it, if one does.
    """

    state: str
    names: tuple[str, ...]
    dates: tuple[date, ...]
    finding: int | None

    @property
    def codes(self) -> tuple[str, ...]:
        """The processors among the tables: what a backfill could write."""
        return tuple(name for name in self.names if name in PROCESSORS)


@dataclass(frozen=True)
class TableCoverage:
    """A season: its calendar dates from opening night to the last date with games, and each table
    on each of them.
    """

    year: int
    days: tuple[Day, ...]
    tables: Mapping[str, tuple[TableOnDate, ...]]
    holes: tuple[CoverageGap, ...]


def season_coverage(year: int) -> TableCoverage:
    """Every table of a season that is loaded; of one that is not, nothing. Raises WarehouseError."""
    inputs = cached_for_season("holdings", year, INPUTS, lambda: _phase3(year))
    grid = season_grid(year)
    days = next(iter(inputs.values()), ())
    found = {**inputs, **_phase4(year, grid, [held.day for held in days])}
    played = [day.day for day in grid.days]
    return TableCoverage(
        year, tuple(held.day for held in days), found, tuple(_holes(year, found, played))
    )


def table_of(name: str) -> Table | None:
    """The table of a short name: `PGS`, or a processor's code for its output."""
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
    found = warehouse().query(
        content_checks.render("repeated", table.short), {"season_start": start}
    )
    return {row["d"]: row["n"] for row in found}


def _input(table: Table, day: Day, row: Row | None, repeated: int, covered: Any) -> TableOnDate:
    rows, at = (row["entities"], _aware(row["newest"])) if row else (0, None)
    if not day.is_processing:
        reason = (
            ""
            if not rows
            else f"{rows:,} scheduled, none final"
            if table is SCHED
            else f"{rows:,} rows all the same"
        )
        return TableOnDate(
            table.short, day, NO_GAMES, rows, repeated=repeated, at=at, reason=reason
        )
    state, reason = (TWICE, f"{repeated:,} rows are there twice") if repeated else (ALL, "")
    if not rows or (covered and covered.is_low):
        state, reason = LOW_SHARE if rows else MISSING, str(covered)
    return TableOnDate(
        table.short,
        day,
        state,
        rows,
        expected=covered and covered.expected,
        repeated=repeated,
        at=at,
        reason=reason,
    )


def _aware(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at and at.tzinfo is None else at


# Phase 4


def _phase4(year: int, grid: Grid, days: Sequence[Day]) -> dict[str, tuple[TableOnDate, ...]]:
    told = _told(year)
    must_be = {key: verdict.population for key, verdict in audit_summaries(year).items()}
    ended = _ended_at(cell.run for cell in grid.cells.values())
    found: dict[str, tuple[TableOnDate, ...]] = {}
    for code in CHAIN:
        cells = ((day, grid.cells.get((code, day.day))) for day in days)
        found[code] = tuple(
            _output(cell, told, must_be.get((code, day.day)), ended)
            if cell
            else TableOnDate(code, day, NO_GAMES)
            for day, cell in cells
        )
    return found


def _ended_at(runs: Iterable[int | None]) -> dict[int, datetime]:
    numbers = [number for number in runs if number]
    if not numbers:
        return {}
    # Between the two ends, not by a list: a database takes only so many values.
    found = Run.objects.filter(
        pk__gte=min(numbers), pk__lte=max(numbers), finished_at__isnull=False
    )
    return {pk: at for pk, at in found.values_list("pk", "finished_at") if at}


def _told(year: int) -> dict[tuple[str, Key], int]:
    """What the last judgement has found of outputs: by kind, processor and date the number of the
    Finding.
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
    """Findings whose evidence is there, also of those that somebody expects."""
    states = (*Finding.LISTED, Finding.State.EXPECTED)
    return Finding.objects.filter(season=year, kind__in=list(kinds), state__in=states)


def _output(
    cell: RunCell,
    told: Mapping[tuple[str, Key], int],
    must_be: int | None,
    ended: Mapping[int, datetime],
) -> TableOnDate:
    key = cell.processor, cell.date
    if cell.day.type is DateType.BOOTSTRAP:
        return TableOnDate(cell.processor, cell.day, BOOTSTRAP, reason=cell.day.why_skipped)
    if cell.state in UNWRITTEN or cell.rows is None or cell.population is None:
        state = LATER if cell.state == LATER else NOT_WRITTEN
        return TableOnDate(
            cell.processor, cell.day, state, run=cell.run, expected=must_be, reason=cell.title
        )
    expected, repeated = cell.population if must_be is None else must_be, 0
    state, reason = ALL, ""
    if not cell.population:
        state = EMPTY
    elif expected and cell.rows + cell.failed < LOW * expected:
        state, reason = LOW_SHARE, f"{cell.rows + cell.failed:,} of {expected:,} are accounted for"
    if (finding_kinds.DUPLICATE_OUTPUT.name, key) in told:
        state, reason = TWICE, "the last judgement found rows with one key"
    if (finding_kinds.LOST_PARTITION.name, key) in told:
        state, reason = MISSING, "written by its run, and gone or damaged since"
    at = ended.get(cell.run) if cell.run else None
    return TableOnDate(
        cell.processor,
        cell.day,
        state,
        cell.rows,
        cell.failed,
        expected,
        repeated,
        at,
        cell.run,
        reason,
    )


# In words


def _holes(
    year: int, tables: Mapping[str, tuple[TableOnDate, ...]], played: Sequence[date]
) -> Iterator[CoverageGap]:
    """What lacks, folded: tables that lack the same thing on the same stretch of dates together."""
    folded: dict[tuple[str, tuple[date, ...]], list[str]] = {}
    for name, held in tables.items():
        for state in BAD:
            for stretch in finding_kinds.ranges([h.date for h in held if h.state == state], played):
                folded.setdefault((state, tuple(stretch)), []).append(name)
    told = (
        []
        if not folded
        else list(
            _listed(year, {k for kinds in ABOUT.values() for k in kinds}).order_by(
                "-severity", "rank"
            )
        )
    )
    for (state, dates), names in sorted(
        folded.items(), key=lambda item: (item[0][1][0], BAD.index(item[0][0]))
    ):
        yield CoverageGap(state, tuple(names), dates, _finding(told, state, names, dates))


def _finding(
    told: Iterable[Finding], state: str, names: Sequence[str], dates: Sequence[date]
) -> int | None:
    """The first Finding that is about one of these dates, and about one of the tables if it names
    any.
    """
    texts, codes = {str(day) for day in dates}, {name for name in names if name in PROCESSORS}
    for finding in told:
        fits = not finding.processors or codes & set(finding.processors)
        if finding.kind in ABOUT.get(state, ()) and fits and texts & set(finding.dates):
            return int(finding.pk)
    return None
