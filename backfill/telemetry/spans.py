"""Spans as values, without OpenTelemetry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

Attributes = Mapping[str, str | int | float]
NO_ATTRIBUTES: Attributes = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class EndedSpan:
    """Span with a known id that ended in any process. `error` is empty for a success."""

    name: str
    context: str
    parent: str
    started: datetime
    ended: datetime
    attributes: Attributes = field(default_factory=dict)
    error: str = ""
