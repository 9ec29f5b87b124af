"""What the page of a job shows beside its live part."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from django.core.paginator import Page, Paginator
from django.urls import reverse
from django.utils.timezone import now

from backfill.errors import WarehouseError
from backfill.execution.live_checks import KINDS
from backfill.jobs.lifecycle import Cancelled, dropped_and_finishing
from backfill.models import Event, EventKind, Job, Run
from backfill.status import job_outcome as outcomes
from backfill.status.error_groups import ErrorGroup
from backfill.version import code_version
from webapp.models import User
from webapp.pages.job import figures
from webapp.pages.job.buttons import no_retry
from webapp.pages.job.live import live, to_look_at
from webapp.pages.new_backfill.form import NUMBERS
from webapp.ui import links

EVENTS_A_PAGE = 25
# In the order in which people ask; what is not listed is shown under its own name.
OPTION_WORDS = {
    "force": "run everything, also what is complete",
    "failed": "only what failed",
    "outdated": "also what is outdated",
    "canary": "canary: the first date alone",
    "brake": "brake: a bug pauses the job",
    "newest_first": "newest dates first",
    "skip_preflight": "preflight skipped",
    "skip_trigger": "without telling Phase 5",
    "batch_size": "dates a batch",
    "parallel": "batches in flight at most",
    "max_retries": "automatic retries",
}


def page(job: Job, user: User, events: str, with_runs: str) -> dict[str, Any]:
    """Everything of the page; a fixed number of queries, none of the warehouse."""
    found = live(job, user, "", now())
    runs = outcomes.own_runs(job)
    verdicts = outcomes.verdicts_of(runs)
    return {
        "job": job,
        "live": found,
        "options": options(job),
        "grid": figures.grid(job, runs, verdicts),
        "twin": figures.table_twin(job, runs, verdicts),
        "codes": job.options["processors"],
        "outcome": outcomes.job_outcome(runs, verdicts),
        **to_look_at(job),
        "attempts": outcomes.attempts(job),
        "kinds": KINDS,
        "checks": checks(job),
        "triggers": list(job.triggers.order_by("date")),
        "code_now": code_version(),
        "retried_by": list(job.retried_by.order_by("pk")),
        **event_page(job, events, with_runs),
    }


def options(job: Job) -> list[tuple[str, Any]]:
    """The options in force that differ from one job to the next, each in words."""
    in_force = {**asdict(job.parsed_options), **job.in_force}
    return [
        (words, in_force[name] if name in NUMBERS else "yes" if in_force[name] else "no")
        for name, words in OPTION_WORDS.items()
    ]


def checks(job: Job) -> list[tuple[str, str, int, float]]:
    """Normal mode's checks: name, how they ended, how often, seconds in all."""
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


def event_page(job: Job, number: str, with_runs: str) -> dict[str, Any]:
    """The newest events first; those of single runs on demand."""
    found = job.events.order_by("-pk").select_related("run")
    found = found if with_runs else found.filter(run=None)
    shown: Page[Event] = Paginator(found, EVENTS_A_PAGE).get_page(number)
    return {"events": shown, "with_runs": with_runs}


def groups(job: Job, user: User) -> dict[str, Any]:
    """The error groups of what is wrong now, and why they cannot be retried, if so; or the sentence
    why nobody can tell.
    """
    try:
        found = outcomes.groups_now(job)
    except WarehouseError as error:
        return {"job": job, "unread": f"{type(error).__name__}: {error}"}
    shown = [(g, links.to_retry(job.pk, group=g.id), _strip(g)) for g in found]
    return {"job": job, "groups": shown, "why_not": no_retry(job, user)}


def _strip(group: ErrorGroup) -> list[tuple[float, str]]:
    """Where a group's dates lie between its first and its last: percents of a line."""
    days = (group.dates[-1] - group.dates[0]).days or 1
    return [(round(96 * (day - group.dates[0]).days / days, 1), str(day)) for day in group.dates]


def run_page(run: Run) -> dict[str, Any]:
    """One run: why, how long, under what code; its events; the same date in other jobs."""
    others = (
        Run.objects.filter(processor=run.processor, date=run.date)
        .exclude(pk=run.pk)
        .select_related("job")
    )
    verdicts = outcomes.verdicts_of(found := outcomes.own_runs(run.job, [run.pk]))
    verdict = verdicts.get(run.run_id)
    return {
        "run": run,
        "job": run.job,
        "state": outcomes.state_of(found[0], verdict),
        "verdict": verdict,
        "events": list(run.events.order_by("pk")),
        "others": list(others.order_by("-pk")[:25]),
        "date_url": links.to_date(run.date, run.processor),
        "retry_url": links.to_retry(run.job_id),
        "job_url": reverse("job", args=[run.job_id]),
    }


def effects(job: Job) -> dict[str, Any]:
    """What pausing, going on or cancelling would do, in runs."""
    found: Cancelled = dropped_and_finishing(job)
    cancelled = job.runs.filter(status=Run.Status.CANCELLED).count()
    asked = (
        job.events.filter(run=None, kind=EventKind.TRANSITION, to_state=Job.Status.PAUSING)
        .order_by("pk")
        .last()
    )
    return {
        "pending": found.dropped,
        "running": found.finishing,
        "cancelled": cancelled,
        "paused_because": asked and asked.reason,
    }
