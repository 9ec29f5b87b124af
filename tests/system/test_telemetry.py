"""Traces and lineage of a job that real web and worker processes run, received by a server."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.request import Request, urlopen

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from backfill.processors.registry import BY_NAME, PROCESSORS
from tests.browser.panel import FIRST_LOGIN, free_address
from tests.system.conftest import copied
from tests.system.http_sink import Sink, receiving
from tests.system.installation import Installation, Reference, assert_same, ended, until
from tests.system.stack import QUICK, Stack

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("telemetry")]
TRACES, LINEAGE = "/v1/traces", "/api/v1/lineage"
Event = dict[str, Any]
RUNS = """
    SELECT processor, date, status, rows, population, failures FROM backfill_run
    WHERE status <> 'skipped'
"""
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
STEPS = ["TDZA", "PSZA", "PCF", "PDC", "ML"]


@dataclass(frozen=True)
class Received:
    """Span with its attributes as values, and the pid of its process."""

    span: Span
    pid: int

    @property
    def attributes(self) -> dict[str, str | int]:
        found = {a.key: a.value for a in self.span.attributes}
        return {key: v.string_value or v.int_value for key, v in found.items()}

    @property
    def is_failed(self) -> bool:
        return self.span.status.code == Status.STATUS_CODE_ERROR


def spans(sink: Sink) -> list[Received]:
    found = []
    for body in sink.bodies.get(TRACES, []):
        for of_process in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = {a.key: a.value for a in of_process.resource.attributes}
            assert resource["service.name"].string_value == "backcourt"
            pid = resource["process.pid"].int_value
            found += [Received(s, pid) for scope in of_process.scope_spans for s in scope.spans]
    return found


def events(sink: Sink) -> list[Event]:
    return [json.loads(body) for body in sink.bodies.get(LINEAGE, [])]


@dataclass(frozen=True)
class Traced:
    """Job started by the API on a stack that has ended."""

    spans: list[Received]
    events: list[Event]
    installation: Installation
    workers: set[int]
    log: str

    @property
    def of_runs(self) -> list[Event]:
        """Events without those of the job."""
        return [e for e in self.events if e["job"]["name"] != "backfill"]

    def named(self, name: str) -> list[Received]:
        return [s for s in self.spans if s.span.name == name]

    def children(self, parent: Received) -> list[Received]:
        return [s for s in self.spans if s.span.parent_span_id == parent.span.span_id]


@pytest.fixture(scope="module")
def traced(
    template: Installation, days: tuple[date, ...], tmp_path_factory: pytest.TempPathFactory
) -> Traced:
    """Run a job that the API starts with a `traceparent`; pause and resume it on the way."""
    installed = copied(template, tmp_path_factory.mktemp("traced") / "var")
    address = free_address()
    with receiving() as sink:
        front = installed.start(
            *("up", "--no-demo"),
            WEB_ADDRESS=address,
            LOG_FORMAT="json",
            OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
            OPENLINEAGE_URL=sink.url,
            OPENLINEAGE_NAMESPACE="nba",
            **QUICK,
        )
        stack = Stack.of(installed, front)
        try:
            said = stack.wait_until_ready()
            found = FIRST_LOGIN.search(said)
            assert found, said
            token = installed.verb("token", found[1], "traces", "--json")
            secret = json.loads(token.stdout)["key"]
            body = {"start": str(days[0]), "end": str(days[-1]), "batch_size": 5}
            request = Request(
                f"http://{address}/api/jobs",
                json.dumps(body).encode(),
                {
                    "Authorization": f"Bearer {secret}",
                    "Content-Type": "application/json",
                    "traceparent": TRACEPARENT,
                },
            )
            with urlopen(request) as response:
                assert response.status == 201
            until(lambda: installed.runs()["complete"], "the first run")
            for verb in ("pause", "resume"):
                installed.verb(verb, "1")
            until(lambda: installed.jobs() == ["succeeded"], "the end of the job")
            workers = set(stack.children())
            logs = [installed.var / "log" / f"{name}.log" for name in ("web", "worker")]
            log = "".join(file.read_text() for file in logs)
            said = stack.stop()
            assert (said.returncode, said.stderr) == (0, "")
        except BaseException:
            print(stack.logs())
            stack.kill_all()
            raise
        return Traced(spans(sink), events(sink), installed, workers, log)


def test_a_job_is_one_trace_from_the_request_to_the_statements(traced: Traced) -> None:
    (request,) = traced.named("POST /api/jobs")
    assert request.span.trace_id.hex() == TRACEPARENT.split("-")[1]
    assert request.span.parent_span_id.hex() == TRACEPARENT.split("-")[2]
    assert request.span.kind == Span.SPAN_KIND_SERVER
    assert request.attributes["http.response.status_code"] == 201
    (job,) = [s for s in traced.children(request) if s.span.name == "job"]
    assert (job.attributes["backcourt.status"], job.is_failed) == ("succeeded", False)
    batches = traced.children(job)
    (count,) = traced.installation.rows("SELECT count(*) FROM backfill_batch")
    assert Counter(s.span.name for s in batches) == {"batch": count[0]}
    for batch in batches:
        steps = Counter(s.span.name for s in traced.children(batch))
        assert sorted(steps) == sorted(f"step {code}" for code in STEPS)
    steps = [step for batch in batches for step in traced.children(batch)]
    assert {step.pid for step in steps} <= traced.workers
    executed = [s for s in steps if traced.children(s)]
    for step in executed:
        names = [s.span.name.split()[0] for s in traced.children(step)]
        assert {"stage", "replace", "record"} <= set(names), (step.span.name, names)
    (stage, *_) = [s for s in traced.children(executed[0]) if s.span.name == "stage"]
    assert stage.attributes["db.system.name"] == "duckdb"
    assert "SELECT" in str(stage.attributes["db.query.text"])


def test_every_span_of_a_job_has_its_parent_and_lies_within_it(traced: Traced) -> None:
    trace = [s for s in traced.spans if s.span.trace_id.hex() == TRACEPARENT.split("-")[1]]
    by_id = {s.span.span_id: s for s in trace}
    assert len(by_id) == len(trace) > 50
    (root,) = [s for s in trace if s.span.parent_span_id not in by_id]
    assert root.span.name == "POST /api/jobs"
    for s in trace:
        assert s.span.start_time_unix_nano <= s.span.end_time_unix_nano
        parent = by_id.get(s.span.parent_span_id)
        if parent and s.span.name != "job":  # it outlives its request
            assert parent.span.start_time_unix_nano <= s.span.start_time_unix_nano, s.span.name
            assert s.span.end_time_unix_nano <= parent.span.end_time_unix_nano, s.span.name


def test_log_lines_of_requests_and_steps_have_the_trace(traced: Traced) -> None:
    shown = ('"processor"', '"path": "/api/jobs"')
    lines = [line for line in traced.log.splitlines() if any(word in line for word in shown)]
    assert all(any(word in line for line in lines) for word in shown)
    assert {json.loads(line)["trace"] for line in lines} == {TRACEPARENT.split("-")[1]}


def test_health_checks_are_not_traced(traced: Traced) -> None:
    assert [s.span.name for s in traced.spans if "healthz" in s.span.name] == []


def test_every_executed_run_starts_and_completes_under_one_id(traced: Traced) -> None:
    installed, found = traced.installation, traced.of_runs
    kinds: dict[str, list[str]] = {}
    for event in found:
        kinds.setdefault(event["run"]["runId"], []).append(event["eventType"])
    runs = installed.rows(RUNS)
    assert len(kinds) == len(runs) > 50
    assert set(map(tuple, kinds.values())) == {("START", "COMPLETE")}


def test_a_complete_run_has_its_tables_rows_and_failures(traced: Traced) -> None:
    installed, found = traced.installation, traced.of_runs
    runs = {(row[0], str(row[1])): row for row in installed.rows(RUNS)}
    complete = [event for event in found if event["eventType"] == "COMPLETE"]
    assert sum(bool(json.loads(str(row[5]))) for row in runs.values()) > 10
    for event in complete:
        assert event["job"]["namespace"] == "nba"
        processor = BY_NAME[event["job"]["name"]]
        day = event["run"]["facets"]["nominalTime"]["nominalStartTime"][:10]
        _, _, _, rows, population, failures = runs.pop((processor.code, day))
        counts = json.loads(str(failures))
        tables = [data["name"].split("warehouse/")[1] for data in event["inputs"]]
        expected = [*processor.sources, *processor.reads]
        assert tables == [f"{table.dataset}/{table.name}" for table in expected]
        output, failed = event["outputs"]
        assert output["name"].endswith(f"{processor.output.dataset}/{processor.output.name}")
        assert output["outputFacets"]["outputStatistics"]["rowCount"] == rows
        assert failed["outputFacets"]["outputStatistics"]["rowCount"] == sum(counts.values())
        facet = event["inputs"][0]["inputFacets"]["dataQualityAssertions"]
        accounted, *categories = facet["assertions"]
        assert (accounted["success"], accounted["expected"]) == (True, str(population))
        assert {a["assertion"]: int(a["actual"]) for a in categories} == counts
        assert {a["success"] for a in categories} <= {False}
    assert runs == {}


def test_the_events_of_a_job_have_one_parent_and_the_chain_of_tables(traced: Traced) -> None:
    found = traced.of_runs
    parents = Counter(
        (p["job"]["namespace"], p["job"]["name"], p["run"]["runId"])
        for p in (event["run"]["facets"]["parent"] for event in found)
    )
    ((namespace, name, run_id),) = parents
    assert (namespace, name) == ("nba", "backfill")
    of_job = [e["eventType"] for e in traced.events if e["run"]["runId"] == run_id]
    assert of_job == ["START", "COMPLETE"]
    read = {data["name"] for event in found for data in event["inputs"]}
    written = {event["outputs"][0]["name"] for event in found}
    assert len(written) == len(PROCESSORS)
    # A Phase 4 table has the same name as input and as output.
    outputs = {f"/{p.output.dataset}/{p.output.name}" for p in PROCESSORS.values()}
    phase_4 = {name for name in read if any(map(name.endswith, outputs))}
    assert len(phase_4) > 2
    assert phase_4 <= written


def test_a_server_that_hangs_neither_delays_nor_fails_a_job(
    installed: Installation, reference: Reference
) -> None:
    with receiving(None) as sink:
        given = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, "OPENLINEAGE_URL": sink.url}
        began = time.monotonic()
        done = installed.verb(*reference.command, **given)
        took = time.monotonic() - began
    lineage, traces = sorted(done.stderr.splitlines(), key=lambda line: "traces" in line)
    assert f"lineage events are dropped until {sink.url} accepts them: " in lineage
    assert f"traces are dropped until {sink.url}{TRACES} answers: " in traces
    assert done.returncode == 0
    assert took < 2 * reference.seconds + 6
    assert_same(installed, reference)


def test_without_a_server_nothing_of_opentelemetry_and_openlineage_is_imported(
    installed: Installation, days: tuple[date, ...]
) -> None:
    command = ("backfill", "--start", str(days[0]), "--end", str(days[4]), "--inline")
    done = ended(installed.start_interpreter(*command, PYTHONPROFILEIMPORTTIME="1"))
    assert (done.returncode, installed.jobs()) == (0, ["succeeded"]), done
    assert "duckdb" in done.stderr
    assert re.findall(r"opentelemetry\S*|openlineage\S*|backfill\.otlp", done.stderr) == []
