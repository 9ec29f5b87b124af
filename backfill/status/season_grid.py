"""Season grid: the state of every (processor, date) of a season, from the database alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import NamedTuple

from django.db.models import Q

from backfill.models import Key, Run
from backfill.plan.planning import OUTDATED
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.processors.render import sql_hash
from backfill.season_calendar import load_calendar, season_name
from backfill.status.latest_runs import (
    NONE_STALE,
    AuditSummary,
    LatestRun,
    StaleSinceAudit,
    audit_summaries,
    audits_of,
    changed_inputs,
    latest_runs,
    since_audit,
)
from validation.categories import BUGS, count_bugs
from validation.findings.kinds import LOST_PARTITION, pluralize
from validation.season import DateType, Day

# Word of each cell state, and its detail.
WORDS = {
    "clean": ("clean", ""),
    "expected": ("expected failures only", ""),
    "outside": ("needs attention", "unexpected results"),
    "bug": ("needs attention", "bugs"),
    "output lost": ("needs attention", "output lost"),
    "complete": ("complete", ""),
    "unjudged": ("complete", "not audited"),
    "empty": ("complete", "no rows"),
    "outdated": ("complete", "stale"),
    "failed": ("failed", ""),
    "blocked": ("blocked", ""),
    "running": ("running", ""),
    "pending": ("pending", ""),
    "cancelled": ("cancelled", ""),
    "skipped": ("skipped", ""),
    "bootstrap": ("skipped", "bootstrap"),
    "hole": ("not run", "gap"),
    "not run": ("not run", ""),
    "no games": ("no games", ""),
}


def label_of(state: str) -> str:
    """Return the word of a cell state with its detail: `complete (stale)`."""
    word, detail = WORDS[state]
    return f"{word} ({detail})" if detail else word


NOT_RUN = frozenset({"hole", "not run"})
UPSTREAM_NEWER = "{} has run again since"


class OtherRun(NamedTuple):
    """Run that is not decisive: active or cancelled."""

    pk: int
    job_id: int
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCell:
    """Cell of a (processor, date). `run` and `job` are numbers: of the active run if there is one,
    else of the latest decisive run.

    `expected` counts expected failures; `outside` counts unexpected failures, unexpected successes
    and unaccounted entities, None if not audited. `reason` is the reason of a state that has one.
    """

    processor: str
    day: Day
    state: str
    population: int | None = None
    rows: int | None = None
    failures: Mapping[str, int] = field(default_factory=dict)
    expected: int | None = None
    outside: int | None = None
    run: int | None = None
    run_id: str = ""
    job: int | None = None
    reason: str = ""

    @property
    def date(self) -> date:
        """Date of the cell."""
        return self.day.day

    @property
    def is_complete(self) -> bool:
        """True with stored output of a complete run."""
        return self.rows is not None and self.state not in (Run.Status.FAILED, Run.Status.BLOCKED)

    @property
    def failed(self) -> int:
        """Count of failed entities."""
        return sum(self.failures.values())

    @property
    def title(self) -> str:
        """Tooltip of the cell."""
        return "".join(
            [
                f"{self.processor}, {self.day.day}, day {self.day.index}: {label_of(self.state)}",
                *self._details(),
            ]
        )

    def _details(self) -> Iterator[str]:
        if self.population is not None and self.rows is not None:
            yield f"; {pluralize(self.rows, 'row')}, {self.failed:,} failed"
            yield f", {pluralize(self.expected, 'expected failure')}" if self.expected else ""
            yield f", {pluralize(bugs, 'bug')}" if (bugs := count_bugs(self.failures)) else ""
            yield f", {self.outside:,} unexpected" if self.outside else ""
        elif self.expected is not None and self.state in NOT_RUN:
            yield f"; {pluralize(self.expected, 'expected failure')}"
        yield f"; {self.reason}" if self.reason else ""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Season with its dates in order, a cell per processor and date, and the stale runs that its
    audit does not know.
    """

    year: int
    days: tuple[Day, ...]
    rows: Mapping[str, tuple[RunCell, ...]]
    stale: StaleSinceAudit = NONE_STALE

    @property
    def name(self) -> str:
        """Display name of the season."""
        return season_name(self.year)

    @cached_property
    def cells(self) -> dict[Key, RunCell]:
        """Cells by (processor, date)."""
        return {(code, cell.date): cell for code, row in self.rows.items() for cell in row}

    def counts(self, code: str = "") -> Counter[str]:
        """Count cells by state, of one processor or of all."""
        return Counter(cell.state for cell in ([*self.rows[code]] if code else self.cells.values()))

    def spans(self, by: str = "month") -> list[tuple[str, int]]:
        """Return the headers over the dates: each month (`2021-11`) or season week (`week`) with
        its number of dates.
        """
        names = (f"week {day.week}" if by == "week" else f"{day.day:%Y-%m}" for day in self.days)
        return list(Counter(names).items())


def season_grid(year: int) -> Grid:
    """Return the grid of a loaded season, with three database queries.

    A season that is not loaded has no dates. Raises WarehouseError.
    """
    days = tuple(load_calendar().season(year))
    known = SeasonState.of(year, days)
    return Grid(
        year=year,
        days=days,
        rows={code: _row([known.cell(code, day) for day in days]) for code in CHAIN},
        stale=since_audit(known.changed, known.ended, known.audits),
    )


def problem_cells(years: Iterable[int]) -> dict[int, list[RunCell]]:
    """Return the cells of these seasons with a bug or with a failed or blocked run, of several
    seasons faster than their grids.
    """
    calendar = load_calendar()
    days = {day.day: day for year in years for day in calendar.season(year)}
    cells: dict[int, list[RunCell]] = {year: [] for year in years}
    state = SeasonState.of_problems(sorted(days.values(), key=lambda day: day.day))
    for code, day in state.ended:
        if code in CHAIN and day in days:
            cells[days[day].season].append(state.cell(code, days[day]))
    return cells


def _row(cells: list[RunCell]) -> tuple[RunCell, ...]:
    """Return a processor's cells; dates after its last run are `not run` instead of a gap."""
    ran = (n for n, cell in enumerate(cells, 1) if cell.job)
    last = max(ran, default=0)
    return tuple(
        replace(cell, state="not run") if n >= last and cell.state == "hole" else cell
        for n, cell in enumerate(cells)
    )


@dataclass(frozen=True, kw_only=True)
class SeasonState:
    """State of a season: latest decisive runs, audit results, active and cancelled runs, and the
    complete runs with changed inputs.
    """

    ended: Mapping[Key, LatestRun]
    audits: Mapping[Key, AuditSummary]
    others: Mapping[Key, OtherRun]
    changed: Mapping[Key, str]

    @classmethod
    def of(cls, year: int, days: tuple[Day, ...]) -> SeasonState:
        """Read the state of a season."""
        ended, audits = latest_runs(days), audit_summaries(year)
        changed = changed_inputs(year, ended, audits)
        return cls(ended=ended, audits=audits, others=_others(days), changed=changed)

    @classmethod
    def of_problems(cls, days: Sequence[Day]) -> SeasonState:
        """Read the state of only the runs with a bug, failed or blocked, from the first to the last
        day.
        """
        bad = Q(status__in=(Run.Status.FAILED, Run.Status.BLOCKED)) | Q(
            failures__has_any_keys=sorted(BUGS)
        )
        ended = latest_runs(days, bad)
        audits = audits_of(ended.values())
        changed = {key: audit.changed for key, audit in audits.items() if audit.changed}
        return cls(ended=ended, audits=audits, others=_others(days), changed=changed)

    def cell(self, code: str, day: Day) -> RunCell:
        """Return the cell of one (processor, date)."""
        key = code, day.day
        other, run, audit = self.others.get(key), self.ended.get(key), self.audits.get(key)
        if day.type is DateType.BOOTSTRAP:
            number, job = (shown.pk, shown.job_id) if (shown := run or other) else (None, None)
            return RunCell(
                processor=code,
                day=day,
                state="bootstrap",
                run=number,
                job=job,
                reason=day.why_skipped,
            )
        if other and (other.status in Run.ACTIVE or not run):
            return RunCell(
                processor=code,
                day=day,
                state=other.status,
                expected=_expected_failures(audit),
                run=other.pk,
                job=other.job_id,
            )
        if run:
            return self._ended(day, run, audit)
        return RunCell(processor=code, day=day, state="hole", expected=_expected_failures(audit))

    def _ended(self, day: Day, run: LatestRun, audit: AuditSummary | None) -> RunCell:
        current = audit if audit and audit.run_id == run.run_id else None
        outside = current.outside if current else None
        if current and current.is_output_lost:  # the counts of the run hold for no stored row
            return RunCell(
                processor=run.processor,
                day=day,
                state="output lost",
                population=run.population,
                expected=_expected_failures(current),
                outside=outside,
                run=run.pk,
                run_id=run.run_id,
                job=run.job_id,
                reason=LOST_PARTITION.title,
            )
        changed = run.status == Run.Status.COMPLETE and self._changed(run)
        state = (
            "outdated" if changed else state_of(run.status, run.population, run.failures, outside)
        )
        return RunCell(
            processor=run.processor,
            day=day,
            state=state,
            population=run.population,
            rows=run.rows,
            failures=run.failures,
            expected=_expected_failures(audit),
            outside=outside,
            run=run.pk,
            run_id=run.run_id,
            job=run.job_id,
            reason=changed or run.reason,
        )

    def _changed(self, run: LatestRun) -> str:
        """Return the reason why the output of a run is stale; empty if it is current."""
        if run.sql_hash not in ("", sql_hash(run.processor)):
            return OUTDATED
        before = [self.ended.get((code, run.date)) for code in PROCESSORS[run.processor].after]
        newer = [
            upstream.processor for upstream in before if upstream and upstream.rows_age > run.age
        ]
        inputs = self.changed.get((run.processor, run.date))
        return inputs or (UPSTREAM_NEWER.format(" and ".join(newer)) if newer else "")


def _others(days: Sequence[Day]) -> dict[Key, OtherRun]:
    """Return active and cancelled runs. Active runs take precedence, then the newest cancelled
    run.
    """
    if not days:
        return {}
    found = Run.objects.filter(
        date__range=(days[0].day, days[-1].day), status__in=(*Run.ACTIVE, Run.Status.CANCELLED)
    )
    rows = list(found.order_by("pk").values_list("processor", "date", "pk", "job_id", "status"))
    rows.sort(key=lambda row: row[4] in Run.ACTIVE)
    return {(code, day): OtherRun(pk, job, status) for code, day, pk, job, status in rows}


def _expected_failures(audit: AuditSummary | None) -> int | None:
    return audit.failed if audit else None


def state_of(
    status: str, population: int | None, failures: Mapping[str, int], outside: int | None
) -> str:
    """Return the cell state of a run that is neither active nor skipped by design. `outside` is
    None if not audited.
    """
    if status != Run.Status.COMPLETE:
        return status
    if not population:
        return "empty"
    if count_bugs(failures):
        return "bug"  # a bug needs attention even if it was expected
    if outside is None:
        return "unjudged"
    return "outside" if outside else "expected" if any(failures.values()) else "clean"
