"""Liveness file and the health check that reads it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backfill.liveness import FORGOTTEN_SECONDS, alive_file, mark_alive, mark_stopped
from backfill.processes.health import CHECKS
from tests.system.installation import ROOT, environment


def health(data_folder: Path, *words: str, **more: str) -> tuple[int, str]:
    command = [sys.executable, "manage.py", "health", *words]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(DATA_DIR=str(data_folder), **more),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def age(file: Path, seconds: float) -> None:
    os.utime(file, (time.time() - seconds,) * 2)


def test_a_worker_is_healthy_until_it_is_silent_for_too_long(tmp_path: Path) -> None:
    assert health(tmp_path, "worker") == (1, "no worker of this host is running\n")
    mark_alive(tmp_path, "worker")
    assert health(tmp_path, "worker", WORKER_DEAD_AFTER_SECONDS="60") == (0, "healthy\n")
    age(alive_file(tmp_path, "worker"), 61)
    code, message = health(tmp_path, "worker", WORKER_DEAD_AFTER_SECONDS="60")
    assert (code, message) == (1, "worker has been silent for 61 s, more than 60 s\n")
    mark_stopped(tmp_path, "worker")
    assert health(tmp_path, "worker") == (1, "no worker of this host is running\n")


def test_files_of_removed_containers_are_deleted_when_another_starts(tmp_path: Path) -> None:
    mark_alive(tmp_path, "worker")
    old = alive_file(tmp_path, "worker").rename(
        alive_file(tmp_path, "worker").with_stem("worker-x")
    )
    age(old, FORGOTTEN_SECONDS + 1)
    mark_alive(tmp_path, "beat")
    assert [file.name for file in old.parent.iterdir()] == [alive_file(tmp_path, "beat").name]


@pytest.mark.parametrize("words", [(), ("everything",), ("web", "worker")])
def test_an_unknown_check_is_refused_with_the_known_ones(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    code, message = health(tmp_path, *words)
    assert (code, message.count("\n")) == (2, 1)
    assert all(check in message for check in CHECKS)


def test_it_loads_no_django(tmp_path: Path) -> None:
    code = "import sys; sys.argv = ['manage.py', 'health', 'worker']; import manage\n"
    code += "try: manage.main()\nexcept SystemExit: sys.exit('django' in sys.modules)"
    command = [sys.executable, "-c", code]
    given = environment(DATA_DIR=str(tmp_path))
    done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, check=False)
    assert done.returncode == 0
