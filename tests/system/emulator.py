"""BigQuery emulator as a separate process that google-cloud-bigquery connects to over HTTP."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import STDOUT, Popen

from tests.programs import EMULATOR

PROJECT = "backcourt-test"
# Its parser recurses deeper than Python's default limit for a hash of forty columns, and it parses
# NUMERIC as DuckDB's DECIMAL, which has three decimals instead of nine.
START = """
import sys, threading
sys.setrecursionlimit(50_000)
threading.stack_size(512 * 2**20)
from sqlglot import exp
from sqlglot.dialects.dialect import build_default_decimal_type
from sqlglot.dialects.duckdb import DuckDB
DuckDB.parser_class.TYPE_CONVERTERS[exp.DType.DECIMAL] = build_default_decimal_type(38, 9)
from bqemulator.cli import main
main()
"""
ANY_PORT = ("--rest-port", "0", "--grpc-port", "0")
DEADLINE_SECONDS = 60

# Do not contact DuckDB's extension server, and keep no earlier versions of tables.
SETTINGS = {
    "BQEMU_ENABLE_FORMAT_EXTENSIONS": "false",
    "BQEMU_TIME_TRAVEL_RETENTION_DAYS": "0",
    "HOME": str(EMULATOR / "home"),
}


@contextmanager
def emulating(python: Path, log: Path) -> Iterator[str]:
    """Start an empty emulator with the Python of its environment; yield its URL.

    Its output goes to `log`.
    """
    command = (
        str(python),
        "-c",
        START,
        "start",
        "--ephemeral",
        *ANY_PORT,
        "--log-format",
        "json",
        "--project",
        PROJECT,
    )
    with log.open("w") as said:
        process = Popen(command, env={**os.environ, **SETTINGS}, stdout=said, stderr=STDOUT)
    try:
        yield f"http://127.0.0.1:{_port(process, log)}"
    finally:
        process.kill()  # it holds no data worth keeping
        process.wait()


def _port(process: Popen[bytes], log: Path) -> int:
    """Return the port that the emulator listens on, once it does."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        for line in log.read_text().splitlines():
            if '"rest.listen"' in line:
                return int(json.loads(line)["port"])
        time.sleep(0.05)
    raise AssertionError(f"the BigQuery emulator did not start:\n{log.read_text()}")
