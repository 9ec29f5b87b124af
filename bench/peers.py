"""Season in other schedulers: the same five SELECTs as tasks of Prefect, Airflow and Dagster, as
plain scripts, and in Backcourt. Wall and CPU seconds of each whole process tree.

    .venv/bin/python bench/peers.py [FOLDER WITH A SEASON'S PHASE 3] [--tools prefect,airflow]

Each tool runs the season in its cheapest mode, one run with five tasks, and with one run per date.
The latter is measured for one date and for a sample of dates, and extrapolated to the season. A time
is printed only if the rows and failures are those of Backcourt. Results: bench/peers.md.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import psutil
from peers_modes import (
    DAGSTER,
    FIRST,
    HERE,
    MODES,
    OURS,
    PER_DATE,
    SAMPLE,
    SEASON,
    Command,
    Folders,
    Mode,
    bare,
)
from peers_plan import differences, write_plan
from season import REAL, ROOT, children_cpu, emptied, prepared

PINS = {
    "prefect": "prefect==3.9.1",
    "airflow": "apache-airflow==3.3.2",
    "dagster": "dagster==1.13.29",
}
PR_SET_CHILD_SUBREAPER = 36
LONGEST_SECONDS = 1800


class Unmeasured(Exception):
    """Reason for a line without a time."""


@dataclass(frozen=True)
class Used:
    """Wall and CPU seconds."""

    wall: float
    cpu: float


class Bench:
    """Folders, the environment of all commands, and Backcourt's output to compare with."""

    def __init__(self, scratch: Path, cache: Path, load: Sequence[str]) -> None:
        self.cache, self.output, self.var = cache, scratch / "output", scratch / "var"
        self.folders = Folders(cache, self.output)
        self.log, self.product = scratch / "log", scratch / "product"
        plan = scratch / "plan.json"
        prepared(self.var, *load)
        self.dates = write_plan(self.var / "warehouse", plan)
        homes = {f"{tool.upper()}_HOME": str(self.home(tool)) for tool in PINS}
        self.environment = {
            **{
                name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")
            },
            **homes,
            "DATA_DIR": str(self.var),
            "PEER_PLAN": str(plan),
            "PEER_ROOT": str(self.output),
            "PYTHONPATH": str(HERE),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            # For a busy machine.
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",
            "DAGSTER_GRPC_TIMEOUT_SECONDS": "600",
        }

    def home(self, tool: str) -> Path:
        """Return the folder of a tool's database."""
        return self.cache / f"{tool}-home"

    def run(self, commands: Sequence[Command]) -> Used:
        """Run commands; count all their processes, and end those that they leave behind."""
        started, before = time.perf_counter(), children_cpu()
        with self.log.open("w") as log:
            for command in commands:
                try:
                    process = subprocess.Popen(
                        command, cwd=ROOT, env=self.environment, stdout=log, stderr=log
                    )
                    code: object = process.wait(LONGEST_SECONDS)
                except (OSError, subprocess.TimeoutExpired) as error:
                    code = error
                wall = time.perf_counter() - started
                end_children()
                if code:
                    shutil.copy(self.log, kept := self.cache / "failed.log")
                    raise Unmeasured(f"{Path(command[0]).name} ended with {code}; see {kept}")
        return Used(wall, children_cpu() - before)

    def install(self, tool: str) -> None:
        """Install a tool at its pinned release, and create its database."""
        folder, pins = self.cache / tool, [PINS[tool], f"duckdb=={duckdb.__version__}"]
        done = folder / "installed"
        if not done.exists() or done.read_text() != str(pins):
            shutil.rmtree(folder, ignore_errors=True)
            pip = [self.folders.program(tool), "-m", "pip", "install", "--quiet", *pins]
            self.run([[sys.executable, "-m", "venv", str(folder)], pip])
            done.write_text(str(pins))
        home = self.home(tool)
        shutil.rmtree(home, ignore_errors=True)
        (home / "dags").mkdir(parents=True)
        shutil.copy(HERE / "airflow_dag.py", home / "dags")
        (home / "dagster.yaml").write_text(DAGSTER)
        self.run(FIRST[tool](self.folders, self.dates[:1]))
        shutil.rmtree(kept := home.with_suffix(".new"), ignore_errors=True)
        shutil.copytree(home, kept)

    def measure(self, mode: Mode, dates: Sequence[str]) -> Used:
        """Run a mode from its first state. Raises Unmeasured if its output is not Backcourt's."""
        shutil.rmtree(self.output, ignore_errors=True)
        if mode.tool:
            shutil.rmtree(self.home(mode.tool), ignore_errors=True)
            shutil.copytree(self.home(mode.tool).with_suffix(".new"), self.home(mode.tool))
        elif mode in OURS:
            emptied(self.var)
        else:
            inputs = self.var / "warehouse" / "phase3"
            shutil.copytree(inputs, self.output / "phase3")
        used = self.run(mode.commands(self.folders, dates))
        output = self.var / "warehouse" if mode in OURS else self.output
        if not self.product.exists():
            shutil.copytree(output, self.product)
        if different := differences(self.product, output, dates):
            raise Unmeasured(f"wrong output: {'; '.join(different)}")
        return used


def end_children() -> None:
    """End all processes below this one, also those whose parent has ended, and count their time."""
    for attempt in (psutil.Process.terminate, psutil.Process.kill):
        children = psutil.Process().children(recursive=True)
        for child in children:
            try:
                attempt(child)
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(children, timeout=20)
    while psutil.Process().children():
        os.wait()


def consecutive(dates: Sequence[str], count: int) -> list[str]:
    """Return dates without a day between them, from the middle of the season if there are any."""
    half = len(dates) // 2
    for n in (*range(half, len(dates) - count + 1), *range(half)):
        found = list(dates[n : n + count])
        if (date.fromisoformat(found[-1]) - date.fromisoformat(found[0])).days == count - 1:
            return found
    raise SystemExit(f"--sample {count}: the season has no {count} consecutive dates with games")


def median(found: Sequence[Used]) -> Used:
    return Used(
        statistics.median(used.wall for used in found),
        statistics.median(used.cpu for used in found),
    )


def extrapolated(one: Used, some: Used, sample: int, dates: int) -> Used:
    """Return the use of all dates: the start once, and each date like those of the sample."""

    def line(first: float, last: float) -> float:
        return first + (last - first) / (sample - 1) * (dates - 1)

    return Used(line(one.wall, some.wall), line(one.cpu, some.cpu))


def load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


class Results:
    """Measurements of each mode, and the reason of those without a time."""

    def __init__(self, bench: Bench, tools: Sequence[str], sample: Sequence[str]) -> None:
        self.bench, self.sample = bench, sample
        self.modes = [mode for mode in MODES if not mode.tool or mode.tool in tools]
        self.found: dict[Mode, list[Used]] = defaultdict(list)
        self.reasons: dict[Mode, str] = {}
        for tool in tools:
            try:
                bench.install(tool)
            except Unmeasured as error:
                absent = (mode for mode in self.modes if mode.tool == tool)
                self.reasons |= dict.fromkeys(absent, f"not installed: {error}")

    def measure(self, repeats: int) -> None:
        """Measure all modes of a season in turn, so that a slow minute affects all alike."""
        for _ in range(repeats):
            for mode in self.modes:
                if mode.dates != PER_DATE:
                    self._measure(mode, self.bench.dates if mode.dates == SEASON else self.sample)
        for mode in self.modes:
            if mode.dates == PER_DATE:
                self._measure(mode, self.sample[:1])
                self._measure(mode, self.sample)

    def _measure(self, mode: Mode, dates: Sequence[str]) -> None:
        if mode in self.reasons:
            return
        try:
            used = self.bench.measure(mode, dates)
        except Unmeasured as error:
            self.reasons[mode] = str(error)
        else:
            self.found[mode].append(used)
            text = f"{mode.name}, {len(dates)} dates: {used.wall:.1f} s, {used.cpu:.1f} CPU s, load {load()}"
            print(text, file=sys.stderr, flush=True)

    def table(self) -> Iterator[str]:
        """Yield a table in Markdown, with ratios to the bare limit."""
        yield "| program | dates | wall s | CPU s | ratio, wall | ratio, CPU | gives up |"
        yield "|---|---|--:|--:|--:|--:|---|"
        for mode in self.modes:
            if mode in self.reasons:
                yield f"| {mode.name} | {self.reasons[mode]} | | | | | |"
                continue
            used = self._use(mode)
            ratios = [f"{r:.1f}" for r in self._ratios(mode)] or ["", ""]
            cells = (mode.name, self._dates(mode), f"{used.wall:.1f}", f"{used.cpu:.1f}")
            yield f"| {' | '.join((*cells, *ratios, mode.gives_up))} |"

    def _ratios(self, mode: Mode) -> list[float]:
        """Return the ratios, wall and CPU, to the bare limit of the same round."""
        limits = next((self.found[m] for m in self.found if m.commands is bare), [])
        if not limits or mode.dates == SAMPLE:
            return []
        found = self.found[mode] if mode.dates == SEASON else [self._use(mode)]
        pairs = list(zip(found, limits, strict=False))
        return [
            statistics.median(used.wall / limit.wall for used, limit in pairs),
            statistics.median(used.cpu / limit.cpu for used, limit in pairs),
        ]

    def _use(self, mode: Mode) -> Used:
        found = self.found[mode]
        if mode.dates == PER_DATE:
            return extrapolated(*found, len(self.sample), len(self.bench.dates))
        return median(found)

    def _dates(self, mode: Mode) -> str:
        if mode.dates == SAMPLE:
            return str(len(self.sample))
        total = str(len(self.bench.dates))
        return f"{total}, extrapolated" if mode.dates == PER_DATE else total


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "folder", nargs="?", type=Path, help="default: a simulated season if absent"
    )
    parser.add_argument(
        "--tools", default=",".join(PINS), help="of prefect, airflow, dagster; empty: none"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir()) / "backcourt-peers",
        help="folder of the virtual environments",
    )
    parser.add_argument("--no-install", action="store_true", help="refuse a tool that is not there")
    parser.add_argument("--sample", type=int, default=10, help="dates of the modes per date")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each whole season")
    options = parser.parse_args()
    tools = [tool for tool in options.tools.split(",") if tool]
    if unknown := set(tools) - PINS.keys():
        parser.error(f"unknown tool {', '.join(sorted(unknown))}; known: {', '.join(PINS)}")
    if options.folder and not options.folder.is_dir():
        parser.error(f"{options.folder} is no folder")
    if options.sample < 2 or options.repeats < 1:
        parser.error("--sample is at least 2, --repeats at least 1")
    absent = [tool for tool in tools if not (options.cache / tool / "installed").exists()]
    if options.no_install and absent:
        parser.error(f"{', '.join(absent)}: not in {options.cache}; run without --no-install")
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, load {load()}")
    print(", ".join(PINS[tool] for tool in tools))
    options.cache.mkdir(parents=True, exist_ok=True)
    folder = options.folder or REAL
    loaded = ["load_phase3", str(folder)] if folder.is_dir() else ["simulate_season", "2023"]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as at_end:
        at_end.callback(end_children)
        bench = Bench(Path(scratch), options.cache, loaded)
        sample = consecutive(bench.dates, options.sample)
        results = Results(bench, tools, sample)
        results.measure(options.repeats)
        print("\n".join(results.table()))


if __name__ == "__main__":
    main()
