"""Everything that a service prints is a log line, also what no logger writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

PRINTS = """
import os, sys, threading, warnings
from backfill.telemetry import log_streams
log_streams.install("worker")
print("two\\nlines")
print("an unfinished", end=" ")
print("line")
sys.__stdout__.write("a banner\\n")
warnings.warn("old", DeprecationWarning)
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
if os.fork() == 0:
    log_streams.redirect_native_output()
    print("a child")
    os.write(2, b"terminate called\\n")
    os._exit(0)
os.wait()
raise ValueError("two\\nlines")
"""


def output(log_format: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LOG_FORMAT": log_format, "PYTHONWARNINGS": "always"}
    return subprocess.run(
        [sys.executable, "-c", PRINTS],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_each_line_is_one_document_with_its_origin() -> None:
    done = output("json")
    lines = [json.loads(line) for text in (done.stdout, done.stderr) for line in text.splitlines()]
    assert {line["process"] for line in lines} == {"worker"}
    # The main process reads it when it can, at the latest when it exits.
    native = [line for line in lines if line["logger"] == "native"]
    lines = [line for line in lines if line not in native]
    assert [(line["logger"], line["level"], line["message"]) for line in lines] == [
        ("stdout", "INFO", "two"),
        ("stdout", "INFO", "lines"),
        ("stdout", "INFO", "an unfinished line"),
        ("stdout", "INFO", "a banner"),
        ("stdout", "INFO", "a child"),
        ("stderr", "WARNING", "DeprecationWarning: old (<string>:9)"),
        ("stderr", "CRITICAL", "ZeroDivisionError: division by zero"),
        ("stderr", "CRITICAL", r"ValueError: two\nlines"),
    ]
    assert [line["message"] for line in native] == ["terminate called"]
    assert lines[-1]["traceback"].startswith("Traceback (most recent call last):\n")
    assert done.returncode == 1


def test_as_text_nothing_changes() -> None:
    assert output("text").stdout.startswith("two\nlines\nan unfinished line\na banner\n")
