"""Concurrent readers and writers in many processes, without a lock.

Leftovers of a killed writer are ignored and swept.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from subprocess import PIPE, Popen

import psutil
import pytest

from tests.system.installation import (
    DEADLINE_SECONDS,
    ROOT,
    Installation,
    Reference,
    assert_heals,
    assert_same,
    backfill,
    ended,
    environment,
    kill,
    until,
)

pytestmark = pytest.mark.system
SECONDS = 4


def versions(*args: object, inside: tuple[str, ...] = ()) -> Popen[str]:
    command = [*inside, sys.executable, "-m", "tests.system.versions", *map(str, args)]
    return Popen(
        command,
        cwd=ROOT,
        env=environment(),
        stdout=PIPE,
        stderr=PIPE,
        text=True,
        start_new_session=True,
    )


@contextmanager
def stopped_in_the_middle_of_writing(installed: Installation, *inside: str) -> Iterator[Popen[str]]:
    """Stop a writer while it has a staged file, and kill it at the end."""
    staging = installed.warehouse / ".staging"
    writer = versions("write", installed.warehouse, 0, 1, DEADLINE_SECONDS, inside=inside)

    def caught() -> bool:
        kill(writer, signal.SIGSTOP)
        everybody = [
            psutil.Process(writer.pid),
            *psutil.Process(writer.pid).children(recursive=True),
        ]
        until(lambda: all(p.status() == psutil.STATUS_STOPPED for p in everybody), "the stop")
        if any(staging.glob("*/**/*.parquet")):
            return True
        kill(writer, signal.SIGCONT)
        return False

    until(caught, "a write", every=0.005)
    try:
        yield writer
    finally:
        kill(writer)
        writer.communicate()


def left_by_a_killed_writer(installed: Installation, *inside: str) -> list[Path]:
    with stopped_in_the_middle_of_writing(installed, *inside):
        pass
    left = installed.leftovers()
    assert left
    return left


def test_of_two_backfills_over_the_same_dates_one_is_refused_and_names_the_other(
    installed: Installation, reference: Reference
) -> None:
    days = reference.days
    ranges = [backfill(days[0], days[-4]), backfill(days[3], days[-1])]
    both = [ended(p) for p in [installed.start(*command) for command in ranges]]
    assert sorted(p.returncode for p in both) == [0, 2], both
    (refused,) = (p for p in both if p.returncode == 2)
    assert (refused.stdout, len(refused.stderr.splitlines())) == ("", 1)
    assert "job 1 " in refused.stderr
    assert installed.jobs() == ["succeeded"]
    assert_heals(installed, reference, jobs=("succeeded", "succeeded"))


def test_two_backfills_over_other_dates_complete_side_by_side(
    installed: Installation, reference: Reference
) -> None:
    days, middle = reference.days, len(reference.days) // 2
    ranges = [backfill(days[0], days[middle - 1]), backfill(days[middle], days[-1])]
    both = [ended(p) for p in [installed.start(*command) for command in ranges]]
    assert [(p.returncode, p.stderr) for p in both] == [(0, "")] * 2
    assert_same(installed, reference, jobs=("succeeded", "succeeded"))


def test_readers_see_whole_partitions_while_two_processes_write_them(tmp_path: Path) -> None:
    root = tmp_path / "warehouse"
    writers = [versions("write", root, n, 2, SECONDS) for n in range(2)]
    readers = [versions("read", root, SECONDS, 6) for _ in range(2)]
    done = [ended(p) for p in (*writers, *readers)]
    assert [p.stderr for p in done] == [""] * 4
    told = [json.loads(p.stdout) for p in done]
    assert all(t["written"] > 10 for t in told[:2]), told
    assert all(t["reads"] > 20 and t["versions"] > 5 for t in told[2:]), told
    assert list((root / ".staging").glob("*")) == []


def test_what_a_killed_writer_left_is_not_read_and_the_next_start_sweeps_it(
    installed: Installation, days: tuple[date, ...]
) -> None:
    left = left_by_a_killed_writer(installed)
    reader = ended(versions("read", installed.warehouse, 1, 0))
    assert reader.stderr == ""
    assert installed.leftovers() == left
    done = installed.verb(*backfill(days[0], days[0]))
    assert (done.returncode, done.stderr, installed.leftovers()) == (0, "", [])


def test_a_start_leaves_alone_what_a_living_writer_has_beside(
    installed: Installation, days: tuple[date, ...]
) -> None:
    with stopped_in_the_middle_of_writing(installed) as writer:
        files = sorted((installed.warehouse / ".staging").glob("*/**/*.parquet"))
        assert installed.verb(*backfill(days[0], days[0])).returncode == 0
        assert [f for f in files if not f.exists()] == []
        kill(writer, signal.SIGCONT)
        until(lambda: not any(f.exists() for f in files), "the end of that write")
        assert writer.poll() is None


def test_a_leftover_is_swept_by_a_process_that_got_its_writers_number(
    installed: Installation, days: tuple[date, ...]
) -> None:
    """Restarted containers count processes from 1 again and keep their host name."""
    if not shutil.which("unshare"):
        pytest.skip("this machine lets nobody count processes anew")
    from_1 = Installation(
        installed.var, ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    )
    if from_1.verb("jobs").returncode:
        pytest.skip("this machine lets nobody count processes anew")
    left_by_a_killed_writer(installed, *from_1.inside)
    done = from_1.verb(*backfill(days[0], days[0]))
    assert (done.returncode, installed.leftovers()) == (0, [])
