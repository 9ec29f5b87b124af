"""In which condition the system is: who works, what is under way, what could not be delivered, what
is loaded and judged.
"""

from __future__ import annotations

import platform
from datetime import datetime
from importlib.metadata import version
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import connection
from django.db.models import Count
from kombu.utils.url import maybe_sanitize_url

from backfill.models import Batch, Event, Job, Notice, SeasonAudit, Trigger
from backfill.plan.options import MAX_PARALLEL
from backfill.season_calendar import load_calendar, season_name
from backfill.statements import render
from backfill.status import progress
from backfill.version import code_version
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.schema import Table
from backfill.warehouse.season_cache import cached_for_all_seasons
from backfill.warehouse.tables import INPUTS, SCHED
from validation.season import season_year

MOST_EVENTS, MOST_MESSAGES = 50, 20
REDIS_SECONDS = 1
PACKAGES = ("django", "celery", "duckdb", "sqlglot", "redis")
# What a person may have set, by the heading under which he looks for it. Nothing that opens a door
# is among them.
SETTINGS = {
    "Jobs": (
        "MAX_PARALLEL_BATCHES",
        "WORKER_PROCESSES",
        "AUDIT_AFTER_JOBS",
        "STEP_TIME_LIMIT_SECONDS",
        "APPROVAL_THRESHOLD_DATES",
    ),
    "Watching": (
        "HEARTBEAT_SECONDS",
        "SWEEP_SECONDS",
        "BATCH_LOST_AFTER_SECONDS",
        "WORKER_DEAD_AFTER_SECONDS",
    ),
    "Warehouse": (
        "WAREHOUSE_THREADS",
        "WAREHOUSE_MEMORY",
        "BIGQUERY_MAX_BYTES",
        "BIGQUERY_PRICE_PER_TIB",
        "BIGQUERY_LABELS",
    ),
    "Others": ("PUBSUB_TOPIC", "LOG_FORMAT"),
    "Panel": (
        "WEB_ADDRESS",
        "WEB_PROCESSES",
        "WEB_THREADS",
        "HTTPS",
        "DEBUG",
        "AXES_FAILURE_LIMIT",
    ),
}


def live(at: datetime) -> dict[str, Any]:
    """What changes while somebody looks: workers, sweep, batches in flight by job, and the cap in
    all.
    """
    flying = (
        Batch.objects.filter(status=Batch.Status.IN_FLIGHT)
        .values("job_id", "job__max_in_flight")
        .annotate(n=Count("pk"))
    )
    return {
        **progress.system(at),
        "most_parallel": MAX_PARALLEL,
        "in_flight": list(flying.order_by("job_id")),
        "is_active": Job.objects.exclude(status__in=Job.STOPPED).exists(),
    }


def redis() -> dict[str, Any]:
    """Where Redis is, without its password, whether it answers, and if not, what it said."""
    where = maybe_sanitize_url(settings.REDIS_URL)
    try:
        with current_app.connection_for_write() as found:
            waits = {"socket_connect_timeout": REDIS_SECONDS, "socket_timeout": REDIS_SECONDS}
            found.transport_options = {**(found.transport_options or {}), **waits}
            found.ensure_connection(
                max_retries=1, interval_start=0, interval_step=0, timeout=REDIS_SECONDS
            )
    except Exception as error:  # whatever a lost server leads to; it is said, not swallowed
        return {
            "where": where,
            "answers": False,
            "said": str(error).rstrip(".") or type(error).__name__,
        }
    return {"where": where, "answers": True, "said": ""}


def places() -> list[tuple[str, str]]:
    """Database and warehouse in use, without user and password."""
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
    """Of the code and of what it stands on."""
    return [
        ("Backcourt", code_version()),
        ("Python", platform.python_version()),
        *((name, version(name)) for name in PACKAGES),
    ]


def in_force() -> list[tuple[str, list[tuple[str, Any]]]]:
    """The settings, by heading; of the addresses that are told of jobs, whose tokens stand in them,
    only their number.
    """
    found = [
        (head, [(name, getattr(settings, name)) for name in names])
        for head, names in SETTINGS.items()
    ]
    others = dict(found)["Others"]
    others.append(("NOTIFY_URLS", f"{len(settings.NOTIFY_URLS)} set"))
    return found


def undelivered() -> dict[str, Any]:
    """Messages that somebody still waits for, the one that waits longest first, and how many there
    are.
    """
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
    """Every season that is loaded: its rows by table, when the newest of them was made, and when it
    was last judged.
    """
    judged = {row.season: row for row in SeasonAudit.objects.all()}
    loaded = cached_for_all_seasons("loaded", INPUTS, _loaded)
    return [
        {
            "year": year,
            "name": season_name(year),
            "judged": judged.get(year),
            "rows": loaded[year],
            "dates": len(load_calendar().season(year)),
            "newest": max((at for _, _, at in loaded[year] if at), default=None),
        }
        for year in sorted(loaded, reverse=True)
    ]


def _loaded() -> dict[int, list[tuple[str, int, datetime | None]]]:
    """Of every season and table the rows, and when the newest was made; a query a table, whatever
    the number of seasons.
    """
    counts: dict[int, dict[str, tuple[int, datetime | None]]] = {
        year: {} for year in warehouse().seasons(SCHED)
    }
    for table in INPUTS:
        for row in _by_date(table):
            of_season = counts.setdefault(season_year(row["d"]), {})
            n, newest = of_season.get(table.short, (0, None))
            of_season[table.short] = (
                n + row["n"],
                max(filter(None, (newest, row["newest"])), default=None),
            )
    return {year: [(name, *found[name]) for name in found] for year, found in counts.items()}


def _by_date(table: Table) -> list[Row]:
    return warehouse().query(render("input-dates", table=table))


def events() -> list[Event]:
    """The newest changes that belong to no job, run, Finding or launch: of what holds for all jobs."""
    return list(
        Event.objects.filter(job=None, run=None, finding=None, launch=None).order_by("-pk")[
            :MOST_EVENTS
        ]
    )
