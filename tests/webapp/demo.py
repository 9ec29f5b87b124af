"""Demo of two simulated months with faults, run and audited, rebuilt when its sources change.

It is stored in pytest's cache (`pytest --cache-clear` removes it), in a folder named by the hash of
its sources. `python -m tests.webapp.demo` makes it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tests.once import make_once
from tests.sources import ROOT, digest, sources_of

YEAR = 2021
START, END = date(2021, 10, 19), date(2021, 12, 19)
FAULTY = date(2021, 11, 19)  # half of its players have no Phase 3 rows
RUN = (
    "--start",
    str(START),
    "--end",
    str(END),
    "--batch-size",
    "12",
    "--no-canary",
    "--no-brake",
    "--skip-preflight",
    "--reason",
    "to see the faults",
)
LOAD = (("migrate", "-v0"), ("simulate_season", str(YEAR), "--faults", "--json"))
JUDGE = (
    ("backfill", *RUN, "--inline", "--json"),
    ("dumpdata", "backfill", "--output", "rows.json", "-v0"),
)
COMMANDS = ("simulate_season", "backfill")
CACHE = ROOT / ".pytest_cache" / "d" / "demo"
KEPT = 3  # for switching between branches


@dataclass(frozen=True)
class Demo:
    """Folder with a warehouse and its database rows as a fixture."""

    folder: Path

    @property
    def warehouse(self) -> str:
        """WAREHOUSE_URL of the demo."""
        return f"parquet:{self.folder}/warehouse"

    @property
    def loaded(self) -> Path:
        """Warehouse before any run."""
        return self.folder.with_name("loaded")

    @property
    def rows(self) -> Path:
        """Fixture of jobs, runs, events, Findings and audit results, for loaddata."""
        return self.folder / "rows.json"


def made_once(cache: Path = CACHE) -> Demo:
    """Return the demo of the current sources; the first process makes it, others wait."""
    version = cache / digest({*sources_of(*COMMANDS), Path(__file__)})
    made = make_once(version, "made", _make)
    os.utime(version)
    _remove_unused(cache)
    return Demo(made / "demo")


def _make(folder: Path) -> None:
    (folder / "demo").mkdir()
    _run(folder / "demo", LOAD)
    shutil.copytree(folder / "demo", folder / "loaded")
    _run(folder / "demo", JUDGE)


def _remove_unused(cache: Path) -> None:
    for version in sorted(cache.iterdir(), key=lambda f: f.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(version, ignore_errors=True)


def _run(folder: Path, commands: Sequence[Sequence[str]]) -> None:
    # No other variables, because the hash does not cover the environment.
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {"DATA_DIR": str(folder), "AUDIT_AFTER_JOBS": "true"}
    for command in commands:
        made = [sys.executable, str(ROOT / "manage.py"), *command]
        done = subprocess.run(
            made, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode and command[0] != "backfill":  # it exits with the problems of its season
            raise RuntimeError(f"{command} failed: {done.stderr}")


if __name__ == "__main__":
    print(made_once().folder)
