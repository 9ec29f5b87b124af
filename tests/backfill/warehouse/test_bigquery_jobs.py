"""BigQuery jobs against an in-memory client that follows BigQuery's documentation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, Conflict, NotFound, ServiceUnavailable
from google.cloud.bigquery import QueryJob

from backfill.errors import Refused, StatementFailed, Superseded, WarehouseBusy
from backfill.warehouse.bigquery import jobs as module
from backfill.warehouse.bigquery.connection import Place
from backfill.warehouse.bigquery.errors import Stopped
from backfill.warehouse.bigquery.jobs import Jobs, label, label_key
from backfill.warehouse.bigquery.parameters import parameters, plain, rows_parameter
from backfill.warehouse.port import Charge, Work
from backfill.warehouse.tables import HISTORY

DAY = date(2021, 11, 2)
MERGE = "MERGE x"
BILLED = 20 * 2**20


class Job(QueryJob):
    """Job that has ended, or ends when waited for, with a scripted result."""

    def __init__(
        self,
        sql: str,
        config: Any,
        error: dict[str, str] | None = None,
        raises: Exception | None = None,
    ) -> None:
        self.sql, self.config, self.error, self.raises = sql, config, error, raises
        self.waited, self.begun_at, self.name = 0, datetime.now(UTC), ""

    job_id = property(lambda self: self.name)
    total_bytes_billed = property(lambda self: BILLED)
    slot_millis = property(lambda self: 1500)
    query = property(lambda self: self.sql)
    query_parameters = property(lambda self: self.config.query_parameters)
    error_result = property(lambda self: self.error)
    created = property(lambda self: self.begun_at)
    state = property(lambda self: "DONE" if self.waited else "RUNNING")

    def result(self, *args: Any, **kwargs: Any) -> Any:
        self.waited += 1
        if self.raises:
            self.error, error = {"reason": "backendError", "message": "failed"}, self.raises
            raise error


class Client:
    """Jobs by name, in creation order; `fail` makes the next ones fail."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.fail: list[Exception] = []
        self.refuse: list[Exception] = []
        self.lose: list[Exception] = []
        self.cancelled: list[str] = []

    def query(self, sql: str, *, job_config: Any, job_id: str, **kwargs: Any) -> Job:
        if self.refuse:
            raise self.refuse.pop(0)
        if job_id in self.jobs:
            raise Conflict(f"Already Exists: Job {job_id}")
        self.jobs[job_id] = Job(sql, job_config, raises=self.fail.pop(0) if self.fail else None)
        self.jobs[job_id].name = job_id
        if self.lose:
            raise self.lose.pop(0)
        return self.jobs[job_id]

    def get_job(self, job_id: str, **kwargs: Any) -> Job:
        if job_id not in self.jobs:
            raise NotFound(f"Not found: Job {job_id}")
        return self.jobs[job_id]

    def cancel_job(self, job_id: str, **kwargs: Any) -> None:
        self.cancelled.append(job_id)
        self.jobs[job_id].waited += 1


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_DELAY_SECONDS", 0.001)


@pytest.fixture
def client() -> Client:
    return Client()


def session(
    client: Client,
    key: str = "claim",
    known: tuple[str, ...] = (),
    note: Callable[[str], object] = str,
) -> Jobs:
    made = Jobs(client, labels={"Team": "Data & Co"}, max_bytes=10**9, patience=0.3)  # type: ignore[arg-type]
    made.work = Work(
        key=key, labels={"processor": "TDZA", "code_version": "1.2+abc"}, known=known, note=note
    )
    return made


def run(client: Client, key: str = "claim", **fields: Any) -> Any:
    return session(client, key, **fields).run(MERGE, parameters({"dates": [DAY]}))


# Names


def test_a_job_has_labels_parameters_and_a_limit(client: Client) -> None:
    run(client)
    [job] = client.jobs.values()
    assert job.config.labels == {
        "team": "data---co",
        "processor": "tdza",
        "code_version": "1-2-abc",
    }
    assert job.config.maximum_bytes_billed == 10**9
    assert [
        p.to_api_repr()["parameterType"]["arrayType"]["type"] for p in job.config.query_parameters
    ] == ["DATE"]


def test_a_label_fits_the_rules_of_bigquery() -> None:
    assert label("A b/ç" + "x" * 80) == "a-b--" + "x" * 58
    assert [label_key(text) for text in ("team", "2026-team", "_x", "9" * 63)] == [
        "team",
        "label-2026-team",
        "label-_x",
        "label-" + "9" * 57,
    ]


def test_a_name_is_noted_before_its_job_begins(client: Client) -> None:
    noted: list[tuple[str, int]] = []
    run(client, note=lambda name: noted.append((name, len(client.jobs))))
    assert noted == [(next(iter(client.jobs)), 0)]


def test_an_attempt_that_was_taken_back_begins_nothing(client: Client) -> None:
    def superseded(name: str) -> None:
        raise Superseded

    with pytest.raises(Superseded):
        run(client, note=superseded)
    assert not client.jobs


def test_other_work_other_parameters_and_another_statement_have_other_names(client: Client) -> None:
    run(client)
    run(client, "another claim")
    session(client).run(MERGE, parameters({"dates": []}))
    session(client).run("MERGE y", parameters({"dates": [DAY]}))
    assert len(client.jobs) == 4


# Adoption


def test_the_same_work_finds_its_job_again_and_waits_for_it(client: Client) -> None:
    first = run(client)
    assert run(client) is first
    assert run(client, known=tuple(client.jobs)) is first
    assert (len(client.jobs), first.waited) == (1, 3)


def test_a_job_whose_answer_was_lost_is_not_begun_twice(client: Client) -> None:
    client.lose = [ServiceUnavailable("cut")]
    run(client)
    assert len(client.jobs) == 1


def test_a_job_that_is_too_old_is_done_again(client: Client) -> None:
    run(client).begun_at = datetime.now(UTC) - timedelta(days=1)
    run(client)
    assert len(client.jobs) == 2


def test_a_name_under_which_something_else_was_done_is_passed_by(client: Client) -> None:
    run(client).sql = "MERGE z"
    run(client)
    assert len(client.jobs) == 2


def test_a_stopped_job_is_begun_again_by_who_takes_the_work_over(client: Client) -> None:
    run(client).error = {"reason": "stopped", "message": "cancelled"}
    run(client)
    assert len(client.jobs) == 2


# Retired

TAKING = "SELECT 1"


def begun_name(client: Client, key: str = "claim") -> str:
    """Run MERGE under a key and return the name of its job."""
    before = set(client.jobs)
    run(client, key)
    return next(iter(client.jobs.keys() - before))


def test_a_late_process_cannot_start_a_job_whose_name_was_taken(client: Client) -> None:
    """It has noted the name, was stopped before its request, and lost its claim."""
    name = begun_name(client)
    client.jobs.clear()
    session(client, "newer").retire(name, TAKING, cancel=True)

    def lost(another: str) -> None:
        if another != name:
            raise Superseded

    with pytest.raises(Superseded):
        run(client, note=lost)
    assert [job.sql for job in client.jobs.values()] == [TAKING]


def test_who_continues_work_passes_a_taken_name_by(client: Client) -> None:
    name = begun_name(client)
    client.jobs.clear()
    session(client, "newer").retire(name, TAKING, cancel=False)
    run(client, known=(name,))
    assert [job.sql for job in client.jobs.values()] == [TAKING, MERGE]


@pytest.mark.parametrize(("cancel", "cancelled"), [(True, 1), (False, 0)])
def test_a_running_job_is_waited_for(client: Client, cancel: bool, cancelled: int) -> None:
    name = begun_name(client)
    client.jobs[name].waited = 0
    with pytest.raises(WarehouseBusy, match="still running"):
        session(client).retire(name, TAKING, cancel=cancel)
    client.jobs[name].waited = 1
    session(client).retire(name, TAKING, cancel=cancel)
    assert (len(client.jobs), len(client.cancelled)) == (1, cancelled)


# Retries


def test_a_job_that_fails_for_the_moment_is_tried_again_under_another_name(client: Client) -> None:
    client.fail = [ServiceUnavailable("backend"), ServiceUnavailable("backend")]
    run(client)
    assert [name[-2:] for name in client.jobs] == ["-0", "-1", "-2"]


def test_a_busy_warehouse_is_given_up_after_a_while(client: Client) -> None:
    client.refuse = [ServiceUnavailable("busy")] * 10_000
    with pytest.raises(WarehouseBusy, match="busy"):
        run(client)
    assert len(client.refuse) < 9_999


def test_a_bad_statement_is_not_tried_again(client: Client) -> None:
    client.fail = [BadRequest("Syntax error", errors=[{"reason": "invalidQuery"}])]  # type: ignore[no-untyped-call]
    with pytest.raises(StatementFailed, match="Syntax error"):
        run(client)
    assert len(client.jobs) == 1


def test_a_job_that_somebody_stopped_is_not_begun_again_at_once(client: Client) -> None:
    client.fail = [BadRequest("cancelled", errors=[{"reason": "stopped"}])]  # type: ignore[no-untyped-call]
    with pytest.raises(Stopped):
        run(client)
    assert len(client.jobs) == 1


# Values


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "BOOL"), (3, "INT64"), (2.5, "FLOAT64"), (Decimal("2.5"), "NUMERIC"), ("x", "STRING"), (None, "STRING"),
        (DAY, "DATE"), (datetime(2021, 11, 2), "TIMESTAMP"),
    ],
)  # fmt: skip
def test_a_parameter_is_typed_by_its_value(value: object, kind: str) -> None:
    [found] = parameters({"name": value})
    assert found.to_api_repr()["parameterType"] == {"type": kind}


def test_an_array_without_elements_has_a_type_all_the_same() -> None:
    kinds = [
        p.to_api_repr()["parameterType"]["arrayType"]["type"]
        for p in parameters({"dates": [], "run_ids": []})
    ]
    assert kinds == ["DATE", "STRING"]


def test_a_moment_without_a_zone_is_sent_and_returned_as_utc() -> None:
    [found] = parameters({"at": datetime(2022, 1, 1, 12)})
    assert found.to_api_repr()["parameterValue"] == {"value": "2022-01-01 12:00:00+00:00"}
    assert plain({"at": datetime(2022, 1, 1, 12, tzinfo=UTC)}) == {"at": datetime(2022, 1, 1, 12)}


def test_a_number_reads_the_same_whichever_way_it_came() -> None:
    found = plain(
        {"a": Decimal("1.500000000"), "b": Decimal("100.00"), "c": [Decimal("0E-9")], "d": None}
    )
    assert {name: str(value) for name, value in found.items()} == {
        "a": "1.5",
        "b": "100",
        "c": "[Decimal('0')]",
        "d": "None",
    }


def test_history_is_sent_as_rows_of_exact_types() -> None:
    row = dict.fromkeys(HISTORY.names) | {
        "duration_seconds": 1.23456,
        "data_date": DAY,
        "backfill_mode": True,
    }
    sent = rows_parameter("rows", HISTORY, [row]).to_api_repr()
    types = {
        t["name"]: t["type"]["type"] for t in sent["parameterType"]["arrayType"]["structTypes"]
    }
    assert types == {c.name: c.type.split("(")[0] for c in HISTORY.columns}
    values = sent["parameterValue"]["arrayValues"][0]["structValues"]
    assert (values["duration_seconds"], values["error"]) == ({"value": "1.235"}, {"value": None})


# Location


def test_a_url_names_project_prefix_and_location() -> None:
    assert Place.of("bigquery://my-project/dev_?location=EU") == Place("my-project", "dev_", "EU")
    assert Place.of("bigquery://my-project") == Place("my-project")


@pytest.mark.parametrize(
    "url",
    [
        "bigquery://",
        "bigquery:my-project",
        "bigquery://My_Project",
        "bigquery://my-project?place=EU",
    ],
)
def test_a_url_that_names_no_project_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="bigquery://PROJECT"):
        Place.of(url)


# Cost


def test_the_cost_of_a_job_is_reported_once_and_by_the_attempt_that_started_it(
    client: Client,
) -> None:
    charges: list[Charge] = []
    jobs = session(client)
    jobs.work = replace(jobs.work, charge=charges.append)
    for _ in range(2):
        jobs.run(MERGE, parameters({"dates": [DAY]}))
    assert charges == [Charge(BILLED, 1.5)]
    later = session(client, known=tuple(client.jobs))
    later.work = replace(later.work, charge=charges.append)
    later.run(MERGE, parameters({"dates": [DAY]}))
    assert (len(client.jobs), len(charges)) == (1, 1)
