"""Other users of the machine can read nothing under DATA_DIR."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from backfill.private_files import make_private, readable_by_others
from tests.system.installation import Installation
from tests.system.stack import running

pytestmark = pytest.mark.system


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """Start processes with the umask of a login shell."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def made(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "new" / "var")


def test_every_process_writes_private_files(made: Installation) -> None:
    with running(made):
        assert {f.name for f in (made.var / "log").iterdir()} >= {"worker.log", "sweep.log"}
        assert (made.var / "backcourt.sqlite3").exists()
        assert list(readable_by_others(made.var)) == []
    assert list(readable_by_others(made.var)) == []


def test_the_next_start_closes_an_open_folder(made: Installation) -> None:
    made.var.mkdir(parents=True, mode=0o755)
    (made.var / "secret_key").write_text("x" * 50)
    assert made.verb("migrate", "--verbosity", "0").returncode == 0
    assert list(readable_by_others(made.var)) == []


def test_a_shared_folder_stays_shared(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    make_private(tmp_path)
    assert tmp_path.stat().st_mode & 0o7777 == 0o1777


def test_the_deployment_check_names_an_exposed_file_and_the_fix(made: Installation) -> None:
    assert made.verb("migrate", "--verbosity", "0").returncode == 0
    command = ("check", "--deploy", "--tag", "security")
    assert "backcourt.E005" not in made.verb(*command).stderr
    exposed = made.var / "log" / "web.log"
    exposed.parent.mkdir()
    exposed.touch(0o644)
    done = made.verb(*command)
    assert done.returncode == 1
    assert f"can access {exposed};" in done.stderr
    assert f"chmod -R go= {made.var}" in done.stderr
