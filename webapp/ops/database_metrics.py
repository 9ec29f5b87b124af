"""Gauges of jobs, runs, findings, workers and messages, read from the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db.models import Count, Exists, Min, OuterRef, Q, Sum
from django.utils.timezone import now
from prometheus_client.core import GaugeMetricFamily

from backfill.elapsed import seconds_between
from backfill.models import (
    AuditResult,
    Batch,
    Finding,
    Job,
    Launch,
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
from webapp.ops.families import Sample, gauge

# Results of audited entities, by their columns of AuditResult.
RESULTS = {
    "expected": "explained",
    "unexpected": "unexplained",
    "unexpected_success": "lost",
    "unaccounted": "unaccounted",
}


def gauges() -> Iterator[GaugeMetricFamily]:
    """Read every gauge, by a fixed number of queries. Counts include zeros."""
    at = now()
    yield gauge(
        "build_info", "Version of the running code.", ("version",), [((code_version(),), 1)]
    )
    yield gauge(
        "jobs", "Jobs by state.", ("state",), _counted(Job.Status.values, _by(Job, "status"))
    )
    yield gauge(
        "runs", "Runs (processor, date) of all jobs by state.", ("processor", "state"), _runs()
    )
    yield gauge("findings", "Findings by severity and state.", ("severity", "state"), _findings())
    yield from _processes(at)
    yield from _batches(at)
    yield _launches(at)
    yield from _waiting()
    yield from _audits(at)


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


def _processes(at: datetime) -> Iterator[GaugeMetricFamily]:
    swept, workers = Sweep.objects.first(), Worker.objects.filter(kind=Worker.Kind.WORKER)
    found = list(workers)
    alive = [((), float(sum(worker.is_alive(at) for worker in found)))]
    yield gauge("workers_alive", "Live worker processes.", (), alive)
    oldest = min((worker.seen_at for worker in found), default=None)
    yield gauge(
        "oldest_heartbeat_seconds",
        "Seconds since the oldest heartbeat of a worker; absent without workers.",
        (),
        [((), seconds_between(oldest, at))] if oldest else [],
    )
    yield gauge(
        "sweep_age_seconds",
        "Seconds since the last sweep; absent before the first sweep.",
        (),
        [((), seconds_between(swept.at, at))] if swept else [],
    )


def _batches(at: datetime) -> Iterator[GaugeMetricFamily]:
    of_batch = Run.objects.filter(job=OuterRef("job"), batch=OuterRef("number"))
    flying = Batch.objects.filter(status=Batch.Status.IN_FLIGHT)
    queued = flying.filter(job__status__in=Job.ACTIVE).exclude(
        Exists(of_batch.filter(status=Run.Status.RUNNING))
    )
    found = queued.aggregate(n=Count("pk"), oldest=Min("touched_at"))
    oldest = found["oldest"]
    yield gauge(
        "queue_age_seconds",
        "Seconds that a batch in flight has waited for a worker process, the longest wait.",
        (),
        [((), seconds_between(oldest, at) if oldest else 0.0)],
    )
    yield gauge(
        "batches_queued",
        "Batches in flight that no worker process works on.",
        (),
        [((), found["n"])],
    )
    counts = Batch.objects.aggregate(
        flying=Count("pk", filter=Q(status=Batch.Status.IN_FLIGHT)),
        waiting=Count("pk", filter=Q(status=Batch.Status.WAITING, job__status__in=Job.ACTIVE)),
    )
    yield gauge(
        "batches_waiting",
        "Batches of active jobs not yet in flight: concurrency limit, canary or retry delay.",
        (),
        [((), counts["waiting"])],
    )
    yield gauge(
        "batches_in_flight",
        "Batches sent to workers and not yet finished.",
        (),
        [((), counts["flying"])],
    )
    yield gauge(
        "batches_in_flight_limit",
        "Concurrency limit: maximum number of batches in flight.",
        (),
        [((), Limits.current().max_parallel_batches)],
    )


def _launches(at: datetime) -> GaugeMetricFamily:
    due = Launch.due(at).exclude(start_at=None).aggregate(at=Min("start_at"))["at"]
    return gauge(
        "schedule_lateness_seconds",
        "Seconds by which the latest scheduled launch is overdue; 0 if none is.",
        (),
        [((), seconds_between(due, at) if due else 0.0)],
    )


def _waiting() -> Iterator[GaugeMetricFamily]:
    triggers = Trigger.objects.filter(delivered_at=None).exclude(topic="").count()
    notices = Notice.objects.filter(delivered_at=None).count()
    counts = [(("trigger",), triggers), (("notice",), notices)]
    yield gauge(
        "undelivered_messages",
        "Undelivered Phase 5 messages and notifications, by kind.",
        ("kind",),
        counts,
    )


def _audits(at: datetime) -> Iterator[GaugeMetricFamily]:
    audits = list(SeasonAudit.objects.order_by("season"))
    yield gauge(
        "unexplained_failures",
        "Unexpected failures of the latest audit.",
        ("season",),
        [((str(audit.season),), audit.unexplained) for audit in audits],
    )
    ages = [((str(audit.season),), seconds_between(audit.at, at)) for audit in audits]
    yield gauge(
        "judgement_age_seconds", "Seconds since the latest audit of a season.", ("season",), ages
    )
    yield gauge(
        "audited_entities",
        "Entities of the latest audit by result: expected and unexpected failures, unexpected successes, unaccounted.",
        ("processor", "result"),
        _results(),
    )


def _results() -> Iterator[Sample]:
    sums = [Sum(column) for column in RESULTS.values()]
    found = AuditResult.objects.order_by().values_list("processor").annotate(*sums)
    counts = {code: numbers for code, *numbers in found}
    for code in CHAIN:
        for name, number in zip(RESULTS, counts.get(code, [0] * len(RESULTS)), strict=True):
            yield (code, name), number or 0
