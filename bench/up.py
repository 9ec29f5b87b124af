"""Duration of `bin/up` until the panel's first page, and the memory of its idle processes.

    .venv/bin/python bench/up.py [--repeats 5] [--idle 10] [--no-demo] [--json]

Needs the .venv of bin/up. Each first start is that of a new checkout: a copy without data, static
files and bytecode, with the installed packages. The second start follows in the same copy, with the
demo season complete. The first page is the login page, rendered. Memory is proportional (PSS): each
process has its share of the pages that it has in common with others.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
FORM = b'name="password"'
POLL_SECONDS = 0.01
DEADLINE_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Start:
    """Seconds and CPU seconds until the first page, seconds until the command is ready, PSS of each
    idle process, and seconds until everything has stopped.
    """

    page: float
    page_cpu: float
    ready: float
    idle_mib: dict[str, float]
    stop: float


def checkout(folder: Path) -> Path:
    """Copy the program as Git would, without what earlier starts wrote; packages are linked."""
    files = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT
    )
    names = [name for name in files.decode().split("\0") if name and (ROOT / name).exists()]
    archive = subprocess.Popen(
        ["tar", "-c", "--null", "-T", "-"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    folder.mkdir()
    with subprocess.Popen(["tar", "-x"], cwd=folder, stdin=archive.stdout) as extract:
        assert archive.stdin
        archive.stdin.write("\0".join(names).encode())
        archive.stdin.close()
    if archive.wait() or extract.returncode:
        raise SystemExit("the checkout could not be copied")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def started(folder: Path, port: int, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run bin/up as a terminal does, with its output in a file; stop it at the end."""
    variables = {"PATH", "HOME", "LANG", "REDIS_URL"} & set(os.environ)
    environment = {name: os.environ[name] for name in variables}
    with (folder.parent / "output").open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [folder / "bin" / "up", *options],
            env=environment | {"WEB_ADDRESS": f"127.0.0.1:{port}"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        process.wait()


def has_first_page(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/login/")
        response = connection.getresponse()
        return response.status == 200 and FORM in response.read()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def tree(process: subprocess.Popen[str]) -> list[psutil.Process]:
    main = psutil.Process(process.pid)
    return [main, *main.children(recursive=True)]


def cpu_seconds(process: subprocess.Popen[str]) -> float:
    """Return the CPU seconds of live processes and of those that they have waited for."""
    total = 0.0
    for each in tree(process):
        with suppress(psutil.NoSuchProcess):
            total += sum(each.cpu_times()[:4])
    return total


def pss_mib(process: subprocess.Popen[str]) -> dict[str, float]:
    """Return the proportional memory of each process by its PID and name."""
    found = {}
    for each in tree(process):
        with suppress(psutil.NoSuchProcess, FileNotFoundError):
            lines = Path(f"/proc/{each.pid}/smaps_rollup").read_text().splitlines()
            (kib,) = (int(line.split()[1]) for line in lines if line.startswith("Pss:"))
            found[f"{each.pid} {each.name()}"] = round(kib / 1024, 1)
    return found


def wait_for(process: subprocess.Popen[str], condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("bin/up did not start")
        time.sleep(POLL_SECONDS)


def measured(folder: Path, idle_seconds: float, *options: str) -> Start:
    port, output = free_port(), folder.parent / "output"
    begin = time.perf_counter()
    with started(folder, port, *options) as process:
        wait_for(process, lambda: has_first_page(port))
        page, page_cpu = time.perf_counter() - begin, cpu_seconds(process)
        wait_for(process, lambda: "running: " in output.read_text(encoding="utf-8"))
        ready = time.perf_counter() - begin
        time.sleep(idle_seconds)
        idle = pss_mib(process)
        stopping = time.perf_counter()
    return Start(
        page=page,
        page_cpu=page_cpu,
        ready=ready,
        idle_mib=idle,
        stop=time.perf_counter() - stopping,
    )


def row(name: str, starts: list[Start]) -> str:
    def figures(values: list[float]) -> str:
        return f"{statistics.median(values):5.2f} ({min(values):.2f} to {max(values):.2f})"

    columns = [[getattr(s, field) for s in starts] for field in ("page", "page_cpu", "ready")]
    memory = [sum(s.idle_mib.values()) for s in starts]
    return (
        f"{name:8} page {figures(columns[0])} s, {figures(columns[1])} CPU s;"
        f" ready {figures(columns[2])} s; idle {statistics.median(memory):.0f} MiB"
        f" ({min(memory):.0f} to {max(memory):.0f});"
        f" stop {figures([s.stop for s in starts])} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--idle", type=float, default=10, help="seconds before memory is measured")
    parser.add_argument("--no-demo", action="store_true", help="start without the demo season")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    options = parser.parse_args()
    arguments = ["--no-demo"] if options.no_demo else []
    first, second = [], []
    for _ in range(options.repeats):
        with tempfile.TemporaryDirectory() as scratch:
            folder = checkout(Path(scratch) / "checkout")
            first.append(measured(folder, 0, *arguments))
            second.append(measured(folder, options.idle, *arguments))
    if options.json:
        each = {"first": [asdict(s) for s in first], "second": [asdict(s) for s in second]}
        print(json.dumps(each, indent=1))
        return
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    print(row("first", first))
    print(row("second", second))
    for name, mib in second[-1].idle_mib.items():
        print(f"  {mib:6.1f} MiB  {name}")


if __name__ == "__main__":
    main()
