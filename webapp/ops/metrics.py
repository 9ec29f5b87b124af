"""Prometheus metrics: of all processes from the database, of requests from this host's processes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from webapp.auth.tokens import user_of
from webapp.ops import request_metrics
from webapp.ops.database_metrics import gauges
from webapp.ops.families import gauge
from webapp.ops.measure_metrics import measures

# A process reads the database at most once in this time, however often it is scraped.
FRESH_SECONDS = 5


class SharedMetrics(Collector):
    """Metrics of all processes, the same from every web process."""

    def collect(self) -> Iterator[Metric]:
        """Read every metric."""
        yield from gauges()
        yield from measures()
        yield from _disks()


def _disks() -> Iterator[Metric]:
    usage = {name: shutil.disk_usage(_existing(path)) for name, path in _volumes().items()}
    for kind, title in (("free", "Free bytes"), ("size", "Size in bytes")):
        text = f"{title} of the file systems of DATA_DIR and of a Parquet warehouse."
        sizes = [
            ((name,), float(disk.free if kind == "free" else disk.total))
            for name, disk in usage.items()
        ]
        yield gauge(f"disk_{kind}_bytes", text, ("volume",), sizes)


def _volumes() -> dict[str, Path]:
    scheme, _, folder = settings.WAREHOUSE_URL.partition(":")
    warehouse = {"warehouse": Path(folder)} if scheme == "parquet" else {}
    return {"data": settings.VAR, **warehouse}


def _existing(path: Path) -> Path:
    """Return the folder, or the nearest one above it: the first write creates it."""
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())


SHARED = CollectorRegistry(auto_describe=False)
SHARED.register(SharedMetrics())


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Return the metrics as text; needs a token or a login."""
    if user_of(request) is None:
        return HttpResponse(
            "send a token as `Authorization: Bearer TOKEN`\n",
            "text/plain",
            401,
            headers={"WWW-Authenticate": "Bearer"},
        )
    shared = cache.get_or_set("metrics", lambda: generate_latest(SHARED), FRESH_SECONDS)
    return HttpResponse(
        (shared or b"") + generate_latest(request_metrics.registry()), CONTENT_TYPE_LATEST
    )
