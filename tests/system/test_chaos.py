"""kill -9 of any process at any time: the workers' backfill completes with the usual output."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import pytest
from redis import Redis

from tests.system.installation import (
    ROOT,
    Installation,
    Reference,
    assert_same,
    ended,
    environment,
    until,
)
from tests.system.stack import SharedStack, Stack, running

pytestmark = pytest.mark.system
# After everything is recorded; at earlier points a step starts over, which tests.system.test_killed
# covers.
POINTS_OF_A_STEP = ("after-record",)
SHARED = pytest.mark.xdist_group("one stack in turn")
SMALL = ("--batch-size", "5")
LOCKED_SECONDS = 10
OF_JOBS = "SELECT COUNT(*) FROM backfill_event WHERE job_id IS NOT NULL"


def by_workers(reference: Reference, *more: str) -> tuple[str, ...]:
    """Return the reference's command, for the workers, in smaller batches: more moments to disturb."""
    return (*(word for word in reference.command if word != "--inline"), *SMALL, *more)


def begun(installed: Installation, reference: Reference, *more: str, complete: int = 20) -> None:
    """Start the job and wait until so many runs are complete and one is running."""
    started = installed.verb(*by_workers(reference, *more))
    assert (started.returncode, started.stderr) == (0, ""), started
    in_the_middle(installed, complete)


def in_the_middle(installed: Installation, complete: int = 20) -> None:
    until(
        lambda: (found := installed.runs())["complete"] >= complete and found["running"],
        "the middle of the job",
    )


def assert_heals_by_itself(installed: Installation, reference: Reference, *jobs: str) -> None:
    """Assert that the job succeeds without intervention, with the output of an undisturbed one."""
    until(
        lambda: installed.jobs()[-1] in ("succeeded", "failed", "paused", "cancelled"),
        "the end of the job",
    )
    until(lambda: installed.leftovers() == [], "the sweep of what killed writers left")
    assert_same(installed, reference, jobs=jobs or ("succeeded",))
    assert (
        installed.rows(
            "SELECT status, lease FROM backfill_batch WHERE status <> 'ended' OR lease <> ''"
        )
        == []
    )
    assert_every_run_was_recorded_once(installed)


def assert_every_run_was_recorded_once(installed: Installation) -> None:
    ends = "WHERE run_id IS NOT NULL AND from_state = 'running' AND to_state <> 'pending'"
    assert {
        n for (n,) in installed.rows(f"SELECT COUNT(*) FROM backfill_event {ends} GROUP BY run_id")
    } == {1}


def redis_of(installed: Installation) -> Redis:
    return Redis(unix_socket_path=str(installed.var / "redis.sock"))


# kill -9


def kill_a_child(stack: Stack) -> None:
    until(stack.children, "a pool")  # its predecessor's runs may still count as running
    os.kill(stack.children()[0], signal.SIGKILL)


def kill_the_worker(stack: Stack) -> None:
    os.kill(stack.pid("worker"), signal.SIGKILL)


def kill_all_workers(stack: Stack) -> None:
    for pid in (stack.pid("worker"), *stack.children()):
        os.kill(pid, signal.SIGKILL)


def kill_redis(stack: Stack) -> None:
    os.kill(stack.pid("redis"), signal.SIGKILL)


def flush_redis(stack: Stack) -> None:
    redis_of(stack.installation).flushall()


def kill_the_sweep(stack: Stack) -> None:
    os.kill(stack.pid("beat"), signal.SIGKILL)


DISTURBANCES = {
    "workers": (kill_a_child, kill_the_worker, kill_all_workers, kill_a_child),
    "redis and the sweep": (flush_redis, kill_the_sweep, kill_redis, kill_a_child, kill_the_sweep),
}


@SHARED
@pytest.mark.parametrize("what", DISTURBANCES)
def test_a_job_survives_one_loss_after_the_other(
    shared: SharedStack, reference: Reference, what: str
) -> None:
    with shared.from_the_start() as stack:
        installed = stack.installation
        started = installed.verb(*by_workers(reference))
        assert started.returncode == 0, started
        for n, disturb in enumerate(DISTURBANCES[what]):
            in_the_middle(installed, complete=1 + 10 * n)
            disturb(stack)
        assert_heals_by_itself(installed, reference)


@pytest.mark.parametrize("point", POINTS_OF_A_STEP)
def test_workers_that_die_at_a_named_point_lose_nothing(
    installed: Installation, reference: Reference, point: str
) -> None:
    """Each process dies the sixth time that it passes the point, and its successor too."""
    with running(installed, BACKCOURT_CRASH_AT=f"{point}:6"):
        begun(installed, reference, complete=0)
        assert_heals_by_itself(installed, reference)


def test_a_step_that_hangs_is_killed_and_runs_again(
    installed: Installation, reference: Reference
) -> None:
    with running(installed, STEP_TIME_LIMIT_SECONDS="5") as stack:
        begun(installed, reference)
        ((worker,), *_) = installed.rows("SELECT worker FROM backfill_run WHERE status = 'running'")
        hanging = int(str(worker).split()[1])
        os.kill(hanging, signal.SIGSTOP)
        assert_heals_by_itself(installed, reference)
        until(
            lambda: hanging not in stack.children() and len(stack.children()) == 2,
            "another process in its place",
        )


# Stopping


def test_taken_without_redis_stopped_in_order_and_after_a_power_cut_a_job_goes_on_with_the_next_start(
    installed: Installation, reference: Reference
) -> None:
    """On a stop signal, workers finish their steps."""
    started = installed.verb(*by_workers(reference))
    assert (started.returncode, "start one with bin/up" in started.stdout) == (
        0,
        True,
    ), started
    assert installed.rows("SELECT reason FROM backfill_batch WHERE reason <> ''") == [
        ("Redis does not answer",)
    ]
    with running(installed) as stack:
        in_the_middle(installed, complete=1)
        os.kill(stack.pid("worker"), signal.SIGTERM)
        in_the_middle(installed, complete=15)
    assert installed.runs()["running"] == 0
    assert installed.rows("SELECT COUNT(*) FROM backfill_worker") == [(0,)]
    assert installed.rows("SELECT COUNT(*) FROM backfill_run WHERE losses > 0") == [(0,)]
    assert "no worker is running" in installed.verb("jobs", "1").stdout
    with running(installed) as stack:
        in_the_middle(installed, complete=installed.runs()["complete"] + 1)
        stack.kill_all()
    assert installed.jobs() == ["running"]
    with running(installed):
        assert_heals_by_itself(installed, reference)


# Duplicate deliveries


SEND = """
import json, sys, django
django.setup()
from backfill.celery_app import celery_app
from backfill.execution.queue import TASKS
for batch, lease in json.loads(sys.argv[1]):
    for code in ("TDZA", "PSZA", "PCF", "PDC", "ML"):
        celery_app().send_task(f"{TASKS}.step", (batch, lease, code))
"""


def send_again(installed: Installation, leases: list[tuple[object, ...]]) -> None:
    """Deliver the steps of these (batch, lease) again, as Redis can."""
    env = environment(DATA_DIR=str(installed.var), DJANGO_SETTINGS_MODULE="webapp.settings")
    subprocess.run([sys.executable, "-c", SEND, json.dumps(leases)], cwd=ROOT, env=env, check=True)


@SHARED
def test_a_job_that_is_started_twice_and_tasks_that_come_twice_run_once(
    shared: SharedStack, reference: Reference
) -> None:
    """Two simultaneous starts: the second is refused and names the first."""
    with shared.from_the_start() as stack:
        installed = stack.installation
        both = [ended(p) for p in [installed.start(*by_workers(reference)) for _ in range(2)]]
        assert sorted(p.returncode for p in both) == [0, 2], both
        (refused,) = (p for p in both if p.returncode == 2)
        assert (refused.stdout, len(refused.stderr.splitlines()), "job 1 (" in refused.stderr) == (
            "",
            1,
            True,
        )
        in_the_middle(installed, complete=0)
        leases = installed.rows("SELECT id, lease FROM backfill_batch WHERE lease <> ''")
        send_again(installed, leases[:1])
        assert_heals_by_itself(installed, reference)
        events = installed.rows(OF_JOBS)
        send_again(installed, leases)
        until(lambda: redis_of(installed).llen("backcourt") == 0, "the end of the queue")
        assert_heals_by_itself(installed, reference)
        assert installed.rows(OF_JOBS) == events


# The database


@SHARED
def test_a_database_that_is_locked_for_ten_seconds_is_waited_for(
    shared: SharedStack, reference: Reference
) -> None:
    with shared.from_the_start() as stack:
        installed = stack.installation
        begun(installed, reference)
        with closing(sqlite3.connect(installed.var / "backcourt.sqlite3", timeout=30)) as db:
            db.execute("BEGIN EXCLUSIVE")
            threading.Event().wait(LOCKED_SECONDS)
            db.rollback()
        assert_heals_by_itself(installed, reference)


# Operator actions during a run


def status(installed: Installation, *verb: str) -> str:
    done = installed.verb(*verb)
    assert (done.returncode, done.stderr) == (0, ""), done
    return installed.jobs()[-1]


@SHARED
def test_paused_resumed_cancelled_and_resumed_it_ends_as_if_undisturbed(
    shared: SharedStack, reference: Reference
) -> None:
    with shared.from_the_start() as stack:
        installed = stack.installation
        begun(installed, reference, complete=1)
        assert status(installed, "pause", "1", "--reason", "lunch") in ("pausing", "paused")
        until(lambda: installed.jobs() == ["paused"], "the pause")
        assert installed.runs()["running"] == 0
        before = installed.runs()["complete"]
        until_swept_twice(installed)
        assert installed.runs()["complete"] == before
        assert status(installed, "resume", "1") in ("queued", "running")
        in_the_middle(installed, complete=before + 1)
        assert status(installed, "cancel", "1") in ("cancelling", "cancelled")
        until(lambda: installed.jobs() == ["cancelled"], "the end of what ran")
        assert installed.active() == 0
        assert status(installed, "resume", "1") in ("queued", "running")
        until(lambda: installed.jobs() == ["succeeded"], "the end")
        assert_same(installed, reference)


@SHARED
def test_cancelled_by_force_its_dates_are_free_and_nothing_is_half_written(
    shared: SharedStack, reference: Reference
) -> None:
    with shared.from_the_start() as stack:
        installed = stack.installation
        begun(installed, reference)
        assert status(installed, "cancel", "1", "--force") == "cancelled"
        assert installed.active() == 0
        done = installed.verb(*by_workers(reference, "--wait"))
        assert done.returncode == 0, done
        until(lambda: installed.leftovers() == [], "the sweep")
        assert_same(installed, reference, jobs=("cancelled", "succeeded"))
        assert "job 2 succeeded in " in done.stdout
        assert "everything is complete" in installed.verb(*by_workers(reference, "--wait")).stdout


def until_swept_twice(installed: Installation) -> None:
    for _ in range(2):
        before = installed.rows("SELECT at FROM backfill_sweep")
        until(lambda at=before: installed.rows("SELECT at FROM backfill_sweep") != at, "a sweep")  # type: ignore[misc]


# PostgreSQL


def test_a_job_survives_on_postgresql(on_postgres: Installation, reference: Reference) -> None:
    with running(on_postgres) as stack:
        started = on_postgres.verb(*by_workers(reference))
        assert started.returncode == 0, started
        for n, disturb in enumerate((kill_all_workers, kill_redis, kill_a_child)):
            in_the_middle(on_postgres, complete=1 + 10 * n)
            disturb(stack)
        assert_heals_by_itself(on_postgres, reference)
