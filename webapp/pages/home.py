"""Home page: findings, running jobs, season grid and failure rates of a season."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import floor
from typing import Any, ClassVar

from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.timezone import now
from django.views.decorators.http import require_safe

from backfill.models import Finding, Job, Launch, SeasonAudit
from backfill.processors.registry import CHAIN
from backfill.season_calendar import seasons_of
from backfill.status.attention import (
    AttentionItem,
    attention_items,
    audit_headline,
    jobs_pending_audit,
    launches_awaiting_approval,
)
from backfill.status.failure_rates import by_week, rates_of
from backfill.status.latest_runs import waiting_failures
from backfill.status.progress import Progress, progress
from backfill.status.season_grid import NOT_RUN, Grid, season_grid
from validation.bands import RUNBOOK
from validation.categories import count_bugs
from validation.findings.kinds import Severity, pluralize
from validation.processor_rules import RULES
from validation.season import BOOTSTRAP_DAYS
from webapp.pages.job import figures
from webapp.ui import charts, seasons
from webapp.ui import season_grid as grids
from webapp.ui.links import to_date, to_run, to_stale, with_query
from webapp.ui.seasons import LoadedSeason
from webapp.ui.typing import HtmxRequest

MOST_FINDINGS = 6
SHOWN = next(iter(RUNBOOK))  # the processor with a failure band


@require_safe
def page(request: HtmxRequest) -> HttpResponse:
    """Render the home page of one season."""
    loaded = seasons.choices()
    season = seasons.chosen(request, loaded)

    def content() -> dict[str, Any]:
        return {"overview": Overview(season) if season else None, "active": active_jobs()}

    context = {"seasons": loaded, "season": season, "shared_context": content}
    return render(request, "home/page.html", context)


@dataclass(frozen=True)
class ActiveJob:
    """A job that has not ended, with its progress."""

    job: Job
    progress: Progress

    @property
    def time_left(self) -> str:
        """Estimated duration of the remaining runs, or the reason why there is no estimate."""
        return figures.time_left(self.progress, self.job)


def active_jobs() -> list[ActiveJob]:
    """Return at most 10 running or paused jobs, oldest first."""
    at, jobs = now(), Job.objects.exclude(status__in=Job.ENDED).order_by("pk")[:10]
    return [ActiveJob(job, progress(job, at)) for job in jobs]


@dataclass(frozen=True, kw_only=True)
class HeadlineFigure:
    """Number at the top of the page, linked to its details."""

    label: str
    value: str
    note: str
    url: str
    is_bad: bool = False


@dataclass(frozen=True)
class Overview:
    """Content of the home page for a season."""

    season: LoadedSeason
    bootstrap_days: ClassVar[int] = BOOTSTRAP_DAYS
    shown: ClassVar[str] = SHOWN

    @property
    def required_games(self) -> int:
        """Minimum games of the processor in the chart."""
        return RULES[SHOWN].minimum

    @cached_property
    def grid(self) -> Grid:
        """Season grid: a cell for every (processor, date)."""
        return season_grid(self.season.year)

    @property
    def rendered(self) -> grids.RenderedGrid:
        """Season grid as HTML cells."""
        cells = self.grid.cells
        return grids.draw(
            [day.day for day in self.grid.days], lambda code, day: _as_cell(cells[code, day])
        )

    @cached_property
    def counts(self) -> dict[str, int]:
        """Number of (processor, date) per state, in the order of the legend."""
        return grids.in_order(self.grid.counts())

    @cached_property
    def failures(self) -> int:
        """Failed entities over the latest decisive runs of the season."""
        return sum(cell.failed for cell in self.grid.cells.values())

    @property
    def all_expected(self) -> bool:
        """Return whether every failure is expected: none is unexpected by the audit, none a bug."""
        is_bad = any(c.state in ("bug", "output lost") for c in self.grid.cells.values())
        return bool(self.audit and not self.audit.unexplained and not is_bad)

    @cached_property
    def waiting(self) -> int:
        """Return how many expected failures exist only because Phase 3 rows are missing."""
        return waiting_failures([self.season.year])

    @property
    def headline(self) -> str:
        """Audited runs, bugs, unexpected failures and failed runs as one sentence."""
        return audit_headline(self.audit, self.grid.cells.values()) if self.audit else ""

    @property
    def headline_figures(self) -> list[HeadlineFigure]:
        """Numbers at the top of the page."""
        season = self.season.year
        triage = with_query(reverse("triage"), season=season)
        others = [*self.jobs, *self.approvals]
        stale = self.grid.stale.keys
        attention = len(self.findings) + len(others) + bool(stale)
        running = Job.objects.exclude(status__in=Job.STOPPED).count()
        expected = [c for c in self.grid.cells.values() if c.state != "bootstrap"]
        complete = sum(c.is_complete for c in expected)
        bugs = sum(count_bugs(cell.failures) for cell in self.grid.cells.values())
        bad = bugs + (self.audit.unexplained if self.audit else 0)
        of = f"of {pluralize(self.failures, 'failure')}" if self.audit else "not audited"
        return [
            HeadlineFigure(
                label="Bugs and unexpected failures",
                value=f"{bad:,}" if self.audit or bugs else "–",
                note=(f"{pluralize(bugs, 'bug')}, {of}" if bugs else of)
                + (f"; about {self.waiting:,} for missing Phase 3 rows" if self.waiting else ""),
                url=triage,
                is_bad=bool(bad),
            ),
            HeadlineFigure(
                label="Needs attention",
                value=f"{attention:,}",
                note=pluralize(len(self.findings), "finding")
                + "".join(
                    f", {pluralize(len(items), noun)}"
                    for items, noun in ((self.jobs, "job"), (self.approvals, "launch"))
                    if items
                )
                + (f", {pluralize(len(stale), 'stale run')}" if stale else ""),
                url="#findings" if others or stale else triage,
                is_bad=bool(attention),
            ),
            HeadlineFigure(
                label="Coverage",
                value=f"{floor(1000 * complete / len(expected)) / 10:g} %" if expected else "–",
                note=f"{complete:,} of {pluralize(len(expected), 'run')}",
                url=with_query(reverse("coverage"), season=season),
            ),
            HeadlineFigure(
                label="Running jobs",
                value=f"{running:,}",
                note="all seasons",
                url=with_query(reverse("jobs"), state="active"),
            ),
        ]

    @property
    def is_new(self) -> bool:
        """Return whether the season has no run."""
        return not self.counts.keys() - {*NOT_RUN, "bootstrap", "no games"} and not any(
            c.job for c in self.grid.cells.values()
        )

    @property
    def chart(self) -> charts.RateChart:
        """Chart of the failure rates by season week."""
        points = by_week(rates_of(self.season.year, (SHOWN,))[SHOWN])
        series = charts.Series(self.season.year, self.season.name, points)
        return charts.RateChart(series=[series], code=SHOWN, by_week=True)

    @cached_property
    def audit(self) -> SeasonAudit | None:
        """Latest audit of the season."""
        return SeasonAudit.objects.filter(season=self.season.year).first()

    @cached_property
    def findings(self) -> list[Finding]:
        """Findings that need attention, most severe first."""
        return list(
            Finding.objects.filter(season=self.season.year, severity__gt=Severity.NOTE, root=None)
            .annotate(below=Count("consequences", filter=Q(consequences__state__in=Finding.LISTED)))
            .listed()
        )

    @property
    def consequences(self) -> int:
        """Return the number of findings that follow from these."""
        return sum(vars(finding)["below"] for finding in self.findings)

    @property
    def audit_pending(self) -> bool:
        """Return whether a job of the season ended and its audit has not."""
        return any(
            self.season.year in seasons_of(job.parsed_options) for job in jobs_pending_audit(now())
        )

    @cached_property
    def jobs(self) -> list[AttentionItem]:
        """Jobs of any season that need attention before their season is audited."""
        return attention_items(now())

    @cached_property
    def approvals(self) -> list[Launch]:
        """Launches of any season awaiting approval."""
        return launches_awaiting_approval()

    @property
    def needs_attention(self) -> bool:
        """Return whether a finding, a job, a launch or a load needs attention."""
        return bool(self.findings or self.jobs or self.approvals or self.grid.stale.keys)

    @property
    def stale_url(self) -> str:
        """URL of the backfill of the stale runs that the audit does not know."""
        return to_stale(self.grid.stale.dates)

    @property
    def worst(self) -> list[Finding]:
        """First findings, as many as the page shows."""
        return self.findings[:MOST_FINDINGS]

    @property
    def more(self) -> int:
        """Number of findings that the page does not show."""
        return max(0, len(self.findings) - MOST_FINDINGS)

    @property
    def by_processor(self) -> list[tuple[str, dict[str, int]]]:
        """Per processor the number of dates in each state of `counts`."""
        return [
            (code, {state: self.grid.counts(code)[state] for state in self.counts})
            for code in CHAIN
        ]


def _as_cell(cell: Any) -> grids.GridCell:
    return grids.GridCell(
        processor=cell.processor,
        date=cell.date,
        state=cell.state,
        title=cell.title,
        url=to_run(cell.run) if cell.run else to_date(cell.date, cell.processor),
    )
