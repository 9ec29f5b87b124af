"""Bands of single days, from the runs near these days of every season."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backfill.models import Job, Run
from backfill.plan.options import Options
from backfill.status.failure_rates import RateHistories
from validation.season import FINAL, Calendar, Day, Game

OPENINGS = {2019: date(2019, 10, 22), 2020: date(2020, 12, 22), 2021: date(2021, 10, 19)}
NIGHTS = 60


@pytest.fixture
def calendar(db: None) -> Calendar:
    """Three seasons, each with a run of PSZA on every date."""
    calendar = Calendar(
        Game(
            game_date=opening + timedelta(n),
            season_year=year,
            status=FINAL,
            season_type="regular",
        )
        for year, opening in OPENINGS.items()
        for n in range(NIGHTS)
    )
    options = Options(start=OPENINGS[2019], end=OPENINGS[2021] + timedelta(NIGHTS)).as_json()
    job = Job.objects.create(status="succeeded", options=options, actor="ann", batch_size=32)
    Run.objects.bulk_create(
        Run(
            job=job,
            processor="PSZA",
            date=day.day,
            batch=1,
            status="complete",
            population=100 + n,
            failures={"INSUFFICIENT_DATA": (n * year) % 50},
        )
        for year in OPENINGS
        for n, day in enumerate(calendar.season(year))
    )
    return calendar


@pytest.mark.parametrize(("first", "last"), [(20, 20), (20, 35), (0, 3), (NIGHTS - 2, NIGHTS - 1)])
def test_they_are_those_of_all_runs(calendar: Calendar, first: int, last: int) -> None:
    days: list[Day] = calendar.season(2021)[first : last + 1]
    part, whole = RateHistories(calendar, days), RateHistories(calendar)
    found = [part.band("PSZA", day.season, day.index or 0) for day in days]
    assert found == [whole.band("PSZA", day.season, day.index or 0) for day in days]
    assert all(found)


def test_they_are_one_query(calendar: Calendar) -> None:
    days = calendar.season(2021)[20:22]
    history = RateHistories(calendar, days)
    with CaptureQueriesContext(connection) as queries:
        for day in days:
            history.band("PSZA", day.season, day.index or 0)
    assert len(queries) == 1
