"""The preflight of a range, asked for by itself."""

from __future__ import annotations

from backfill import coverage, existing, preflight
from backfill.control.starting import held
from backfill.options import Options
from validation.preflight_report import Report
from validation.season import season_year


def check(options: Options) -> Report:
    """What a backfill of these options would be told, of every one of its dates.

    Dates that are complete are looked at like the others, because the question is about what Phase 3 has, not about what
    is left to do. A season that is not loaded is an item here.
    """
    missing = coverage.missing_seasons(options)
    calendar = coverage.calendar()
    known = [day for day in existing.days_of(options, calendar) if season_year(day.day) not in missing]
    found = existing.planned(options, known)
    names = [coverage.season_name(year) for year in missing]
    asked = {day.day for day in known if day.is_computed}
    return preflight.report(found, calendar, held=held(found), asked=asked, not_loaded=names)
