"""A loaded season in a VAR folder, copied for each test, and an undisturbed backfill to compare with."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from uuid import uuid4

import duckdb
import pytest

from backfill.warehouse.tables import SCHED
from tests.postgres import Server
from tests.system.filesystem import FileSystem
from tests.system.installation import Installation, Reference, backfill
from validation.season import BOOTSTRAP_DAYS, Calendar, Day, Game

BOOTSTRAP_INCLUDED = 3
DAYS_INCLUDED = 24


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, season_folder: Path) -> Installation:
    """A migrated database and a loaded season."""
    made = Installation(tmp_path_factory.mktemp("template") / "var")
    made.var.mkdir()
    for command in (("migrate", "--verbosity", "0"), ("load_phase3", str(season_folder))):
        done = made.verb(*command)
        assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="session")
def calendar(template: Installation) -> Calendar:
    """The season's calendar."""
    files = str(template.warehouse / SCHED.dataset / SCHED.name / "*" / "*.parquet")
    with duckdb.connect() as db:
        games = db.execute(f"SELECT game_date, season_year, game_status, season_type FROM '{files}'").fetchall()
    return Calendar(Game(*game) for game in games)


@pytest.fixture(scope="session")
def calendar_days(calendar: Calendar) -> tuple[Day, ...]:
    """Every date of the season that is processed or skipped."""
    dates = [game.game_date for game in calendar.games]
    return tuple(day for day in calendar.days(min(dates), max(dates)) if day.is_processing)


@pytest.fixture(scope="session")
def days(calendar: Calendar) -> tuple[date, ...]:
    """The processing dates of some weeks, from the last bootstrap days on until every table has rows."""
    opening = min(calendar.starts.values())
    first = opening.toordinal() + BOOTSTRAP_DAYS - BOOTSTRAP_INCLUDED
    found = calendar.days(date.fromordinal(first), date.fromordinal(first + DAYS_INCLUDED - 1))
    return tuple(day.day for day in found if day.is_processing)


@pytest.fixture(scope="session")
def reference(template: Installation, days: tuple[date, ...], tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """An undisturbed backfill."""
    made = copied(template, tmp_path_factory.mktemp("reference") / "var")
    command = backfill(days[0], days[-1])
    started = time.monotonic()
    done = made.verb(*command)
    seconds = time.monotonic() - started
    assert (done.returncode, done.stderr) == (0, "")
    return Reference(days, command, made, made.tables(), seconds)


@pytest.fixture
def installed(template: Installation, tmp_path: Path) -> Installation:
    """A loaded season of one's own, nothing backfilled yet."""
    return copied(template, tmp_path / "var")


@pytest.fixture
def on_postgres(template: Installation, postgres: Server, tmp_path: Path) -> Installation:
    """The same with its database on PostgreSQL."""
    made = replace(copied(template, tmp_path / "var"), database=postgres.create(uuid4().hex))
    done = made.verb("migrate", "--verbosity", "0")
    assert (done.returncode, done.stderr) == (0, "")
    return made


@pytest.fixture
def backfilled(reference: Reference, tmp_path: Path) -> Installation:
    """A copy of the undisturbed backfill."""
    return copied(reference.installation, tmp_path / "var")


@pytest.fixture
def file_system(tmp_path: Path) -> Iterator[FileSystem]:
    """A file system of one's own, mounted where only some processes see it."""
    made = FileSystem.mounted(tmp_path / "mounted")
    if made is None:
        pytest.skip("this machine lets nobody mount a file system")
    yield made
    made.close()


def copied(installation: Installation, to: Path) -> Installation:
    """The same installation in another folder."""
    shutil.copytree(installation.var, to)
    return Installation(to)
