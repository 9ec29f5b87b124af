"""Metric families in Prometheus' naming: `backcourt_` and base units."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily

PREFIX = "backcourt_"
Sample = tuple[tuple[str, ...], float]


def gauge(
    name: str, text: str, labels: tuple[str, ...] = (), samples: Iterable[Sample] = ()
) -> GaugeMetricFamily:
    """Return a gauge with these samples."""
    family = GaugeMetricFamily(f"{PREFIX}{name}", text, labels=labels)
    for values, number in samples:
        family.add_metric(values, number)
    return family
