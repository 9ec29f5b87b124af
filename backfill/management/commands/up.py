"""`manage.py up`: what bin/up does once the packages are there."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db import connection

from backfill import stack
from backfill.errors import BackcourtError
from backfill.management.base import OK, VerbCommand
from backfill.tied import tied


class Command(VerbCommand):
    """Runs the processes."""

    help = "Start Redis, a worker and the sweep, and keep them running until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        """What to do besides."""
        parser.add_argument("--no-demo", action="store_true", help="start the processes alone: no demo season, no backfill")

    def run(self, **given: Any) -> int:
        """Set up, start, show, stay."""
        for sign in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(sign, interrupt)
        try:
            with stack.running() as supervisor:
                connection.close()
                self.say("running")
                supervisor.wait()
                raise BackcourtError("the supervisor has ended")
        except KeyboardInterrupt:
            self.say("stopped")
        return OK

    def say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def interrupt(*_: object) -> None:
    """Stop once; what comes after would stop the stopping."""
    for sign in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(sign, signal.SIG_IGN)
    raise KeyboardInterrupt
