"""The main menu."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

# URL name, words, icon, key after `g`, badge; `primary` stands out.
PLACES = (
    ("home", "Home", "home", "home", ""),
    ("new", "New backfill", "plus", "new", "primary"),
    ("jobs", "Jobs", "player-play", "jobs", "jobs"),
    ("triage", "Triage", "alert-triangle", "triage", "findings"),
    ("rates", "Failure rates", "chart-line", "rates", ""),
    ("coverage", "Coverage", "table", "coverage", ""),
    ("runs", "Runs", "history", "runs", ""),
    ("players", "Players", "ball-basketball", "players", ""),
    ("queries", "Queries", "database-search", "queries", ""),
    ("guide", "Guide", "book", "guide", ""),
    ("system", "System", "activity", "system", ""),
)


def places(request: HttpRequest) -> list[dict[str, Any]]:
    """The menu as this user sees it, with the place where he is."""
    found = []
    for name, words, icon, key, badge in PLACES:
        try:
            url = reverse(name)
        except NoReverseMatch:
            continue
        here = request.path == url or (url != "/" and request.path.startswith(url))
        found.append({"url": url, "words": words, "icon": icon, "key": key, "badge": badge, "here": here})
    if getattr(request.user, "may_administer", False):
        found.append(
            {"url": reverse("admin:index"), "words": "Admin", "icon": "settings", "key": "admin", "badge": "", "here": False}
        )
    return found
