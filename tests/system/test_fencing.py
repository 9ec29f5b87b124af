"""A process that is stopped at a crash point, loses its runs and continues later never writes over
newer values, in whole installations with real processes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from subprocess import Popen

import duckdb
import psutil
import pytest

from backfill.crash_points import POINTS
from tests.once import once
from tests.system.conftest import loaded
from tests.system.installation import (
    ROOT,
    Installation,
    Partitions,
    Reference,
    backfill,
    differences,
    ended,
    environment,
    kill,
    until,
)
from tests.system.stack import QUICK, running
from tests.system.test_chaos import begun

pytestmark = pytest.mark.system
# Shots that the corrected inputs count in addition; every processor reads one of these tables.
CORRECTIONS = {
    "player_game_summary": "paint_attempts + 1 AS paint_attempts, fg_attempts + 1 AS fg_attempts,"
    " minutes_played + 1 AS minutes_played, points + 1 AS points",
    "team_defense_game_summary": "opp_paint_attempts + 2 AS opp_paint_attempts",
}
# Complete runs of job 1 over which job 2 began to write.
BEGUN = """SELECT COUNT(*) FROM backfill_run AS old JOIN backfill_run AS new USING (processor, date)
WHERE old.job_id = 1 AND old.status = 'complete' AND new.job_id = 2 AND new.status = 'cancelled'
AND new.fence > 0"""
# Dates that hold two batches: the canary and another one.
FIRST = 6
SILENT = "SELECT COUNT(*) FROM backfill_event WHERE reason LIKE 'no heartbeat since % (elsewhere %'"
RUNS = "SELECT job_id, processor, date, status, rows, input_signature FROM backfill_run ORDER BY id"


@pytest.fixture(scope="session")
def corrections(tmp_path_factory: pytest.TempPathFactory, small_season: Path) -> Path:
    """The season with corrected inputs, processed by Phase 3 a day later."""

    def make(folder: Path) -> None:
        with duckdb.connect() as db:
            for file in small_season.rglob("*.parquet"):
                to = folder / file.relative_to(small_season)
                to.parent.mkdir(parents=True, exist_ok=True)
                changed = CORRECTIONS.get(file.stem, "")
                replaced = f"REPLACE ({changed})" if changed else ""
                db.execute(f"COPY (SELECT * {replaced} FROM '{file}') TO '{to}' (FORMAT parquet)")

    return once(tmp_path_factory, "corrections", make)


@pytest.fixture(scope="session")
def corrected(
    corrections: Path, reference: Reference, tmp_path_factory: pytest.TempPathFactory
) -> Partitions:
    """What an undisturbed backfill makes of the corrected inputs."""

    def make(folder: Path) -> None:
        made = loaded(folder / "var", corrections)
        done = made.verb(*reference.command)
        assert (done.returncode, done.stderr) == (0, "")

    tables = Installation(once(tmp_path_factory, "corrected", make) / "var").tables()
    assert len(differences(tables, reference.tables)) > len(reference.days)
    return tables


def of_dates(partitions: Partitions, days: Sequence[date]) -> Partitions:
    """Return the partitions of some dates; earlier dates do not depend on later ones."""
    return {p: rows for p, rows in partitions.items() if any(f"={day}" in p for day in days)}


def is_stopped(process: Popen[str]) -> bool:
    assert process.poll() is None, process.communicate()
    return bool(psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)


@contextmanager
def stopped(installed: Installation, point: str, *command: str) -> Iterator[Popen[str]]:
    """A process that stops at a crash point; killed in the end if it still lives."""
    # One thread, because another one might be stopped within a transaction on SQLite.
    process = installed.start(*command, "--parallel", "1", BACKCOURT_STOP_AT=point)
    try:
        until(lambda: is_stopped(process), "the stop")
        yield process
    finally:
        if process.poll() is None:
            kill(process)
            process.communicate()


def ok(installed: Installation, *verb: str) -> None:
    done = installed.verb(*verb)
    assert (done.returncode, done.stderr) == (0, ""), done


@pytest.mark.parametrize("point", POINTS)
def test_the_newest_wins_wherever_the_older_process_was_stopped(
    installed: Installation,
    days: tuple[date, ...],
    corrections: Path,
    corrected: Partitions,
    point: str,
) -> None:
    """Stopped, cancelled by force, inputs corrected, backfilled again, continued."""
    command, expected = backfill(days[0], days[FIRST - 1]), of_dates(corrected, days[:FIRST])
    with stopped(installed, f"{point}:3", *command) as old:
        ok(installed, "cancel", "1", "--force")
        ok(installed, "load_phase3", str(corrections))
        new = installed.start(*command, "--force", "--overwrites", "any")
        if point == "under-lock":
            waits = "SELECT * FROM backfill_event WHERE reason LIKE '%holds the lock%'"
            until(lambda: installed.rows(waits), "the new process at the lock")
            kill(old, signal.SIGCONT)
        done = ended(new)
        assert done.returncode == 0, done
        tables, runs = installed.tables(newest=True), installed.rows(RUNS)
        assert differences(tables, expected) == []
        if point != "under-lock":
            kill(old, signal.SIGCONT)
        assert "Traceback" not in ended(old).stderr
    assert installed.jobs() == ["cancelled", "succeeded"]
    assert differences(installed.tables(newest=True), tables) == []
    assert installed.rows(RUNS) == runs
    assert installed.leftovers() == []


def test_runs_that_a_cancelled_job_has_overwritten_are_stale(
    backfilled: Installation, reference: Reference, corrections: Path, corrected: Partitions
) -> None:
    """Complete runs of job 1, over which job 2 wrote without a record, are run again."""
    marks = "SELECT COUNT(*), COUNT(DISTINCT run_id) FROM backfill_event WHERE kind = 'overwritten'"
    ok(backfilled, "load_phase3", str(corrections))
    with stopped(
        backfilled, "after-failures:9", *reference.command, "--force", "--overwrites", "any"
    ) as old:
        ok(backfilled, "cancel", "2", "--force")
        ((events, marked),) = backfilled.rows(marks)
        assert backfilled.rows(BEGUN) == [(marked,)]
        assert events == marked > 1
        kill(old, signal.SIGCONT)
        ended(old)
    assert backfilled.rows(marks) == [(events, marked)]
    ok(backfilled, *reference.command, "--outdated", "--overwrites", "any")
    assert differences(backfilled.tables(newest=True), corrected) == []


def test_workers_that_are_all_stopped_are_killed_and_the_job_ends(
    installed: Installation, reference: Reference
) -> None:
    """Each of them stops while it holds the lock of a partition."""
    with running(installed, BACKCOURT_STOP_AT="under-lock:60") as stack:
        begun(installed, reference, complete=1)
        stopped = stack.children()
        until(lambda: all(map(_is_stopped, stopped)), "the stop of both")
        until(lambda: installed.jobs() == ["succeeded"], "the end of the job")
        assert not set(stopped) & set(stack.children())
    assert differences(installed.tables(newest=True), reference.tables) == []


def _is_stopped(pid: int) -> bool:
    return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)


def test_a_host_that_freezes_and_continues_writes_over_nothing(
    installed: Installation, reference: Reference, corrections: Path, corrected: Partitions
) -> None:
    """Nobody on this host can kill its worker: only the fencing token stops it."""
    stop_at = "before-publication:3"
    with (
        running(installed),
        worker_elsewhere(installed, BACKCOURT_STOP_AT=stop_at) as main,
    ):
        begun(installed, reference, complete=0)
        [child] = until_children(main)
        until(lambda: child.status() == psutil.STATUS_STOPPED, "the stop")
        os.kill(main.pid, signal.SIGSTOP)
        held = "SELECT COUNT(*) FROM backfill_run WHERE status = 'running' AND worker LIKE 'elsewhere %'"
        assert installed.rows(held) != [(0,)]
        ok(installed, "load_phase3", str(corrections))
        until(lambda: installed.jobs() == ["succeeded"], "the end of the job")
        runs, tables = installed.rows(RUNS), installed.tables(newest=True)
        assert installed.rows(SILENT) != [(0,)]
        child.send_signal(signal.SIGCONT)
        log = log_elsewhere(installed)
        until(lambda: "lost its claim" in log.read_text(), "the refusal")
        assert installed.rows(RUNS) == runs
        assert differences(installed.tables(newest=True), tables) == []
    ok(installed, *reference.command, "--outdated", "--overwrites", "any")
    assert differences(installed.tables(newest=True), corrected) == []


def until_children(main: Popen[bytes]) -> list[psutil.Process]:
    process = psutil.Process(main.pid)
    until(process.children, "a pool process")
    return list(process.children())


def log_elsewhere(installed: Installation) -> Path:
    return installed.var / "log" / "elsewhere.log"


@contextmanager
def worker_elsewhere(installed: Installation, **env: str) -> Iterator[Popen[bytes]]:
    """A worker of this installation, with one pool process, on a host with another name."""
    host = ("unshare", "--uts", "sh", "-c", 'hostname elsewhere && exec "$@"', "sh")
    if subprocess.run([*host, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine allows no other host name")
    worker = (sys.executable, "-m", "celery", "-A", "webapp", "worker", "-c", "1")
    log = log_elsewhere(installed)
    with log.open("w") as file:
        main = Popen(
            [*host, *worker, "--loglevel", "INFO", "--without-gossip", "--without-mingle"],
            cwd=ROOT,
            env=environment(DATA_DIR=str(installed.var), **QUICK, **env),
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        until(lambda: " ready." in log.read_text(), "the worker elsewhere")
        yield main
    finally:
        os.killpg(main.pid, signal.SIGKILL)
        main.wait()
