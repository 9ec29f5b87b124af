"""The list of jobs: what is asked for, and a page of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zlib import crc32

from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, Max, Min, OuterRef, QuerySet
from django.http import QueryDict
from django.urls import reverse

from backfill.models import Job, Run
from backfill.plan.options import MODES
from backfill.season_calendar import season_name
from validation.season import FIRST_MONTH, season_year
from webapp.pages.job import figures
from webapp.ui.links import with_query
from webapp.ui.query_params import one_of, year

JOBS_A_PAGE = 25
UNDER_WAY, ENDED = "under way", "ended"
GROUPS = {
    UNDER_WAY: (*Job.ACTIVE, Job.Status.PAUSING, Job.Status.PAUSED, Job.Status.CANCELLING),
    ENDED: Job.ENDED,
}
POLL_SECONDS = 3


@dataclass(frozen=True)
class JobFilters:
    """The filters, as they stand in the query string."""

    state: str = ""
    who: str = ""
    season: str = ""
    mode: str = ""
    page: str = ""

    @classmethod
    def parsed(cls, query: QueryDict) -> JobFilters:
        """What is asked for. Raises Refused with the filter that is wrong."""
        asked = cls(
            *(query.get(name, "").strip() for name in ("state", "who", "season", "mode", "page"))
        )
        one_of(asked.state, "state of a job", (*GROUPS, *Job.Status.values))
        one_of(asked.mode, "mode", MODES)
        year(asked.season)
        return asked

    @property
    def is_filtered(self) -> bool:
        """Whether not all jobs are asked for."""
        return any((self.state, self.who, self.season, self.mode))

    def url(self, path: str, **changed: object) -> str:
        """A path that asks the same, but for what is changed."""
        return with_query(path, **{**self.__dict__, **changed})

    def jobs(self) -> QuerySet[Job]:
        """Those that are asked for, the newest first."""
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
    """The runs of a job with a date in a season."""
    runs = Run.objects.filter(job=OuterRef("pk"))
    return runs.filter(
        date__gte=date(began, FIRST_MONTH, 1), date__lt=date(began + 1, FIRST_MONTH, 1)
    )


@dataclass(frozen=True)
class JobRow:
    """A job in the list."""

    job: Job
    bar: figures.ProgressBar
    broken: int
    seconds: float | None


def choices() -> dict[str, Any]:
    """What the filters offer."""
    between = Run.objects.aggregate(first=Min("date"), last=Max("date"))
    years = (
        range(season_year(between["last"]), season_year(between["first"]) - 1, -1)
        if between["last"]
        else ()
    )
    return {
        "states": [UNDER_WAY, ENDED, *Job.Status.values],
        "people": list(Job.objects.order_by("actor").values_list("actor", flat=True).distinct()),
        "seasons": [(str(year), season_name(year)) for year in years],
        "modes": MODES,
    }


def listed(asked: JobFilters, at: datetime) -> dict[str, Any]:
    """A page of jobs with their progress; a fixed number of queries."""
    shown: Page[Job] = Paginator(asked.jobs(), JOBS_A_PAGE).get_page(asked.page)
    counts = _counts([job.pk for job in shown])
    rows = [_row(job, counts.get(job.pk, {}), at) for job in shown]
    under_way = any(job.status not in Job.STOPPED for job in shown)
    seen, path = _digest(rows), reverse("jobs")
    return {
        "asked": asked,
        "page": shown,
        "rows": rows,
        "every": POLL_SECONDS if under_way else 0,
        "seen": seen,
        "list_url": asked.url(reverse("jobs_list"), seen=seen),
        "newer": asked.url(path, page=shown.previous_page_number()) if shown.has_previous() else "",
        "older": asked.url(path, page=shown.next_page_number()) if shown.has_next() else "",
    }


def _row(job: Job, counts: dict[str, int], at: datetime) -> JobRow:
    seconds = ((job.finished_at or at) - job.started_at).total_seconds() if job.started_at else None
    return JobRow(
        job,
        figures.bar(str(job), counts),
        counts.get("failed", 0) + counts.get("blocked", 0),
        seconds,
    )


def _counts(numbers: list[int]) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    runs = Run.objects.filter(job__in=numbers).own()
    for job, status, n in runs.values_list("job", "status").annotate(n=Count("pk")):
        found.setdefault(job, {})[status] = n
    return found


def _digest(rows: list[JobRow]) -> str:
    """What of the list may change without anybody asking for another one."""
    return f"{crc32(repr([(r.job.pk, r.job.status, r.bar) for r in rows]).encode()):08x}"
