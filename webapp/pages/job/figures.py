"""Bars, grid and numbers of a job, as its page shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.html import format_html
from django.utils.safestring import SafeString

from backfill.models import Job, Key, Run
from backfill.season_calendar import season_dates
from backfill.status.job_outcome import JobRun, state_of
from backfill.status.latest_runs import AuditSummary
from backfill.status.progress import Progress, TimeLeft
from validation.categories import count_bugs
from validation.findings.kinds import pluralize
from webapp.templatetags.panel import seconds
from webapp.ui import links, season_grid, states

# Order in words: ended, running, pending.
ORDER = ("complete", "skipped", "bug", "failed", "blocked", "cancelled", "running", "pending")
# Order on a bar, where a gray end would look like missing progress.
BAR_ORDER = ("skipped", *(state for state in ORDER if state != "skipped"))
MOST_CELLS = 2000  # two seasons of five processors; the page of more would exceed 0.7 MB
NOT_PART = "not part"  # a (processor, date) without a run of this job


@dataclass(frozen=True, kw_only=True)
class BarSegment:
    """Segment of a bar; `x` and `width` are percentages of its length."""

    state: str
    n: int
    x: float
    width: float


@dataclass(frozen=True, kw_only=True)
class ProgressBar:
    """Progress of a processor; cancelled runs do not count as `ended`."""

    name: str
    total: int
    ended: int
    segments: tuple[BarSegment, ...]

    @property
    def in_order(self) -> list[BarSegment]:
        """Segments in the order of words: ended, running, pending."""
        return sorted(self.segments, key=lambda segment: ORDER.index(segment.state))

    @property
    def by_status(self) -> list[tuple[str, int]]:
        """Counts by status of the runs, where runs with bugs are complete."""
        found = Counter[str]()
        for segment in self.in_order:
            found["complete" if segment.state == "bug" else segment.state] += segment.n
        return list(found.items())

    @property
    def bugs(self) -> int:
        """Number of complete runs with bugs."""
        return sum(segment.n for segment in self.segments if segment.state == "bug")

    @property
    def words(self) -> str:
        """Counts by state, in words."""
        found = self.in_order
        return ", ".join(f"{s.n:,} {states.of(s.state).label}" for s in found) or "no runs"


def bar(name: str, counts: Mapping[str, int], bugs: int = 0) -> ProgressBar:
    """Return the counts by state as a bar; `bugs` of the complete runs have bugs."""
    total = sum(counts.values())
    if bugs:
        counts = {**counts, "complete": counts.get("complete", 0) - bugs, "bug": bugs}
    found, x = [], 0.0
    for status in BAR_ORDER:
        if n := counts.get(status, 0):
            width = 100 * n / total
            found.append(BarSegment(state=status, n=n, x=round(x, 2), width=round(width, 2)))
            x += width
    return ProgressBar(
        name=name,
        total=total,
        ended=total - sum(counts.get(s, 0) for s in (*Run.ACTIVE, Run.Status.CANCELLED)),
        segments=tuple(found),
    )


def bars(found: Progress) -> list[ProgressBar]:
    """Return a bar per processor."""
    return [
        bar(code, counts, found.bugs.get(code, 0)) for code, counts in found.per_processor.items()
    ]


def time_left(found: Progress, job: Job) -> str:
    """Return the estimated duration of the remaining runs, or why there is no estimate."""
    if job.status in Job.ENDED:
        return "none, the job has ended"
    if job.status == Job.Status.PAUSED:
        return "unknown while paused"
    left = found.time_left or _by_estimate(found, job)
    if not left:
        return "–"
    low, high = seconds(left.low), seconds(left.high)
    return low if low == high else f"{low} to {high}"


def _by_estimate(found: Progress, job: Job) -> TimeLeft | None:
    """Return the remaining share of the job's own estimate, until its steps give a better one."""
    if not job.estimate or not found.total:
        return None
    share = (found.total - found.ended) / found.total
    return TimeLeft(share * job.estimate["low"], share * job.estimate["high"])


def rate(found: Progress) -> str:
    """Return the rate of the recent steps, in runs per second or per minute."""
    per_second = found.runs_per_second
    if not per_second:
        return "not available yet"
    return f"{per_second:.0f} runs/s" if per_second >= 10 else f"{per_second * 60:.0f} runs/min"


def announced(found: Progress, job: Job) -> str:
    """Return the announcement for screen readers: every 10 percent, and the end."""
    if job.status in Job.ENDED:
        counts = ", ".join(f"{n:,} {status}" for status in ORDER if (n := found.counts.get(status)))
        return f"Job {job.pk} has ended: {job.status}; {counts or 'no runs'}."
    tenths = 10 * found.ended // found.total if found.total else 0
    return f"Job {job.pk} is {job.status}: {10 * tenths} percent of {pluralize(found.total, 'run')} ended."


def stopping(found: Progress, job: Job) -> str:
    """Return the runs that a pausing or cancelling job waits for; empty for other jobs."""
    running = found.counts.get("running", 0)
    if job.status == Job.Status.CANCELLING:
        return f"Cancelling: {found.counts.get('cancelled', 0):,} dropped, {running:,} finishing."
    if job.status == Job.Status.PAUSING:
        return f"Pausing: {running:,} finishing, {found.counts.get('pending', 0):,} pending."
    return ""


# The grid


def grid_seasons(runs: Sequence[JobRun]) -> list[int]:
    """Return the seasons that a large grid shows one at a time; empty for other grids."""
    of = season_dates().year_of
    return sorted({of(r.date) for r in runs}) if len(runs) > MOST_CELLS else []


def grid_season(runs: Sequence[JobRun], given: int) -> int:
    """Return the season that the grid shows: the given one, else the first with an active run,
    else the last; 0 for all.
    """
    seasons = grid_seasons(runs)
    if not seasons or given in seasons:
        return given if seasons else 0
    of = season_dates().year_of
    return next((of(r.date) for r in runs if r.status in Run.ACTIVE), seasons[-1])


def of_season(runs: Sequence[JobRun], season: int) -> Sequence[JobRun]:
    """Return the runs of a season; all runs for 0."""
    of = season_dates().year_of
    return [r for r in runs if of(r.date) == season] if season else runs


def grid(
    job: Job, runs: Sequence[JobRun], audits: Mapping[str, AuditSummary]
) -> season_grid.RenderedGrid:
    """Return the job's own runs as a grid of dates × processors."""
    by_key = {r.key: r for r in runs}
    dates = sorted({r.date for r in runs})
    return season_grid.draw(
        dates, lambda code, day: _cell(job, (code, day), by_key, audits), _codes(job)
    )


def _codes(job: Job) -> tuple[str, ...]:
    return tuple(job.options["processors"])


def _cell(
    job: Job, key: Key, by_key: Mapping[Key, JobRun], audits: Mapping[str, AuditSummary]
) -> season_grid.GridCell:
    run, (code, day) = by_key.get(key), key
    if run is None:
        return season_grid.GridCell(
            processor=code,
            date=day,
            state=NOT_PART,
            title=f"{code}, {day}: not in this job",
            url=links.to_date(day, code),
        )
    audit = audits.get(run.run_id)
    state = state_of(run, audit)
    return season_grid.GridCell(
        processor=code,
        date=day,
        state=state,
        title=title(run, state, audit),
        url=links.to_run(run.pk),
    )


def title(run: JobRun, state: str, audit: AuditSummary | None) -> str:
    """Return the tooltip of a run."""
    return f"{run.processor}, {run.date}: {states.of(state).label}{''.join(_details(run, audit))}"


def _details(run: JobRun, audit: AuditSummary | None) -> Iterator[str]:
    if run.rows is not None:
        yield f"; {pluralize(run.rows, 'row')}, {run.failed:,} failed"
    if audit:
        yield f", {pluralize(audit.failed, 'expected failure')}"
        yield f", {pluralize(bugs, 'bug')}" if (bugs := count_bugs(run.failures)) else ""
        yield f", {audit.outside:,} unexpected" if audit.outside else ""
    if run.reason:
        yield f"; {run.reason}"


def state_rows(
    job: Job, runs: Collection[JobRun], audits: Mapping[str, AuditSummary]
) -> SafeString:
    """Return the grid as table rows: per date the state of each processor."""
    found: dict[date, dict[str, str]] = {}
    for run in runs:
        found.setdefault(run.date, {})[run.processor] = state_of(run, audits.get(run.run_id))
    names = {NOT_PART, *(name for row in found.values() for name in row.values())}
    cells = {
        name: format_html("<td>{} {}</td>", states.of(name).shape, states.of(name).label)
        for name in names
    }
    return SafeString(
        "".join(
            f'<tr><th scope="row">{day}</th>'
            f"{''.join(cells[row.get(code, NOT_PART)] for code in _codes(job))}</tr>"
            for day, row in found.items()
        )
    )
