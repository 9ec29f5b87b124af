"""The preflight of a range, asked for by itself."""

from __future__ import annotations

from backfill.plan import preflight, rerun_policy
from backfill.plan.conflicts import conflict_message
from backfill.plan.options import Options
from backfill.season_calendar import load_calendar, missing_seasons, season_name
from validation.preflight_report import Report
from validation.season import season_year


def check_range(options: Options) -> Report:
    """What a backfill of these options would be told, of every one of its dates.

    Dates that are complete are looked at like the others, because the question is about what Phase
    3 has, not about what
    is left to do. A season that is not loaded is an item here.
    """
    missing = missing_seasons(options)
    calendar = load_calendar()
    known = [
        day
        for day in rerun_policy.days_of(options, calendar)
        if season_year(day.day) not in missing
    ]
    found = rerun_policy.planned(options, known)
    names = [season_name(year) for year in missing]
    asked = {day.day for day in known if day.is_computed}
    return preflight.report(
        found, calendar, held=conflict_message(found), asked=asked, not_loaded=names
    )
