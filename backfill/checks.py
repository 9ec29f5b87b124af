"""System checks: a misconfiguration is said at start, not when a run needs it.

Verbs run those that are tagged OWN: all of Django's would import every page and the API. `manage.py
check` runs all.
"""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from backfill.errors import BackcourtError
from backfill.warehouse import open_warehouse

OWN, NOTICES = "backcourt", "notices"
POSITIVE = (
    "MAX_PARALLEL_BATCHES",
    "WAREHOUSE_THREADS",
    "WORKER_PROCESSES",
    "HEARTBEAT_SECONDS",
    "SWEEP_SECONDS",
    "BATCH_LOST_AFTER_SECONDS",
    "WORKER_DEAD_AFTER_SECONDS",
    "STEP_TIME_LIMIT_SECONDS",
)


@register(OWN)
def numbers_are_positive(**kwargs: Any) -> list[CheckMessage]:
    """E002: a number of batches, threads, processes or seconds is below one."""
    names = [name for name in POSITIVE if getattr(settings, name) < 1]
    return [
        Error(f"{name} is {getattr(settings, name)}; at least 1 is expected", id="backcourt.E002")
        for name in names
    ]


# A topic's name has 3 to 255 of these characters, the first a letter; a project of an organisation
# may name its domain.
TOPIC = re.compile(r"projects/[a-z0-9][a-z0-9.:-]+/topics/(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}")


@register(OWN)
def topic_is_a_name(**kwargs: Any) -> list[CheckMessage]:
    """E003: PUBSUB_TOPIC names no topic."""
    if not settings.PUBSUB_TOPIC or TOPIC.fullmatch(settings.PUBSUB_TOPIC):
        return []
    return [
        Error(
            f"PUBSUB_TOPIC is {settings.PUBSUB_TOPIC!r}; projects/PROJECT/topics/TOPIC is expected",
            id="backcourt.E003",
        )
    ]


@register(OWN)
def warehouse_url_is_known(**kwargs: Any) -> list[CheckMessage]:
    """E001: WAREHOUSE_URL names no warehouse."""
    try:
        open_warehouse(settings.WAREHOUSE_URL)
    except BackcourtError as error:
        return [Error(str(error), hint="Unset, it is parquet:var/warehouse.", id="backcourt.E001")]
    return []


@register(NOTICES)
def notify_urls_are_understood(**kwargs: Any) -> list[CheckMessage]:
    """E004: Apprise does not understand one of NOTIFY_URLS. Apart from OWN, because it takes a
    while to ask.
    """
    if not settings.NOTIFY_URLS:
        return []
    from backfill.notify.apprise import is_understood, named_urls

    wrong = [name for name, url in named_urls() if not is_understood(url)]
    hint = "See https://appriseit.com/services/ for the URL of each service."
    return [
        Error(f"{name} is no URL that Apprise understands", hint=hint, id="backcourt.E004")
        for name in wrong
    ]
