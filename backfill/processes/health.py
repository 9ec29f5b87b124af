"""Health check of one process on this host: `manage.py health web|worker|beat|ready`.

Runs every few seconds in every container, so it loads no Django: web is asked by HTTP, the others by
the age of a file.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from backfill.liveness import seconds_since_alive

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 5
MAX_SWEEP_AGE = 120
PATHS = {"web": "/healthz", "ready": "/readyz"}
CHECKS = (*PATHS, "worker", "beat")
USAGE = f"health takes one of {', '.join(CHECKS)}, for example: manage.py health worker"


def main(words: Sequence[str]) -> int:
    """Print the result of a check; return 0 if it is healthy, 1 if not and 2 for an unknown one."""
    if len(words) != 1 or words[0] not in CHECKS:
        sys.stderr.write(f"{USAGE}\n")
        return 2
    if failure := problem(words[0]):
        sys.stderr.write(f"{failure}\n")
        return 1
    sys.stdout.write("healthy\n")
    return 0


def problem(check: str) -> str:
    """Return what is wrong in one sentence; empty if nothing is."""
    _read_env_file()
    if check in PATHS:
        return _response_problem(PATHS[check])
    limit = MAX_SWEEP_AGE
    if check == "worker":
        limit = int(os.environ.get("WORKER_DEAD_AFTER_SECONDS", "8"))
    age = seconds_since_alive(Path(os.environ.get("DATA_DIR") or ROOT / "var"), check)
    if age is None:
        return f"no {check} of this host is running"
    return f"{check} has been silent for {age:.0f} s, more than {limit} s" if age > limit else ""


def _read_env_file() -> None:
    if (ROOT / ".env").exists():
        import environ

        environ.Env.read_env(ROOT / ".env")


def _response_problem(path: str) -> str:
    host, _, port = os.environ.get("WEB_ADDRESS", "127.0.0.1:8000").rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))
    connection = HTTPConnection(host, int(port), timeout=SECONDS)
    try:
        connection.request("GET", path, headers={"Host": _allowed_host()})
        response = connection.getresponse()
        body = response.read()
    except (OSError, HTTPException) as error:
        return f"the panel does not respond at {host}:{port} ({error})"
    finally:
        connection.close()
    return "" if response.status == 200 else _named(response.status, body)


def _allowed_host() -> str:
    """Return a host name that Django accepts."""
    first = os.environ.get("ALLOWED_HOSTS", "").split(",")[0].strip()
    return first.lstrip(".") if first not in ("", "*") else "127.0.0.1"


def _named(status: int, body: bytes) -> str:
    try:
        failing = ", ".join(json.loads(body)["failing"])
    except (ValueError, KeyError, TypeError):
        return f"the panel responds with status {status}"
    return f"not ready: {failing}"
