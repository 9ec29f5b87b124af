"""Figures for Prometheus, read from the database whenever it asks: no process has to be asked what
it remembers.
"""

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


class FromTheDatabase(Collector):
    """Every figure, by a fixed number of queries. What is counted stands at 0 where there is none
    of it.
    """

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read all."""
        yield _gauge("build_info", "The code that runs.", ("version",), [((code_version(),), 1)])
        yield _gauge(
            "jobs", "Jobs by state.", ("state",), _counted(Job.Status.values, _by(Job, "status"))
        )
        yield _gauge(
            "runs",
            "Runs (a processor on a date) of all jobs by state.",
            ("processor", "state"),
            _runs(),
        )
        yield _gauge(
            "findings",
            "What there is to look at, by severity and state.",
            ("severity", "state"),
            _findings(),
        )
        yield from _processes()
        yield from _waiting()
        yield from _judgements()


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
    yield _gauge(
        "workers_alive", "Worker processes that can take a step.", (), [((), len(Worker.alive(at)))]
    )
    age = [((), (at - swept.at).total_seconds())] if swept else []
    yield _gauge(
        "sweep_age_seconds",
        "Since lost work was last looked for; nothing before the first time.",
        (),
        age,
    )
    yield _gauge(
        "batches_in_flight", "Batches of dates that are sent to workers.", (), [((), in_flight)]
    )
    cap = [((), limits.max_parallel_batches)]
    yield _gauge(
        "batches_in_flight_limit", "How many batches of all jobs may be in flight.", (), cap
    )


def _waiting() -> Iterator[GaugeMetricFamily]:
    triggers = Trigger.objects.filter(delivered_at=None).exclude(topic="").count()
    notices = Notice.objects.filter(delivered_at=None).count()
    counts = [(("trigger",), triggers), (("notice",), notices)]
    yield _gauge(
        "undelivered_messages",
        "To Phase 5 (trigger) and to people (notice), kept until delivered.",
        ("kind",),
        counts,
    )


def _judgements() -> Iterator[GaugeMetricFamily]:
    at, judged = now(), list(SeasonAudit.objects.order_by("season"))
    text = "Failures that the games played do not explain, as of the last judgement."
    yield _gauge(
        "unexplained_failures",
        text,
        ("season",),
        [((str(j.season),), j.unexplained) for j in judged],
    )
    ages = [((str(j.season),), (at - j.at).total_seconds()) for j in judged]
    yield _gauge("judgement_age_seconds", "Since a season was last judged.", ("season",), ages)


REGISTRY = CollectorRegistry(auto_describe=False)
REGISTRY.register(FromTheDatabase())


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """All of them as text, for whoever has a token or is logged in."""
    if user_of(request) is None:
        return HttpResponse(
            "send a key as `Authorization: Bearer KEY`\n",
            "text/plain",
            401,
            headers={"WWW-Authenticate": "Bearer"},
        )
    return HttpResponse(generate_latest(REGISTRY), CONTENT_TYPE_LATEST)
