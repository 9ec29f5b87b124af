from __future__ import annotations

from typing import Any

import pytest
from celery.canvas import Signature
from django.conf import settings
from redis import Redis

from backfill.celery_app import celery_app
from backfill.execution import dispatch
from backfill.execution import queue as work_queue
from backfill.models import Batch
from tests.backfill.working import batch_of, in_flight, make_job, run_all, step
from tests.seasons.tiny import FIRST

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("season")]


def shape(signature: Any) -> Any:
    """Return a canvas as nested lists: a list for a sequence, a set for a parallel group."""
    if signature.task == "celery.chain":
        return [shape(s) for s in signature.tasks]
    if signature.task == "celery.chord":
        return [{shape(s) for s in signature.tasks}, shape(signature.body)]
    if signature.task == "celery.group":
        return {shape(s) for s in signature.tasks}
    return signature.args[2]


def flat(found: Any) -> list[Any]:
    """Flatten nested chains of chords."""
    return (
        [x for part in found for x in (flat(part) if isinstance(part, list) else [part])]
        if isinstance(found, list)
        else [found]
    )


def sent(job: Any) -> Batch:
    dispatch.dispatch()
    return batch_of(job, 0)


def canvas(batch: Batch) -> Signature:
    made = work_queue.canvas(batch)
    assert made is not None
    return made


def test_the_canvas_is_the_chain_of_processors() -> None:
    batch = sent(make_job(end=FIRST))
    assert flat(shape(canvas(batch))) == [{"TDZA", "PSZA"}, "PCF", "PDC", "ML"]


@pytest.mark.parametrize(
    ("processors", "expected"),
    [
        (("TDZA", "PSZA"), [{"TDZA", "PSZA"}]),
        (("PSZA", "ML"), ["PSZA", "ML"]),
        (("TDZA", "PSZA", "ML"), [{"TDZA", "PSZA"}, "ML"]),
        (("PDC",), ["PDC"]),
    ],
)
def test_only_the_jobs_processors_are_sent(
    processors: tuple[str, ...], expected: list[Any]
) -> None:
    assert flat(shape(canvas(sent(make_job(end=FIRST, processors=processors))))) == expected


def test_what_has_ended_is_not_sent_again() -> None:
    batch = sent(make_job(end=FIRST))
    step(batch, "PSZA")
    step(batch, "TDZA")
    assert flat(shape(canvas(batch))) == ["PCF", "PDC", "ML"]
    run_all(batch.job)
    assert work_queue.canvas(batch) is None


def test_a_task_carries_ids_and_a_lease_and_nothing_else() -> None:
    batch = sent(make_job(end=FIRST, processors=("PDC",)))
    (only,) = canvas(batch).tasks
    assert (only.task, only.args) == (
        "backfill.execution.tasks.step",
        (batch.pk, batch.lease, "PDC"),
    )


@pytest.mark.usefixtures("redis")
def test_ringing_puts_the_first_steps_into_the_queue() -> None:
    queue = Redis(unix_socket_path=settings.REDIS_URL.removeprefix("redis+socket://"))
    queue.flushall()
    job = make_job(end=FIRST)
    work_queue.enqueue(sent(job))
    assert (queue.llen(celery_app().conf.task_default_queue), in_flight(job)) == (2, [0])
