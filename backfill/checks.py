"""System checks: a misconfiguration is said at start, not when a run needs it."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from backfill.errors import BackcourtError
from backfill.warehouse import open_warehouse

POSITIVE = (
    "MAX_PARALLEL_BATCHES", "WAREHOUSE_THREADS", "WORKERS", "HEARTBEAT_SECONDS", "SWEEP_SECONDS", "LOST_SECONDS",
    "SILENT_SECONDS",
    "STEP_SECONDS",
)  # fmt: skip


@register()
def numbers_are_positive(**kwargs: Any) -> list[CheckMessage]:
    """E002: a number of batches, threads, processes or seconds is below one."""
    names = [name for name in POSITIVE if getattr(settings, name) < 1]
    return [Error(f"{name} is {getattr(settings, name)}; at least 1 is expected", id="backcourt.E002") for name in names]


# A topic's name has 3 to 255 of these characters, the first a letter; a project of an organisation may name its domain.
TOPIC = re.compile(r"projects/[a-z0-9][a-z0-9.:-]+/topics/(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}")


@register()
def topic_is_a_name(**kwargs: Any) -> list[CheckMessage]:
    """E003: PUBSUB_TOPIC names no topic."""
    if not settings.PUBSUB_TOPIC or TOPIC.fullmatch(settings.PUBSUB_TOPIC):
        return []
    return [Error(f"PUBSUB_TOPIC is {settings.PUBSUB_TOPIC!r}; projects/PROJECT/topics/TOPIC is expected", id="backcourt.E003")]


@register()
def warehouse_url_is_known(**kwargs: Any) -> list[CheckMessage]:
    """E001: WAREHOUSE_URL names no warehouse."""
    try:
        open_warehouse(settings.WAREHOUSE_URL)
    except BackcourtError as error:
        return [Error(str(error), hint="Unset, it is parquet:var/warehouse.", id="backcourt.E001")]
    return []
