"""How often each processor failed in every season, as the runs have counted it."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property

from backfill.models import Run
from validation.bands import Band, Rate, RateHistory
from validation.expectation import CODES
from validation.season import Calendar, season_year

ONE_YEAR = timedelta(days=365)


class RateHistories:
    """The failure rates of every season that is loaded, as the runs have counted them; read when
    asked for.
    """

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar

    @cached_property
    def _by_code(self) -> dict[str, RateHistory]:
        starts = self.calendar.starts
        if len(starts) < 2:  # none has another one beside it
            return {}
        found: dict[str, list[Rate]] = {code: [] for code in CODES}
        runs = Run.objects.filter(population__gt=0).newest_decisive(
            min(starts.values()), max(starts.values()) + ONE_YEAR
        )
        # Not as models, of which ten seasons' worth takes longer than the query.
        for code, day, population, failures in runs.values_list(
            "processor", "date", "population", "failures"
        ):
            if opening := starts.get(year := season_year(day)):
                found[code].append(
                    Rate(year, (day - opening).days, sum(failures.values()), population or 0)
                )
        return {code: RateHistory(rates) for code, rates in found.items()}

    def band(self, code: str, year: int, index: int) -> Band | None:
        """What the other seasons make of a day."""
        history = self._by_code.get(code)
        return history.band(year, index) if history else None
