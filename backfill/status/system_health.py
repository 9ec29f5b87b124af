"""System health: workers, batches in flight, undelivered messages, settings, loaded and audited
seasons.
"""

from __future__ import annotations

import platform
from datetime import datetime
from importlib.metadata import version
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count

from backfill.celery_app import celery_app
from backfill.models import Batch, Event, Job, Notice, SeasonAudit, Trigger
from backfill.plan.options import MAX_PARALLEL
from backfill.season_calendar import load_calendar, season_name
from backfill.statements import render
from backfill.status import progress
from backfill.status.attention import audit_headline
from backfill.status.season_grid import problem_cells
from backfill.version import code_version
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.schema import Table
from backfill.warehouse.season_cache import cached_for_all_seasons
from backfill.warehouse.tables import INPUTS, SCHED
from validation.findings.kinds import pluralize

MOST_EVENTS, MOST_MESSAGES = 50, 20
REDIS_SECONDS = 1
PACKAGES = {
    "Django": "django",
    "Celery": "celery",
    "DuckDB": "duckdb",
    "SQLGlot": "sqlglot",
    "Redis client": "redis",
}
# Settings shown on the System page, by heading. None of them is a secret.
SETTINGS = {
    "Jobs": (
        "MAX_PARALLEL_BATCHES",
        "WORKER_PROCESSES",
        "AUDIT_AFTER_JOBS",
        "STEP_TIME_LIMIT_SECONDS",
        "APPROVAL_THRESHOLD_DATES",
    ),
    "Heartbeat and sweep": (
        "HEARTBEAT_SECONDS",
        "SWEEP_SECONDS",
        "BATCH_LOST_AFTER_SECONDS",
        "WORKER_DEAD_AFTER_SECONDS",
    ),
    "Warehouse": (
        "WAREHOUSE_THREADS",
        "WAREHOUSE_MEMORY",
        "WAREHOUSE_SPILL",
        "BIGQUERY_MAX_BYTES",
        "BIGQUERY_PRICE_PER_TIB",
        "BIGQUERY_LABELS",
    ),
    "Notifications and logs": ("PUBSUB_TOPIC", "LOG_FORMAT"),
    "Panel": (
        "WEB_ADDRESS",
        "WEB_PROCESSES",
        "WEB_THREADS",
        "HTTPS",
        "DEBUG",
        "LOGIN_FAILURE_LIMIT",
        "LOGIN_ADDRESS_FAILURE_LIMIT",
        "LOGIN_LOCK_MINUTES",
    ),
}
NOT_SET = "not set"


def live(at: datetime) -> dict[str, Any]:
    """Return the values that the page refreshes: workers, sweep, batches in flight by job, and the
    concurrency limit.
    """
    flying = (
        Batch.objects.filter(status=Batch.Status.IN_FLIGHT)
        .values("job_id", "job__max_in_flight")
        .annotate(n=Count("pk"))
    )
    found = progress.system(at)
    return {
        **found,
        "clocks_differ": found["clock_difference_seconds"] > settings.WORKER_DEAD_AFTER_SECONDS,
        "most_parallel": MAX_PARALLEL,
        "in_flight": list(flying.order_by("job_id")),
        "is_active": Job.objects.exclude(status__in=Job.STOPPED).exists(),
    }


def redis() -> dict[str, Any]:
    """Return the address of Redis without its password, whether it is reachable, and the
    connection error.
    """
    from kombu.utils.url import maybe_sanitize_url

    where = maybe_sanitize_url(settings.REDIS_URL)
    try:
        with celery_app().connection_for_write() as found:
            waits = {"socket_connect_timeout": REDIS_SECONDS, "socket_timeout": REDIS_SECONDS}
            found.transport_options = {**(found.transport_options or {}), **waits}
            found.ensure_connection(
                max_retries=1, interval_start=0, interval_step=0, timeout=REDIS_SECONDS
            )
    except Exception as error:  # any connection error is shown on the page
        return {
            "where": where,
            "answers": False,
            "said": str(error).rstrip(".") or type(error).__name__,
        }
    return {"where": where, "answers": True, "said": ""}


def places() -> list[tuple[str, str]]:
    """Return database and warehouse in use, without user and password."""
    from kombu.utils.url import maybe_sanitize_url

    found = connection.settings_dict
    where = (
        f"{found['NAME']}"
        if connection.vendor == "sqlite"
        else f"{found['HOST'] or 'local'}/{found['NAME']}"
    )
    return [
        ("Database", f"{connection.vendor}: {where}"),
        ("Warehouse", maybe_sanitize_url(settings.WAREHOUSE_URL)),
    ]


def versions() -> list[tuple[str, str]]:
    """Return the versions of Backcourt, Python and the main packages."""
    return [
        ("Backcourt", code_version()),
        ("Python", platform.python_version()),
        *((name, version(package)) for name, package in PACKAGES.items()),
    ]


def in_force() -> list[tuple[str, list[tuple[str, Any]]]]:
    """Return the settings by heading. NOTIFY_URLS contain tokens, so only their number is
    returned.
    """
    found = [(head, [(name, _value(name)) for name in names]) for head, names in SETTINGS.items()]
    urls = len(settings.NOTIFY_URLS)
    dict(found)["Notifications and logs"].append(
        ("NOTIFY_URLS", pluralize(urls, "URL") if urls else NOT_SET)
    )
    return found


def _value(name: str) -> Any:
    value = getattr(settings, name)
    return NOT_SET if value in ("", None, {}) else value


def undelivered() -> dict[str, Any]:
    """Return the undelivered messages, longest waiting first, and their counts."""
    triggers = Trigger.objects.filter(delivered_at=None).exclude(topic="").select_related("job")
    notices = Notice.objects.filter(delivered_at=None).select_related("job")
    recorded = Trigger.objects.filter(delivered_at=None, topic="").count()
    return {
        "triggers": triggers.order_by("next_try_at", "pk")[:MOST_MESSAGES],
        "trigger_count": triggers.count(),
        "notices": notices.order_by("next_try_at", "pk")[:MOST_MESSAGES],
        "notice_count": notices.count(),
        "recorded_only": recorded,
    }


def seasons() -> list[dict[str, Any]]:
    """Return every loaded season: rows by table, time of the newest row, and last audit."""
    audits = {row.season: row for row in SeasonAudit.objects.all()}
    loaded = cached_for_all_seasons("loaded", INPUTS, _loaded)
    calendar, problems = load_calendar(), problem_cells(loaded)
    return [
        {
            "year": year,
            "name": season_name(year),
            "audit": audits.get(year),
            "headline": audit_headline(audits[year], problems[year]) if year in audits else "",
            "rows": loaded[year],
            "dates": len(calendar.season(year)),
            "newest": max((at for _, _, at in loaded[year] if at), default=None),
        }
        for year in sorted(loaded, reverse=True)
    ]


def _loaded() -> dict[int, list[tuple[str, int, datetime | None]]]:
    """Return row counts and newest time by season and table; one query per table."""
    counts: dict[int, dict[str, tuple[int, datetime | None]]] = {
        year: {} for year in warehouse().seasons(SCHED)
    }
    seasons = load_calendar().seasons
    for table in INPUTS:
        for row in _by_date(table):
            of_season = counts.setdefault(seasons.year_of(row["d"]), {})
            n, newest = of_season.get(table.short, (0, None))
            of_season[table.short] = (
                n + row["n"],
                max(filter(None, (newest, row["newest"])), default=None),
            )
    return {year: [(name, *found[name]) for name in found] for year, found in counts.items()}


def _by_date(table: Table) -> list[Row]:
    return warehouse().query(render("input-dates", table=table))


def events() -> list[Event]:
    """Return the newest changes of global settings: events without job, run, finding or launch."""
    return list(
        Event.objects.filter(job=None, run=None, finding=None, launch=None).order_by("-pk")[
            :MOST_EVENTS
        ]
    )
