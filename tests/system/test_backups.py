"""Backup and restore commands of docs/operations.md; a restored installation resumes its jobs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.postgres import Server
from tests.system.deployment import path
from tests.system.installation import ROOT, Installation, Reference, assert_heals

pytestmark = pytest.mark.system

PAGE = (ROOT / "docs" / "operations.md").read_text()
SQLITE_TABLES = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
)
POSTGRES_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
# Container engine stand-in: `exec` runs the command on this machine, other commands do nothing.
ENGINE = '#!/bin/sh\n[ "$2" = exec ] || exit 0\nshift 4\nexec "$@"\n'

Shell = Callable[[str], None]


def commands(title: str) -> str:
    """Return the commands below a heading of the page."""
    found = re.search(rf"^#+ {title}\n.*?```bash\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def shell(folder: Path, **environment: str) -> Shell:
    """Return a function that runs commands in a folder laid out like a checkout."""
    (folder / "docker").write_text(ENGINE)
    (folder / "docker").chmod(0o755)
    (folder / "manage.py").write_text(
        f'#!/bin/sh\nexec {sys.executable} {ROOT / "manage.py"} "$@"\n'
    )
    (folder / "manage.py").chmod(0o755)
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
    """Return every row of every table."""
    return {
        str(t): sorted(map(str, installation.rows(f'SELECT * FROM "{t}"')))
        for (t,) in installation.rows(tables)
    }


def half_done(installation: Installation, reference: Reference) -> Installation:
    """Make a job whose process died in the middle."""
    assert installation.verb(*reference.command, BACKCOURT_CRASH_AT="after-output:4").returncode < 0
    assert installation.runs()["complete"]
    assert installation.active()
    return installation


def assert_restored(
    installation: Installation,
    reference: Reference,
    tables: str,
    run: Shell,
    backup: str,
    restore: str,
) -> None:
    """Assert that only changes after the backup are gone and that the job resumes as usual."""
    before = contents(installation, tables)
    run(commands(backup))
    assert installation.verb("user", "later", "--role", "viewer").returncode == 0
    assert contents(installation, tables) != before
    run(commands(restore))
    assert contents(installation, tables) == before
    assert_heals(installation, reference)


def test_postgres(
    template: Installation,
    installed: Installation,
    reference: Reference,
    postgres: Server,
    tmp_path: Path,
) -> None:
    made = replace(installed, database=postgres.create("backcourt"))
    assert made.verb("migrate_locked").returncode == 0
    run = shell(tmp_path, PGHOST=str(postgres.folder))
    assert_restored(
        half_done(made, reference), reference, POSTGRES_TABLES, run, "Backup", "Restore"
    )


def test_the_embedded_database(
    installed: Installation, reference: Reference, tmp_path: Path
) -> None:
    run = shell(tmp_path, DATA_DIR=str(installed.var))
    half = half_done(installed, reference)
    assert_restored(
        half,
        reference,
        SQLITE_TABLES,
        run,
        "Backup of the embedded database",
        "Restore of the embedded database",
    )
