"""Recovery after kill -9: seconds from the kill until the job has resumed, at default settings.

    .venv/bin/python bench/recovery.py [--trials 5] [--kinds child,worker,all,host,redis,sweep,web]

Everything runs as bin/up starts it, on a job over simulated seasons, killed at random moments. The
job has resumed when every batch that was in flight has started another step or has ended, and no run
belongs to a killed process. For the sweep it is the next sweep, for web the next page. `host` kills
a worker under another host name, which only its silence reveals.
"""

from __future__ import annotations

import argparse
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil
from season import ROOT, manage, prepared
from workers import asked

LIMIT_SECONDS, PATIENCE_SECONDS, SEASONS = 15, 120, 3
PROGRAMS = {
    "worker": "backcourt worker",
    "redis": "redis-server",
    "sweep": "backcourt sweep",
    "web": "backcourt web",
}
IN_FLIGHT = "SELECT job_id, number FROM backfill_batch WHERE status = 'in flight'"
RUNNING = "SELECT COUNT(*) FROM backfill_run WHERE status = 'running'"
# Batches of a list that have neither started a step after the kill nor ended.
WAITING = """
SELECT COUNT(*) FROM backfill_batch AS b WHERE b.number IN ({numbers}) AND b.job_id = {job} AND b.status <> 'ended'
AND NOT EXISTS (SELECT 1 FROM backfill_run AS r WHERE r.job_id = b.job_id AND r.batch = b.number
  AND r.started_at > '{at}')
"""
HELD = "SELECT worker FROM backfill_run WHERE status = 'running'"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def stack(var: Path, port: int) -> Iterator[psutil.Process]:
    """Run all processes of bin/up, the panel included."""
    environment = {**os.environ, "DATA_DIR": str(var), "WEB_ADDRESS": f"127.0.0.1:{port}"}
    command = [sys.executable, "manage.py", "up", "--no-demo"]
    front = psutil.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        manage(var, "workers", "--wait", "60")
        yield front
    finally:
        front.terminate()
        front.wait()


@contextmanager
def elsewhere(var: Path) -> Iterator[psutil.Process]:
    """Run a worker of the same installation on a host with another name. Linux, as root."""
    host = ("unshare", "--uts", "sh", "-c", 'hostname elsewhere && exec "$@"', "sh")
    worker = (sys.executable, "-m", "celery", "-A", "webapp", "worker", "--without-gossip")
    environment = {**os.environ, "DATA_DIR": str(var)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    main = psutil.Popen([*host, *worker], cwd=ROOT, env=environment, **quiet)
    try:
        yield main
    finally:
        with suppress(psutil.NoSuchProcess):
            kill([main])
        main.wait()


def kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def named(front: psutil.Process, name: str) -> list[psutil.Process]:
    """Return the processes of a program, its main process first."""
    found = []
    for process in front.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if PROGRAMS[name] in " ".join(process.cmdline()):
                found.append(process)
    return sorted(found, key=lambda p: p.create_time())


def victims(front: psutil.Process, kind: str) -> list[psutil.Process]:
    """Return the processes to kill."""
    if kind == "host":
        return [front, *front.children()]
    if kind in ("child", "worker", "all"):
        main, *pool = named(front, "worker")
        return {"child": pool[:1], "worker": [main], "all": [main, *pool]}[kind]
    return named(front, kind)


def waited(condition: Callable[[], object], what: str) -> float:
    """Wait; return the seconds it took."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > PATIENCE_SECONDS:
            raise SystemExit(f"waited {PATIENCE_SECONDS} s for {what}")
        time.sleep(0.05)
    return time.monotonic() - began


def is_running(var: Path) -> bool:
    """Return True in the middle of a job, with a batch in flight and a step running."""
    return bool(asked(var, IN_FLIGHT)) and asked(var, RUNNING) != [(0,)]


def answers(port: int) -> bool:
    with suppress(OSError):
        return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1).status)
    return False


def trial(var: Path, front: psutil.Process, kind: str, port: int) -> float:
    """Kill at a random moment; return the seconds until the job has resumed."""
    with ExitStack() as started:
        if kind == "host":
            front = started.enter_context(elsewhere(var))
        return killed_trial(var, front, kind, port)


def killed_trial(var: Path, front: psutil.Process, kind: str, port: int) -> float:
    waited(lambda: is_running(var), "the middle of the job")
    time.sleep(random.uniform(0, 3))
    waited(lambda: is_running(var), "the middle of the job")
    if kind == "host":
        waited(lambda: any("elsewhere" in str(row) for row in asked(var, HELD)), "a step elsewhere")
    batches = asked(var, IN_FLIGHT)
    killed = victims(front, kind)
    pids = {str(p.pid) for p in killed}
    if kind in ("worker", "all"):
        pids |= {str(p.pid) for p in named(front, "worker")}
    at = datetime.now(UTC).replace(tzinfo=None).isoformat(" ")
    kill(killed)
    if kind == "web":
        return waited(lambda: answers(port), "the panel")
    if kind == "sweep":
        seen = asked(var, "SELECT at FROM backfill_sweep")
        return waited(lambda: asked(var, "SELECT at FROM backfill_sweep") != seen, "a sweep")
    numbers = ", ".join(str(number) for _, number in batches)
    left = WAITING.format(numbers=numbers, job=batches[0][0], at=at)

    def has_resumed() -> bool:
        holders = {str(worker).split(" ")[1] for (worker,) in asked(var, HELD) if worker}
        return asked(var, left) == [(0,)] and not holders & pids

    return waited(has_resumed, f"the job after {kind}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=5, help="per kind")
    parser.add_argument("--kinds", default="child,worker,all,host,redis,sweep,web")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as scratch:
        var, port = Path(scratch) / "var", free_port()
        start, end = prepared(var, "simulate_season", "2001", "--seasons", str(SEASONS))
        command = ("backfill", "--start", start, "--end", end, "--batch-size", "4", "--force")
        with stack(var, port) as front:
            for kind in options.kinds.split(","):
                seconds = []
                for _ in range(options.trials):
                    if not asked(var, "SELECT 1 FROM backfill_job WHERE status = 'running'"):
                        manage(var, *command)
                    seconds.append(trial(var, front, kind, port))
                text = ", ".join(f"{s:.1f}" for s in seconds)
                median, most = statistics.median(seconds), max(seconds)
                print(
                    f"{kind:8} median {median:5.1f} s, maximum {most:5.1f} s ({text})", flush=True
                )
                if most > LIMIT_SECONDS:
                    print(f"{kind:8} exceeds {LIMIT_SECONDS} s")


if __name__ == "__main__":
    main()
