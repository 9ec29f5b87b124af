"""Log lines: what happened and what it is about (a job, a batch, a request), as text or as one JSON
document each.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

_about: ContextVar[Mapping[str, object]] = ContextVar("_about", default=MappingProxyType({}))


@contextmanager
def about(**ids: object) -> Iterator[None]:
    """While the block runs, every line of this thread carries these ids."""
    before = _about.set({**_about.get(), **ids})
    try:
        yield
    finally:
        _about.reset(before)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    """What a line is about, and what it was given as `extra={"fields": …}`."""
    return {**_about.get(), **getattr(record, "fields", {})}


class TextLines(logging.Formatter):
    """For people: time, level, logger, message, what it is about."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """The line without its traceback."""
        fields = " ".join(f"{name}={value}" for name, value in _fields(record).items())
        return (
            f"{super().formatMessage(record)} [{fields}]"
            if fields
            else super().formatMessage(record)
        )


class JsonLines(logging.Formatter):
    """For programs: the same and the traceback as the fields of one document per line; times are in
    UTC.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message and the traceback hold."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "time": at,
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


NO_LEVELS: Mapping[str, str] = MappingProxyType({})
# What anybody can make Django say by asking for what is not there; webapp.middleware.request_log
# says that they asked.
NOISE = {"django.request": "ERROR", "django.security.DisallowedHost": "CRITICAL"}
FORMATS = {"text": TextLines, "json": JsonLines}


def configuration(format_name: str, levels: Mapping[str, str] = NO_LEVELS) -> dict[str, Any]:
    """For logging.config: warnings and worse to stderr; of the loggers in `levels`, what is at
    their level.
    """
    loggers = {
        name: {"level": level, "handlers": [], "propagate": True}
        for name, level in {**NOISE, **levels}.items()
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": FORMATS[format_name]}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {"django": {"handlers": [], "propagate": True}, **loggers},
    }
