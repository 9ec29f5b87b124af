"""Two months of a simulated season with faults, run and judged: made once for all processes of the tests."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from django.conf import settings

YEAR = 2021
START, END = date(2021, 10, 19), date(2021, 12, 19)
FAULTY = date(2021, 11, 19)  # half of its players are missing in Phase 3
RUN = ("--start", str(START), "--end", str(END), "--no-canary", "--no-brake", "--skip-preflight", "--reason", "to see the faults")
LOAD = (("migrate", "-v0"), ("simulate_season", str(YEAR), "--faults", "--json"))
JUDGE = (("backfill", *RUN, "--inline", "--json"), ("dumpdata", "backfill", "--output", "rows.json", "-v0"))


@dataclass(frozen=True)
class Demo:
    """A folder with a warehouse and the rows of its database as a fixture."""

    folder: Path

    @property
    def warehouse(self) -> str:
        """Its WAREHOUSE_URL."""
        return f"parquet:{self.folder}/warehouse"

    @property
    def loaded(self) -> Path:
        """The same before anything was run."""
        return self.folder.with_name("loaded")

    @property
    def rows(self) -> Path:
        """Jobs, runs, events, Findings and verdicts, for loaddata."""
        return self.folder / "rows.json"


def made_once(shared: Path) -> Demo:
    """The demo in a folder that all processes share; the first one makes it, the others wait."""
    demo = Demo(shared / "demo")
    with open(shared / "demo.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not demo.rows.exists():
            _make(demo.folder)
    return demo


def _make(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    _run(folder, LOAD)
    shutil.copytree(folder, folder.with_name("loaded"))
    _run(folder, JUDGE)


def _run(folder: Path, commands: Sequence[Sequence[str]]) -> None:
    elsewhere = ("WAREHOUSE_URL", "DATABASE_URL", "REDIS_URL")
    environment = {name: value for name, value in os.environ.items() if name not in elsewhere}
    environment |= {"BACKCOURT_VAR": str(folder), "JUDGE_AFTER_JOBS": "true"}
    for command in commands:
        made = [sys.executable, str(settings.BASE_DIR / "manage.py"), *command]
        done = subprocess.run(made, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode and command[0] != "backfill":  # which ends with what is wrong in its season
            raise RuntimeError(f"{command} failed: {done.stderr}")
