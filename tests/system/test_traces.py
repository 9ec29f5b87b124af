"""Traces of a job that real web and worker processes run, received by a collector."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from dataclasses import dataclass
from datetime import date
from urllib.request import Request, urlopen

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.browser.panel import FIRST_LOGIN, free_address
from tests.system.conftest import copied
from tests.system.http_sink import Sink, receiving
from tests.system.installation import Installation, Reference, assert_same, until
from tests.system.stack import QUICK, Stack

pytestmark = pytest.mark.system
PATH = "/v1/traces"
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
    for body in sink.bodies.get(PATH, []):
        for of_process in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = {a.key: a.value for a in of_process.resource.attributes}
            assert resource["service.name"].string_value == "backcourt"
            pid = resource["process.pid"].int_value
            found += [Received(s, pid) for scope in of_process.scope_spans for s in scope.spans]
    return found


@dataclass(frozen=True)
class Traced:
    """Job started by the API on a stack that has ended."""

    spans: list[Received]
    installation: Installation
    workers: set[int]
    log: str

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
            log = (installed.var / "log" / "worker.log").read_text()
            said = stack.stop()
            assert (said.returncode, said.stderr) == (0, "")
        except BaseException:
            print(stack.logs())
            stack.kill_all()
            raise
        return Traced(spans(sink), installed, workers, log)


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


def test_log_lines_of_steps_have_the_trace(traced: Traced) -> None:
    lines = [line for line in traced.log.splitlines() if '"processor"' in line]
    assert lines
    assert {json.loads(line)["trace"] for line in lines} == {TRACEPARENT.split("-")[1]}


def test_health_checks_are_not_traced(traced: Traced) -> None:
    assert [s.span.name for s in traced.spans if "healthz" in s.span.name] == []


def test_a_collector_that_hangs_neither_delays_nor_fails_a_job(
    installed: Installation, reference: Reference
) -> None:
    with receiving(None) as sink:
        began = time.monotonic()
        done = installed.verb(*reference.command, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
        took = time.monotonic() - began
    (line,) = done.stderr.splitlines()
    assert f"traces are dropped until {sink.url}{PATH} answers" in line
    assert took < 2 * reference.seconds + 6
    assert_same(installed, reference)


def test_without_a_collector_nothing_of_opentelemetry_is_imported(
    installed: Installation, days: tuple[date, ...]
) -> None:
    command = ("backfill", "--start", str(days[0]), "--end", str(days[4]), "--inline")
    done = installed.verb(*command, PYTHONPROFILEIMPORTTIME="1")
    assert (done.returncode, installed.jobs()) == (0, ["succeeded"]), done
    assert "duckdb" in done.stderr
    assert re.findall(r"opentelemetry\S*|backfill\.otlp", done.stderr) == []
