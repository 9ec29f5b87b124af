"""What the page for a new backfill shows of a plan: its counts, reasons, dates, and whether it can
be started.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import groupby
from typing import Any

from django.core.paginator import Page, Paginator

from backfill.audit.results import ExpectedCounts, expected_counts
from backfill.jobs.start import preview_job
from backfill.models import Job
from backfill.plan.conflicts import holders
from backfill.plan.date_lists import format_dates
from backfill.plan.estimate import Estimate, estimate
from backfill.plan.options import Options
from backfill.plan.planning import Key, PlannedAction, PlannedRun
from backfill.processors.registry import PROCESSORS
from validation.findings.kinds import pluralize
from validation.preflight_report import Item, PreflightEffect
from validation.season import BOOTSTRAP_DAYS, DateType, Day, season_year
from webapp.ui import season_grid
from webapp.ui.links import to_date

SHORT = 31  # dates that are listed at once
PAGE = 100
STATE = {PlannedAction.RUN: "will run", PlannedAction.KEEP: "kept", PlannedAction.LEAVE: "left"}
ITEMS_SHOWN = 4
SEVERITY = {
    PreflightEffect.BLOCKS: "problem",
    PreflightEffect.WARNS: "warning",
    PreflightEffect.TELLS: "note",
}


def state_of(run: PlannedRun, day: Day) -> str:
    """The state that stands for what happens to a run."""
    if run.overwrites:
        return "will be replaced"
    return STATE.get(run.action) or ("bootstrap" if day.type is DateType.BOOTSTRAP else "no games")


@dataclass(frozen=True)
class PlanGroup:
    """What happens to many runs for the same reason, and to which dates."""

    state: str
    reason: str
    runs: int
    dates: int
    text: str


@dataclass(frozen=True)
class ProcessorRow:
    """A processor in a plan: its runs by what happens to them, and how many entities must fail in
    those that run.
    """

    code: str
    label: str
    runs: int
    replaced: int
    skipped: int
    kept: int
    population: int
    failures: dict[str, int]

    @property
    def failing(self) -> int:
        """Entities that must fail, of all categories."""
        return sum(self.failures.values())

    @property
    def share(self) -> float | None:
        """Of the population that is known."""
        return self.failing / self.population if self.population else None


@dataclass(frozen=True)
class PlanRow:
    """A date of a plan, what happens to each of its runs, and why."""

    day: Day
    url: str
    cells: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class ItemGroup:
    """The items of a preflight that weigh the same: the first ones, and the others."""

    state: str
    first: Sequence[Item]
    others: Sequence[Item]


def _row(day: Day, runs: Sequence[PlannedRun]) -> PlanRow:
    whys: dict[str, list[str]] = {}
    for run in runs:
        whys.setdefault(run.reason, []).append(run.processor)
    reason = "; ".join(
        whys
        if len(whys) == 1
        else (f"{', '.join(codes)}: {reason}" for reason, codes in whys.items())
    )
    return PlanRow(day, to_date(day.day), tuple(state_of(run, day) for run in runs), reason)


class PlanView:
    """A plan and all that is said of it, worked out when it is asked for."""

    def __init__(self, options: Options) -> None:
        self.preview = preview_job(options)
        self.options, self.plan, self.report = options, self.preview.plan, self.preview.report
        self._days = {day.day: day for day in self.plan.days}

    @cached_property
    def running(self) -> list[PlannedRun]:
        """Those that are executed."""
        return [r for r in self.plan.runs if r.action is PlannedAction.RUN]

    @cached_property
    def what(self) -> str:
        """What would be started, in the words of the button."""
        if self.running:
            return f"{pluralize(len(self.running), 'run')} on {pluralize(len({r.date for r in self.running}), 'date')}"
        skips = f"{pluralize(len(self.plan.todo), 'bootstrap skip')} on {pluralize(len(self.plan.dates), 'date')}"
        return skips if self.plan.todo else "nothing"

    @property
    def parts(self) -> list[str]:
        """The headline: what runs, what does not, and what is in the way."""
        counts = Counter(r.action for r in self.plan.runs)
        skip, keep, leave = (
            counts[PlannedAction.SKIP],
            counts[PlannedAction.KEEP],
            counts[PlannedAction.LEAVE],
        )
        stops = len(self.report.stops(skip=self.options.skip_preflight))
        said = [
            (len(self.running), f"{self.what} will run"),
            (skip, f"{skip:,} {_verb(skip, 'skips', 'skip')} as bootstrap"),
            (keep, f"{keep:,} {_verb(keep, 'is', 'are')} complete already"),
            (
                leave,
                f"{leave:,} {_verb(leave, 'is', 'are')} left as {_verb(leave, 'it is', 'they are')}",
            ),
            (stops, f"{pluralize(stops, 'thing')} in the way"),
        ]
        return [text for n, text in said if n] or ["No date of these has a game"]

    @property
    def groups(self) -> list[PlanGroup]:
        """The runs by what happens to them and why, the most first within each."""
        found: dict[tuple[str, str], list[date]] = {}
        for run in self.plan.runs:
            found.setdefault((state_of(run, self._days[run.date]), _reason(run)), []).append(
                run.date
            )
        made = [
            PlanGroup(state, reason, len(days), len(set(days)), format_dates(days))
            for (state, reason), days in found.items()
        ]
        return sorted(made, key=lambda group: (group.state != "will run", -group.runs))

    @property
    def grid(self) -> season_grid.RenderedGrid:
        """The dates with games as a grid."""
        runs, urls = {r.key: r for r in self.plan.runs}, {day: to_date(day) for day in self._days}

        def cell(code: str, day: date) -> season_grid.GridCell:
            run = runs[code, day]
            state = state_of(run, self._days[day])
            return season_grid.GridCell(
                code, day, state, f"{day} {code}: {state}; {run.reason}", urls[day]
            )

        return season_grid.draw(
            [d.day for d in self.plan.days if d.is_processing],
            cell,
            self.options.processors,
            "plan",
        )

    def rows(self, page: str | None = None) -> Page[PlanRow]:
        """The plan date by date, a page of it."""
        pages: Paginator[Any] = Paginator(
            [list(runs) for _, runs in groupby(self.plan.runs, key=lambda r: r.date)], PAGE
        )
        found = pages.get_page(page)
        rows = [_row(self._days[runs[0].date], runs) for runs in found.object_list]
        return Page(rows, found.number, pages)

    @property
    def is_short(self) -> bool:
        """Whether every date is listed at once."""
        return len(self.plan.days) <= SHORT

    @cached_property
    def lines(self) -> list[ProcessorRow]:
        """The plan by processor."""
        years = {season_year(r.date) for r in self.running}
        live = None if self.options.backfill_mode else True
        known = {
            key: found for year in years for key, found in expected_counts(year, live=live).items()
        }
        return [self._line(code, counts, known) for code, counts in self.plan.counts().items()]

    def _line(
        self, code: str, counts: Counter[PlannedAction], known: Mapping[Key, ExpectedCounts]
    ) -> ProcessorRow:
        own = [r for r in self.running if r.processor == code]
        must = [known[r.key] for r in own if r.key in known]
        failures = sum((Counter(found.failures) for found in must), Counter[str]())
        replaced = sum(r.overwrites for r in own)
        return ProcessorRow(
            code,
            PROCESSORS[code].label,
            len(own),
            replaced,
            counts[PlannedAction.SKIP],
            counts[PlannedAction.KEEP],
            sum(found.population for found in must),
            dict(failures.most_common()),
        )

    @property
    def weights(self) -> list[ItemGroup]:
        """What the preflight found, what blocks first."""
        effects = {
            effect: [item for item in self.report.items if item.kind.effect is effect]
            for effect in PreflightEffect
        }
        return [
            ItemGroup(SEVERITY[e], items[:ITEMS_SHOWN], items[ITEMS_SHOWN:])
            for e, items in effects.items()
            if items
        ]

    @property
    def blocked_dates(self) -> str:
        """The dates that the preflight blocks, as they are typed; empty where leaving them out
        leaves nothing to start.
        """
        days = {day for item in self.report.blocks for day in item.dates}
        left = any(r.action is PlannedAction.RUN and r.date not in days for r in self.plan.runs)
        return format_dates(days) if left else ""

    @cached_property
    def holders(self) -> dict[Job, int]:
        """The jobs that hold any of it, with how many runs."""
        return holders(self.plan)

    @cached_property
    def estimate(self) -> Estimate:
        """How long it takes."""
        return estimate(self.plan)


def _reason(run: PlannedRun) -> str:
    """Why, alike for all dates of which it is true."""
    return (
        f"the first {BOOTSTRAP_DAYS} days of a season are skipped by design"
        if run.action is PlannedAction.SKIP
        else run.reason
    )


def _verb(n: int, one: str, more: str) -> str:
    return one if n == 1 else more
