"""`manage.py health`: check one process of this host. manage.py runs it without Django."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import FAILED, OK, VerbCommand
from backfill.processes.health import CHECKS, problem


class Command(VerbCommand):
    """Check one process of this host."""

    help = (
        "Check one process of this host, for health checks of containers: web responds, a worker or"
        " the sweep (beat) is alive, or the panel is ready to serve. Exits with 1 if not."
    )
    example = "health worker"
    checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the check."""
        parser.add_argument("check", choices=CHECKS, help="process to check; ready: /readyz")

    def run(self, **given: Any) -> int:
        """Print the result."""
        failure = problem(given["check"])
        self.emit({"healthy": not failure, "problem": failure}, failure or "healthy")
        return FAILED if failure else OK
