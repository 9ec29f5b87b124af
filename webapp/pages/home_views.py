"""What needs a person now, what is under way, how the season stands."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webapp.pages import home
from webapp.ui import seasons
from webapp.ui.typing import HtmxRequest


@require_safe
def page(request: HtmxRequest) -> HttpResponse:
    """The home page, of one season."""
    loaded = seasons.choices()
    season = seasons.chosen(request, loaded)
    overview = home.Overview(season) if season else None
    return render(
        request,
        "home/page.html",
        {"seasons": loaded, "season": season, "overview": overview, "active": home.active()},
    )


@require_safe
def findings(request: HtmxRequest) -> HttpResponse:
    """What needs a person, polled until the judgement of what has just ended is there."""
    season = seasons.chosen(request, seasons.choices())
    overview = home.Overview(season) if season else None
    return render(request, "home/_findings.html", {"season": season, "overview": overview})


@require_safe
def active(request: HtmxRequest) -> HttpResponse:
    """The jobs under way, polled as long as there are any."""
    return render(request, "home/_active.html", {"active": home.active()})
