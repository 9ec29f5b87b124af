"""The season grid as values: what stands of every (processor, date) of a season, from the database
alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import NamedTuple

from backfill.models import Run
from backfill.plan.planning import OUTDATED, Key
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.processors.render import sql_hash
from backfill.season_calendar import load_calendar, season_name
from backfill.status.latest_runs import AuditSummary, LatestRun, audit_summaries, latest_runs
from validation.categories import BUGS
from validation.findings.kinds import pluralize
from validation.season import DateType, Day

# The states of a cell in words; how each of them looks is the panel's to say.
WORDS = {
    "complete": "complete",
    "expected": "complete, with expected failures",
    "outside": "failures outside expectation",
    "bug": "complete, with failures that are bugs",
    "unjudged": "complete, not judged yet",
    "empty": "complete without a row",
    "outdated": "made by older code or from other input",
    "failed": "failed",
    "blocked": "blocked by upstream",
    "skipped": "skipped",
    "cancelled": "cancelled",
    "running": "running",
    "pending": "waiting",
    "bootstrap": "skipped by design",
    "hole": "not run, and later dates were",
    "not run": "not run yet",
    "no games": "no games",
}
NOT_RUN = frozenset({"hole", "not run"})
UPSTREAM_NEWER = "{} has run again since"


class OtherRun(NamedTuple):
    """A run that does not count, or not yet: active or cancelled."""

    pk: int
    job_id: int
    status: str


@dataclass(frozen=True, slots=True)
class RunCell:
    """One (processor, date). `run`, `job` are numbers, of the active run where there is one, else
    of the one that counts.

    `expected` is how many must fail by the games played, `outside` how many entities are not as
    they must be; None where
    nothing was judged. `why` is the reason of a state that has one.
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
        """The date by itself."""
        return self.day.day

    @property
    def failed(self) -> int:
        """How many entities failed."""
        return sum(self.failures.values())

    @property
    def title(self) -> str:
        """The cell in one sentence."""
        return "".join(
            [
                f"{self.processor}, {self.day.day}, day {self.day.index}: {WORDS[self.state]}",
                *self._details(),
            ]
        )

    def _details(self) -> Iterator[str]:
        if self.population is not None and self.rows is not None:
            yield f"; {pluralize(self.rows, 'row')}, {self.failed:,} failed"
            yield f", {self.expected:,} must fail" if self.expected else ""
            yield f", {self.outside:,} outside expectation" if self.outside else ""
        elif self.expected is not None and self.state in NOT_RUN:
            yield f"; {self.expected:,} will fail by the games played"
        yield f"; {self.reason}" if self.reason else ""


@dataclass(frozen=True)
class Grid:
    """A season: its dates in order, and per processor a cell for each."""

    year: int
    days: tuple[Day, ...]
    rows: Mapping[str, tuple[RunCell, ...]]

    @property
    def name(self) -> str:
        """The season as people write it."""
        return season_name(self.year)

    @cached_property
    def cells(self) -> dict[Key, RunCell]:
        """Every cell by its processor and date."""
        return {(code, cell.date): cell for code, row in self.rows.items() for cell in row}

    def counts(self, code: str = "") -> Counter[str]:
        """How many cells are in each state, of one processor or of all."""
        return Counter(cell.state for cell in ([*self.rows[code]] if code else self.cells.values()))

    def spans(self, by: str = "month") -> list[tuple[str, int]]:
        """Headers over the dates: each month (`2021-11`) or season week (`week`) with the number of
        its dates.
        """
        names = (f"week {day.week}" if by == "week" else f"{day.day:%Y-%m}" for day in self.days)
        return list(Counter(names).items())


def season_grid(year: int) -> Grid:
    """Every (processor, date) of a season that is loaded, three queries of the database whatever
    its length.

    A season that is not loaded has no dates. Raises WarehouseError.
    """
    days = tuple(load_calendar().season(year))
    known = SeasonState.of(year, days)
    return Grid(year, days, {code: _row([known.cell(code, day) for day in days]) for code in CHAIN})


def _row(cells: list[RunCell]) -> tuple[RunCell, ...]:
    """A processor's cells; a hole after which nothing was run is no hole."""
    ran = (n for n, cell in enumerate(cells, 1) if cell.job)
    last = max(ran, default=0)
    return tuple(
        replace(cell, state="not run") if n >= last and cell.state == "hole" else cell
        for n, cell in enumerate(cells)
    )


@dataclass(frozen=True)
class SeasonState:
    """What the database says of a season: runs that count, verdicts, and runs that are active or
    were cancelled.
    """

    ended: Mapping[Key, LatestRun]
    verdicts: Mapping[Key, AuditSummary]
    others: Mapping[Key, OtherRun]

    @classmethod
    def of(cls, year: int, days: tuple[Day, ...]) -> SeasonState:
        """Ask for it."""
        return cls(latest_runs(days), audit_summaries(year), _others(days))

    def cell(self, code: str, day: Day) -> RunCell:
        """What stands of one (processor, date)."""
        key = code, day.day
        other, run, verdict = self.others.get(key), self.ended.get(key), self.verdicts.get(key)
        if other and other.status in Run.ACTIVE:
            return RunCell(
                code,
                day,
                other.status,
                expected=_must_fail(verdict),
                run=other.pk,
                job=other.job_id,
            )
        if day.type is DateType.BOOTSTRAP:
            number, job = (run.pk, run.job_id) if run else (None, None)
            return RunCell(code, day, "bootstrap", run=number, job=job, reason=day.why_skipped)
        if run:
            return self._ended(day, run, verdict)
        if other:
            return RunCell(
                code, day, "cancelled", expected=_must_fail(verdict), run=other.pk, job=other.job_id
            )
        return RunCell(code, day, "hole", expected=_must_fail(verdict))

    def _ended(self, day: Day, run: LatestRun, verdict: AuditSummary | None) -> RunCell:
        held = verdict if verdict and verdict.run_id == run.run_id else None
        outside = held.outside if held else None
        changed = run.status == Run.Status.COMPLETE and self._changed(
            run, held.changed if held else ""
        )
        state = (
            "outdated" if changed else state_of(run.status, run.population, run.failures, outside)
        )
        return RunCell(
            run.processor,
            day,
            state,
            run.population,
            run.rows,
            run.failures,
            _must_fail(verdict),
            outside,
            run.pk,
            run.run_id,
            run.job_id,
            changed or run.reason,
        )

    def _changed(self, run: LatestRun, inputs: str) -> str:
        """Why what a run has made would be made otherwise now."""
        if run.sql_hash not in ("", sql_hash(run.processor)):
            return OUTDATED
        before = [self.ended.get((code, run.date)) for code in PROCESSORS[run.processor].after]
        newer = [upstream.processor for upstream in before if upstream and upstream.age > run.age]
        return inputs or (UPSTREAM_NEWER.format(" and ".join(newer)) if newer else "")


def _others(days: tuple[Day, ...]) -> dict[Key, OtherRun]:
    """Active and cancelled runs; an active one before any that was cancelled, of these the newest."""
    if not days:
        return {}
    found = Run.objects.filter(
        date__range=(days[0].day, days[-1].day), status__in=(*Run.ACTIVE, Run.Status.CANCELLED)
    )
    rows = list(found.order_by("pk").values_list("processor", "date", "pk", "job_id", "status"))
    rows.sort(key=lambda row: row[4] in Run.ACTIVE)
    return {(code, day): OtherRun(pk, job, status) for code, day, pk, job, status in rows}


def _must_fail(verdict: AuditSummary | None) -> int | None:
    return verdict.failed if verdict else None


def state_of(
    status: str, population: int | None, failures: Mapping[str, int], outside: int | None
) -> str:
    """How a run stands that is neither active nor skipped by design; `outside` is None where it was
    not judged.
    """
    if status != Run.Status.COMPLETE:
        return status
    if not population:
        return "empty"
    if any(failures.get(bug) for bug in BUGS):
        return "bug"  # of the code or of a source row: explained or not, it wants somebody
    if outside is None:
        return "unjudged"
    return "outside" if outside else "expected" if any(failures.values()) else "complete"
