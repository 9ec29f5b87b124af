"""A job as it is drawn: bars, grid, cells, and its numbers in words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from django.urls import reverse
from django.utils.safestring import SafeString

from backfill.models import Job, Run
from backfill.plan.planning import Key
from backfill.status.job_outcome import JobRun, state_of
from backfill.status.latest_runs import AuditSummary
from backfill.status.progress import DATES_BEFORE_AN_ESTIMATE, Progress
from webapp.templatetags.panel import seconds
from webapp.ui import links, season_grid, states

# As they follow each other on a bar: what has ended, what runs, what waits.
ORDER = ("complete", "skipped", "failed", "blocked", "cancelled", "running", "pending")
NOT_PART = "not part"  # a (processor, date) without a run of this job
# Of these a cell leads to the run with its reason, of all others to the date.
TO_COME = (
    "unjudged",
    "failed",
    "blocked",
    "running",
    "pending",
    "cancelled",
    "bootstrap",
)  # of a job under way
WITH_A_REASON = ("failed", "blocked", "cancelled", "running", "pending")


@dataclass(frozen=True)
class BarSegment:
    """A piece of a bar: `x` and `width` are percents of it."""

    state: str
    n: int
    x: float
    width: float


@dataclass(frozen=True)
class ProgressBar:
    """How far a processor is, in pieces and in words; what was cancelled has not `ended`."""

    name: str
    total: int
    ended: int
    segments: tuple[BarSegment, ...]

    @property
    def words(self) -> str:
        """What the bar shows."""
        return (
            ", ".join(f"{s.n:,} {states.of(s.state).word}" for s in self.segments)
            or "nothing to run"
        )


def bar(name: str, counts: Mapping[str, int]) -> ProgressBar:
    """The counts by state, one beside the other."""
    total = sum(counts.values())
    found, x = [], 0.0
    for status in ORDER:
        if n := counts.get(status, 0):
            width = 100 * n / total
            found.append(BarSegment(status, n, round(x, 2), round(width, 2)))
            x += width
    return ProgressBar(
        name,
        total,
        total - sum(counts.get(s, 0) for s in (*Run.ACTIVE, Run.Status.CANCELLED)),
        tuple(found),
    )


def bars(found: Progress) -> list[ProgressBar]:
    """A bar per processor."""
    return [bar(code, counts) for code, counts in found.per_processor.items()]


def time_left(found: Progress, job: Job) -> str:
    """How long the rest takes, as a range; in words why that is not known."""
    if job.status in Job.ENDED:
        return "it has ended"
    if job.status == Job.Status.PAUSED:
        return "not while it is paused"
    if not found.time_left:
        return f"known after {DATES_BEFORE_AN_ESTIMATE} dates of each processor"
    low, high = seconds(found.time_left.low), seconds(found.time_left.high)
    return low if low == high else f"{low} to {high}"


def rate(found: Progress) -> str:
    """Runs per second or per minute over the recent steps."""
    per_second = found.runs_per_second
    if not per_second:
        return "not measured yet"
    return f"{per_second:.0f} runs/s" if per_second >= 10 else f"{per_second * 60:.0f} runs/min"


def announced(found: Progress, job: Job) -> str:
    """What a screen reader is told: each tenth, and the end."""
    if job.status in Job.ENDED:
        counts = ", ".join(f"{n:,} {status}" for status in ORDER if (n := found.counts.get(status)))
        return f"Job {job.pk} has ended: {job.status}; {counts or 'nothing was to run'}."
    tenths = 10 * found.ended // found.total if found.total else 0
    return (
        f"Job {job.pk} is {job.status}: {10 * tenths} percent of {found.total:,} runs have ended."
    )


def stopping(found: Progress, job: Job) -> str:
    """What a job that was told to stop still waits for."""
    running = found.counts.get("running", 0)
    if job.status == Job.Status.CANCELLING:
        return f"Cancelling: {found.counts.get('cancelled', 0):,} dropped, {running:,} finishing."
    if job.status == Job.Status.PAUSING:
        return f"Pausing: {running:,} finishing, {found.counts.get('pending', 0):,} stay for later."
    return ""


# The grid


def grid(
    job: Job, runs: Sequence[JobRun], verdicts: Mapping[str, AuditSummary]
) -> season_grid.RenderedGrid:
    """The job's own runs, dates × processors."""
    by_key = {r.key: r for r in runs}
    dates = sorted({r.date for r in runs})
    drawn = season_grid.draw(
        dates, lambda code, day: _cell(job, (code, day), by_key, verdicts), _codes(job)
    )
    if job.status in Job.ENDED:
        return drawn
    known = {*drawn.states, *TO_COME}  # cells change, the legend does not
    return replace(drawn, states=tuple(name for name in states.STATES if name in known))


def changed_cells(
    job: Job, runs: Sequence[JobRun], verdicts: Mapping[str, AuditSummary], dates: Sequence[date]
) -> list[SafeString]:
    """The cells of these runs, each to replace the one that is shown."""
    by_key, codes = {r.key: r for r in runs}, _codes(job)
    column = {day: n for n, day in enumerate(dates)}
    return [
        season_grid.as_html(
            _cell(job, r.key, by_key, verdicts),
            column[r.date],
            codes.index(r.processor),
            swapped=True,
        )
        for r in runs
        if r.processor in codes and r.date in column
    ]


def _codes(job: Job) -> tuple[str, ...]:
    return tuple(job.options["processors"])


def _cell(
    job: Job, key: Key, by_key: Mapping[Key, JobRun], verdicts: Mapping[str, AuditSummary]
) -> season_grid.GridCell:
    run, (code, day) = by_key.get(key), key
    if run is None:
        return season_grid.GridCell(
            code, day, NOT_PART, f"{code}, {day}: not part of this job", links.to_date(day, code)
        )
    verdict = verdicts.get(run.run_id)
    state = state_of(run, verdict)
    return season_grid.GridCell(code, day, state, title(run, state, verdict), _leads_to(job, run))


def _leads_to(job: Job, run: JobRun) -> str:
    if run.status in WITH_A_REASON:
        return reverse("job_run", args=[job.pk, run.processor, run.date])
    return links.to_date(run.date, run.processor)


def title(run: JobRun, state: str, verdict: AuditSummary | None) -> str:
    """A run in one sentence."""
    return f"{run.processor}, {run.date}: {states.of(state).word}{''.join(_details(run, verdict))}"


def _details(run: JobRun, verdict: AuditSummary | None) -> Iterator[str]:
    if run.rows is not None:
        yield f"; {run.rows:,} rows, {run.failed:,} failed"
    if verdict:
        yield f", {verdict.failed:,} must fail"
        yield f", {verdict.outside:,} outside expectation" if verdict.outside else ""
    if run.reason:
        yield f"; {run.reason}"


def table_twin(
    job: Job, runs: Collection[JobRun], verdicts: Mapping[str, AuditSummary]
) -> list[tuple[date, list[str]]]:
    """The grid as a table: per date the state of each processor."""
    found: dict[date, dict[str, str]] = {}
    for run in runs:
        found.setdefault(run.date, {})[run.processor] = state_of(run, verdicts.get(run.run_id))
    return [
        (day, [by_code.get(code, NOT_PART) for code in _codes(job)])
        for day, by_code in found.items()
    ]
