"""Counters and histograms of steps, audits and sweeps, as all processes have added them up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from django.conf import settings
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from backfill.models import Job, Measure, Run
from backfill.models.measure import BOUNDS, MORE, SUM, Count, Duration
from backfill.plan.estimate import TIB
from backfill.processors.registry import CHAIN
from webapp.ops.families import PREFIX

# Jobs with their own cost: the newest, so that the number of series stays bounded.
COSTED_JOBS = 20
HISTOGRAMS = {
    Duration.STEP: "Duration of an attempt at a step: one processor over one batch.",
    Duration.QUERY: "Duration of a step's SELECT, with the check of its rows.",
    Duration.WRITE: "Duration of a step's writes: failures and output.",
    Duration.AUDIT: "Duration of the audit of a season.",
}
ENDED = (Run.Status.COMPLETE, Run.Status.SKIPPED, Run.Status.BLOCKED, Run.Status.FAILED)
COUNTERS: Mapping[Count, tuple[str, str, tuple[str, ...]]] = {
    Count.RUNS: ("runs_ended", "Runs (processor, date) ended, by state.", ("processor", "state")),
    Count.ROWS: ("rows_written", "Rows written to output tables.", ("processor",)),
    Count.ERRORS: (
        "errors",
        "Failed runs and paused steps, by error class or refusing check.",
        ("processor", "reason"),
    ),
    Count.RETRIES: (
        "retries",
        "Automatic retries of steps, by error class.",
        ("processor", "reason"),
    ),
    Count.REQUEUES: (
        "requeues",
        "Runs and batches requeued after a worker or Redis lost them.",
        (),
    ),
    Count.BILLED_BYTES: (
        "bigquery_billed_bytes",
        "Bytes billed by BigQuery for steps.",
        ("processor",),
    ),
    Count.SLOT_SECONDS: (
        "bigquery_slot_seconds",
        "BigQuery slot time of steps.",
        ("processor",),
    ),
}
Values = dict[tuple[str, str], float]  # by labels and bucket


def measures() -> Iterator[Metric]:
    """Read all counters and histograms with one query, and the cost of the newest jobs."""
    stored: dict[str, Values] = defaultdict(dict)
    for name, labels, bucket, value in Measure.objects.values_list(
        "name", "labels", "bucket", "value"
    ):
        stored[name][labels, bucket] = value
    for duration, text in HISTOGRAMS.items():
        yield _histogram(duration, text, stored[duration])
    for count in COUNTERS:
        yield _counter(count, stored[count])
    yield _dollars("bigquery_dollars", ("processor",), _bytes_by_processor(stored))
    yield from _job_costs()


def _histogram(duration: Duration, text: str, values: Values) -> HistogramMetricFamily:
    names = () if duration is Duration.AUDIT else ("processor",)
    family = HistogramMetricFamily(f"{PREFIX}{duration}_duration_seconds", text, labels=names)
    for labels in CHAIN if names else ("",):
        total, buckets = 0.0, []
        for bound in (*BOUNDS, MORE):
            total += values.get((labels, str(bound)), 0)
            buckets.append((bound if bound == MORE else str(float(bound)), total))
        family.add_metric(labels.split(), buckets, values.get((labels, SUM), 0))
    return family


def _counter(count: Count, values: Values) -> CounterMetricFamily:
    name, text, labels = COUNTERS[count]
    family = CounterMetricFamily(f"{PREFIX}{name}", text, labels=labels)
    found = {**dict.fromkeys(_zeros(labels), 0.0), **{key: n for (key, _), n in values.items()}}
    for key, number in found.items():
        family.add_metric(key.split(), number)
    return family


def _zeros(labels: tuple[str, ...]) -> list[str]:
    """Return the labels known before the first observation, so that a rate also covers it."""
    if not labels:
        return [""]
    if labels == ("processor", "state"):
        return [f"{code} {state}" for code in CHAIN for state in ENDED]
    return list(CHAIN) if labels == ("processor",) else []


def _bytes_by_processor(stored: Mapping[str, Values]) -> dict[str, float]:
    values = stored[Count.BILLED_BYTES]
    return {code: values.get((code, ""), 0) for code in CHAIN}


def _dollars(
    name: str, labels: tuple[str, ...], billed: Mapping[str, float]
) -> CounterMetricFamily:
    text = "Billed bytes at BIGQUERY_PRICE_PER_TIB; not the price of a slot reservation."
    family = CounterMetricFamily(f"{PREFIX}{name}", text, labels=labels)
    for label, number in billed.items():
        family.add_metric((label,), number / TIB * settings.BIGQUERY_PRICE_PER_TIB)
    return family


def _job_costs() -> Iterator[CounterMetricFamily]:
    costs = Job.objects.exclude(billed_bytes=0, slot_seconds=0).order_by("-pk")
    jobs = [
        (str(pk), billed, slots)
        for pk, billed, slots in costs.values_list("pk", "billed_bytes", "slot_seconds")[
            :COSTED_JOBS
        ]
    ]
    billed = CounterMetricFamily(
        f"{PREFIX}bigquery_job_billed_bytes", "Bytes billed for a job's steps.", labels=("job",)
    )
    slots = CounterMetricFamily(
        f"{PREFIX}bigquery_job_slot_seconds", "Slot time of a job's steps.", labels=("job",)
    )
    for job, job_bytes, job_slots in jobs:
        billed.add_metric((job,), job_bytes)
        slots.add_metric((job,), job_slots)
    yield billed
    yield slots
    yield _dollars("bigquery_job_dollars", ("job",), {job: n for job, n, _ in jobs})
