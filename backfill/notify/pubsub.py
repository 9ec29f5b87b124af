"""What Phase 5 is told: decided when a run of ML is recorded, kept in the same transaction, sent to
Pub/Sub afterwards.

A message is sent at least once: after a crash between sending it and noting that, it is sent again
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

from backfill.crash_points import crash_point
from backfill.execution import queue
from backfill.execution.backoff import DELIVERY_BUDGET_SECONDS
from backfill.execution.live_checks import TRIGGER, CheckRecord, newest_runs, why_no_success
from backfill.models import Job, Run, Trigger
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row

log = logging.getLogger(__name__)
LAST = CHAIN[-1]
TOLD = ("run_id", "records_created", "records_failed")
TIMEOUT_SECONDS = 10
MOST_ERROR_LENGTH = 1000


def prepare(job: Job, run: Run) -> tuple[Trigger | None, CheckRecord]:
    """The message that a run in normal mode gives rise to, not saved yet, and its trigger check.
    Raises WarehouseError.

    The run must be in the run history already: the newest run of every processor is what that says.
    """
    if why_not := _why_not(job, run):
        return None, TRIGGER.ended("skipped", why_not)
    began = perf_counter()
    newest = newest_runs(warehouse(), run.date)
    for code, processor in PROCESSORS.items():
        if fact := why_no_success(newest.get(processor.name), run.date):
            return None, TRIGGER.ended("skipped", f"{code}: {fact}", perf_counter() - began)
    made = Trigger(
        job=job, date=run.date, message=_message(run, newest), topic=settings.PUBSUB_TOPIC
    )
    return made, TRIGGER.ended(
        "passed", f"one message for Phase 5 ({made.state})", perf_counter() - began
    )


def _why_not(job: Job, run: Run) -> str:
    if run.processor != LAST:
        return f"only a run of {LAST} completes a date"
    if run.status != Run.Status.COMPLETE:
        return f"{LAST} has not succeeded: {run.reason}"
    return "the job was started with --skip-trigger" if job.parsed_options.skip_trigger else ""


def _message(run: Run, newest: dict[str, Row]) -> Row:
    told = [
        {"name": p.name, **{field: newest[p.name][field] for field in TOLD}}
        for p in PROCESSORS.values()
    ]
    return {"date": str(run.date), "processors": told}


def keep(job: Job, triggers: Sequence[Trigger]) -> None:
    """Save them in the caller's transaction, at most one per job and date, and have a worker send
    them afterwards.
    """
    Trigger.objects.bulk_create(triggers, ignore_conflicts=True)
    # An inline job sends at its end; without a topic there is nothing to send.
    if triggers and settings.PUBSUB_TOPIC and not job.owner:
        transaction.on_commit(queue.enqueue_deliver)


def deliver(at: datetime) -> int:
    """Send what is due to PUBSUB_TOPIC, if one is set; return how many messages were delivered.

    Not to be called within a transaction. The first failure ends it: what keeps one message back
    keeps back them all,
    and if it does not, the others are first the next time.
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
    ) as error:  # credentials, names, networks: whatever it is, the message is kept and tried again
        text = f"{type(error).__name__}: {error}"[:MOST_ERROR_LENGTH]
        log.warning("the %s of %s cannot be delivered: %s", trigger, trigger.job, text)
        trigger.put_off(at, text)
        return False
    crash_point("after-publish")
    trigger.note_delivery(at, topic, message_id)
    return True


def _publish(topic: str, trigger: Trigger) -> str:
    """Send one message once and return its id: trying again is the outbox's part, where it can be
    seen.

    The client lives as long as the call: it has threads, which a process that forks must not have.
    """
    from google.pubsub_v1 import PublisherClient, PubsubMessage

    attributes = {"trigger": trigger.key, "job": str(trigger.job_id), "date": str(trigger.date)}
    message = PubsubMessage(data=json.dumps(trigger.message).encode(), attributes=attributes)
    with PublisherClient() as client:
        sent = client.publish(topic=topic, messages=[message], retry=None, timeout=TIMEOUT_SECONDS)
    return str(sent.message_ids[0])
