"""`manage.py workers` and the refusals of `manage.py up`."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from backfill.models import Sweep
from tests.backfill.shell import Shell
from tests.backfill.working import DEAD, ELSEWHERE, make_worker

pytestmark = pytest.mark.django_db


def test_without_workers_it_says_who_starts_them(shell: Shell) -> None:
    answer = shell("workers")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines() == [
        "no worker is running; start workers with bin/up",
        "no sweep yet",
        "batches in flight: 0, limit 1",
    ]


def test_each_worker_is_listed_with_its_heartbeat_and_the_steps_that_it_holds(shell: Shell) -> None:
    make_worker(claims=["a"])
    make_worker(DEAD)
    Sweep.objects.create(at=now() - timedelta(seconds=3), seconds=0.1)
    header, alive, dead, swept, in_flight = shell("workers").out.splitlines()
    assert header.split() == ["process", "kind", "last", "seen", "steps", "started"]
    assert alive.split()[:4] + alive.split()[5:8] == [*ELSEWHERE.split(), "worker", "s", "ago", "1"]
    assert dead.split()[:6] == [*DEAD.split(), "worker", "dead", "0"]
    assert (swept[:11], in_flight) == ("last sweep ", "batches in flight: 0, limit 1")


def test_as_a_document_it_is_the_state_of_the_system(shell: Shell) -> None:
    make_worker()
    document = shell("workers", "--json").document
    assert [(w["name"], w["alive"]) for w in document["workers"]] == [(ELSEWHERE, True)]
    assert (document["swept_seconds_ago"], document["max_parallel_batches"]) == (None, 1)


@pytest.mark.parametrize(("alive", "code"), [(True, 0), (False, 1)])
def test_asked_to_wait_it_exits_1_when_no_worker_comes(
    shell: Shell, *, alive: bool, code: int
) -> None:
    make_worker(ELSEWHERE if alive else DEAD)
    assert shell("workers", "--wait", 60 if alive else 1).code == code


@pytest.mark.parametrize(
    "words",
    [
        ("workers", "--wait", "soon"),
        ("workers", "--wait", "-1"),
        ("up", "--json"),
        ("up", "--demo"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(shell: Shell, words: tuple[str, ...]) -> None:
    answer = shell(*words)
    assert (answer.code, answer.out, len(answer.err.splitlines())) == (2, "", 1)
