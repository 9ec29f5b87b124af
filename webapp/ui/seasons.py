"""Which season a page is about: the one in its URL, else the newest that is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from backfill.errors import Refused
from backfill.season_calendar import load_calendar, season_name
from webapp.ui.typing import HtmxRequest


@dataclass(frozen=True)
class LoadedSeason:
    """A season that is there to be looked at."""

    year: int
    name: str


def choices() -> list[LoadedSeason]:
    """The seasons that are loaded, newest first."""
    return [
        LoadedSeason(year, season_name(year))
        for year in sorted(load_calendar().starts, reverse=True)
    ]


def chosen(request: HtmxRequest, loaded: list[LoadedSeason]) -> LoadedSeason | None:
    """The season of `?season=`, or the newest; None where none is loaded. Raises Refused."""
    wanted = request.GET.get("season", "")
    if not wanted:
        return loaded[0] if loaded else None
    if found := next((choice for choice in loaded if str(choice.year) == wanted), None):
        return found
    raise Refused(not_loaded(wanted, [choice.year for choice in loaded]))


def not_loaded(wanted: object, loaded: Iterable[int]) -> str:
    """The sentence that refuses a season and lists those that are loaded."""
    there = ", ".join(map(str, sorted(loaded))) or "none yet"
    return f"the season {wanted!r} is not loaded; there are {there}"
