"""Phase 5 triggers: decided when a run of ML is recorded, stored in the same transaction, then sent
to Pub/Sub.

Delivery is at least once: after a crash between sending and recording, the message is sent again
with the same key.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import datetime
from time import monotonic, perf_counter

from django.conf import settings
from django.db import transaction

from backfill.backoff import DELIVERY_BUDGET_SECONDS
from backfill.crash_points import crash_point
from backfill.execution import queue
from backfill.execution.live_checks import TRIGGER, CheckRecord, newest_runs, why_no_success
from backfill.models import Job, Run, Trigger
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row

log = logging.getLogger(__name__)
REPORTED = ("run_id", "records_created", "records_failed")
TIMEOUT_SECONDS = 10
MOST_ERROR_LENGTH = 1000


def prepare(job: Job, run: Run) -> tuple[Trigger | None, CheckRecord]:
    """Return the unsaved trigger of a normal-mode run, and its trigger check. Raises
    WarehouseError.

    Requires the run in the run history, because the check reads the newest run of every processor.
    """
    if reason := _skip_reason(job, run):
        return None, TRIGGER.ended("skipped", reason)
    began = perf_counter()
    newest = newest_runs(warehouse(), run.date)
    for code, processor in PROCESSORS.items():
        if fact := why_no_success(newest.get(processor.name), run.date):
            return None, TRIGGER.ended("skipped", f"{code}: {fact}", perf_counter() - began)
    made = Trigger(
        job=job, date=run.date, message=_message(run, newest), topic=settings.PUBSUB_TOPIC
    )
    return made, TRIGGER.ended(
        "passed", f"one Phase 5 message ({made.state})", perf_counter() - began
    )


def _skip_reason(job: Job, run: Run) -> str:
    last = CHAIN[-1]
    if run.processor != last:
        return f"only a run of {last} completes a date"
    if run.status != Run.Status.COMPLETE:
        return f"{last} has not succeeded: {run.reason}"
    return "the job was started with --skip-trigger" if job.parsed_options.skip_trigger else ""


def _message(run: Run, newest: dict[str, Row]) -> Row:
    processors = [
        {"name": p.name, **{field: newest[p.name][field] for field in REPORTED}}
        for p in PROCESSORS.values()
    ]
    return {"date": str(run.date), "processors": processors}


def keep(job: Job, triggers: Sequence[Trigger]) -> None:
    """Save the triggers in the caller's transaction, at most one per job and date, then have a
    worker send them.
    """
    Trigger.objects.bulk_create(triggers, ignore_conflicts=True)
    # An inline job sends at its end; without a topic there is nothing to send.
    if triggers and settings.PUBSUB_TOPIC and not job.owner:
        transaction.on_commit(queue.enqueue_deliver)


def deliver(at: datetime) -> int:
    """Send due triggers to PUBSUB_TOPIC, if it is set; return how many were delivered.

    Do not call within a transaction. The first failure ends the delivery, because a common cause
    would fail the others too; otherwise they come first in the next delivery.
    """
    if not settings.PUBSUB_TOPIC:
        return 0
    until, delivered = monotonic() + DELIVERY_BUDGET_SECONDS, 0
    for trigger in Trigger.objects.due(at).exclude(topic=""):
        if monotonic() > until:
            break
        if trigger.claim(at):
            if not _deliver(trigger, at):
                break
            delivered += 1
    return delivered


def _deliver(trigger: Trigger, at: datetime) -> bool:
    topic = settings.PUBSUB_TOPIC
    try:
        message_id = _publish(topic, trigger)
    except (
        Exception
    ) as error:  # credentials, names, networks: on any error the message is kept and retried
        text = f"{type(error).__name__}: {error}"[:MOST_ERROR_LENGTH]
        log.warning("Delivery of the %s of %s failed: %s", trigger, trigger.job, text)
        trigger.put_off(at, text)
        return False
    crash_point("after-publish")
    trigger.note_delivery(at, topic, message_id)
    return True


def _publish(topic: str, trigger: Trigger) -> str:
    """Send one message once and return its id; the outbox retries, where users can see it.

    The client lives only for the call, because its threads would break a process that forks.
    """
    from google.pubsub_v1 import PublisherClient, PubsubMessage

    attributes = {"trigger": trigger.key, "job": str(trigger.job_id), "date": str(trigger.date)}
    message = PubsubMessage(data=json.dumps(trigger.message).encode(), attributes=attributes)
    with PublisherClient() as client:
        sent = client.publish(topic=topic, messages=[message], retry=None, timeout=TIMEOUT_SECONDS)
    return str(sent.message_ids[0])
