"""The preflight of a range, asked for by itself."""

from __future__ import annotations

from backfill import coverage, preflight
from backfill.control.starting import held
from backfill.options import Options
from backfill.planning import plan
from validation.readiness import Report
from validation.season import season_year


def check(options: Options) -> Report:
    """What a backfill of these options would be told, of every date of the range.

    Dates that are complete are looked at like the others, because the question is about what Phase 3 has, not about what
    is left to do. A season that is not loaded is an item here.
    """
    missing = coverage.missing_seasons(options)
    calendar = coverage.calendar()
    days = calendar.days(options.start, options.end, live=not options.backfill_mode)
    known = [day for day in days if season_year(day.day) not in missing]
    planned = plan(options, known, coverage.done(options))
    names = [coverage.season_name(year) for year in missing]
    asked = {day.day for day in known if day.is_computed}
    return preflight.report(planned, calendar, held=held(planned), asked=asked, not_loaded=names)
