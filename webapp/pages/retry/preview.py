"""Preview of a retry: its runs, and the excluded failures with their reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from backfill.jobs.retry import LeftOut, RetryPlan, nothing_text, preview_retry
from backfill.jobs.retry_selection import retry_command
from backfill.models import Job
from backfill.plan import signed_plan
from backfill.plan.planning import PlannedAction, PlannedRun
from backfill.processors.registry import CHAIN
from backfill.status import error_groups
from backfill.status.error_groups import ErrorGroup
from validation.findings.kinds import format_date_ranges, pluralize
from validation.retry import RetryClass
from webapp.pages.retry.form import RetryForm
from webapp.ui import season_grid, states
from webapp.ui.links import to_date

INCLUDING = {RetryClass.NEVER: "include_expected", RetryClass.AFTER_FIX: "override"}


@dataclass(frozen=True, kw_only=True)
class LeftOutGroup:
    """Failures excluded for one reason; `option` is the field that includes them."""

    retry: str
    reason: str
    option: str
    whats: str
    processors: str
    runs: int
    entities: int
    dates: str


@dataclass(frozen=True, kw_only=True)
class RetryPreview:
    """Plan of a retry: table, grid and excluded failures; `refused` if its button is disabled."""

    plan: RetryPlan
    counts: tuple[tuple[str, int, int, int], ...]
    reasons: tuple[tuple[str, int], ...]
    grid: season_grid.RenderedGrid
    left_out: tuple[LeftOutGroup, ...]
    groups: tuple[ErrorGroup, ...]
    command: str
    seal: str
    refused: str

    @property
    def runs(self) -> int:
        """Count of runs."""
        return len(self.plan.plan.todo)

    @property
    def dates(self) -> int:
        """Count of dates."""
        return len(self.plan.plan.dates)

    @property
    def left_out_runs(self) -> int:
        """Count of runs with excluded failures."""
        return len({(out.processor, out.date) for out in self.plan.left_out})

    @property
    def repeats_runs(self) -> bool:
        """True if a run is excluded for several reasons, and so listed more than once."""
        return sum(group.runs for group in self.left_out) > self.left_out_runs

    @property
    def is_overridden(self) -> bool:
        """True if the job skipped its preflight; its retry does too."""
        return bool(self.plan.report.overridable) and self.plan.plan.options.skip_preflight

    @property
    def others(self) -> str:
        """Runs added to those of the job, with the reason; empty without any."""
        n = self.plan.of_others
        return (
            f"Includes {pluralize(n, 'stale or downstream run')} outside job {self.plan.job}"
            if n
            else ""
        )

    @property
    def button(self) -> str:
        """Label of the Retry button."""
        if not self.runs:
            return "Retry failures"
        return f"Retry {pluralize(self.runs, 'run')} on {pluralize(self.dates, 'date')}"


def preview(job: Job, form: RetryForm) -> RetryPreview:
    """Return the preview of a retry. Raises Refused, WarehouseError."""
    selection = form.selection()
    found = preview_retry(job, selection)
    todo = found.plan.todo
    reasons = Counter(run.reason for run in todo).most_common()
    return RetryPreview(
        plan=found,
        counts=tuple(_counts(found)),
        reasons=tuple(reasons),
        grid=_drawn(found),
        left_out=tuple(_alike(found.left_out)),
        groups=tuple(error_groups.groups_of(found.with_errors)),
        command=retry_command(job.pk, selection, form.cleaned_data["reason"])
        + (f" --overwrites {found.to_confirm}" if found.to_confirm else ""),
        seal=signed_plan.seal(found.plan),
        refused=_disabled_reason(found),
    )


def _disabled_reason(found: RetryPlan) -> str:
    if not found.plan.todo:
        return nothing_text(found)
    stops = found.report.stops(skip=found.plan.options.skip_preflight)
    return "; ".join(str(item) for item in stops[:3])


def _counts(found: RetryPlan) -> Iterable[tuple[str, int, int, int]]:
    """Per processor: runs, skips, complete runs to overwrite."""
    for code in CHAIN:
        if runs := [run for run in found.plan.todo if run.processor == code]:
            skips = sum(run.action is PlannedAction.SKIP for run in runs)
            yield code, len(runs) - skips, skips, sum(run.overwrites for run in runs)


def _drawn(found: RetryPlan) -> season_grid.RenderedGrid:
    """Grid of the dates with a run, a skip or an excluded failure."""
    runs = {run.key: run for run in found.plan.todo}
    out = {(o.processor, o.date): o for o in found.left_out}

    def cell_of(code: str, day: date) -> season_grid.GridCell:
        state, reason = _becomes(runs.get((code, day)), out.get((code, day)))
        return season_grid.GridCell(
            processor=code,
            date=day,
            state=state,
            title=f"{code}, {day}: {states.of(state).label}; {reason}",
            url=to_date(day, code),
        )

    days = sorted({day for _, day in (*runs, *out)})
    codes = [code for code in CHAIN if code in found.plan.options.processors]
    return season_grid.draw(days, cell_of, codes, name="retry")


def _becomes(run: PlannedRun | None, left: LeftOut | None) -> tuple[str, str]:
    """Return state and reason of a (processor, date)."""
    if run and run.action is PlannedAction.SKIP:
        return "skipped", run.reason
    if run:
        return ("will be replaced" if run.overwrites else "will run"), run.reason
    return (
        ("left out", f"{left.what}: {left.reason}")
        if left
        else ("untouched", "no failure, or not selected")
    )


def _alike(left_out: Iterable[LeftOut]) -> Iterable[LeftOutGroup]:
    """Group excluded failures by reason, the largest group first."""
    found: dict[tuple[str, str], list[LeftOut]] = {}
    for out in left_out:
        found.setdefault((out.retry, out.because), []).append(out)
    for (retry, reason), outs in sorted(found.items(), key=lambda item: -len(item[1])):
        whats = ", ".join(sorted({out.what for out in outs}))
        codes = ", ".join(code for code in CHAIN if code in {out.processor for out in outs})
        option = next((name for of, name in INCLUDING.items() if of == retry), "")
        entities = sum(out.entities for out in outs)
        runs = len({(out.processor, out.date) for out in outs})
        yield LeftOutGroup(
            retry=retry,
            reason=reason,
            option=option,
            whats=whats,
            processors=codes,
            runs=runs,
            entities=entities,
            dates=format_date_ranges(out.date for out in outs),
        )
