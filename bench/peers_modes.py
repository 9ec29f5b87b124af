"""Ways to run a season in each program, as command lines, and what each gives up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from season import ROOT

HERE = ROOT / "bench" / "peers"
Command = list[str]
SEASON, SAMPLE, PER_DATE = "season", "sample", "per date"


@dataclass(frozen=True)
class Folders:
    """Virtual environments, and the output of a mode."""

    cache: Path
    output: Path

    def program(self, tool: str, name: str = "python") -> str:
        return str(self.cache / tool / "bin" / name)


Commands = Callable[[Folders, Sequence[str]], list[Command]]


@dataclass(frozen=True, kw_only=True)
class Mode:
    """Way to run dates: `commands` returns its command lines for these dates, run in turn."""

    name: str
    tool: str = ""
    dates: str = SEASON
    gives_up: str = "-"
    commands: Commands


DAGSTER = """
telemetry: {enabled: false}
concurrency: {runs: {max_concurrent_runs: 2}}
"""
DAGSTER_FILE = str(HERE / "dagster_job.py")


def scripts(folders: Folders, dates: Sequence[str]) -> list[Command]:
    codes = ("TDZA", "PSZA", "PCF", "PDC", "ML")
    return [[sys.executable, str(HERE / "work.py"), code, ",".join(dates)] for code in codes]


def bare(folders: Folders, dates: Sequence[str]) -> list[Command]:
    return [[sys.executable, "bench/bare.py", str(folders.output)]]


def backcourt(folders: Folders, dates: Sequence[str]) -> list[Command]:
    span = ["--start", dates[0], "--end", dates[-1]]
    return [[sys.executable, "manage.py", "backfill", *span, "--inline", "--json"]]


def prefect(folders: Folders, dates: Sequence[str], *options: str) -> list[Command]:
    return [[folders.program("prefect"), str(HERE / "prefect_flow.py"), ",".join(dates), *options]]


def prefect_per_date(folders: Folders, dates: Sequence[str]) -> list[Command]:
    return prefect(folders, dates, "--per-date")


def airflow(folders: Folders, dates: Sequence[str]) -> list[Command]:
    return [[folders.program("airflow", "airflow"), "dags", "test", "season"]]


def airflow_per_date(folders: Folders, dates: Sequence[str]) -> list[Command]:
    script = str(HERE / "airflow_backfill.py")
    return [[folders.program("airflow"), script, dates[0], dates[-1]]]


def dagster(folders: Folders, dates: Sequence[str]) -> list[Command]:
    chosen = ["--select", "*", "--partition-range", f"{dates[0]}...{dates[-1]}"]
    program = folders.program("dagster", "dagster")
    return [[program, "asset", "materialize", "-f", DAGSTER_FILE, *chosen]]


def dagster_per_date(folders: Folders, dates: Sequence[str]) -> list[Command]:
    return [[folders.program("dagster"), str(HERE / "dagster_backfill.py"), ",".join(dates)]]


def airflow_database(folders: Folders, dates: Sequence[str]) -> list[Command]:
    program = folders.program("airflow", "airflow")
    return [[program, "db", "migrate"], [program, "dags", "reserialize"]]


# First commands of a new installation: create the database, and compile the modules.
FIRST: dict[str, Commands] = {
    "prefect": prefect,
    "airflow": airflow_database,
    "dagster": dagster,
}
ACCOUNTING = "accounting of entities, audit"
NO_DATES = f"status, retry and history per date; {ACCOUNTING}"
NOTHING_KEPT = f"any status, history and retry; {ACCOUNTING}"
OURS = (
    Mode(name="Backcourt inline, with canary and audit", commands=backcourt),
    Mode(name="Backcourt inline, with canary and audit", dates=SAMPLE, commands=backcourt),
)
MODES = (
    *OURS,
    Mode(name="bare limit, one process", gives_up=NOTHING_KEPT, commands=bare),
    Mode(name="plain scripts, five processes", gives_up=NOTHING_KEPT, commands=scripts),
    Mode(name="Prefect, one flow run", tool="prefect", gives_up=NO_DATES, commands=prefect),
    Mode(name="Airflow, one DAG run", tool="airflow", gives_up=NO_DATES, commands=airflow),
    Mode(
        name="Dagster, one run of all partitions",
        tool="dagster",
        gives_up=f"failure and retry per date; {ACCOUNTING}",
        commands=dagster,
    ),
    Mode(
        name="Prefect, a flow run per date",
        tool="prefect",
        dates=PER_DATE,
        gives_up=ACCOUNTING,
        commands=prefect_per_date,
    ),
    Mode(
        name="Airflow, a DAG run per date",
        tool="airflow",
        dates=PER_DATE,
        gives_up=ACCOUNTING,
        commands=airflow_per_date,
    ),
    Mode(
        name="Dagster, a run per date",
        tool="dagster",
        dates=PER_DATE,
        gives_up=ACCOUNTING,
        commands=dagster_per_date,
    ),
)
