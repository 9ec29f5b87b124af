"""Supervisor of bin/up, forked from it. Its programs that are Python modules are forks of it in turn: they
start with everything imported and share its memory. With LOG_FORMAT=json, its log lines are JSON documents.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Mapping
from multiprocessing import current_process
from pathlib import Path
from typing import Any

from supervisor import supervisord
from supervisor.loggers import Handler
from supervisor.options import ServerOptions

from backfill import logs
from backfill.processes import forks
from backfill.processes.die_with_parent import expect_children, set_parent_death_signal
from backfill.telemetry import log_streams

LEVELS = {"CRIT": "CRITICAL", "WARN": "WARNING", "ERRO": "ERROR"}


class JsonFormat:
    """Format of a supervisor's log handler, which applies it with `%`."""

    def __mod__(self, fields: Mapping[str, str]) -> str:
        """Return the line of a log record."""
        level = LEVELS.get(fields["levelname"], fields["levelname"])
        record = logging.makeLogRecord(
            {"name": "supervisor", "levelname": level, "msg": fields["message"]}
        )
        return f"{logs.JsonLines().format(record)}\n"


def _set_format(handler: Handler, fmt: str) -> None:
    """Set the format of a log of the supervisor itself; programs write theirs without a time."""
    handler.fmt = JsonFormat() if "asctime" in fmt else fmt


class ForkingOptions(ServerOptions):  # type: ignore[misc]
    """Options of a supervisor whose programs die with it; `python -m` runs without a new interpreter."""

    def execve(self, filename: str, argv: list[str], env: dict[str, str]) -> None:
        """Become a program, in the child that the supervisor has forked."""
        set_parent_death_signal(signal.SIGKILL)
        os.environ.update(env)
        expect_children()
        if argv[1:2] == ["-m"]:
            forks.run_module(env["SUPERVISOR_PROCESS_NAME"], argv[2:])
        super().execve(filename, argv, dict(os.environ))


class ForkingSupervisor(supervisord.Supervisor):  # type: ignore[misc]
    """Supervisor that starts its programs at once, not after its first second."""

    def runforever(self) -> None:
        """Start the programs in their order, then supervise them."""
        for group in sorted(self.process_groups.values()):
            group.transition()
        super().runforever()


def supervise(configuration: Path, environment: Mapping[str, str], log: Path) -> None:
    """Run the supervisor in a fork, out of reach of the terminal's Ctrl-C, until SIGTERM."""
    os.setsid()
    forks.reset_signals()
    current_process().daemon = False  # programs may use multiprocessing
    set_parent_death_signal(signal.SIGTERM)
    expect_children()
    with log.open("ab") as output:
        for descriptor in (1, 2):
            os.dup2(output.fileno(), descriptor)
    os.environ.update(environment)
    forks.set_title("supervisor")
    if log_streams.install("supervisor"):
        Handler.setFormat = _set_format
    names: Any = supervisord
    names.ServerOptions, names.Supervisor = ForkingOptions, ForkingSupervisor
    supervisord.main(["-c", str(configuration)])
