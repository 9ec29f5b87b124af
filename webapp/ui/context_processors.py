"""What every page shows around its content. Lazy: a fragment that does not show it does not ask for
it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.timezone import now

from backfill.models import Finding, Job
from backfill.status import progress
from backfill.status.attention import attention_items
from backfill.version import code_version
from validation.findings.kinds import Severity
from webapp.ui.navigation import places


def panel(request: HttpRequest) -> dict[str, Any]:
    """How much wants a person, what is under way, who works, and the code's version."""
    return {
        "panel": SimpleLazyObject(_panel),
        "panel_nav": SimpleLazyObject(partial(places, request)),
    }


def _panel() -> dict[str, Any]:
    listed = Finding.objects.filter(state=Finding.State.OPEN, severity__gt=Severity.NOTE)
    active = Job.objects.exclude(status__in=Job.STOPPED).aggregate(n=Count("pk"))["n"]
    at = now()
    system = progress.system(at)
    workers = sum(
        1 for worker in system["workers"] if worker["alive"] and worker["kind"] == "worker"
    )
    wanted = listed.count() + len(attention_items(at))
    return {"wanted": wanted, "active_jobs": active, "workers": workers, "version": code_version()}
