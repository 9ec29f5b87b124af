"""Season of a page: the one in its URL, otherwise the latest loaded one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from backfill.errors import Refused
from backfill.season_calendar import load_calendar, season_name
from backfill.status.latest_runs import stale_since_audits
from webapp.ui.links import to_stale
from webapp.ui.typing import HtmxRequest


@dataclass(frozen=True)
class LoadedSeason:
    """Season with Phase 3 data; `year` is its first year."""

    year: int
    name: str


def choices() -> list[LoadedSeason]:
    """Return the loaded seasons, newest first."""
    return [
        LoadedSeason(year, season_name(year))
        for year in sorted(load_calendar().starts, reverse=True)
    ]


def chosen(request: HtmxRequest, loaded: list[LoadedSeason]) -> LoadedSeason | None:
    """Return the season of `?season=`, by default the newest, None if none is loaded.

    Raises Refused for a season that is not loaded.
    """
    year = request.GET.get("season", "")
    if not year:
        return loaded[0] if loaded else None
    if season := next((choice for choice in loaded if str(choice.year) == year), None):
        return season
    raise Refused(not_loaded(year, [choice.year for choice in loaded]))


@dataclass(frozen=True)
class StaleNotice:
    """Season that was loaded after its audit, with the stale runs and the URL of their backfill."""

    season: str
    sentence: str
    url: str


def stale_notices(years: Iterable[int]) -> list[StaleNotice]:
    """Return a notice for each of these seasons with stale runs that its audit does not know."""
    return [
        StaleNotice(season_name(year), stale.sentence, to_stale(stale.dates))
        for year, stale in stale_since_audits(years).items()
    ]


def not_loaded(year: object, loaded: Iterable[int]) -> str:
    """Return the error message for a season that is not loaded."""
    years = ", ".join(map(str, sorted(loaded))) or "none"
    return f"season {year!r} is not loaded; loaded seasons: {years}"
