"""Jobs page: filters and one page of the list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core.paginator import Page
from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.timezone import now
from django.views.decorators.http import require_safe

from backfill.elapsed import seconds_between
from backfill.models import Job, Run
from backfill.plan.options import MODES
from backfill.season_calendar import season_dates, season_name
from backfill.status.progress import runs_with_bugs
from backfill.status.run.retry import retry_reasons
from webapp.live.middleware import is_poll
from webapp.models import User
from webapp.pages.job import figures
from webapp.pages.job.buttons import RowAction
from webapp.ui.links import to_retry, with_query
from webapp.ui.query_params import one_of, year
from webapp.ui.tables import PAGE_SIZES, ListColumn, page_size, paginate, parse_order
from webapp.ui.typing import HtmxRequest

ORDERS: dict[str, Any] = {
    "job": F("pk"),
    "state": F("status"),
    "dates": KT("options__start"),
    "failed": F("broken"),
    "who": F("actor"),
    "created": F("created_at"),
    "duration": F("finished_at") - F("started_at"),
}
NEWEST_FIRST = "-job"
COLUMNS = (
    ListColumn(heading="Job", order="job", descending_first=True),
    ListColumn(heading="State", order="state"),
    ListColumn(heading="Dates", order="dates", descending_first=True),
    "Processors",
    "Runs ended",
    ListColumn(heading="Failed or blocked", order="failed", numeric=True, descending_first=True),
    ListColumn(heading="Triggered by", order="who"),
    ListColumn(heading="Created", order="created", descending_first=True),
    ListColumn(heading="Duration", order="duration", numeric=True, descending_first=True),
    "-Action",
)
BROKEN = (Run.Status.FAILED, Run.Status.BLOCKED)
MOST_CHECKED = 200  # failed runs of a page, whose retries are checked
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
        return {**listed(asked, now(), request.user), **({} if is_poll(request) else choices())}

    return render(request, "job/list.html", {"asked": asked, "shared_context": content})


@dataclass(frozen=True, kw_only=True)
class JobFilters:
    """Filters of the query string."""

    state: str = ""
    who: str = ""
    season: str = ""
    mode: str = ""
    q: str = ""
    sort: str = ""
    size: int = PAGE_SIZES[0]
    page: str = ""

    @classmethod
    def parsed(cls, query: QueryDict) -> JobFilters:
        """Read the filters. Raises Refused for an invalid one."""
        asked = cls(
            state=ACTIVE if (state := query.get("state", "").strip()) == FORMER else state,
            who=query.get("who", "").strip(),
            season=query.get("season", "").strip(),
            mode=query.get("mode", "").strip(),
            q=query.get("q", "").strip()[:200],
            sort=parse_order(query, ORDERS, "jobs"),
            size=page_size(query),
            page=query.get("page", "").strip(),
        )
        one_of(asked.state, "state of a job", (*GROUPS, *Job.Status.values))
        one_of(asked.mode, "mode", MODES)
        year(asked.season)
        return asked

    @property
    def is_filtered(self) -> bool:
        """Return whether any filter is set."""
        return any((self.state, self.who, self.season, self.mode, self.q))

    @property
    def query(self) -> str:
        """Filters as a query string."""
        return self.url("").removeprefix("?")

    def url(self, path: str, **changed: object) -> str:
        """Return a path with these filters, some of them changed."""
        size = "" if self.size == PAGE_SIZES[0] else self.size
        return with_query(path, **{**self.__dict__, "size": size, **changed})

    def jobs(self) -> QuerySet[Job]:
        """Return the matching jobs, newest first."""
        order = self.sort or NEWEST_FIRST
        by = ORDERS[order.removeprefix("-")]
        turned = order.startswith("-")
        found = Job.objects.select_related("retry_of").prefetch_related("retried_by")
        if order.endswith("failed"):
            found = found.annotate(broken=_broken())
        found = found.order_by(by.desc(nulls_last=True) if turned else by.asc(), "-pk")
        if self.q:
            found = found.filter(self._matches())
        if self.state:
            found = found.filter(status__in=GROUPS.get(self.state, (self.state,)))
        if self.who:
            found = found.filter(actor=self.who)
        if self.mode:
            found = found.filter(options__mode=self.mode)
        season = year(self.season)
        return found.filter(Exists(_of_season(season))) if season else found

    def _matches(self) -> Q:
        """Return the condition of the search: number, person, reason, or a date of the job."""
        found = Q(actor__icontains=self.q) | Q(reason__icontains=self.q)
        number = self.q.lower().removeprefix("job").strip()
        if number.isascii() and number.isdigit() and len(number) < 16:
            found |= Q(pk=int(number)) | Q(retry_of=int(number))
        with suppress(ValueError):
            dated = Run.objects.filter(job=OuterRef("pk"), date=date.fromisoformat(self.q))
            found |= Q(Exists(dated))
        return found


def _broken() -> Coalesce:
    """Return the number of failed and blocked runs of the outer query's job."""
    runs = Run.objects.filter(job=OuterRef("pk"), status__in=BROKEN).order_by().values("job")
    return Coalesce(Subquery(runs.annotate(n=Count("pk")).values("n")), 0)


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
    actions: Sequence[RowAction] = ()


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


def listed(asked: JobFilters, at: datetime, user: User) -> dict[str, Any]:
    """Return a page of jobs with their progress and actions, in a fixed number of queries."""
    shown: Page[Job] = paginate(asked.jobs(), asked.size, asked.page)
    numbers = [job.pk for job in shown]
    counts, bugs = _counts(numbers), Counter[int]()
    for (job, _), n in runs_with_bugs(numbers).items():
        bugs[job] += n
    retries = _retries(shown) if user.may_operate else {}
    rows = [
        _row(job, counts.get(job.pk, {}), bugs[job.pk], _actions(job, retries, user), at)
        for job in shown
    ]
    return {
        "asked": asked,
        "page": shown,
        "rows": rows,
        "columns": COLUMNS,
        "order": asked.sort or NEWEST_FIRST,
    }


def _retries(jobs: Iterable[Job]) -> dict[int, str]:
    """Return the reason against a retry of each ended job with failed runs that no later run has
    replaced; empty if a retry fixes something.
    """
    later = Run.objects.filter(
        processor=OuterRef("processor"), date=OuterRef("date"), pk__gt=OuterRef("pk")
    ).exclude(status=Run.Status.CANCELLED)
    ended = [job.pk for job in jobs if job.status in Job.ENDED]
    failed = Run.objects.filter(job__in=ended, status__in=BROKEN).exclude(Exists(later))
    runs = list(failed.order_by("-pk")[:MOST_CHECKED])
    reasons, found = retry_reasons(runs), dict[int, str]()
    for run in runs:
        if run.pk in reasons and found.get(run.job_id) != "":
            found[run.job_id] = reasons[run.pk]
    return found


def _actions(job: Job, retries: Mapping[int, str], user: User) -> Sequence[RowAction]:
    if not user.may_operate:
        return ()
    if job.pk in retries:
        url = to_retry(job.pk)
        return (RowAction(label="Retry", url=url, disabled_reason=retries[job.pk]),)
    verbs = [] if job.status in Job.ENDED else ["cancel"]
    if job.status in (Job.Status.PAUSED, Job.Status.PAUSING):
        verbs.insert(0, "resume")
    return tuple(
        RowAction(label=verb.capitalize(), url=reverse(f"job_{verb}", args=[job.pk]), dialog=True)
        for verb in verbs
    )


def _row(
    job: Job, counts: dict[str, int], bugs: int, actions: Sequence[RowAction], at: datetime
) -> JobRow:
    seconds = seconds_between(job.started_at, job.finished_at or at) if job.started_at else None
    return JobRow(
        job=job,
        bar=figures.bar(str(job), counts, bugs),
        actions=actions,
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
