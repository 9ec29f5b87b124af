"""What the home page shows of a season."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from django.utils.timezone import now

from backfill.audit.pending import pending_audit
from backfill.models import Finding, Job, SeasonAudit
from backfill.processors.registry import CHAIN
from backfill.status.attention import AttentionItem, attention_items
from backfill.status.failure_rates import by_week, rates_of
from backfill.status.progress import Progress, progress
from backfill.status.season_grid import NOT_RUN, Grid, season_grid
from validation.findings.kinds import Severity
from validation.season import BOOTSTRAP_DAYS
from validation.thresholds import SHOT_ZONES
from webapp.ui import charts
from webapp.ui import season_grid as grids
from webapp.ui.links import to_date
from webapp.ui.seasons import LoadedSeason

MOST_FINDINGS = 6
SHOWN = "PSZA"  # the one with a band


@dataclass(frozen=True)
class ActiveJob:
    """A job that is not at its end, and how far it is."""

    job: Job
    progress: Progress


def active() -> list[ActiveJob]:
    """The jobs that are under way or paused, oldest first."""
    at, found = now(), Job.objects.exclude(status__in=Job.ENDED).order_by("pk")[:10]
    return [ActiveJob(job, progress(job, at)) for job in found]


@dataclass(frozen=True)
class Overview:
    """A season at one glance."""

    season: LoadedSeason
    bootstrap_days: ClassVar[int] = BOOTSTRAP_DAYS
    required_games: ClassVar[int] = SHOT_ZONES.sample_games

    @cached_property
    def grid(self) -> Grid:
        """Every (processor, date)."""
        return season_grid(self.season.year)

    @property
    def drawn(self) -> grids.RenderedGrid:
        """The grid as it is shown."""
        cells = self.grid.cells
        return grids.draw(
            [day.day for day in self.grid.days], lambda code, day: _as_cell(cells[code, day])
        )

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many (processor, date) are in each state that occurs, in the order of the legend."""
        return grids.in_order(self.grid.counts())

    @property
    def is_new(self) -> bool:
        """Whether nothing has been run of it."""
        return not self.counts.keys() - {*NOT_RUN, "bootstrap", "no games"} and not any(
            c.job for c in self.grid.cells.values()
        )

    @property
    def chart(self) -> dict[str, Any]:
        """The failure rates by season week."""
        rates = {code: by_week(points) for code, points in rates_of(self.season.year).items()}
        return charts.season_rates(rates, SHOWN, self.season.name, by_week=True)

    @cached_property
    def judged(self) -> SeasonAudit | None:
        """The last judgement."""
        return SeasonAudit.objects.filter(season=self.season.year).first()

    @cached_property
    def findings(self) -> list[Finding]:
        """What wants a person, worst first."""
        return list(
            Finding.objects.filter(season=self.season.year, severity__gt=Severity.NOTE).listed()
        )

    @property
    def judging(self) -> bool:
        """Whether something of it has just ended and is about to be judged."""
        return any(self.season.year in job.parsed_options.seasons for job in pending_audit(now()))

    @cached_property
    def jobs(self) -> list[AttentionItem]:
        """Jobs of any season that want a person before they are judged."""
        return attention_items(now())

    @property
    def may_change(self) -> bool:
        """Whether what needs a person may be another thing in a moment."""
        return self.judging or Job.objects.exclude(status__in=Job.STOPPED).exists()

    @property
    def worst(self) -> list[Finding]:
        """As many as fit on the page."""
        return self.findings[:MOST_FINDINGS]

    @property
    def more(self) -> int:
        """How many do not."""
        return max(0, len(self.findings) - MOST_FINDINGS)

    @property
    def by_processor(self) -> list[tuple[str, dict[str, int]]]:
        """The grid as a table: per processor how many dates are in each state."""
        return [
            (code, {state: self.grid.counts(code)[state] for state in self.counts})
            for code in CHAIN
        ]


def _as_cell(cell: Any) -> grids.GridCell:
    return grids.GridCell(
        cell.processor, cell.date, cell.state, cell.title, to_date(cell.date, cell.processor)
    )
