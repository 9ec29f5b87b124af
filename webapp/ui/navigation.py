"""The main menu."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse


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
    MenuEntry("new", "New backfill", "plus", "n", "primary"),
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
    """The menu as this user sees it, with the place where he is."""
    found = []
    for name, words, icon, key, badge in PLACES:
        try:
            url = reverse(name)
        except NoReverseMatch:
            continue
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
