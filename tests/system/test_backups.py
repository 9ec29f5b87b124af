"""Backup and restore by the commands of docs/operations.md.

A restored installation resumes its jobs; a killed backup or restore is never a whole one.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from backfill.crash_points import BACKUP_POINTS, RESTORE_POINTS
from tests.postgres import Server, serving
from tests.system.deployment import path
from tests.system.installation import (
    ROOT,
    Installation,
    Reference,
    assert_heals,
    assert_same,
    until,
)
from tests.system.stack import running
from tests.system.test_chaos import by_workers

pytestmark = pytest.mark.system

PAGE = (ROOT / "docs" / "operations.md").read_text()
NAME = "2026-11-29"
SQLITE_TABLES = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
)
POSTGRES_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
# Container engine stand-in: `run` runs the command of the service on this machine, with the mounted
# folder's own path; other commands do nothing.
ENGINE = """#!/bin/sh
[ "$2" = run ] || exit 0
while [ "$1" != web ]; do shift; done
shift
exec $(echo "$*" | sed "s#/backups/#$PWD/backups/#; s#manage.py#./manage.py#; s#^python ##")
"""

Shell = Callable[[str], None]


def commands(title: str) -> str:
    """Return the commands below a heading of the page."""
    found = re.search(rf"^#+ {title}\n.*?```bash\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def shell(folder: Path, **environment: str) -> Shell:
    """Return a function that runs commands in a folder laid out like a checkout."""
    for name, script in (
        ("docker", ENGINE),
        ("manage.py", f'#!/bin/sh\nexec {sys.executable} {ROOT / "manage.py"} "$@"\n'),
    ):
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    everything = {"PATH": f"{folder}{os.pathsep}{path()}", **environment}

    def run(text: str) -> None:
        done = subprocess.run(
            ["bash", "-euc", text],
            cwd=folder,
            env=everything,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    return run


def contents(installation: Installation, tables: str) -> dict[str, list[str]]:
    """Return every row of every table, apart from the log of migrations."""
    return {
        str(t): sorted(map(str, installation.rows(f'SELECT * FROM "{t}"')))
        for (t,) in installation.rows(tables)
        if t != "django_migrations"
    }


def half_done(installation: Installation, reference: Reference) -> Installation:
    """Make a job whose process died in the middle."""
    assert installation.verb(*reference.command, BACKCOURT_CRASH_AT="after-output:4").returncode < 0
    assert installation.runs()["complete"]
    assert installation.active()
    return installation


def test_drill_everything_is_killed_and_an_empty_machine_ends_the_job(
    installed: Installation, reference: Reference, tmp_path: Path
) -> None:
    # One batch at a time, so that the job lasts longer than the backup.
    command = by_workers(reference, "--parallel", "1")
    with running(installed) as stack:
        assert installed.verb(*command).returncode == 0
        until(lambda: installed.runs()["complete"] > 5, "some complete runs", every=0.005)
        refused = installed.verb("restore", str(tmp_path), "--overwrite")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr.startswith("bin/up is already running")
        shell(tmp_path, DATA_DIR=str(installed.var))(commands("Backup of an embedded installation"))
        stack.kill_all()
    machine = Installation(tmp_path / "machine" / "var")
    restore = commands("Restore of an embedded installation").replace(" --overwrite", "")
    shell(tmp_path, DATA_DIR=str(machine.var))(restore)
    assert machine.active(), "the job had ended before the backup"
    with running(machine, LOG_FORMAT="json") as stack:
        until(lambda: machine.jobs() == ["succeeded"], "the end of the job", every=0.1)
        assert stack.stop().returncode == 0
    assert_same(machine, reference)
    for name in ("supervisor", "worker", "sweep"):
        lines = (machine.var / "log" / f"{name}.log").read_text().splitlines()
        assert [line for line in lines if not line.startswith('{"time": ')] == []
        assert lines or name == "sweep"


def test_postgres_of_another_server_gets_all_rows_and_ends_the_job(
    installed: Installation, reference: Reference, postgres: Server, tmp_path: Path
) -> None:
    old = replace(installed, database=postgres.create("backcourt"))
    assert old.verb("migrate_locked").returncode == 0
    before = contents(half_done(old, reference), POSTGRES_TABLES)
    with serving(newest=True) as server:
        new = replace(old, database=server.create("backcourt"))
        for machine, titles in ((old, ["Backup"]), (new, ["Restore", "Restore"])):
            environment = {
                "DATA_DIR": str(machine.var),
                "DATABASE_URL": machine.database,
            }
            for title in titles:
                shell(tmp_path, **environment)(commands(title))
        assert contents(new, POSTGRES_TABLES) == before
        assert new.rows("SHOW lock_timeout") == [("30s",)]
        assert new.verb("user", "later", "--role", "viewer").returncode == 0
        assert_heals(new, reference)


def test_killed_at_any_point_a_backup_has_no_name_and_a_restore_is_no_installation(
    backfilled: Installation, reference: Reference, tmp_path: Path
) -> None:
    target = tmp_path / "backups" / NAME
    for point in BACKUP_POINTS:
        assert backfilled.verb("backup", str(target), BACKCOURT_CRASH_AT=point).returncode == -9
        assert not target.exists()
    assert backfilled.verb("backup", str(target)).returncode == 0
    assert list(target.parent.iterdir()) == [target]
    before = contents(backfilled, SQLITE_TABLES)
    for point in RESTORE_POINTS:
        machine = Installation(tmp_path / point)
        assert machine.verb("restore", str(target), BACKCOURT_CRASH_AT=point).returncode == -9
        refused = machine.verb("jobs")
        assert refused.returncode == 2
        assert refused.stderr == "a restore has not ended; run `manage.py restore` again"
        assert machine.verb("restore", str(target)).returncode == 0
        assert contents(machine, SQLITE_TABLES) == before
        assert_same(machine, reference)


def test_a_restore_refuses_what_would_be_lost_and_what_is_damaged(
    backfilled: Installation, postgres: Server, tmp_path: Path
) -> None:
    def refusal(installation: Installation, *words: str) -> str:
        done = installation.verb("restore", *words)
        assert (done.returncode, done.stdout) == (2, "")
        return str(done.stderr)

    target, before = tmp_path / NAME, contents(backfilled, SQLITE_TABLES)
    assert backfilled.verb("backup", str(target)).returncode == 0
    again = backfilled.verb("backup", str(target))
    assert (again.returncode, again.stderr) == (
        2,
        f"{target} exists; name a new folder for the backup",
    )
    assert "the database is not empty (backfill_" in refusal(backfilled, str(target))
    other = replace(Installation(tmp_path / "other"), database=postgres.create("other"))
    assert "the backup is of sqlite, and DATABASE_URL is postgresql" in refusal(other, str(target))
    part = next(iter((target / "warehouse").rglob("*.parquet")))
    part.write_bytes(part.read_bytes()[:-1])
    empty = Installation(tmp_path / "empty")
    assert f"{part.relative_to(target)} missing or changed" in refusal(empty, str(target))
    (target / "manifest.json").unlink()
    assert "is not a backup (it has no manifest.json)" in refusal(empty, str(target), "--overwrite")
    assert contents(backfilled, SQLITE_TABLES) == before
    assert not empty.warehouse.exists()
