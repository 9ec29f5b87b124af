"""Context of the menu and its badges. Lazy, so that fragments without a menu make no query."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.timezone import now

from backfill.models import Finding, Job
from backfill.status import progress
from backfill.status.attention import attention_items, launches_awaiting_approval
from backfill.version import code_version
from validation.findings.kinds import Severity
from webapp.live.stamps import stamps_of
from webapp.middleware.own_writes import latest_write
from webapp.ui.shared_cache import shared


class MenuEntry(NamedTuple):
    """Menu entry. `name` is the URL name, `key` the letter after `g`, `badge` the kind of count;
    the badge `primary` highlights the entry.
    """

    name: str
    words: str
    icon: str
    key: str = ""
    badge: str = ""


OPERATORS_ONLY = {"load"}
PLACES = (
    MenuEntry("home", "Home", "home", "h"),
    MenuEntry("backfill_new", "New backfill", "plus", "n", "primary"),
    MenuEntry("jobs", "Jobs", "player-play", "j", "jobs"),
    MenuEntry("triage", "Triage", "alert-triangle", "t", "findings"),
    MenuEntry("dates", "Dates", "calendar", "d"),
    MenuEntry("rates", "Failure rates", "chart-line", "r"),
    MenuEntry("coverage", "Coverage", "table", "c"),
    MenuEntry("load", "Load", "download"),
    MenuEntry("runs", "Runs", "history"),
    MenuEntry("players", "Players", "ball-basketball"),
    MenuEntry("queries", "Queries", "database-search", "q"),
    MenuEntry("guide", "Guide", "book"),
    MenuEntry("system", "System", "activity"),
)


def panel(request: HttpRequest) -> dict[str, Any]:
    """Return the menu and its counts: attention, running jobs, workers, version."""
    return {
        "panel": SimpleLazyObject(
            partial(shared, _panel_key(request), settings.SHARED_SECONDS, _panel, is_part=True)
        ),
        "panel_nav": SimpleLazyObject(partial(places, request)),
    }


def _panel_key(request: HttpRequest) -> str:
    """Return the key of the counts. A poll takes none from before a change that it has noticed."""
    if getattr(request, "live", None):
        return f"panel {stamps_of(('jobs', 'audits', 'workers', 'minute'))}"
    return f"panel {latest_write(request)}"


def _panel() -> dict[str, Any]:
    listed = Finding.objects.filter(state=Finding.State.OPEN, severity__gt=Severity.NOTE, root=None)
    active = Job.objects.exclude(status__in=Job.STOPPED).aggregate(n=Count("pk"))["n"]
    at = now()
    system = progress.system(at)
    workers = sum(
        1 for worker in system["workers"] if worker["alive"] and worker["kind"] == "worker"
    )
    return {
        "attention": listed.count() + len(attention_items(at)),
        "approvals": len(launches_awaiting_approval()),
        "active_jobs": active,
        "workers": workers,
        "version": code_version(),
    }


def places(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the menu of this user, with the current page marked."""
    entries = []
    may_operate = getattr(request.user, "may_operate", False)
    for name, words, icon, key, badge in PLACES:
        if name in OPERATORS_ONLY and not may_operate:
            continue
        url = reverse(name)
        here = request.path == url or (url != "/" and request.path.startswith(url))
        entries.append(
            {"url": url, "words": words, "icon": icon, "key": key, "badge": badge, "here": here}
        )
    if getattr(request.user, "may_administer", False):
        entries.append(
            {
                "url": reverse("admin:index"),
                "words": "Admin",
                "icon": "settings",
                "key": "",
                "badge": "",
                "here": False,
            }
        )
    return entries
