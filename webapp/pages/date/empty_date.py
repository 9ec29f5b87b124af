"""What a date is, in words: where it falls in its season, what lies beside it, and why there is
nothing to show of it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date

from django.utils.timezone import now

from backfill.errors import Refused
from backfill.models import Run
from backfill.plan.options import OFF_SEASON
from backfill.season_calendar import load_calendar, season_name
from validation.findings.kinds import pluralize
from validation.season import Calendar, DateType, Day, season_year
from webapp.ui import links

KINDS = {
    DateType.REGULAR: "regular season",
    DateType.PLAYOFFS: "playoffs",
    DateType.BOOTSTRAP: "bootstrap",
    DateType.NO_GAMES: "no games",
}


@dataclass(frozen=True)
class EmptyDate:
    """A date on which there is nothing to show: what it is, and what would be right."""

    what: str
    right: str
    url: str = ""
    words: str = ""


@dataclass(frozen=True)
class Neighbours:
    """The processing dates before and after one."""

    before: date | None
    after: date | None


def neighbours(calendar: Calendar, day: date) -> Neighbours:
    """Over the borders of seasons, bootstrap included."""
    days = [d.day for year in sorted(calendar.starts) for d in calendar.season(year)]
    before, after = bisect_left(days, day), bisect_right(days, day)
    return Neighbours(
        days[before - 1] if before else None, days[after] if after < len(days) else None
    )


def words(day: Day) -> str:
    """Which date it is: `Monday, regular season, day 34, season week 5`."""
    parts = [f"{day.day:%A}", KINDS[day.type]]
    if day.index is not None:
        parts += [f"day {day.index}", f"season week {day.week}"]
    return ", ".join(parts + ([pluralize(day.games, "game")] if day.games else []))


def empty_reason(calendar: Calendar, day: Day) -> EmptyDate:
    """A date of which nothing is there: what it is, and what would be right, in a sentence each."""
    if day.is_computed:
        url = links.to_new(day.day, day.day)
        return EmptyDate(
            "Nothing was ever run for this date.",
            "It has games, so all five processors belong here.",
            url,
            "Backfill it",
        )
    if day.type is DateType.BOOTSTRAP:
        return EmptyDate(
            f"Nothing is computed for this date: {day.why_skipped}.",
            "That is by design: too few games have been played.",
        )
    name, start = season_name(season_year(day.day)), calendar.starts.get(season_year(day.day))
    return EmptyDate(*_no_games(calendar, day, start, name))


def _no_games(calendar: Calendar, day: Day, start: date | None, name: str) -> tuple[str, str]:
    """In one sentence each: what kind of date without games it is, and what would be right."""
    if day.day > now().date():
        return (
            "This date lies ahead: none of its games is final.",
            "Once they are played and Phase 3 has them, load that and backfill it.",
        )
    if day.day.month in OFF_SEASON:
        return (
            "This date lies in the summer, between two seasons.",
            "Nothing is ever run for it; choose a date of a season.",
        )
    if start is None:
        return (
            f"The season {name} is not loaded, so nobody knows what this date is.",
            f"Load its Phase 3 with `manage.py load_phase3 DIR`, or choose a date of {_loaded(calendar)}.",
        )
    if day.day < start:
        return (
            f"This date lies before opening night of {name}, which was {start}.",
            "Nothing is ever run for it; choose a date of a season.",
        )
    last = calendar.season(season_year(day.day))[-1].day
    if day.day > last:
        return (
            f"This date lies after the last game of {name}, which was on {last}.",
            "Nothing is ever run for it; choose a date of a season.",
        )
    if waiting := calendar.day(day.day, live=True).games:
        return (
            f"{pluralize(waiting, 'game')} of this date stand in the schedule, and none of them is final.",
            "If they were played, load the schedule of this date again; if they were put off, all is right.",
        )
    return "The schedule has no game on this date.", "Nothing is to be run for it."


def _loaded(calendar: Calendar) -> str:
    return (
        ", ".join(season_name(year) for year in sorted(calendar.starts))
        or "a season, once one is loaded"
    )


def newest() -> date:
    """The newest date that was run; where nothing was, the last one with games. Raises Refused
    where no season is loaded.
    """
    run = Run.objects.order_by("-date").values_list("date", flat=True).first()
    calendar = load_calendar()
    last = calendar.season(max(calendar.starts))[-1].day if calendar.starts else None
    if day := run or last:
        return day
    raise Refused(
        "no season is loaded, so there is no date to show; load one with `manage.py load_phase3 DIR`"
    )
