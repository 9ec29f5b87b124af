"""Traces: contexts that every process derives alike, and an exporter that survives its collector."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from backfill.telemetry import otlp, tracing
from backfill.telemetry.spans import EndedSpan
from tests.system.http_sink import receiving

SAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
AT = datetime(2026, 11, 29, tzinfo=UTC)
NOT_SAMPLED = f"{SAMPLED[:-1]}0"


def test_a_child_has_the_same_context_in_every_process() -> None:
    child = tracing.child(SAMPLED, "batch", 3)
    assert child == "00-4bf92f3577b34da6a3ce929d0e0e4736-5a4cde183d6ae6f3-01"
    assert tracing.child(SAMPLED, "batch", 4) != child
    assert len(child) == tracing.LENGTH
    assert tracing.child("", "batch", 3) == ""


def test_off_no_span_is_made(settings: Any) -> None:
    settings.OTEL_EXPORTER_OTLP_ENDPOINT = ""
    assert tracing.start_trace("start job") == ""
    with tracing.span("step", parent=SAMPLED) as made:
        assert made is None


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Record the lines of the exporter, and give the SDK its logging back."""
    library = logging.getLogger("opentelemetry")
    before = library.handlers, library.propagate
    with caplog.at_level("WARNING"):
        yield caplog
    library.handlers, library.propagate = before


def test_a_collector_that_fails_is_one_line_and_so_is_its_return(
    warnings: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")
    span = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("x")
    span.end()
    with receiving(503) as sink:
        exporter = otlp.BoundedExporter(f"{sink.url}/")
        for status, expected in ((401, "FAILURE"), (None, "FAILURE"), (200, "SUCCESS")):
            sink.status = status
            began = time.monotonic()
            assert exporter.export([span]) is SpanExportResult[expected]
            assert time.monotonic() - began < 1
    dropped, again = [record.getMessage() for record in warnings.records]
    assert dropped.startswith(f"traces are dropped until {sink.url}/v1/traces answers: ")
    assert "code: 401, reason: Unauthorized" in dropped
    assert again == f"traces are exported again: {sink.url}/v1/traces answers"


def test_at_exit_a_failing_collector_is_not_asked_again(
    warnings: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")
    with receiving(503) as sink:
        exporter = otlp.BoundedExporter(sink.url)
        exporter.export([])
        received = len(sink.bodies["/v1/traces"])
        exporter.is_closing = True
        assert exporter.export([]) is SpanExportResult.FAILURE
        assert len(sink.bodies["/v1/traces"]) == received


def test_only_sampled_traces_are_exported(
    settings: Any, warnings: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "_started", cache(otlp._started.__wrapped__))
    monkeypatch.setattr("os.environ", {**os.environ})
    with receiving() as sink:
        settings.OTEL_EXPORTER_OTLP_ENDPOINT = sink.url
        for context in (SAMPLED, NOT_SAMPLED):
            job = tracing.child(context, "job", 1)
            with tracing.span("step", parent=job):
                assert tracing.start_trace("start job").endswith(context[-3:])
            tracing.export(
                EndedSpan(name="job", context=job, parent=context, started=AT, ended=AT, error="x")
            )
        otlp.shut_down()
    requests = map(ExportTraceServiceRequest.FromString, sink.bodies["/v1/traces"])
    found = [s for r in requests for of in r.resource_spans for s in of.scope_spans[0].spans]
    assert sorted(s.name for s in found) == ["job", "step"]
    assert {s.trace_id.hex() for s in found} == {SAMPLED.split("-")[1]}
    assert not warnings.records
