"""Date descriptions: place in the season, adjacent dates, and the reason for an empty page."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date

from django.utils.timezone import now

from backfill.errors import Refused
from backfill.models import Run
from backfill.season_calendar import load_calendar, season_name
from validation.findings.kinds import pluralize
from validation.season import SUMMER, Calendar, DateType, Day
from webapp.ui import links

KINDS = {
    DateType.REGULAR: "regular season",
    DateType.PLAYOFFS: "playoffs",
    DateType.BOOTSTRAP: "bootstrap",
    DateType.NO_GAMES: "no games",
}


@dataclass(frozen=True, kw_only=True)
class EmptyDate:
    """A date without runs: the reason, the next step, and the URL of that step."""

    title: str
    detail: str
    url: str = ""


@dataclass(frozen=True)
class Neighbors:
    """Previous and next processing date."""

    before: date | None
    after: date | None


def neighbors(calendar: Calendar, day: date) -> Neighbors:
    """Return the adjacent dates across seasons, bootstrap included."""
    days = [d.day for year in sorted(calendar.starts) for d in calendar.season(year)]
    before, after = bisect_left(days, day), bisect_right(days, day)
    return Neighbors(
        days[before - 1] if before else None, days[after] if after < len(days) else None
    )


def words(day: Day, calendar: Calendar) -> str:
    """Return a description such as `Monday, regular season, day 34, season week 5`."""
    is_loaded = day.season in calendar.starts
    kind = KINDS[day.type] if is_loaded else "not in the loaded schedule"
    parts = [f"{day.day:%A}", kind]
    if day.index is not None and _is_in_season(day.day, calendar):
        parts += [f"day {day.index}", f"season week {day.week}"]
    return ", ".join(parts + ([pluralize(day.games, "game")] if day.games else []))


def _is_in_season(day: date, calendar: Calendar) -> bool:
    days = calendar.season(calendar.season_year(day))
    return bool(days) and days[0].day <= day <= days[-1].day


def empty_reason(calendar: Calendar, day: Day) -> EmptyDate:
    """Return the reason for an empty date and the next step."""
    if day.is_computed:
        url = links.to_new(day.day, day.day)
        return EmptyDate(
            title="No runs yet.",
            detail="This date has games, so every processor applies.",
            url=url,
        )
    if day.type is DateType.BOOTSTRAP:
        return EmptyDate(
            title=f"Skipped by design ({day.why_skipped}).",
            detail="Too few games precede this date.",
        )
    name, start = season_name(day.season), calendar.starts.get(day.season)
    title, detail = _no_games(calendar, day, start, name)
    return EmptyDate(title=title, detail=detail)


def _no_games(calendar: Calendar, day: Day, start: date | None, name: str) -> tuple[str, str]:
    """Return title and detail of a date without final games."""
    if day.day > now().date():
        return (
            "This date is in the future.",
            "After its games are final, load Phase 3 and backfill the date.",
        )
    if day.day.month in SUMMER:
        return (
            "This date is in the off-season.",
            _choose_date(calendar),
        )
    if start is None:
        return (
            f"The season {name} is not loaded.",
            "Load its Phase 3 with `manage.py load_phase3 DIR`, or choose a date of "
            f"{_loaded(calendar)}.",
        )
    if day.day < start:
        return (
            f"This date is before opening night of {name}, {start}.",
            _choose_date(calendar),
        )
    last = calendar.season(day.season)[-1].day
    if day.day > last:
        return (
            f"This date is after the last game of {name}, {last}.",
            _choose_date(calendar),
        )
    if scheduled := calendar.day(day.day, live=True).games:
        return (
            f"No final games; {pluralize(scheduled, 'game')} scheduled.",
            "If they were played, reload the schedule. If they were postponed, do nothing.",
        )
    return "No games on this date.", "There is nothing to run."


def _choose_date(calendar: Calendar) -> str:
    example = f", such as {max(calendar.starts.values())}" if calendar.starts else ""
    return f"Choose a date in a season{example}."


def _loaded(calendar: Calendar) -> str:
    return ", ".join(season_name(year) for year in sorted(calendar.starts)) or "a loaded season"


def newest() -> date:
    """Return the newest date with a run, else the last date with games. Raises Refused without a
    loaded season.
    """
    run = Run.objects.order_by("-date").values_list("date", flat=True).first()
    calendar = load_calendar()
    last = calendar.season(max(calendar.starts))[-1].day if calendar.starts else None
    if day := run or last:
        return day
    raise Refused("no season is loaded; load one with `manage.py load_phase3 DIR`")
