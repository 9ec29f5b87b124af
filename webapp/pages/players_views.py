"""Players and teams of a season: the search, and one of them."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webapp.pages import players
from webapp.ui import seasons
from webapp.ui.typing import HtmxRequest


@require_safe
def page(request: HtmxRequest) -> HttpResponse:
    """The search; by itself what it finds."""
    found = players.found(request.GET, seasons.chosen(request, seasons.choices()))
    return render(request, "players/_found.html" if request.htmx else "players/page.html", found)


@require_safe
def player(request: HtmxRequest, year: str, name: str) -> HttpResponse:
    """One entity over a season."""
    return render(request, "players/player.html", players.context(year, name, request.GET))
