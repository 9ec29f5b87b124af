"""Prometheus metrics, read from the database at every scrape, so that no process keeps counters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.utils.timezone import now
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from backfill.elapsed import seconds_between
from backfill.models import (
    Batch,
    Finding,
    Job,
    Limits,
    Notice,
    Run,
    SeasonAudit,
    Sweep,
    Trigger,
    Worker,
)
from backfill.processors.registry import CHAIN
from backfill.version import code_version
from validation.findings.kinds import Severity
from webapp.auth.tokens import user_of

Sample = tuple[tuple[str, ...], float]


class DatabaseMetrics(Collector):
    """All metrics, by a fixed number of queries. Counts include zeros."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read every metric."""
        yield _gauge(
            "build_info", "Version of the running code.", ("version",), [((code_version(),), 1)]
        )
        yield _gauge(
            "jobs", "Jobs by state.", ("state",), _counted(Job.Status.values, _by(Job, "status"))
        )
        yield _gauge(
            "runs",
            "Runs (processor, date) of all jobs by state.",
            ("processor", "state"),
            _runs(),
        )
        yield _gauge(
            "findings",
            "Findings by severity and state.",
            ("severity", "state"),
            _findings(),
        )
        yield from _processes()
        yield from _waiting()
        yield from _audits()


def _gauge(
    name: str, text: str, labels: tuple[str, ...] = (), samples: Iterable[Sample] = ()
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"backcourt_{name}", text, labels=labels)
    for values, number in samples:
        family.add_metric(values, number)
    return family


def _by(model: type[Job | Run | Finding], *fields: str) -> dict[tuple[str, ...], int]:
    found = model._default_manager.order_by().values_list(*fields).annotate(n=Count("pk"))
    return {tuple(map(str, row[:-1])): row[-1] for row in found}


def _counted(names: Iterable[str], counts: dict[tuple[str, ...], int]) -> Iterator[Sample]:
    for name in names:
        yield (name,), counts.get((name,), 0)


def _runs() -> Iterator[Sample]:
    counts = _by(Run, "processor", "status")
    for code in CHAIN:
        for state in Run.Status.values:
            yield (code, state), counts.get((code, state), 0)


def _findings() -> Iterator[Sample]:
    counts = _by(Finding, "severity", "state")
    for severity in Severity:
        for state in Finding.State.values:
            yield (str(severity), state), counts.get((str(int(severity)), state), 0)


def _processes() -> Iterator[GaugeMetricFamily]:
    at, swept, limits = now(), Sweep.objects.first(), Limits.objects.first() or Limits()
    in_flight = Batch.objects.filter(status=Batch.Status.IN_FLIGHT).count()
    yield _gauge("workers_alive", "Live worker processes.", (), [((), len(Worker.alive(at)))])
    age = [((), seconds_between(swept.at, at))] if swept else []
    yield _gauge(
        "sweep_age_seconds",
        "Seconds since the last sweep; absent before the first sweep.",
        (),
        age,
    )
    yield _gauge(
        "batches_in_flight", "Batches sent to workers and not yet finished.", (), [((), in_flight)]
    )
    limit = [((), limits.max_parallel_batches)]
    yield _gauge(
        "batches_in_flight_limit",
        "Concurrency limit: maximum number of batches in flight.",
        (),
        limit,
    )


def _waiting() -> Iterator[GaugeMetricFamily]:
    triggers = Trigger.objects.filter(delivered_at=None).exclude(topic="").count()
    notices = Notice.objects.filter(delivered_at=None).count()
    counts = [(("trigger",), triggers), (("notice",), notices)]
    yield _gauge(
        "undelivered_messages",
        "Undelivered Phase 5 messages and notifications, by kind.",
        ("kind",),
        counts,
    )


def _audits() -> Iterator[GaugeMetricFamily]:
    at, audits = now(), list(SeasonAudit.objects.order_by("season"))
    text = "Unexpected failures of the latest audit."
    yield _gauge(
        "unexplained_failures",
        text,
        ("season",),
        [((str(audit.season),), audit.unexplained) for audit in audits],
    )
    ages = [((str(audit.season),), seconds_between(audit.at, at)) for audit in audits]
    yield _gauge(
        "judgement_age_seconds", "Seconds since the latest audit of a season.", ("season",), ages
    )


REGISTRY = CollectorRegistry(auto_describe=False)
REGISTRY.register(DatabaseMetrics())


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
    return HttpResponse(generate_latest(REGISTRY), CONTENT_TYPE_LATEST)
