"""Counters and histograms of steps, audits and sweeps: exact with several processes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from backfill.audit.marking import run_audit
from backfill.errors import WarehouseBusy, WarehouseUnwritable
from backfill.execution.claims import Attempt
from backfill.models import Measure
from backfill.models.measure import BOUNDS, MORE, Count, Duration, Measured
from backfill.warehouse import warehouse
from backfill.warehouse.port import Charge, Work
from tests.backfill.working import make_job, run_all
from tests.seasons.tiny import FIRST
from webapp.ops.metrics import SHARED

pytestmark = [pytest.mark.django_db, pytest.mark.database]
Values = dict[str, dict[tuple[str, ...], float]]


def scraped() -> Values:
    """Return the samples of a scrape, by name and values of labels."""
    found: Values = {}
    for family in text_string_to_metric_families(generate_latest(SHARED).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def stage(*args: Any) -> None:
        raise error

    monkeypatch.setattr(type(warehouse()), "stage", stage)


@pytest.mark.usefixtures("season")
def test_a_job_and_its_audit_add_durations_runs_and_rows() -> None:
    job = run_all(make_job(batch_size=2))
    run_audit()
    found = scraped()
    steps = job.batches.count()
    for name in ("step", "query", "write"):
        assert found[f"backcourt_{name}_duration_seconds_count"]["PSZA",] == steps, name
        assert found[f"backcourt_{name}_duration_seconds_sum"]["PSZA",] > 0, name
        buckets = found[f"backcourt_{name}_duration_seconds_bucket"]
        assert buckets["+Inf", "PSZA"] == steps >= buckets["0.1", "PSZA"], name
    runs = job.runs.filter(processor="PSZA")
    assert found["backcourt_runs_ended_total"]["PSZA", "complete"] == runs.count()
    rows = sum(run.rows or 0 for run in runs)
    assert found["backcourt_rows_written_total"]["PSZA",] == rows > 0
    assert found["backcourt_audit_duration_seconds_count"][()] == 1
    # A deleted job takes nothing off a counter.
    job.delete()
    after = scraped()
    name = "backcourt_step_duration_seconds_count"
    assert after[name] == found[name]


@pytest.mark.usefixtures("season")
@pytest.mark.parametrize(
    ("error", "counter"),
    [
        (WarehouseBusy("over quota"), "retries"),
        (WarehouseUnwritable("disk full"), "errors"),
        (ZeroDivisionError("a bug"), "errors"),
    ],
)
def test_errors_and_retries_are_counted_by_class(
    monkeypatch: pytest.MonkeyPatch, error: Exception, counter: str
) -> None:
    job = make_job(processors=("PSZA",), end=FIRST)
    failing(monkeypatch, error)
    run_all(job)
    found = scraped()[f"backcourt_{counter}_total"]
    assert found == {("PSZA", type(error).__name__): 1}


@pytest.mark.usefixtures("season")
def test_the_cost_of_steps_is_added_up_by_processor_and_job(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.BIGQUERY_PRICE_PER_TIB = 5.0
    work = Attempt.work

    def charged(attempt: Attempt, *args: Any) -> Work:
        made = work(attempt, *args)
        if not attempt.charges:
            made.charge(Charge(2**40, 1.5))
        return made

    monkeypatch.setattr(Attempt, "work", charged)
    job = run_all(make_job(processors=("PSZA",), end=FIRST))
    found, number = scraped(), str(job.pk)
    assert (job.billed_bytes, job.slot_seconds) == (2**40, 1.5)
    assert found["backcourt_bigquery_billed_bytes_total"]["PSZA",] == 2**40
    assert found["backcourt_bigquery_dollars_total"]["PSZA",] == 5
    assert found["backcourt_bigquery_job_dollars_total"] == {(number,): 5}
    assert found["backcourt_bigquery_job_slot_seconds_total"] == {(number,): 1.5}


def test_every_duration_is_in_the_bucket_of_its_bound() -> None:
    measured = Measured()
    for seconds in (0.0, *BOUNDS, BOUNDS[-1] + 1):
        measured.observe(Duration.AUDIT, seconds)
    measured.keep()
    stored = dict(Measure.objects.exclude(bucket="sum").values_list("bucket", "value"))
    assert stored == {**{str(b): 1 for b in BOUNDS}, str(BOUNDS[0]): 2, MORE: 1}


@pytest.mark.django_db(transaction=True)
def test_processes_that_add_to_the_same_rows_lose_nothing() -> None:
    """Each adds the same rows in another order; locks taken in different orders would deadlock."""

    def add(names: list[str]) -> None:
        try:
            for _ in range(20):
                measured = Measured()
                for name in names:
                    measured.count(Count.ROWS, name)
                measured.keep()
        finally:
            connection.close()

    names = ["TDZA", "PSZA", "PCF", "PDC", "ML"]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, (names, names[::-1], names, names[::-1])))
    assert set(Measure.objects.values_list("value", flat=True)) == {80.0}


def test_metrics_that_cannot_be_stored_do_not_stop_the_work(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Measure._meta, "db_table", "missing")
    measured = Measured()
    measured.count(Count.REQUEUES)
    measured.keep()
    assert "metrics not recorded" in caplog.text
