"""Traces: contexts that every process derives alike, and an exporter that survives its collector."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from backfill import otlp, tracing
from tests.system.http_sink import receiving

SAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
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
