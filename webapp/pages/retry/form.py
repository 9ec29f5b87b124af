"""A retry as the page shows it: which failures are asked for, what would run, what is left out and
what would include it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.http import QueryDict

from backfill.errors import Refused
from backfill.jobs.retry import LeftOut, RetryPlan, default_reason, nothing_text, preview_retry
from backfill.models import Job
from backfill.plan import signed_plan
from backfill.plan.planning import PlannedAction, PlannedRun
from backfill.plan.retry_selection import Selection, parse_weeks
from backfill.plan.shell_command import retry_command
from backfill.processors.registry import CHAIN
from backfill.status import error_groups, season_failures
from backfill.status.comparison import JobComparison, compare
from backfill.status.error_groups import ErrorGroup
from validation.categories import BY_NAME, DATE_LEVEL
from validation.findings.kinds import format_date_ranges, pluralize
from validation.retry import BLOCKED, CANCELLED, LOST, RetryClass
from webapp.pages.triage.filters import day_field
from webapp.ui import season_grid
from webapp.ui.links import to_date
from webapp.ui.query_params import MAX_REASON

MEANINGS = {
    DATE_LEVEL: "the whole date failed",
    BLOCKED: "what it waits for failed",
    CANCELLED: "cancelled before it was complete",
    LOST: "complete once, and its files are gone",
}
INCLUDING = {RetryClass.NEVER: "include_expected", RetryClass.AFTER_FIX: "override"}
SHOWN = 100


def _text(**more: str) -> forms.TextInput:
    return forms.TextInput(attrs={"class": "form-control", **more})


class RetryForm(forms.Form):
    """Which failures of a job are retried. What is left empty takes all."""

    processor = forms.MultipleChoiceField(
        required=False, label="Processors", widget=forms.CheckboxSelectMultiple
    )
    category = forms.MultipleChoiceField(
        required=False, label="What is wrong", widget=forms.CheckboxSelectMultiple
    )
    group = forms.CharField(required=False, max_length=400, label="Error group", widget=_text())
    week = forms.CharField(
        required=False, max_length=5, label="Season week", widget=_text(placeholder="5 or 5-8")
    )
    start, end = day_field("From"), day_field("To")
    include_expected = forms.BooleanField(
        required=False, label="Also what no retry heals (expected failures)"
    )
    override = forms.BooleanField(
        required=False, label="Also what only a fix heals; that needs a reason"
    )
    reason = forms.CharField(
        required=False,
        max_length=MAX_REASON,
        label="Reason",
        widget=_text(),
        help_text="Stored with the job and in its events.",
    )

    data: QueryDict

    def __init__(self, data: QueryDict, job: Job) -> None:
        super().__init__(data)
        whats = season_failures.describe_failures(job)
        asked = dict.fromkeys(data.getlist("category"), 0)
        fields: Any = self.fields
        fields["processor"].choices = [(code, code) for code in job.parsed_options.processors]
        fields["reason"].widget.attrs |= (
            {"required": True} if "override" in data else {"placeholder": default_reason(job)}
        )
        fields["category"].choices = [
            (what, _what(what, n)) for what, n in {**asked, **whats}.items()
        ]

    @property
    def groups(self) -> list[str]:
        """The ids of the error groups that are named."""
        return [name for name in self.data.get("group", "").replace(",", " ").split() if name]

    @property
    def given(self) -> list[tuple[str, str]]:
        """The selection as it was sent, to be sent again with the plan that it makes."""
        names = self.fields.keys() - {"reason"}
        return [
            (name, value)
            for name, values in self.data.lists()
            if name in names
            for value in values
            if value
        ]

    def selection(self) -> Selection:
        """What is asked for. Raises Refused, with the first thing that cannot be meant."""
        if not self.is_valid():
            raise Refused(next(str(error) for errors in self.errors.values() for error in errors))
        given = self.cleaned_data
        return Selection(
            processors=tuple(given["processor"]),
            categories=tuple(given["category"]),
            groups=tuple(self.groups),
            weeks=parse_weeks(given["week"]) if given["week"] else (),
            **{name: given[name] for name in ("start", "end", "include_expected", "override")},
        )


def _what(name: str, dates: int) -> str:
    meaning = BY_NAME[name].meaning if name in BY_NAME else MEANINGS.get(name, "runs that failed")
    return f"{name}: {meaning}" + (f", {pluralize(dates, 'run')}" if dates else "")


@dataclass(frozen=True)
class LeftOutGroup:
    """Failures that are left out for one reason; `option` is the field that would include them."""

    retry: str
    reason: str
    option: str
    whats: str
    processors: str
    runs: int
    entities: int
    dates: str


@dataclass(frozen=True)
class RetryPreview:
    """A plan of a retry as it is shown: the table, the grid, what is left out, and why its button
    is off, if it is.
    """

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
        """How many runs there would be."""
        return len(self.plan.plan.todo)

    @property
    def dates(self) -> int:
        """On how many dates."""
        return len(self.plan.plan.dates)

    @property
    def left_out_runs(self) -> int:
        """Of how many runs something is left out."""
        return len({(out.processor, out.date) for out in self.plan.left_out})

    @property
    def is_overridden(self) -> bool:
        """Whether the job skipped its preflight, which its retry does too."""
        return bool(self.plan.report.overridable) and self.plan.plan.options.skip_preflight

    @property
    def others(self) -> str:
        """What runs besides what the job ran, and why; empty when nothing does."""
        n = self.plan.of_others
        return (
            f"{pluralize(n, 'run')} of them job {self.plan.job} did not make itself: what they read runs again"
            if n
            else ""
        )

    @property
    def button(self) -> str:
        """The one thing that there is to do."""
        return f"Retry {pluralize(self.runs, 'run')} on {pluralize(self.dates, 'date')}"


def preview(job: Job, form: RetryForm) -> RetryPreview:
    """What a retry would do. Raises Refused, WarehouseError."""
    selection = form.selection()
    found = preview_retry(job, selection)
    todo = found.plan.todo
    reasons = Counter(run.reason for run in todo).most_common()
    return RetryPreview(
        found,
        tuple(_counts(found)),
        tuple(reasons),
        _drawn(found),
        tuple(_alike(found.left_out)),
        tuple(error_groups.of_job(job)),
        retry_command(job.pk, selection, form.cleaned_data["reason"]),
        signed_plan.seal(found.plan),
        _why_not(found),
    )


def _why_not(found: RetryPlan) -> str:
    if not found.plan.todo:
        return nothing_text(found)
    stops = found.report.stops(skip=found.plan.options.skip_preflight)
    return "; ".join(str(item) for item in stops[:3])


def _counts(found: RetryPlan) -> Iterable[tuple[str, int, int, int]]:
    """Per processor: runs, skips, complete ones that would be replaced."""
    for code in CHAIN:
        if runs := [run for run in found.plan.todo if run.processor == code]:
            skips = sum(run.action is PlannedAction.SKIP for run in runs)
            yield code, len(runs) - skips, skips, sum(run.overwrites for run in runs)


def _drawn(found: RetryPlan) -> season_grid.RenderedGrid:
    """What runs, what is skipped and what is left out, on the dates of which anything is."""
    runs = {run.key: run for run in found.plan.todo}
    out = {(o.processor, o.date): o for o in found.left_out}

    def cell_of(code: str, day: date) -> season_grid.GridCell:
        state, reason = _becomes(runs.get((code, day)), out.get((code, day)))
        return season_grid.GridCell(
            code, day, state, f"{code}, {day}: {state}; {reason}", to_date(day, code)
        )

    days = sorted({day for _, day in (*runs, *out)})
    codes = [code for code in CHAIN if code in found.plan.options.processors]
    return season_grid.draw(days, cell_of, codes, name="retry")


def _becomes(run: PlannedRun | None, left: LeftOut | None) -> tuple[str, str]:
    """What becomes of a (processor, date), and why."""
    if run and run.action is PlannedAction.SKIP:
        return "skipped", run.reason
    if run:
        return ("will be replaced" if run.overwrites else "will run"), run.reason
    return (
        ("left out", f"{left.what}: {left.reason}")
        if left
        else ("untouched", "nothing is wrong with it, or it is not asked for")
    )


def _alike(left_out: Iterable[LeftOut]) -> Iterable[LeftOutGroup]:
    """Those with one reason together, the most first."""
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
            retry,
            reason,
            option,
            whats,
            codes,
            runs,
            entities,
            format_date_ranges(out.date for out in outs),
        )


@dataclass(frozen=True)
class FixedByRetry:
    """What a retry made of the job that it retried, by state and category."""

    before: int
    comparison: JobComparison

    @property
    def kinds(self) -> list[tuple[str, str, Mapping[str, int], int]]:
        """Healed, remaining, new: the words, what it means, the counts, and their sum."""
        means = (
            ("healed", "wrong before, and no more"),
            ("remaining", "wrong before and after"),
            ("new", "wrong only since the retry"),
        )
        return [
            (kind, text, counts, sum(counts.values()))
            for kind, text in means
            for counts in [self.comparison.counts(kind)]
        ]


def fixed_by_retry(job: Job) -> FixedByRetry | None:
    """What a retry that has ended has healed; None for any other job."""
    if job.retry_of is None or job.status not in Job.ENDED:
        return None
    return FixedByRetry(job.retry_of.pk, compare(job.retry_of, job))
