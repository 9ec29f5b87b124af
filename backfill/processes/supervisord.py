"""Supervisor of bin/up, with log lines as JSON documents if LOG_FORMAT=json.

python -m backfill.processes.supervisord -c CONFIGURATION
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from supervisor import supervisord  # type: ignore[import-untyped]
from supervisor.loggers import Handler  # type: ignore[import-untyped]

from backfill import logs
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


if __name__ == "__main__":
    if log_streams.install("supervisor"):
        Handler.setFormat = _set_format
    supervisord.main()
