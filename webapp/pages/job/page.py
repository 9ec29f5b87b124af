"""Job page: everything outside its live part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import asdict
from functools import partial
from typing import Any

from django.core.paginator import Page
from django.db.models import Count, Max
from django.http import QueryDict
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.timezone import now

from backfill.drilldown.entity_names import all_names
from backfill.errors import WarehouseError
from backfill.execution.live_checks import KINDS
from backfill.jobs.lifecycle import Cancelled, dropped_and_finishing
from backfill.models import Event, Job, SeasonAudit
from backfill.season_calendar import season_name, season_year, seasons_of
from backfill.status import job_outcome as outcomes
from backfill.status.attention import stop_cause
from backfill.status.change_summary import change_summary
from backfill.status.error_groups import ErrorGroup
from backfill.status.failures import Failure, JobFailures, nothing_to_retry
from backfill.status.job_outcome import OtherAttempts
from backfill.version import code_version
from webapp.models import User
from webapp.pages.job import figures
from webapp.pages.job.buttons import no_retry
from webapp.pages.job.live import live, next_steps
from webapp.pages.new_backfill.link import NUMBERS
from webapp.ui import links
from webapp.ui.shared_cache import shared
from webapp.ui.tables import page_size, paginate
from webapp.ui.typing import HtmxRequest

SHARED_SECONDS = 1
TABLE = "table"  # parameter that opens the table view
RUNS_SECONDS = 600  # a cached entry is used only while nothing has changed
# Label of each option, in the order of the page.
OPTION_LABELS = {
    "force": "rerun complete runs",
    "failed": "failed runs only",
    "outdated": "rerun stale runs",
    "canary": "canary (first date alone)",
    "brake": "pause on error",
    "newest_first": "newest dates first",
    "skip_preflight": "skip preflight",
    "skip_trigger": "skip Phase 5 trigger",
    "batch_size": "dates per batch",
    "parallel": "concurrency limit",
    "max_retries": "automatic retries",
}


def page(job: Job, request: HtmxRequest, season: int) -> dict[str, Any]:
    """Return the context of the page. Users of a role share its parts for a second, or until an
    event of the job itself.
    """
    newest = job.events.filter(run=None).aggregate(newest=Max("pk"))["newest"]
    key = f"job {job.pk} {job.status} {request.user.role} {newest} {request.GET.urlencode()}"
    make = partial(_parts, job, request, season)
    is_poll = getattr(request, "live", None)
    return {"job": job, "shared": make() if is_poll else shared(key, SHARED_SECONDS, make)}


def _parts(job: Job, request: HtmxRequest, season: int) -> dict[str, SafeString]:
    """Return the rendered parts, which contain nothing of the user but the role."""
    query = request.GET
    context = _context(job, request.user, query, season)
    return {
        "title": render_to_string("job/_title.html", context, request),
        "state": render_to_string("job/_heading.html", context, request),
        "under": render_to_string("job/_under.html", context, request),
        "content": render_to_string("job/_content.html", context, request),
    }


def _context(job: Job, user: User, query: QueryDict, season: int) -> dict[str, Any]:
    """Return the context of the parts: a fixed number of queries, none of the warehouse."""
    current = live(job, user, now())
    others = outcomes.attempts(job)
    of_runs = _of_runs(job, season, others)
    return {
        "job": job,
        "live": current,
        "options": options(job),
        "codes": job.options["processors"],
        **of_runs,
        "with_table": TABLE in query,
        "table_url": links.with_query(
            reverse("job", args=[job.pk]), season=query.get("season", ""), **{TABLE: 1}
        ),
        **next_steps(job),
        "attempts": others,
        "kinds": KINDS,
        "checks": checks(job),
        "triggers": list(job.triggers.order_by("date")),
        "code_now": code_version(),
        "retried_by": list(job.retried_by.order_by("pk")),
        "undone_by": list(job.undone_by.order_by("pk")),
        **event_page(job, query),
    }


def table(job: Job, season: int) -> dict[str, Any]:
    """Return the context of the table view alone."""
    of_runs = _of_runs(job, season, outcomes.attempts(job))
    return {"codes": job.options["processors"], "state_rows": of_runs["state_rows"]}


def _of_runs(job: Job, season: int, others: list[OtherAttempts]) -> dict[str, Any]:
    """Return everything computed from all runs, cached until a run or an audit changes."""
    audited = SeasonAudit.objects.filter(season__in=seasons_of(job.parsed_options))
    newest = audited.aggregate(newest=Max("at"))["newest"]
    events = job.events.aggregate(newest=Max("pk"), n=Count("pk"))
    mark = f"{events['newest']} {events['n']} {newest} {_mark(others)}"
    key = f"job runs {job.pk} {job.status} {mark} {season}"
    return shared(key, RUNS_SECONDS, lambda: _computed_of_runs(job, season, others), is_part=True)


def _mark(others: list[OtherAttempts]) -> str:
    return " ".join(f"{o.job}:{o.complete}:{o.failed}" for o in others)


def _computed_of_runs(job: Job, given: int, others: list[OtherAttempts]) -> dict[str, Any]:
    runs = outcomes.own_runs(job)
    audits = outcomes.verdicts_of(runs)
    replaced = outcomes.superseded(job, runs) if others else {}
    season = figures.grid_season(runs, given)
    shown = figures.of_season(runs, season)
    return {
        "season": season,
        "seasons": [(year, season_name(year)) for year in figures.grid_seasons(runs)],
        "grid": figures.grid(job, shown, audits),
        "outcome": outcomes.job_outcome(runs, audits, replaced),
        "changes": change_summary(job),
        "state_rows": figures.state_rows(job, shown, audits),
    }


def options(job: Job) -> list[tuple[str, Any]]:
    """Return the label and value of every option that differs between jobs."""
    in_force = {**asdict(job.parsed_options), **job.in_force}
    return [
        (label, in_force[name] if name in NUMBERS else "yes" if in_force[name] else "no")
        for name, label in OPTION_LABELS.items()
        # Backfill mode never triggers Phase 5.
        if name != "skip_trigger" or not job.parsed_options.backfill_mode
    ]


def checks(job: Job) -> list[tuple[str, str, int, float]]:
    """Return the checks of normal mode: name, result, runs, total seconds."""
    counts, seconds = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for found in (
        () if job.parsed_options.backfill_mode else job.runs.values_list("checks", flat=True)
    ):
        for check in found:
            key = check["name"], check["status"]
            counts[key] += 1
            seconds[key] += check["seconds"]
    return [
        (name, status, n, seconds[name, status]) for (name, status), n in sorted(counts.items())
    ]


def event_page(job: Job, query: QueryDict) -> dict[str, Any]:
    """Return a page of events, newest first; the parameter `runs` includes the events of runs."""
    with_runs = query.get("runs", "")
    found = job.events.order_by("-pk").select_related("run")
    found = found if with_runs else found.filter(run=None)
    shown: Page[Event] = paginate(found, page_size(query), query.get("page"))
    return {"events": shown, "with_runs": with_runs}


def groups(job: Job, user: User) -> dict[str, Any]:
    """Return the current error groups, each with the reason that it cannot be retried, or the
    error that prevents reading them. `nothing_to_retry` is about all failures of the job.
    """
    refused, failures = no_retry(job, user), list[Failure]()
    try:
        found = outcomes.groups_now(job)
        if not refused:
            standing = JobFailures(job)
            failures = standing.failures(standing.deciding.keys())
        names = {g.id: _names(g) for g in found}
    except WarehouseError as error:
        return {"job": job, "unread": f"{type(error).__name__}: {error}"}
    shown = [
        {
            "group": g,
            "retry_url": links.to_retry(job.pk, group=g.id),
            "strip": _strip(g),
            "names": names[g.id],
            "disabled_reason": refused or nothing_to_retry(_of_group(g, failures)),
        }
        for g in found
    ]
    return {
        "job": job,
        "groups": shown,
        "nothing_to_retry": "" if refused else nothing_to_retry(failures),
        "retry_url": links.to_retry(job.pk),
    }


def _of_group(group: ErrorGroup, failures: Collection[Failure]) -> list[Failure]:
    keys = group.keys
    return [f for f in failures if f.what == group.what and f.key in keys]


def _names(group: ErrorGroup) -> list[str]:
    """Return the display names of a group's entities. Raises WarehouseError."""
    names = all_names(season_year(group.dates[0]))
    return [names[e].name if e in names else e for e in group.entities]


def _strip(group: ErrorGroup) -> list[tuple[float, str]]:
    """Return the position of each date between the first and the last, in percent."""
    days = (group.dates[-1] - group.dates[0]).days or 1
    return [(round(96 * (day - group.dates[0]).days / days, 1), str(day)) for day in group.dates]


def effects(job: Job) -> dict[str, Any]:
    """Return the number of runs that pause, resume or cancel would affect, and the stop cause."""
    effect: Cancelled = dropped_and_finishing(job)
    return {
        "pending": effect.dropped,
        "running": effect.finishing,
        "cause": stop_cause(job),
    }
