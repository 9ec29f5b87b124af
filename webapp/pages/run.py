"""Run page, which other pages open as a drawer: detail, log, errors with their source rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zlib import crc32

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import now
from django.views.decorators.http import require_safe

from backfill.drilldown.entities import list_entities
from backfill.drilldown.entity_names import all_names
from backfill.errors import WarehouseError
from backfill.models import Finding, Run, StepLog
from backfill.plan.rerun_policy import lost
from backfill.season_calendar import load_calendar, season_year
from backfill.status import error_groups
from backfill.status.failures import failures_of, nothing_to_retry
from backfill.status.job_outcome import own_runs, state_of, verdicts_of
from backfill.status.latest_runs import AuditSummary
from backfill.status.run import detail as run_detail
from backfill.status.run import log as run_log
from backfill.status.run.log import LogFilter
from webapp.models import User
from webapp.pages.job.buttons import no_retry
from webapp.ui import links
from webapp.ui.typing import HtmxRequest

MOST_LINES = 2000  # of an attempt, on the page; the download has all
MOST_NAMED = 5  # failed entities with a link
DRAWER = "drawer"


@require_safe
def page(request: HtmxRequest, pk: int) -> HttpResponse:
    """Render a run, as a page or as the content of the drawer."""
    run = run_of(pk)
    template = "run/_drawer.html" if request.htmx.target == DRAWER else "run/page.html"
    return render(request, template, {**facts(run, now()), **log_context(run, request, now())})


@require_safe
def log(request: HtmxRequest, pk: int) -> HttpResponse:
    """Render the log with the current facts; 204 if the browser already has this version."""
    run = run_of(pk)
    context = log_context(run, request, now())
    if request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    template = "run/_log.html" if request.htmx else "run/page.html"
    return render(request, template, {**facts(run, now()), **context, "swapped": request.htmx})


@require_safe
def download(request: HtmxRequest, pk: int) -> HttpResponse:
    """Return the log as text."""
    run = run_of(pk)
    text = run_log.as_text(run, StepLog.objects.of(run), filter_of(request))
    response = HttpResponse(text, content_type="text/plain; charset=utf-8")
    name = f"run-{run.run_id}-{run.processor}-{run.date}.txt"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_safe
def errors(request: HtmxRequest, pk: int) -> HttpResponse:
    """Render the errors with their entities and source rows, and the retry; reads the warehouse."""
    run = run_of(pk)
    template = "run/_errors.html" if request.htmx else "run/page.html"
    context = {"run": run, **error_context(run, request.user)}
    if not request.htmx:
        context |= {**facts(run, now()), **log_context(run, request, now()), "with_errors": True}
    return render(request, template, context)


@require_safe
def of_job(request: HtmxRequest, number: int, processor: str, day: Any) -> HttpResponse:
    """Redirect the address of the previous release."""
    run = get_object_or_404(Run, job=number, processor=processor, date=day)
    return redirect("run", run.pk, permanent=True)


def run_of(pk: int) -> Run:
    """Return the run with its job. Raises Http404."""
    return get_object_or_404(Run.objects.select_related("job"), pk=pk)


def filter_of(request: HtmxRequest) -> LogFilter:
    """Return the filter of the log from the query string."""
    query = request.GET
    return LogFilter(
        text=query.get("q", "").strip(),
        every_date=query.get("dates") == "all",
        trouble=query.get("level") == "trouble",
    )


def facts(run: Run, at: datetime) -> dict[str, Any]:
    """Return everything about a run except its log, without reading the warehouse."""
    (own_run,) = own_runs(run.job, [run.pk])
    audit = verdicts_of([own_run]).get(run.run_id)
    counts = run_detail.failure_counts(run, audit)
    seconds, usual = run_detail.duration(run), run_detail.usual_duration(run)
    return {
        "run": run,
        "job": run.job,
        "state": state_of(own_run, audit),
        "audit": audit,
        "active": run.status in Run.ACTIVE,
        "seconds_own": seconds,
        "usual": usual,
        "ratio": seconds / usual.seconds if seconds and usual and usual.seconds else None,
        "counts": counts,
        "bugs": sum(found.entities for found in counts if found.category.is_bug),
        "unexpected": _unexpected(audit),
        "newer": run_detail.newer_run(run),
        "attempts": [(a, a.seconds(at)) for a in run_detail.attempts(run)],
        "findings": run_detail.findings_about(run),
        "statement": run_detail.statement(run),
        "events": list(run.events.order_by("pk")),
        "date_url": links.to_date(run.date, run.processor),
        "has_errors": bool(run.failures) or run.status in (Run.Status.FAILED, Run.Status.BLOCKED),
        "detail": list(run.error_detail.items()),
    }


def _unexpected(audit: AuditSummary | None) -> list[tuple[str, int]]:
    """Return the unexpected results of a run with their numbers."""
    found = (
        ("unexpected failures", audit and audit.unexplained),
        ("unexpected successes", audit and audit.lost),
        ("unaccounted", audit and audit.unaccounted),
    )
    return [(label, n) for label, n in found if n]


@dataclass(frozen=True, kw_only=True)
class LogSection:
    """Lines of one attempt at the run."""

    number: int
    state: str
    log: StepLog
    lines: list[run_log.LogLine]
    hidden: int


def log_context(run: Run, request: HtmxRequest, at: datetime) -> dict[str, Any]:
    """Return the log of a run, newest attempt first, and its version."""
    chosen, logs = filter_of(request), StepLog.objects.of(run)
    sections = [_section(n, found, run, chosen) for n, found in enumerate(logs, 1)]
    lines = [(s.state, *map(str, s.lines)) for s in sections]
    return {
        "chosen": chosen,
        "sections": sections[::-1],
        "empty_reason": "" if logs else run_log.empty_reason(run, at),
        "log_query": links.with_query(
            "",
            q=chosen.text,
            dates="all" if chosen.every_date else "",
            level="trouble" if chosen.trouble else "",
        ),
        "seen": f"{crc32(repr((run.status, run.reason, lines)).encode(errors='replace')):08x}",
    }


def _section(number: int, log: StepLog, run: Run, chosen: LogFilter) -> LogSection:
    found = chosen.lines(log, run)
    return LogSection(
        number=number,
        state=run_log.state_of(log, run),
        log=log,
        lines=found[-MOST_LINES:],
        hidden=max(len(found) - MOST_LINES, 0),
    )


@dataclass(frozen=True, kw_only=True)
class RunError:
    """Error of a run, with a few of its entities (name, URL) and the statement that shows its
    source rows.
    """

    group: error_groups.ErrorGroup
    entities: list[tuple[str, str]]
    query: str


def error_context(run: Run, user: User) -> dict[str, Any]:
    """Return the errors and the retry of a run; `unread` is the error of the warehouse."""
    key, newer = (run.processor, run.date), run_detail.newer_run(run)
    disabled = _no_retry(run, user, newer)
    try:
        groups = [] if newer else error_groups.groups_of({key: run})
        failed = () if newer or not run.failures else _failed_entities(run)
        names = all_names(season_year(run.date)) if groups or failed else {}
        if not disabled:
            newest = Run.objects.deciding(run.date, run.date)
            disabled = nothing_to_retry(failures_of({key: run}, newest, lost(newest)))
    except WarehouseError as error:
        return {"unread": f"{type(error).__name__}: {error}", "disabled_reason": disabled}
    start = load_calendar().starts[season_year(run.date)]

    def named(entities: Iterable[str]) -> list[tuple[str, str]]:
        return [
            (names[e].name if e in names else e, links.named("entity", run.date, run.processor, e))
            for e in entities
        ]

    shown = [
        RunError(
            group=group,
            entities=named(group.entities),
            query=error_groups.evidence_query(group, start) if group.entities else "",
        )
        for group in groups
    ]
    return {
        "errors": shown,
        "failed": named(failed),
        "more_failed": max(0, sum(run.failures.values()) - len(failed)),
        "source_rows": _source_rows(run),
        "disabled_reason": disabled,
        "newer": newer,
        "retry_url": links.to_retry(
            run.job_id, processor=run.processor, start=run.date, end=run.date
        ),
    }


def _failed_entities(run: Run) -> tuple[str, ...]:
    """Return the first failed entities, the most severe first. Raises WarehouseError."""
    found = list_entities(run.date, run.processor, category="failed", per_page=MOST_NAMED)
    return tuple(entity.name for entity in found.entities)


def _no_retry(run: Run, user: User, newer: Run | None) -> str:
    """Return why this run cannot be retried, without reading the warehouse."""
    if run.status in Run.ACTIVE:
        return f"the run is {run.status}"
    return no_retry(run.job, user) or ("a newer run has replaced this one" if newer else "")


def _source_rows(run: Run) -> list[tuple[Finding, list[str]]]:
    """Return the bad source rows of the findings about a run."""
    return [
        (finding, [", ".join(f"{k} {v}" for k, v in row.items()) for row in rows])
        for finding in run_detail.findings_about(run)
        if (rows := finding.evidence.get("rows"))
    ]
