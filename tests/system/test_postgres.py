"""Real processes on PostgreSQL: the same tables as on SQLite, even after a crash of either side.

Errors are one line.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests.postgres import Server
from tests.system.conftest import copied
from tests.system.installation import (
    Installation,
    Reference,
    assert_heals,
    assert_same,
    ended,
    until,
)

pytestmark = pytest.mark.system

RECORDED = "SELECT processor, CAST(date AS VARCHAR), status, batch, population, rows, reason FROM backfill_run"
ALL_BUT_ME = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"


@pytest.fixture
def empty(template: Installation, postgres: Server, tmp_path: Path) -> Installation:
    """Return a loaded season and a database without tables."""
    return replace(copied(template, tmp_path / "var"), database=postgres.create(uuid4().hex))


@pytest.fixture
def installed(empty: Installation) -> Installation:
    """Return a loaded season and a database with tables."""
    done = empty.verb("migrate", "--verbosity", "0")
    assert (done.returncode, done.stderr) == (0, "")
    return empty


def test_a_backfill_leaves_the_same_tables_as_on_sqlite(
    installed: Installation, reference: Reference
) -> None:
    done = installed.verb(*reference.command)
    assert (done.returncode, done.stderr) == (0, "")
    assert_same(installed, reference)
    assert sorted(installed.rows(RECORDED)) == sorted(reference.installation.rows(RECORDED))
    assert replace(installed, database="").jobs() == []


def test_after_a_crash_and_after_the_server_has_dropped_every_connection_the_same_command_goes_on(
    installed: Installation, reference: Reference
) -> None:
    assert installed.verb(*reference.command, BACKCOURT_CRASH_AT="after-output:4").returncode < 0
    before = installed.runs()["complete"]
    process = installed.start(*reference.command)
    until(lambda: installed.runs()["complete"] > before, "another run is complete")
    with psycopg.connect(installed.database, autocommit=True) as server:
        server.execute(ALL_BUT_ME, [server.info.dbname])
    stopped = ended(process)
    assert stopped.returncode == 1
    assert "the database is not available (" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert_heals(installed, reference)


def test_a_row_that_somebody_holds_is_waited_for_no_longer_than_the_url_says(
    installed: Installation, reference: Reference
) -> None:
    assert installed.verb(*reference.command, BACKCOURT_CRASH_AT="after-claim").returncode < 0
    hurried = replace(installed, database=f"{installed.database}&options=-c%20lock_timeout%3D200ms")
    with psycopg.connect(installed.database) as server:
        server.execute("SELECT FROM backfill_job FOR UPDATE")
        done = hurried.verb(*reference.command)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 0)
    assert done.stderr.startswith(
        "the database is not available (canceling statement due to lock timeout"
    )


@pytest.mark.parametrize(
    "command", ["jobs", "backfill --start 2021-11-10 --end 2021-11-10 --inline"]
)
def test_a_database_without_tables_is_one_line_that_says_what_to_do(
    command: str, empty: Installation
) -> None:
    done = empty.verb(*command.split())
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 0)
    assert done.stderr.startswith('the database is not set up (relation "backfill_')
    assert done.stderr.endswith('" does not exist); run `manage.py migrate`')


@pytest.mark.parametrize(
    "command", ["jobs", "migrate", "backfill --start 2021-11-10 --end 2021-11-10 --inline"]
)
@pytest.mark.parametrize("wrong", ["no database", "no server"])
def test_a_database_that_cannot_be_reached_is_one_line(
    wrong: str, command: str, template: Installation, postgres: Server, tmp_path: Path
) -> None:
    server = postgres if wrong == "no database" else Server(tmp_path)
    done = replace(template, database=server.url("missing")).verb(*command.split())
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 0)
    expected = (
        'FATAL: database "missing" does not exist)'
        if wrong == "no database"
        else "Is the server running"
    )
    assert done.stderr.startswith("the database is not available (connection ")
    assert expected in done.stderr
