from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backfill.errors import WarehouseBusy
from backfill.models import Event, Job, Run
from backfill.plan.estimate import COSTS_NOTHING, Estimate, estimate, stored
from backfill.plan.options import Options
from backfill.plan.past_estimates import median_error, past_estimates
from backfill.plan.planning import Plan, plan
from backfill.warehouse import warehouse
from tests.backfill.working import make_worker
from validation.season import Calendar, Game

pytestmark = [pytest.mark.django_db, pytest.mark.database]
OPENING = date(2021, 10, 19)
AT = datetime(2022, 1, 1, 12, tzinfo=UTC)
CALENDAR = Calendar(
    Game(game_date=OPENING + timedelta(days=n), season_year=2021) for n in range(60)
)


def make_plan(dates: int = 10, **options: Any) -> Plan:
    start = OPENING + timedelta(days=20)
    fields = {"processors": ("PSZA",), "canary": False, "batch_size": 1, "parallel": 1, **options}
    wanted = Options(start=start, end=start + timedelta(days=dates - 1), **fields)
    return plan(wanted, CALENDAR.days(wanted.start, wanted.end), set())


def measured(seconds: float, runs: int = 1, code: str = "PSZA", **fields: Any) -> None:
    """Record one step: so many runs that began and ended together."""
    job = Job.objects.create(
        options=make_plan().options.as_json(), actor="ann", code_version="1", batch_size=runs
    )
    ended = {
        "started_at": AT,
        "finished_at": AT + timedelta(seconds=seconds),
        "status": "complete",
        **fields,
    }
    Run.objects.bulk_create(
        Run(job=job, processor=code, date=OPENING + timedelta(days=20 + n), batch=0, **ended)
        for n in range(runs)
    )


def test_without_history_it_says_what_was_never_measured() -> None:
    measured(1, code="TDZA")
    found = estimate(make_plan(processors=("TDZA", "PSZA", "ML")))
    assert found == Estimate(runs=30, why_not="no measured runs of PSZA, ML yet")


def test_what_failed_or_still_runs_measures_nothing() -> None:
    measured(1, status="failed")
    measured(1, status="cancelled", started_at=None, finished_at=None)
    assert estimate(make_plan()).why_not == "no measured runs of PSZA yet"


def test_it_goes_from_what_half_of_the_runs_took_to_what_nine_in_ten_did() -> None:
    for seconds in (1, 1, 1, 2, 2, 2, 2, 5, 6, 9):
        measured(seconds)
    found = estimate(make_plan(10))
    assert (found.runs, found.low, found.high) == (10, 20.0, 60.0)
    assert (found.bytes, found.cost) == (None, COSTS_NOTHING)


def test_the_seconds_of_a_step_are_shared_by_its_runs() -> None:
    measured(12, runs=6)
    assert estimate(make_plan(10, batch_size=6)).low == 20.0


def test_steps_about_as_large_as_those_planned_count_where_there_are_enough() -> None:
    for _ in range(5):
        measured(3)
        measured(10, runs=10)
    assert estimate(make_plan(10, batch_size=1)).low == 30.0
    assert estimate(make_plan(10, batch_size=8)).low == 10.0


def test_batches_side_by_side_take_rounds_and_the_canary_is_alone(settings: Any) -> None:
    settings.MAX_PARALLEL_BATCHES = 4
    measured(1)
    assert estimate(make_plan(9, parallel=2)).low == pytest.approx(5)
    assert estimate(make_plan(9, parallel=2, canary=True)).low == pytest.approx(5)
    assert estimate(make_plan(9, parallel=0)).low == pytest.approx(3)
    assert estimate(make_plan(9, parallel=64)).low == pytest.approx(3)
    make_worker()
    assert estimate(make_plan(9, parallel=2)).low == pytest.approx(9)  # by the only worker


def test_only_the_newest_runs_count() -> None:
    measured(1000, runs=60)
    for _ in range(200):
        measured(1)
    assert estimate(make_plan(10)).high == 10.0


def test_nothing_to_run_takes_no_time() -> None:
    wanted = make_plan(10)
    nothing = plan(wanted.options, wanted.days, {r.key for r in wanted.runs})
    assert estimate(nothing) == Estimate(runs=0, low=0.0, high=0.0)


def test_the_queries_are_as_many_whatever_there_is() -> None:
    measured(1, runs=3)
    estimate(make_plan(2))  # creates the row of the limits
    with CaptureQueriesContext(connection) as few:
        estimate(make_plan(2))
    for _ in range(30):
        measured(1, runs=10)
    with CaptureQueriesContext(connection) as many:
        estimate(make_plan(40))
    assert len(few) == len(many) <= 5


# Billed warehouses


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> list[int]:
    """Charge a TiB per step; collect how many writes each estimate covered."""
    settings.WAREHOUSE_URL = f"parquet:{tmp_path}"
    found: list[int] = []

    def charged(self: object, sql: str, params: object, writes: int) -> int:
        found.append(writes)
        return 2**40

    monkeypatch.setattr(type(warehouse()), "bytes_read", charged)
    return found


def test_a_plan_is_asked_for_once_per_processor_and_charged_per_batch(
    asked: list[int], settings: Any
) -> None:
    settings.BIGQUERY_PRICE_PER_TIB, settings.BIGQUERY_MAX_BYTES = 5.0, 2**40
    found = estimate(make_plan(10, batch_size=4, processors=("TDZA", "PSZA")))
    assert (found.bytes, asked) == (2 * 3 * 2**40, [3, 3])  # failures, output and history
    assert found.cost == "about $30.00 at $5 per TiB"
    assert estimate(make_plan(8, batch_size=4, processors=("TDZA", "PSZA"))).bytes == 2 * 2 * 2**40
    assert len(asked) == 2


def test_what_cannot_be_asked_is_said_and_the_seconds_are_there_all_the_same(
    asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*args: object, **kwargs: object) -> int:
        raise WarehouseBusy("over quota")

    monkeypatch.setattr(type(warehouse()), "bytes_read", busy)
    measured(1)
    found = estimate(make_plan())
    assert (found.bytes, found.cost, found.low) == (None, "unknown: over quota", 10.0)


# Past jobs


def past_job(seconds: float, *, model: float = 10.0, runs: int = 10, **fields: Any) -> Job:
    """Record a job with an estimate and a duration."""
    ended = {
        "status": Job.Status.SUCCEEDED,
        "started_at": AT,
        "finished_at": AT + timedelta(seconds=seconds),
        "estimate": {"runs": runs, "low": model, "high": model, "model": model},
        **fields,
    }
    options = make_plan().options.as_json()
    return Job.objects.create(options=options, actor="ann", code_version="1", batch_size=1, **ended)


def test_past_jobs_correct_an_estimate() -> None:
    measured(1)
    assert estimate(make_plan(10)).low == 10.0
    for seconds in (30, 20, 60):
        past_job(seconds)
    found = estimate(make_plan(10))
    assert (found.low, found.high) == (30.0, 60.0)


def test_jobs_of_another_size_correct_only_where_none_is_alike() -> None:
    measured(1)
    past_job(40, runs=1000)
    assert estimate(make_plan(10)).low == 40.0
    past_job(20, runs=25)
    assert estimate(make_plan(10)).low == 20.0


def test_paused_failed_and_unestimated_jobs_correct_nothing() -> None:
    measured(1)
    paused = past_job(500)
    Event.objects.create(job=paused, to_state="paused", actor="ann", action="paused")
    past_job(500, status=Job.Status.FAILED)
    past_job(500, estimate={})
    past_job(500, finished_at=AT)
    assert estimate(make_plan(10)).low == 10.0


def test_the_median_error_is_known_after_three_jobs() -> None:
    past_job(20)
    past_job(10)
    assert median_error(past_estimates()) is None
    past_job(40)
    assert median_error(past_estimates()) == pytest.approx(0.5)


def test_a_job_stores_its_estimate_without_the_correction() -> None:
    measured(1)
    past_job(30)
    assert stored(make_plan(10)) == {"runs": 10, "low": 30.0, "high": 30.0, "model": 10.0}
    assert stored(make_plan(10, processors=("ML",))) == {}
