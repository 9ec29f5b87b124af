"""BigQuery's documented rules, which the emulator does not follow, against a stand-in server."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import connection

from backfill.errors import WarehouseBusy, WarehouseError
from backfill.execution.claims import claim_step
from backfill.processes import celery_worker
from backfill.warehouse import open_warehouse
from backfill.warehouse.bigquery.errors import Stopped
from backfill.warehouse.bigquery.session import BigQueryWarehouse
from backfill.warehouse.port import StoppedJobs
from tests.backfill.shell import Shell
from tests.backfill.warehouse.bigquery_server import MERGE, TOKYO, URL, StandIn, session
from tests.backfill.working import batch_of, make_job
from tests.seasons.tiny import FIRST


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


# Location


@pytest.mark.parametrize("url", [URL, f"{URL}?location={TOKYO}", f"{URL}?location=ASIA-northeast1"])
def test_every_request_for_a_job_carries_the_location_of_the_datasets(
    server: StandIn, url: str
) -> None:
    names: list[str] = []
    server.hold = "MERGE"
    with ThreadPoolExecutor(1) as pool, ExitStack() as stack:
        stack.callback(server.release)
        on = session(url, key="k", note=names.append)
        merging = pool.submit(on.jobs.run, MERGE, [])
        until(lambda: bool(server.running()))
        session(url).cancel(names)
        with pytest.raises(Stopped):
            merging.result(timeout=20)
    asked = server.verbs("/(jobs|queries)")
    assert {verb for verb, _ in asked} == {"GET", "POST"}
    assert {where for _, where in asked} == {TOKYO}


def test_a_lost_response_does_not_run_the_statement_twice(server: StandIn) -> None:
    server.lose = 1
    job = session(key="k").jobs.run(MERGE, [])
    assert (server.executed, list(server.jobs), job.location) == ([MERGE], [job.job_id], TOKYO)


def test_a_job_that_is_not_found_is_never_started_under_another_name(server: StandIn) -> None:
    """Its name is taken, but in another location."""
    on = session(key="k")
    name = f"{on.jobs._name(MERGE, [])}-0"
    server.jobs[name] = server._job(name, "us-west1", {"query": {"query": MERGE}})
    with pytest.raises(WarehouseBusy, match=f"has job {name}, but does not find it in {TOKYO}"):
        on.jobs.run(MERGE, [])
    assert (server.executed, list(server.jobs)) == ([], [name])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("moved", "query", "says"),
    [
        ("nba_reference", "", "the datasets are in different locations (backcourt_scratch in "),
        ("", "?location=eu", f"the datasets are in {TOKYO}, not in EU: write ?location={TOKYO}"),
    ],
    ids=["datasets", "setting"],
)
def test_contradicting_locations_are_refused_in_one_sentence(
    server: StandIn,
    capsys: pytest.CaptureFixture[str],
    settings: Any,
    moved: str,
    query: str,
    says: str,
) -> None:
    shell = Shell(capsys)
    if moved:
        server.datasets[moved] = "US"
    settings.WAREHOUSE_URL = f"{URL}{query}"
    dates = "--start", "2021-11-01", "--end", "2021-11-02"
    for words in (("backfill", *dates), ("query", "failure-rates", *dates)):
        done = shell(*words)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), done
        assert says in done.err
    with pytest.raises(SystemExit, match=r"^2$"):
        celery_worker.check()
    assert says in capsys.readouterr().err
    assert server.verbs("/(jobs|queries)") == []


def test_without_datasets_the_next_step_is_to_create_them(server: StandIn) -> None:
    server.datasets.clear()
    with pytest.raises(WarehouseError, match=r"has no datasets; run .manage.py create_tables"):
        session()


def test_a_label_that_begins_with_a_digit_is_accepted(server: StandIn) -> None:
    made = open_warehouse(URL)
    assert isinstance(made, BigQueryWarehouse)
    made._labels = {"2026-team": "7data"}
    made.jobs.run(MERGE, [])
    [job] = server.jobs.values()
    assert job["configuration"]["labels"] == {"label-2026-team": "7data"}


# Cancellation


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("season", "redis")
def test_a_force_cancel_stops_the_running_job_and_names_it(
    server: StandIn, shell: Shell, settings: Any
) -> None:
    job = make_job(processors=("TDZA",), end=FIRST)
    attempt = claim_step(batch_of(job, 0), "TDZA", "claim", "worker")
    assert attempt
    settings.WAREHOUSE_URL, server.hold = URL, "MERGE"

    def merge() -> None:
        try:
            session(key="k", note=attempt.work().note).jobs.run(MERGE, [])
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, ExitStack() as stack:
        stack.callback(server.release)
        merging = pool.submit(merge)
        until(lambda: bool(server.running()))
        [name] = server.running()
        done = shell("cancel", job.pk, "--force", "--json")
        with pytest.raises(Stopped):
            merging.result(timeout=20)
    assert (done.code, done.err, server.executed) == (0, "", [])
    told = {key: done.document[key] for key in ("status", "stopped", "warehouse_jobs")}
    assert told == {"status": "cancelled", "stopped": 1, "warehouse_jobs": [name]}
    assert server.verbs(f"/jobs/{name}/cancel$") == [("POST", TOKYO)]
    assert server.jobs[name]["status"]["errorResult"]["reason"] == "stopped"


def test_a_job_that_ended_is_neither_cancelled_nor_named(server: StandIn) -> None:
    names: list[str] = []
    session(key="k", note=names.append).jobs.run(MERGE, [])
    assert session().cancel([*names, "never-started"]) == StoppedJobs()
    assert server.verbs("/cancel$") == []
