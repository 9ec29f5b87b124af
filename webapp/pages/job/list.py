"""Jobs page: filters and one page of the list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Page
from django.db.models import Count, Exists, Max, Min, OuterRef, QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.timezone import now
from django.views.decorators.http import require_safe

from backfill.elapsed import seconds_between
from backfill.models import Job, Run
from backfill.plan.options import MODES
from backfill.season_calendar import season_dates, season_name
from webapp.live.middleware import is_poll
from webapp.pages.job import figures
from webapp.ui.links import with_query
from webapp.ui.query_params import one_of, year
from webapp.ui.tables import paginate
from webapp.ui.typing import HtmxRequest

JOBS_A_PAGE = 25
# Values of the parameter `state` that select several states; links and bookmarks hold them.
ACTIVE, ENDED = "active", "ended"
FORMER = "under way"  # `state` of the previous release
GROUPS = {
    ACTIVE: (*Job.ACTIVE, Job.Status.PAUSING, Job.Status.PAUSED, Job.Status.CANCELLING),
    ENDED: Job.ENDED,
}


@require_safe
def page(request: HtmxRequest) -> HttpResponse:
    """Render the list with its filters."""
    asked = JobFilters.parsed(request.GET)

    def content() -> dict[str, Any]:
        return {**listed(asked, now()), **({} if is_poll(request) else choices())}

    return render(request, "job/list.html", {"asked": asked, "shared_context": content})


@dataclass(frozen=True, kw_only=True)
class JobFilters:
    """Filters of the query string."""

    state: str = ""
    who: str = ""
    season: str = ""
    mode: str = ""
    page: str = ""

    @classmethod
    def parsed(cls, query: QueryDict) -> JobFilters:
        """Read the filters. Raises Refused for an invalid one."""
        asked = cls(
            state=ACTIVE if (state := query.get("state", "").strip()) == FORMER else state,
            who=query.get("who", "").strip(),
            season=query.get("season", "").strip(),
            mode=query.get("mode", "").strip(),
            page=query.get("page", "").strip(),
        )
        one_of(asked.state, "state of a job", (*GROUPS, *Job.Status.values))
        one_of(asked.mode, "mode", MODES)
        year(asked.season)
        return asked

    @property
    def is_filtered(self) -> bool:
        """Return whether any filter is set."""
        return any((self.state, self.who, self.season, self.mode))

    @property
    def query(self) -> str:
        """Filters as a query string."""
        return self.url("").removeprefix("?")

    def url(self, path: str, **changed: object) -> str:
        """Return a path with these filters, some of them changed."""
        return with_query(path, **{**self.__dict__, **changed})

    def jobs(self) -> QuerySet[Job]:
        """Return the matching jobs, newest first."""
        found = (
            Job.objects.order_by("-pk").select_related("retry_of").prefetch_related("retried_by")
        )
        if self.state:
            found = found.filter(status__in=GROUPS.get(self.state, (self.state,)))
        if self.who:
            found = found.filter(actor=self.who)
        if self.mode:
            found = found.filter(options__mode=self.mode)
        season = year(self.season)
        return found.filter(Exists(_of_season(season))) if season else found


def _of_season(began: int) -> QuerySet[Run]:
    """Return the runs of the outer query's job in a season."""
    runs = Run.objects.filter(job=OuterRef("pk"))
    return runs.filter(date__range=season_dates().bounds(began))


@dataclass(frozen=True, kw_only=True)
class JobRow:
    """Row of the list; `broken` counts failed and blocked runs."""

    job: Job
    bar: figures.ProgressBar
    broken: int
    seconds: float | None
    clock_moved: bool


def choices() -> dict[str, Any]:
    """Return the choices of each filter."""
    between = Run.objects.aggregate(first=Min("date"), last=Max("date"))
    of = season_dates().year_of
    years = range(of(between["last"]), of(between["first"]) - 1, -1) if between["last"] else ()
    return {
        "states": [(s, s) for s in (*GROUPS, *Job.Status.values)],
        "people": list(Job.objects.order_by("actor").values_list("actor", flat=True).distinct()),
        "seasons": [(str(year), season_name(year)) for year in years],
        "modes": MODES,
    }


def listed(asked: JobFilters, at: datetime) -> dict[str, Any]:
    """Return a page of jobs with their progress, in a fixed number of queries."""
    shown: Page[Job] = paginate(asked.jobs(), JOBS_A_PAGE, asked.page)
    counts = _counts([job.pk for job in shown])
    rows = [_row(job, counts.get(job.pk, {}), at) for job in shown]
    return {
        "asked": asked,
        "page": shown,
        "rows": rows,
    }


def _row(job: Job, counts: dict[str, int], at: datetime) -> JobRow:
    seconds = seconds_between(job.started_at, job.finished_at or at) if job.started_at else None
    return JobRow(
        job=job,
        bar=figures.bar(str(job), counts),
        broken=counts.get("failed", 0) + counts.get("blocked", 0),
        seconds=seconds,
        clock_moved=bool(job.started_at and (job.finished_at or at) < job.started_at),
    )


def _counts(numbers: list[int]) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    runs = Run.objects.filter(job__in=numbers).own()
    for job, status, n in runs.values_list("job", "status").annotate(n=Count("pk")):
        found.setdefault(job, {})[status] = n
    return found
