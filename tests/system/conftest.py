"""Fixtures: a loaded season, copied for each test, and an undisturbed backfill to compare with."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from backfill.simulation.dates import opening_night
from tests.once import once
from tests.postgres import Server
from tests.system.filesystem import FileSystem
from tests.system.installation import Installation, Reference, backfill
from tests.system.league import YEAR, play
from tests.system.stack import SharedStack
from validation.season import BOOTSTRAP_DAYS

BOOTSTRAP_INCLUDED = 3
NIGHTS_COMPUTED = 12


@pytest.fixture(scope="session")
def small_season(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a small season that soon has rows in every table, because most tests are about
    processes.
    """
    return once(
        tmp_path_factory, "small", lambda folder: play(BOOTSTRAP_DAYS + NIGHTS_COMPUTED, folder)
    )


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, small_season: Path) -> Installation:
    """Return an installation with a migrated database and a loaded season."""
    return Installation(
        once(tmp_path_factory, "template", lambda folder: loaded(folder / "var", small_season))
        / "var"
    )


@pytest.fixture(scope="session")
def days() -> tuple[date, ...]:
    """Return the dates of the backfill, from the last bootstrap days to the end of the season."""
    first = opening_night(YEAR) + timedelta(BOOTSTRAP_DAYS - BOOTSTRAP_INCLUDED)
    return tuple(first + timedelta(n) for n in range(BOOTSTRAP_INCLUDED + NIGHTS_COMPUTED))


@pytest.fixture(scope="session")
def reference(
    template: Installation, days: tuple[date, ...], tmp_path_factory: pytest.TempPathFactory
) -> Reference:
    """Run an undisturbed backfill."""
    command = backfill(days[0], days[-1])

    def make(folder: Path) -> None:
        started = time.monotonic()
        done = copied(template, folder / "var").verb(*command)
        assert (done.returncode, done.stderr) == (0, "")
        (folder / "seconds").write_text(str(time.monotonic() - started))

    folder = once(tmp_path_factory, "reference", make)
    made = Installation(folder / "var")
    return Reference(days, command, made, made.tables(), float((folder / "seconds").read_text()))


@pytest.fixture
def installed(template: Installation, tmp_path: Path) -> Installation:
    """Return a copy of the loaded season, with nothing backfilled."""
    return copied(template, tmp_path / "var")


@pytest.fixture(scope="module")
def shared(
    template: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SharedStack]:
    """Return a stack that tests of one xdist_group use in turn."""
    made = SharedStack(copied(template, tmp_path_factory.mktemp("shared") / "var"))
    yield made
    made.stop()


@pytest.fixture
def on_postgres(template: Installation, postgres: Server, tmp_path: Path) -> Installation:
    """Return a copy of the loaded season with its database on PostgreSQL."""
    made = replace(copied(template, tmp_path / "var"), database=postgres.create(uuid4().hex))
    done = made.verb("migrate", "--verbosity", "0")
    assert (done.returncode, done.stderr) == (0, "")
    return made


@pytest.fixture
def backfilled(reference: Reference, tmp_path: Path) -> Installation:
    """Return a copy of the undisturbed backfill."""
    return copied(reference.installation, tmp_path / "var")


@pytest.fixture
def file_system(tmp_path: Path) -> Iterator[FileSystem]:
    """Mount a file system that only some processes see."""
    made = FileSystem.mounted(tmp_path / "mounted")
    if made is None:
        pytest.skip("this machine lets nobody mount a file system")
    yield made
    made.close()


def loaded(var: Path, season: Path) -> Installation:
    """Make an installation with a season in its warehouse."""
    made = Installation(var)
    made.var.mkdir()
    for command in (("migrate", "--verbosity", "0"), ("load_phase3", str(season))):
        done = made.verb(*command)
        assert done.returncode == 0, done.stderr
    return made


def copied(installation: Installation, to: Path) -> Installation:
    """Copy an installation to another folder."""
    shutil.copytree(installation.var, to)
    return Installation(to)
