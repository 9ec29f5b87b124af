"""OpenTelemetry traces: request, job, batch, step, statement. Off without a collector.

While OTEL_EXPORTER_OTLP_ENDPOINT is unset, nothing of OpenTelemetry is imported. Contexts travel as
W3C `traceparent` text. A job stores the context that started it; the ids of its own span and of its
batches follow from that text, so that any process can add children before these spans end.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING

from django.conf import settings

from backfill import logs
from backfill.telemetry.spans import NO_ATTRIBUTES, Attributes, EndedSpan

if TYPE_CHECKING:
    from opentelemetry.trace import Span

LENGTH = 55  # of a traceparent


def is_on() -> bool:
    """Return True if a collector is configured."""
    return bool(settings.OTEL_EXPORTER_OTLP_ENDPOINT)


@contextmanager
def span(
    name: str,
    attributes: Attributes = NO_ATTRIBUTES,
    *,
    parent: str | None = None,
    kind: str = "INTERNAL",
) -> Iterator[Span | None]:
    """Trace the block. Without a parent, as a child of the current span, or not at all if there is
    none; with an empty one, as the root of a new trace.
    """
    if not is_on():
        yield None
        return
    from backfill.telemetry import otlp

    if parent is None and not otlp.current():
        yield None
        return
    with otlp.span(name, parent, kind, attributes) as made, logs.about(trace=otlp.trace_id(made)):
        yield made


def fail(made: Span | None, reason: str) -> None:
    """Mark a span as failed."""
    if made:
        from backfill.telemetry import otlp

        otlp.fail(made, reason)


def annotate(name: str, value: str) -> None:
    """Set an attribute of the current span."""
    if is_on():
        from backfill.telemetry import otlp

        otlp.annotate(name, value)


def start_trace(name: str) -> str:
    """Return the context of the current span, or of a new root span of this name; empty if off."""
    if not is_on():
        return ""
    from backfill.telemetry import otlp

    if not otlp.current():
        with otlp.span(name, "", "INTERNAL", NO_ATTRIBUTES):
            return otlp.current()
    return otlp.current()


def child(context: str, *identity: object) -> str:
    """Return the context of the child with this identity, the same in every process."""
    if not context:
        return ""
    version, trace, _, flags = context.split("-")
    made = sha256(f"{context} {' '.join(map(str, identity))}".encode()).hexdigest()[:16]
    return f"{version}-{trace}-{made}-{flags}"


def export(ended: EndedSpan) -> None:
    """Export a span that ended, if its trace is sampled."""
    if is_on():
        from backfill.telemetry import otlp

        otlp.export(ended)


def shut_down() -> None:
    """Export the spans of this process that are left, within a few seconds."""
    if otlp := sys.modules.get("backfill.telemetry.otlp"):
        otlp.shut_down()
