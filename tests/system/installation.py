"""One Backcourt on a disk of its own: its shell verbs as real processes, and what they left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess, Popen

import duckdb
import psycopg

from backfill.warehouse.parquet.staging import PART
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import FAILURES, HISTORY, INPUTS, ML, OUTPUTS, PCF, PDC

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 120
PROGRESS = re.compile(r"\d+/\d+ runs, ")

Partitions = dict[str, list[tuple[str, ...]]]
ASK = "import json, sqlite3, sys; print(json.dumps(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))"

# What two runs of the same backfill cannot have in common: ids, the time of day, how long it took.
OF_THE_RUN = {"run_id", "job_id", "created_at", "processed_at", "started_at", "duration_seconds"}
WRITTEN_HERE = {
    PCF: ("player_shot", "team_defense"),
    PDC: ("shot_zone",),
    ML: ("daily_cache", "composite", "shot_zones", "team_defense"),
}


def environment(**more: str) -> dict[str, str]:
    """All that a process gets to know. What was run is judged where a test is about that, and not
    dozens of times.
    """
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"AUDIT_AFTER_JOBS": "false"} | more


def until(condition: Callable[[], object], what: str, every: float = 0.02) -> None:
    """Wait for something that other processes do; asking costs what these then lack."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited {DEADLINE_SECONDS} s in vain: {what}"
        time.sleep(every)


def kill(process: Popen[str], sign: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to a process and to all that it started."""
    os.killpg(process.pid, sign)


@dataclass(frozen=True)
class Installation:
    """A VAR folder, and maybe a warehouse outside it. `inside` is the command that runs another one
    where these are,
    `root` the root folder there as this process sees it. `database` is a URL; without, it is SQLite
    in the folder."""

    var: Path
    inside: tuple[str, ...] = ()
    root: Path = Path("/")
    elsewhere: Path | None = None
    database: str = ""

    @property
    def warehouse(self) -> Path:
        """The warehouse's folder as this process sees it."""
        return self.root / (self.elsewhere or self.var / "warehouse").relative_to("/")

    def start(self, *args: str, **env: str) -> Popen[str]:
        """Start a verb in a process group of its own."""
        command = [*self.inside, sys.executable, str(ROOT / "manage.py"), *args]
        place = {"WAREHOUSE_URL": f"parquet:{self.elsewhere}"} if self.elsewhere else {}
        place |= {"DATABASE_URL": self.database} if self.database else {}
        everything = environment(DATA_DIR=str(self.var), **place, **env)
        pipe = subprocess.PIPE
        return Popen(
            command,
            cwd=ROOT,
            env=everything,
            stdout=pipe,
            stderr=pipe,
            text=True,
            start_new_session=True,
        )

    def verb(self, *args: str, **env: str) -> CompletedProcess[str]:
        """Run a verb to its end."""
        return ended(self.start(*args, **env))

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Ask the database."""
        if self.database:
            with psycopg.connect(self.database, autocommit=True) as server:
                return server.execute(sql.encode()).fetchall()
        file = self.var / "backcourt.sqlite3"
        if not self.inside:
            with closing(sqlite3.connect(file, timeout=30)) as db:
                return db.execute(sql).fetchall()
        told = subprocess.check_output(
            [*self.inside, sys.executable, "-c", ASK, str(file), sql], text=True
        )
        return [tuple(row) for row in json.loads(told)]

    def jobs(self) -> list[str]:
        """The status of every job, the oldest first."""
        return [
            str(status) for (status,) in self.rows("SELECT status FROM backfill_job ORDER BY id")
        ]

    def runs(self) -> Counter[str]:
        """How many runs there are in each status."""
        return Counter(str(status) for (status,) in self.rows("SELECT status FROM backfill_run"))

    def active(self) -> int:
        """How many runs still hold their dates."""
        return self.runs()["pending"] + self.runs()["running"]

    def leftovers(self) -> list[Path]:
        """What lies in the place where partitions are written."""
        return list((self.warehouse / ".staging").glob("*"))

    def part(self, table: Table, day: date, name: str = "") -> Path:
        """The file of one partition; of a log, of one processor's slice."""
        folder = self.warehouse / table.dataset / table.name / f"{table.partition}={day}"
        return (folder / f"processor_name={name}" if name else folder) / PART

    def season(self, table: Table) -> Path:
        """The file of the season of an input."""
        (file,) = (self.warehouse / table.dataset / table.name).glob(f"season_year=*/{PART}")
        return file

    def inputs(self) -> list[bytes]:
        """The inputs as they lie there."""
        return [self.season(table).read_bytes() for table in INPUTS]

    def tables(self, *, newest: bool = False) -> Partitions:
        """Every partition written here with its sorted rows, but for OF_THE_RUN; of the history all
        runs, or the newest.
        """
        found: Partitions = {}
        with duckdb.connect() as db:
            for table in (*OUTPUTS, FAILURES, HISTORY):
                found |= _partitions(db, self.warehouse, table, newest=newest and table is HISTORY)
        return found


def _partitions(
    db: duckdb.DuckDBPyConnection, root: Path, table: Table, *, newest: bool
) -> Partitions:
    files = sorted(map(str, (root / table.dataset / table.name).glob(f"*=*/**/{PART}")))
    found: Partitions = {str(Path(f).relative_to(root).parent): [] for f in files}
    if files:
        timed = {f"source_{s}_last_updated" for s in WRITTEN_HERE.get(table, ())}
        columns = [
            f"{c} IS NOT NULL" if c in timed else c for c in table.names if c not in OF_THE_RUN
        ]
        source = f"read_parquet({files}, filename = true, hive_partitioning = false)"
        only = (
            "QUALIFY row_number() OVER (PARTITION BY filename ORDER BY started_at DESC) = 1"
            if newest
            else ""
        )
        sql = f"SELECT filename, {', '.join(f'({c})::VARCHAR' for c in columns)} FROM {source} {only} ORDER BY ALL"
        for file, *values in db.execute(sql).fetchall():
            found[str(Path(file).relative_to(root).parent)].append(tuple(values))
    return found


def differences(
    found: Partitions, expected: Partitions, *, missing_allowed: bool = False
) -> list[str]:
    """A sentence for each partition that differs; empty when all are equal."""
    missing = [] if missing_allowed else [f"{p} is missing" for p in expected if p not in found]
    extra = [f"{p} should not be there" for p in found if p not in expected]
    other = [p for p in found if p in expected and found[p] != expected[p]]
    return [*missing, *extra, *(f"{p}: {_difference(found[p], expected[p])}" for p in other)]


def _difference(found: Sequence[tuple[str, ...]], expected: Sequence[tuple[str, ...]]) -> str:
    only = (
        [row for row in found if row not in set(expected)][:1],
        [row for row in expected if row not in set(found)][:1],
    )
    return (
        f"{len(found)} rows instead of {len(expected)}, for example {only[0]} instead of {only[1]}"
    )


def without(partitions: Mapping[str, list[tuple[str, ...]]], table: Table) -> Partitions:
    """All partitions but those of one table."""
    return {
        p: rows
        for p, rows in partitions.items()
        if not p.startswith(f"{table.dataset}/{table.name}/")
    }


def ended(process: Popen[str]) -> CompletedProcess[str]:
    """Wait for a process and take what it said, but for its progress."""
    try:
        out, err = process.communicate(timeout=DEADLINE_SECONDS)
    except BaseException:
        kill(process)
        process.communicate()
        raise
    said = [line for line in err.splitlines() if not PROGRESS.match(line)]
    return CompletedProcess(process.args, process.returncode, out, "\n".join(said))


@dataclass(frozen=True)
class Reference:
    """An undisturbed backfill: its dates and command, what it left, how many seconds it took."""

    days: tuple[date, ...]
    command: tuple[str, ...]
    installation: Installation
    tables: Partitions
    seconds: float


def backfill(first: date, last: date, *more: str) -> tuple[str, ...]:
    """The command line of a backfill in this process, in batches small enough to have several."""
    return (
        "backfill",
        "--start",
        str(first),
        "--end",
        str(last),
        "--batch-size",
        "5",
        "--inline",
        *more,
    )


def assert_heals(
    installation: Installation,
    reference: Reference,
    *more: str,
    jobs: Sequence[str] | None = ("succeeded",),
) -> None:
    """The reference's command ends well and leaves what an undisturbed run leaves, and nothing
    else.
    """
    again = installation.verb(*reference.command, *more)
    assert (again.returncode, again.stderr) == (0, ""), again
    assert_same(installation, reference, jobs=jobs)


def assert_same(
    installation: Installation, reference: Reference, *, jobs: Sequence[str] | None = ("succeeded",)
) -> None:
    """All is as after an undisturbed run: the history too, run by run; after several jobs, the
    newest run of each date.

    `jobs` None leaves it open how many there were, so long as the last one succeeded.
    """
    found = installation.jobs()
    assert found == (list(jobs) if jobs else [*found[:-1], "succeeded"])
    assert differences(installation.tables(newest=len(found) > 1), reference.tables) == []
    assert (installation.active(), installation.leftovers()) == (0, [])
