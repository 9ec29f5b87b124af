#!/usr/bin/env python3
"""Backcourt's shell: every verb is a command, `manage.py help` lists them."""

import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

from backfill.processes.garbage import collect_rarely
from backfill.processes.process_end import run_to_end
from backfill.processes.stoppable import stop_on_sigterm

PYTHON = Path(__file__).resolve().parent / ".venv" / "bin" / "python"


def _service(words: list[str]) -> str:
    """Return the verb if it runs as a service, whose output is log lines; empty for a person's."""
    is_service = words[:1] in (["migrate_locked"], ["up"]) or "BACKCOURT_PARENT" in os.environ
    return words[0] if words and is_service and "--json" not in words else ""


def main() -> None:
    """Run a command, in the project's own environment when this Python has no Django."""
    stop_on_sigterm()
    collect_rarely()
    if sys.argv[1:2] == ["health"] and not any(word.startswith("-") for word in sys.argv):
        from backfill.processes import health

        sys.exit(health.main(sys.argv[2:]))
    if (
        signal.getsignal(signal.SIGINT) is signal.default_int_handler
    ):  # until a verb takes over, Ctrl-C just ends it
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if find_spec("django") is None and PYTHON.exists() and Path(sys.executable) != PYTHON:
        os.execv(PYTHON, [str(PYTHON), *sys.argv])
    if find_spec("django") is None:
        sys.exit("Django is not installed here; bin/up sets everything up")
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    from webapp.setting_schema import load_or_exit

    load_or_exit(_service(sys.argv[1:]))
    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        sys.exit(f"the database is not available ({' '.join(str(error).split())})")


if __name__ == "__main__":
    run_to_end(main)
