"""The main menu."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpRequest
from django.urls import reverse


class MenuEntry(NamedTuple):
    """An entry of the menu: `name` is its URL's, `key` opens it after `g`, badge `primary` stands
    out.
    """

    name: str
    words: str
    icon: str
    key: str = ""
    badge: str = ""


PLACES = (
    MenuEntry("home", "Home", "home", "h"),
    MenuEntry("backfill_new", "New backfill", "plus", "n", "primary"),
    MenuEntry("jobs", "Jobs", "player-play", "j", "jobs"),
    MenuEntry("triage", "Triage", "alert-triangle", "t", "findings"),
    MenuEntry("rates", "Failure rates", "chart-line", "r"),
    MenuEntry("coverage", "Coverage", "table", "c"),
    MenuEntry("runs", "Runs", "history"),
    MenuEntry("players", "Players", "ball-basketball"),
    MenuEntry("queries", "Queries", "database-search", "q"),
    MenuEntry("guide", "Guide", "book"),
    MenuEntry("system", "System", "activity"),
)


def places(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the menu of this user, with the current page marked."""
    found = []
    for name, words, icon, key, badge in PLACES:
        url = reverse(name)
        here = request.path == url or (url != "/" and request.path.startswith(url))
        found.append(
            {"url": url, "words": words, "icon": icon, "key": key, "badge": badge, "here": here}
        )
    if getattr(request.user, "may_administer", False):
        found.append(
            {
                "url": reverse("admin:index"),
                "words": "Admin",
                "icon": "settings",
                "key": "",
                "badge": "",
                "here": False,
            }
        )
    return found
