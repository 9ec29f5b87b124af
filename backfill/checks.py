"""System checks: a misconfiguration is said at start, not when a run needs it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from backfill.errors import BackcourtError
from backfill.warehouse import open_warehouse


@register()
def warehouse_url_is_known(**kwargs: Any) -> list[CheckMessage]:
    """E001: WAREHOUSE_URL names no warehouse."""
    try:
        open_warehouse(settings.WAREHOUSE_URL)
    except BackcourtError as error:
        return [Error(str(error), hint="Unset, it is parquet:var/warehouse.", id="backcourt.E001")]
    return []
