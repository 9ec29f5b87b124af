"""Outbox against a local server of the Pub/Sub API: messages sent, kept, retried and repeated."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import grpc
import pytest
from django.db import connections

from backfill.backoff import LONGEST_SECONDS
from backfill.checks import topic_is_a_name
from backfill.execution import sweep, tasks
from backfill.models import Job, Sweep, Trigger
from backfill.models.outbox import LEASE
from backfill.notify import pubsub
from backfill.processors.registry import PROCESSORS
from tests.backfill.broker import Broker, refuse
from tests.postgres import database_url
from tests.seasons.tiny import FIRST, SECOND, make_options

AT = datetime(2022, 1, 1, 12, tzinfo=UTC)
TOPIC = "projects/nba/topics/phase-5"
SECONDS = timedelta(seconds=1)
ROOT = Path(__file__).resolve().parents[3]
DELIVER = f"""
from datetime import datetime
import django
django.setup()
from backfill.notify import pubsub
pubsub.deliver(datetime.fromisoformat("{AT.isoformat()}"))
"""


@pytest.fixture
def broker(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    """Start a server with its topic configured."""
    made = Broker()
    with made.listening():
        settings.PUBSUB_TOPIC = TOPIC
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{made.port}")
        monkeypatch.setenv("no_grpc_proxy", "127.0.0.1")
        yield made


def make_job() -> Job:
    return Job.objects.create(
        options=make_options(mode="normal").as_json(), actor="ann", code_version="1", batch_size=1
    )


def make_message(day: date = SECOND) -> dict[str, Any]:
    told = {"records_created": 2, "records_failed": 0}
    return {
        "date": str(day),
        "processors": [
            {"name": p.name, "run_id": f"0000000{n}", **told}
            for n, p in enumerate(PROCESSORS.values())
        ],
    }


def make_trigger(day: date = SECOND, *, due: datetime = AT, topic: str = TOPIC) -> Trigger:
    return Trigger.objects.create(
        job=make_job(),
        date=day,
        message=make_message(day),
        topic=topic,
        created_at=due,
        next_try_at=due,
    )


def reloaded(trigger: Trigger) -> Trigger:
    return Trigger.objects.get(pk=trigger.pk)


pytestmark = [pytest.mark.django_db, pytest.mark.database]


class TestDelivering:
    def test_a_message_is_sent_once_with_its_date_and_the_runs_of_all_five(
        self, broker: Broker
    ) -> None:
        trigger = make_trigger()
        assert [pubsub.deliver(AT), pubsub.deliver(AT + LEASE + SECONDS)] == [1, 0]
        attributes = {
            "trigger": f"{trigger.pk}-00000004",
            "job": str(trigger.job_id),
            "date": "2021-11-03",
        }
        assert broker.sent == [(TOPIC, make_message(), attributes)]
        found = reloaded(trigger)
        assert (found.delivered_at, found.message_id, found.tries, found.error) == (AT, "m1", 0, "")
        assert found.state == "delivered at 2022-01-01 12:00:00"

    def test_a_message_is_not_sent_before_its_time(self, broker: Broker) -> None:
        make_trigger(due=AT + SECONDS)
        assert (pubsub.deliver(AT), broker.sent) == (0, [])

    def test_without_a_topic_nothing_is_sent(self, broker: Broker, settings: Any) -> None:
        trigger, settings.PUBSUB_TOPIC = make_trigger(), ""
        assert (pubsub.deliver(AT), broker.sent) == (0, [])
        assert reloaded(trigger).state == "queued"

    def test_what_was_only_recorded_is_not_sent_when_a_topic_is_set_later(
        self, broker: Broker
    ) -> None:
        trigger = make_trigger(topic="")
        assert (pubsub.deliver(AT), broker.sent) == (0, [])
        assert reloaded(trigger).state == "recorded only: PUBSUB_TOPIC was not set"

    def test_what_was_meant_for_a_wrong_topic_is_sent_to_the_corrected_one(
        self, broker: Broker
    ) -> None:
        trigger = make_trigger(topic="projects/nba/topics/phase-6")
        assert pubsub.deliver(AT) == 1
        assert (broker.sent[0][0], reloaded(trigger).topic) == (TOPIC, TOPIC)

    def test_a_task_and_a_sweep_deliver(self, broker: Broker) -> None:
        make_trigger(FIRST)
        tasks.deliver()
        make_trigger(SECOND)
        sweep.sweep_lost_work()
        assert [payload["date"] for _, payload, _ in broker.sent] == [str(FIRST), str(SECOND)]


class TestFailing:
    def test_while_the_server_is_down_messages_are_kept_and_put_off(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.PUBSUB_TOPIC = TOPIC
        broker = Broker()
        with broker.listening():
            monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{broker.port}")
        monkeypatch.setenv("no_grpc_proxy", "127.0.0.1")
        trigger = make_trigger()
        assert pubsub.deliver(AT) == 0
        kept = reloaded(trigger)
        assert (kept.delivered_at, kept.tries) == (None, 1)
        assert kept.error.startswith("ServiceUnavailable: 503 ")
        assert AT + SECONDS <= kept.next_try_at <= AT + 2 * SECONDS
        with broker.listening():
            assert [pubsub.deliver(AT), pubsub.deliver(kept.next_try_at)] == [0, 1]
        assert broker.keys == [trigger.key]

    def test_a_server_that_is_unavailable_twice_gets_the_message_at_the_third_try(
        self, broker: Broker
    ) -> None:
        trigger = make_trigger()
        broker.answers.extend([refuse(grpc.StatusCode.UNAVAILABLE, "try again")] * 2)
        found = [pubsub.deliver(reloaded(trigger).next_try_at) for _ in range(4)]
        assert found == [0, 0, 1, 0]
        assert (broker.keys, reloaded(trigger).tries, reloaded(trigger).error) == (
            [trigger.key],
            2,
            "",
        )

    def test_a_refusal_is_kept_readable(self, broker: Broker) -> None:
        trigger = make_trigger()
        broker.answers.append(
            refuse(grpc.StatusCode.PERMISSION_DENIED, "ann may not publish to phase-5")
        )
        pubsub.deliver(AT)
        found = reloaded(trigger)
        assert found.error == "PermissionDenied: 403 ann may not publish to phase-5"
        assert found.state == f"failed 1×, again at {found.next_try_at:%H:%M:%S}: {found.error}"

    def test_a_server_that_does_not_answer_is_given_up(
        self, broker: Broker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pubsub, "TIMEOUT_SECONDS", 0.2)
        trigger, never = make_trigger(), Event()
        broker.answers.append(lambda context: never.wait(60) and None)
        assert pubsub.deliver(AT) == 0
        never.set()
        assert reloaded(trigger).error.startswith("DeadlineExceeded: 504 ")

    def test_one_message_that_fails_does_not_keep_back_the_others(self, broker: Broker) -> None:
        bad, good = make_trigger(FIRST), make_trigger(SECOND)
        broker.answers.append(refuse(grpc.StatusCode.INVALID_ARGUMENT, "too large"))
        assert [pubsub.deliver(AT), pubsub.deliver(AT)] == [0, 1]
        assert (reloaded(bad).delivered_at, reloaded(good).delivered_at) == (None, AT)

    def test_without_credentials_the_message_is_kept(
        self, broker: Broker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("PUBSUB_EMULATOR_HOST")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")
        trigger = make_trigger()
        assert pubsub.deliver(AT) == 0
        assert reloaded(trigger).error.startswith(
            "DefaultCredentialsError: File /nowhere.json was not found"
        )

    def test_the_delay_has_a_limit_however_often_it_was_tried(self) -> None:
        trigger = make_trigger()
        trigger.tries = 5000
        trigger.put_off(AT, "down")
        assert AT + timedelta(seconds=LONGEST_SECONDS / 2) <= reloaded(trigger).next_try_at

    def test_a_message_that_cannot_be_put_together_is_kept_with_its_error(
        self, broker: Broker
    ) -> None:
        trigger = make_trigger()
        Trigger.objects.update(message={})
        assert pubsub.deliver(AT) == 0
        assert reloaded(trigger).error == "KeyError: 'processors'"

    def test_an_outbox_that_breaks_does_not_stop_the_sweep(self, settings: Any) -> None:
        del settings.PUBSUB_TOPIC
        sweep.sweep_lost_work()
        assert Sweep.objects.count() == 1


@pytest.mark.django_db(transaction=True)
class TestRepeating:
    def test_killed_between_sending_and_noting_that_it_is_sent_again_with_the_same_key(
        self, broker: Broker
    ) -> None:
        trigger = make_trigger()
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "webapp.settings",
            "DATABASE_URL": database_url(),
            "PUBSUB_TOPIC": TOPIC,
            "BACKCOURT_CRASH_AT": "after-publish",
        }
        killed = subprocess.run(
            [sys.executable, "-c", DELIVER],
            check=False,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert reloaded(trigger).delivered_at is None
        assert [pubsub.deliver(AT), pubsub.deliver(AT + LEASE)] == [0, 1]
        assert broker.keys == [trigger.key] * 2

    def test_of_two_who_deliver_at_once_one_sends(self, broker: Broker) -> None:
        trigger, sending, other_is_done = make_trigger(), Event(), Event()

        def hold(context: grpc.ServicerContext) -> None:
            sending.set()
            other_is_done.wait(30)

        broker.answers.append(hold)
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(delivered_in_a_thread)
            assert sending.wait(30)
            second = pubsub.deliver(AT)
            other_is_done.set()
            assert (first.result(), second) == (1, 0)
        assert broker.keys == [trigger.key]

    def test_a_claim_made_on_an_old_row_fails(self) -> None:
        trigger = make_trigger()
        same = reloaded(trigger)
        assert [trigger.claim(AT), same.claim(AT)] == [True, False]

    def test_who_comes_late_with_a_failure_leaves_the_later_claim_alone(self) -> None:
        late = make_trigger()
        assert late.claim(AT)
        assert reloaded(late).claim(AT + LEASE)
        late.put_off(AT, "timed out")
        assert (reloaded(late).next_try_at, reloaded(late).error) == (AT + 2 * LEASE, "")


def delivered_in_a_thread() -> int:
    try:
        return pubsub.deliver(AT)
    finally:
        connections.close_all()


class TestTheDoorbell:
    def rung(self, capture: Any, job: Job) -> int:
        trigger = Trigger(job=job, date=SECOND, message=make_message(), topic=TOPIC)
        with capture() as callbacks:
            pubsub.keep(job, [trigger])
            pubsub.keep(job, [])
        return len(callbacks)

    def test_a_worker_is_rung_when_there_is_a_message_and_a_topic(
        self, settings: Any, django_capture_on_commit_callbacks: Any
    ) -> None:
        settings.PUBSUB_TOPIC = TOPIC
        assert self.rung(django_capture_on_commit_callbacks, make_job()) == 1

    def test_nobody_is_rung_without_a_topic(self, django_capture_on_commit_callbacks: Any) -> None:
        assert self.rung(django_capture_on_commit_callbacks, make_job()) == 0

    def test_an_inline_job_rings_nobody_as_it_delivers_itself(
        self, settings: Any, django_capture_on_commit_callbacks: Any
    ) -> None:
        settings.PUBSUB_TOPIC = TOPIC
        job = make_job()
        job.owner = "here 1 0.00"
        assert self.rung(django_capture_on_commit_callbacks, job) == 0

    def test_a_message_that_is_there_already_is_not_made_again(self) -> None:
        job = make_job()
        for run_id in ("first", "second"):
            pubsub.keep(job, [Trigger(job=job, date=SECOND, message={"run": run_id})])
        assert [t.message for t in job.triggers.all()] == [{"run": "first"}]


@pytest.mark.parametrize("topic", ["", TOPIC, "projects/example.com:nba/topics/phase.5"])
def test_a_topic_is_named_in_full_or_not_at_all(topic: str, settings: Any) -> None:
    settings.PUBSUB_TOPIC = topic
    assert topic_is_a_name() == []


@pytest.mark.parametrize(
    "topic", ["phase-5", "projects/nba/topics/", "projects/nba/topics/5", f" {TOPIC}", f"{TOPIC}/x"]
)
def test_a_wrong_topic_is_refused_at_start_in_one_sentence(topic: str, settings: Any) -> None:
    settings.PUBSUB_TOPIC = topic
    (error,) = topic_is_a_name()
    assert (error.id, error.msg) == (
        "backcourt.E003",
        f"PUBSUB_TOPIC is {topic!r}; use projects/PROJECT/topics/TOPIC",
    )
