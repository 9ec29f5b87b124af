"""Backcourt installation in a separate folder: CLI verbs as real processes, and their results."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess, Popen

import duckdb
import psycopg

from backfill.warehouse.parquet.staging import PART
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import FAILURES, HISTORY, INPUTS, ML, OUTPUTS, PCF, PDC
from tests.seasons.inputs import input_file
from tests.system.forks import ROOT, Fork, Process

DEADLINE_SECONDS = 120
PROGRESS = re.compile(r"\d+/\d+ runs, ")

# Tables that jobs fill.
EVERY_JOB = (
    *("auditresult", "batch", "event", "finding", "job", "measure"),
    *("notice", "run", "seasonaudit", "trigger"),
)

Partitions = dict[str, list[tuple[str, ...]]]
ASK = "import json, sqlite3, sys; print(json.dumps(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))"

# Columns that differ between two runs of the same backfill: ids, times, durations.
OF_THE_RUN = {"run_id", "job_id", "created_at", "processed_at", "started_at", "duration_seconds"}
WRITTEN_HERE = {
    PCF: ("player_shot", "team_defense"),
    PDC: ("shot_zone",),
    ML: ("daily_cache", "composite", "shot_zones", "team_defense"),
}


def environment(**more: str) -> dict[str, str]:
    """Return the complete environment of a process.

    Audits after jobs are off, because they take long; tests about audits turn them on.
    """
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"AUDIT_AFTER_JOBS": "false"} | more


def until(condition: Callable[[], object], what: str, every: float = 0.02) -> None:
    """Wait for other processes; the interval leaves them the CPU."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited {DEADLINE_SECONDS} s in vain: {what}"
        time.sleep(every)


def kill(process: Process, sign: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to a process and its children."""
    os.killpg(process.pid, sign)


@dataclass(frozen=True)
class Installation:
    """DATA_DIR, possibly with a warehouse outside it.

    `inside` is the command prefix that runs a program in their file system, and `root` that file
    system's root as seen from this process. `database` is a URL; by default SQLite in the folder.
    """

    var: Path
    inside: tuple[str, ...] = ()
    root: Path = Path("/")
    elsewhere: Path | None = None
    database: str = ""

    @property
    def warehouse(self) -> Path:
        """Warehouse folder as seen from this process."""
        return self.root / (self.elsewhere or self.var / "warehouse").relative_to("/")

    def start(self, *args: str, **env: str) -> Process:
        """Start a verb in its own process group."""
        if self.inside or args[0] == "up":
            return self.start_interpreter(*args, **env)
        return Fork(args, self._environment(env))

    def start_interpreter(self, *args: str, **env: str) -> Popen[str]:
        """Start a verb in a new interpreter, as a shell does."""
        command = [*self.inside, sys.executable, str(ROOT / "manage.py"), *args]
        pipe = subprocess.PIPE
        return Popen(
            command,
            cwd=ROOT,
            env=self._environment(env),
            stdout=pipe,
            stderr=pipe,
            text=True,
            start_new_session=True,
        )

    def _environment(self, env: Mapping[str, str]) -> dict[str, str]:
        place = {"WAREHOUSE_URL": f"parquet:{self.elsewhere}"} if self.elsewhere else {}
        place |= {"DATABASE_URL": self.database} if self.database else {}
        return environment(DATA_DIR=str(self.var), **place, **env)

    def verb(self, *args: str, **env: str) -> CompletedProcess[str]:
        """Run a verb to its end."""
        return ended(self.start(*args, **env))

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Query the database."""
        if self.database:
            return _asked(self.database, sql)
        file = self.var / "backcourt.sqlite3"
        if not self.inside:
            with closing(sqlite3.connect(file, timeout=30)) as db:
                return db.execute(sql).fetchall()
        told = subprocess.check_output(
            [*self.inside, sys.executable, "-c", ASK, str(file), sql], text=True
        )
        return [tuple(row) for row in json.loads(told)]

    def start_over(self) -> None:
        """Forget all jobs and what they wrote, while the processes run (SQLite)."""
        with closing(sqlite3.connect(self.var / "backcourt.sqlite3", timeout=30)) as db, db:
            for table in EVERY_JOB:
                db.execute(f"DELETE FROM backfill_{table}")
                db.execute(f"DELETE FROM sqlite_sequence WHERE name = 'backfill_{table}'")
        for folder in self.warehouse.iterdir():
            if folder.name not in ("phase3", ".staging"):
                shutil.rmtree(folder)

    def jobs(self) -> list[str]:
        """Return the status of every job, oldest first."""
        return [
            str(status) for (status,) in self.rows("SELECT status FROM backfill_job ORDER BY id")
        ]

    def runs(self) -> Counter[str]:
        """Count the runs by status."""
        return Counter(str(status) for (status,) in self.rows("SELECT status FROM backfill_run"))

    def active(self) -> int:
        """Count the runs that still hold their dates."""
        return self.runs()["pending"] + self.runs()["running"]

    def leftovers(self) -> list[Path]:
        """Return the files in the staging folder of partitions."""
        return list((self.warehouse / ".staging").glob("*"))

    def part(self, table: Table, day: date, name: str = "") -> Path:
        """Return the file of one partition; of a log, of one processor's slice."""
        folder = self.warehouse / table.dataset / table.name / f"{table.partition}={day}"
        return (folder / f"processor_name={name}" if name else folder) / PART

    def season(self, table: Table) -> Path:
        """Return the file of an input's season."""
        (season,) = (self.warehouse / "phase3").glob("season_year=*")
        return input_file(self.warehouse, table, int(season.name.partition("=")[2]))

    def inputs(self) -> list[bytes]:
        """Return the contents of the inputs."""
        return [self.season(table).read_bytes() for table in INPUTS]

    def tables(self, *, newest: bool = False) -> Partitions:
        """Return every partition with its sorted rows, without OF_THE_RUN.

        `newest` limits the history to the newest run.
        """
        found: Partitions = {}
        with duckdb.connect() as db:
            for table in (*OUTPUTS, FAILURES, HISTORY):
                found |= _partitions(db, self.warehouse, table, newest=newest and table is HISTORY)
        return found


# For tests that poll: a new connection costs the server a process.
CONNECTIONS: dict[str, psycopg.Connection[tuple[object, ...]]] = {}


def _asked(database: str, sql: str) -> list[tuple[object, ...]]:
    """Query PostgreSQL; connect again if the server has closed the connection."""
    if database in CONNECTIONS:
        with suppress(psycopg.OperationalError):
            return CONNECTIONS[database].execute(sql.encode()).fetchall()
        CONNECTIONS.pop(database).close()
    CONNECTIONS[database] = psycopg.connect(database, autocommit=True)
    return CONNECTIONS[database].execute(sql.encode()).fetchall()


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
    """Return a sentence for each partition that differs; empty if all are equal."""
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
    """Return all partitions except those of one table."""
    return {
        p: rows
        for p, rows in partitions.items()
        if not p.startswith(f"{table.dataset}/{table.name}/")
    }


def ended(process: Process) -> CompletedProcess[str]:
    """Wait for a process and return its output without progress lines."""
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
    """Undisturbed backfill: its dates, command, output and duration in seconds."""

    days: tuple[date, ...]
    command: tuple[str, ...]
    installation: Installation
    tables: Partitions
    seconds: float


def backfill(first: date, last: date, *more: str) -> tuple[str, ...]:
    """Return the command line of an inline backfill, in batches small enough to have several."""
    return (
        "backfill",
        "--start",
        str(first),
        "--end",
        str(last),
        "--batch-size",
        "7",
        "--inline",
        *more,
    )


def assert_heals(
    installation: Installation,
    reference: Reference,
    *more: str,
    jobs: Sequence[str] | None = ("succeeded",),
) -> None:
    """Assert that the reference's command succeeds with the output of an undisturbed run."""
    again = installation.verb(*reference.command, *more)
    assert (again.returncode, again.stderr) == (0, ""), again
    assert_same(installation, reference, jobs=jobs)


def assert_same(
    installation: Installation, reference: Reference, *, jobs: Sequence[str] | None = ("succeeded",)
) -> None:
    """Assert that all tables equal those of an undisturbed run, the history included.

    After several jobs, the history is compared by the newest run of each date. `jobs` None allows
    any number of jobs if the last one succeeded.
    """
    found = installation.jobs()
    assert found == (list(jobs) if jobs else [*found[:-1], "succeeded"])
    assert differences(installation.tables(newest=len(found) > 1), reference.tables) == []
    assert (installation.active(), installation.leftovers()) == (0, [])
