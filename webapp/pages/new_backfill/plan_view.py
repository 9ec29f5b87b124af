"""Plan of New backfill: its counts, reasons, dates and preflight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from itertools import groupby

from django.core.paginator import Page

from backfill.audit.results import ExpectedCounts, expected_counts
from backfill.jobs.start import preview_job
from backfill.models import Job, Key
from backfill.plan.date_lists import format_dates
from backfill.plan.estimate import Estimate, estimate
from backfill.plan.options import Options
from backfill.plan.outside_runs import outside_notes
from backfill.plan.planning import PlannedAction, PlannedRun
from backfill.plan.preflight import holders
from backfill.processors.registry import PROCESSORS
from backfill.season_calendar import load_calendar
from validation.findings.kinds import pluralize
from validation.preflight_report import PreflightEffect
from validation.season import BOOTSTRAP_DAYS, DateType, Day
from webapp.pages.new_backfill.plan_rows import ItemGroup, PlanGroup, PlanRow, ProcessorRow
from webapp.ui import season_grid, states
from webapp.ui.links import to_date
from webapp.ui.query_params import one_of
from webapp.ui.tables import paginate

STATE = {PlannedAction.RUN: "will run", PlannedAction.KEEP: "kept", PlannedAction.LEAVE: "left"}
# States on screen that each number of the plan by processor counts.
PLANNED = {
    "run": ("will run", "will be replaced"),
    "overwrite": ("will be replaced",),
    "skip": ("bootstrap", "no games"),
    "keep": ("kept",),
}
ITEMS_SHOWN = 4
UNTOUCHED = "untouched"
SEVERITY = {
    PreflightEffect.BLOCKS: "blocker",
    PreflightEffect.WARNS: "warning",
    PreflightEffect.TELLS: "note",
}


def state_of(run: PlannedRun, day: Day) -> str:
    """Return the state on screen of a planned run."""
    if run.overwrites:
        return "will be replaced"
    if _is_kept_skip(run, day):
        return "bootstrap"
    return STATE.get(run.action) or ("bootstrap" if day.type is DateType.BOOTSTRAP else "no games")


def _is_kept_skip(run: PlannedRun, day: Day) -> bool:
    """Return whether the run was skipped as bootstrap before and stays so."""
    return run.action is PlannedAction.KEEP and day.type is DateType.BOOTSTRAP


def _row(day: Day, runs: Sequence[PlannedRun], codes: Sequence[str]) -> PlanRow:
    planned = {run.processor: state_of(run, day) for run in runs}
    by_reason: dict[str, list[str]] = {}
    for run in runs:
        reason = day.why_skipped if _is_kept_skip(run, day) else run.reason
        by_reason.setdefault(reason, []).append(run.processor)
    reason = "; ".join(
        by_reason
        if len(by_reason) == 1
        else (f"{', '.join(codes)}: {reason}" for reason, codes in by_reason.items())
    )
    return PlanRow(
        day=day,
        url=to_date(day.day),
        cells=tuple(planned.get(code, UNTOUCHED) for code in codes),
        reason=reason,
    )


class PlanView:
    """A plan and its figures, each computed on first use."""

    def __init__(self, options: Options) -> None:
        self.preview = preview_job(options)
        self.options, self.plan, self.report = options, self.preview.plan, self.preview.report
        self._days = {day.day: day for day in self.plan.days}

    @cached_property
    def running(self) -> list[PlannedRun]:
        """Runs to execute."""
        return [r for r in self.plan.runs if r.action is PlannedAction.RUN]

    @cached_property
    def what(self) -> str:
        """Count of runs and dates to start, as on the button."""
        if self.running:
            return f"{pluralize(len(self.running), 'run')} on {pluralize(len({r.date for r in self.running}), 'date')}"
        skips = f"{pluralize(len(self.plan.todo), 'bootstrap skip')} on {pluralize(len(self.plan.dates), 'date')}"
        return skips if self.plan.todo else "backfill"

    @property
    def parts(self) -> list[str]:
        """Parts of the headline: counts by action, and of blockers."""
        counts = Counter(r.action for r in self.plan.runs)
        kept_skips = self._kept_skips(self.plan.runs)
        skip = counts[PlannedAction.SKIP] + kept_skips
        keep, leave = counts[PlannedAction.KEEP] - kept_skips, counts[PlannedAction.LEAVE]
        stops = len(self.report.stops(skip=self.options.skip_preflight))
        counted = [
            (len(self.running), f"{self.what} will run"),
            (skip, f"{skip:,} skipped as bootstrap"),
            (keep, f"{keep:,} already complete"),
            (leave, f"{leave:,} not in this plan"),
            (stops, pluralize(stops, "blocker")),
        ]
        return [text for n, text in counted if n] or ["No games on these dates"]

    def _kept_skips(self, runs: Iterable[PlannedRun]) -> int:
        return sum(_is_kept_skip(run, self._days[run.date]) for run in runs)

    @property
    def groups(self) -> list[PlanGroup]:
        """Runs grouped by state and reason; runs to execute first, then the largest group."""
        found: dict[tuple[str, str], list[date]] = {}
        for run in self.plan.runs:
            day = self._days[run.date]
            found.setdefault((state_of(run, day), _reason(run, day)), []).append(run.date)
        made = [
            PlanGroup(
                state=state,
                reason=reason,
                runs=len(days),
                dates=len(set(days)),
                text=format_dates(days),
            )
            for (state, reason), days in found.items()
        ]
        return sorted(made, key=lambda group: (group.state != "will run", -group.runs))

    @property
    def grid(self) -> season_grid.RenderedGrid:
        """Grid of the dates with games."""
        runs, urls = {r.key: r for r in self.plan.runs}, {day: to_date(day) for day in self._days}

        def cell(code: str, day: date) -> season_grid.GridCell:
            run = runs.get((code, day))
            state = state_of(run, self._days[day]) if run else UNTOUCHED
            reason = run.reason if run else "not selected"
            return season_grid.GridCell(
                processor=code,
                date=day,
                state=state,
                title=f"{code}, {day}: {states.of(state).label}; {reason}",
                url=urls[day],
            )

        return season_grid.draw(
            [d.day for d in self.plan.days if d.is_processing],
            cell,
            self.options.processors,
            "plan",
        )

    def rows(
        self, size: int, page: str | None = None, processor: str = "", planned: str = ""
    ) -> Page[PlanRow]:
        """Return one page of the plan by date; only dates with this state of a processor, if
        given. Raises Refused.
        """
        known = PLANNED[one_of(planned, "planned action", PLANNED)] if planned else ()
        one_of(processor, "processor of this plan", self.options.processors)
        dates = [
            runs
            for _, found in groupby(self.plan.runs, key=lambda r: r.date)
            for runs in [list(found)]
            if not known
            or any(
                processor in ("", run.processor) and state_of(run, self._days[run.date]) in known
                for run in runs
            )
        ]
        found = paginate(dates, size, page)
        codes = self.options.processors
        rows = [_row(self._days[runs[0].date], runs, codes) for runs in found.object_list]
        return Page(rows, found.number, found.paginator)

    @cached_property
    def outside(self) -> list[str]:
        """Runs outside the plan that it needs, or makes stale."""
        return outside_notes(self.plan)

    @property
    def labels(self) -> dict[str, str]:
        """Full names of the processors by code."""
        return {code: PROCESSORS[code].label for code in self.options.processors}

    @cached_property
    def lines(self) -> list[ProcessorRow]:
        """The plan by processor."""
        of = load_calendar().season_year
        years = {of(r.date) for r in self.running}
        live = None if self.options.backfill_mode else True
        known = {
            key: found for year in years for key, found in expected_counts(year, live=live).items()
        }
        return [self._line(code, counts, known) for code, counts in self.plan.counts().items()]

    def _line(
        self, code: str, counts: Counter[PlannedAction], known: Mapping[Key, ExpectedCounts]
    ) -> ProcessorRow:
        own = [r for r in self.running if r.processor == code]
        kept_skips = self._kept_skips(r for r in self.plan.runs if r.processor == code)
        expected = [known[r.key] for r in own if r.key in known]
        failures = sum((Counter(found.failures) for found in expected), Counter[str]())
        replaced = sum(r.overwrites for r in own)
        return ProcessorRow(
            code=code,
            label=PROCESSORS[code].label,
            runs=len(own),
            replaced=replaced,
            skipped=counts[PlannedAction.SKIP] + kept_skips,
            kept=counts[PlannedAction.KEEP] - kept_skips,
            population=sum(found.population for found in expected),
            failures=dict(failures.most_common()),
        )

    @property
    def weights(self) -> list[ItemGroup]:
        """Preflight items by severity, blockers first."""
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
    def blockers(self) -> str:
        """Number of blocked dates and of blockers, with the override if there is one."""
        blocks = self.report.blocks
        days = {day for item in blocks for day in item.dates}
        blockers = pluralize(len(blocks), "blocker")
        text = f"{pluralize(len(days), 'date')} blocked ({blockers})" if days else blockers
        could = blocks and all(item.kind.can_be_overridden for item in blocks)
        return f"{text}; you can skip the preflight with a reason" if could else text

    @property
    def blocked_dates(self) -> str:
        """Blocked dates as form text; empty if excluding them leaves no run to start."""
        days = {day for item in self.report.blocks for day in item.dates}
        left = any(r.action is PlannedAction.RUN and r.date not in days for r in self.plan.runs)
        return format_dates(days) if left else ""

    @cached_property
    def holders(self) -> dict[Job, int]:
        """Jobs that hold runs of this plan, each with its count."""
        return holders(self.plan)

    @cached_property
    def estimate(self) -> Estimate:
        """Estimated duration and cost."""
        return estimate(self.plan)


def _reason(run: PlannedRun, day: Day) -> str:
    """Return the reason of a run, the same text for all bootstrap dates."""
    return (
        f"the first {BOOTSTRAP_DAYS} days of a season are skipped by design"
        if run.action is PlannedAction.SKIP or _is_kept_skip(run, day)
        else run.reason
    )
