"""OpenTelemetry SDK of this process: spans are exported by a thread, never by the caller.

The thread starts with the first span, so after any fork. Only `backfill.telemetry.tracing` imports this
module, and only with a collector.
"""

from __future__ import annotations

import atexit
import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

from django.conf import settings
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from backfill.version import code_version

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from backfill.telemetry.spans import Attributes, EndedSpan

log = logging.getLogger(__name__)
SCOPE = "backcourt"
# The variables of the SDK, with other defaults: a short timeout, because an exit waits for it.
DEFAULTS = {
    "OTEL_SERVICE_NAME": "backcourt",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
    "OTEL_BSP_SCHEDULE_DELAY": "1000",
}
_propagator = TraceContextTextMapPropagator()
_lock = Lock()


class Reasons(logging.Handler):
    """Handler that keeps the first message of the SDK about an export; the others repeat it."""

    first = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message."""
        self.first = self.first or record.getMessage()


class BoundedExporter(SpanExporter):
    """OTLP exporter that logs one line when the collector fails, and one when it answers again."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = f"{endpoint.rstrip('/')}/v1/traces"
        self.inner = OTLPSpanExporter(endpoint=self.endpoint)
        self.is_failing, self.is_closing = False, False
        self.reasons = Reasons()
        library = logging.getLogger("opentelemetry")
        library.handlers, library.propagate = [self.reasons], False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send the spans, or drop them after the timeout; at exit, do not wait a second time."""
        if self.is_closing and self.is_failing:
            return SpanExportResult.FAILURE
        self.reasons.first = ""
        result = self.inner.export(spans)
        failed = result is not SpanExportResult.SUCCESS
        if failed and not self.is_failing:
            log.warning(
                "traces are dropped until %s answers: %s", self.endpoint, self.reasons.first
            )
        elif self.is_failing and not failed:
            log.warning("traces are exported again: %s answers", self.endpoint)
        self.is_failing = failed
        return result

    def shutdown(self) -> None:
        """Close the connection."""
        self.inner.shutdown()  # type: ignore[no-untyped-call]


@cache
def _started() -> tuple[TracerProvider, BatchSpanProcessor, BoundedExporter]:
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    own: dict[str, str | int] = {
        "service.version": code_version() or "unknown",
        "host.name": socket.gethostname(),
        "process.pid": os.getpid(),
    }
    provider = TracerProvider(resource=Resource.create(own), shutdown_on_exit=False)
    exporter = BoundedExporter(settings.OTEL_EXPORTER_OTLP_ENDPOINT)
    processor = BatchSpanProcessor(exporter)
    provider.add_span_processor(processor)
    atexit.register(shut_down)
    return provider, processor, exporter


def _sdk() -> tuple[TracerProvider, BatchSpanProcessor, BoundedExporter]:
    with _lock:
        return _started()


def shut_down() -> None:
    """Export the spans that are left, for at most two timeouts of the exporter."""
    if _started.cache_info().currsize:
        _, processor, exporter = _sdk()
        exporter.is_closing = True
        processor.shutdown()  # type: ignore[no-untyped-call]


def current() -> str:
    """Return the context of the current span; empty without one."""
    return _as_text(None)


def _as_text(context: Context | None) -> str:
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, context)
    return carrier.get("traceparent", "")


def _as_context(text: str) -> Context:
    return _propagator.extract({"traceparent": text})


def _span_context(text: str) -> trace.SpanContext:
    return trace.get_current_span(_as_context(text)).get_span_context()


def trace_id(made: Span) -> str:
    """Return the trace ID as in the collector."""
    return trace.format_trace_id(made.get_span_context().trace_id)


@contextmanager
def span(name: str, parent: str | None, kind: str, attributes: Attributes) -> Iterator[Span]:
    """Trace the block, as a child of the current span if `parent` is None."""
    provider, _, _ = _sdk()
    context = None if parent is None else _as_context(parent)
    with provider.get_tracer(SCOPE, code_version() or None).start_as_current_span(
        name, context, SpanKind[kind], dict(attributes)
    ) as made:
        yield made


def annotate(name: str, value: str) -> None:
    """Set an attribute of the current span."""
    trace.get_current_span().set_attribute(name, value)


def fail(made: Span, reason: str) -> None:
    """Mark a span as failed."""
    made.set_status(Status(StatusCode.ERROR, reason))


def export(ended: EndedSpan) -> None:
    """Export a span that ended, if its trace is sampled."""
    provider, processor, _ = _sdk()
    processor.on_end(
        ReadableSpan(
            name=ended.name,
            context=_span_context(ended.context),
            parent=_span_context(ended.parent),
            resource=provider.resource,
            attributes=dict(ended.attributes),
            status=Status(StatusCode.ERROR, ended.error) if ended.error else Status(),
            start_time=_nanoseconds(ended.started),
            end_time=_nanoseconds(ended.ended),
            instrumentation_scope=InstrumentationScope(SCOPE, code_version() or None),
        )
    )


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1000
