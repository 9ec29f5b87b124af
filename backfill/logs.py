"""Log lines with their context (job, batch, request), as text or as one JSON document per line."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from textwrap import indent
from types import MappingProxyType
from typing import Any, TextIO

_about: ContextVar[Mapping[str, object]] = ContextVar("_about", default=MappingProxyType({}))


@dataclass
class Output:
    """Name of this process in its JSON lines, and the stream of log lines if it is not stderr."""

    process: str = "shell"
    stream: TextIO | None = None


OUTPUT = Output()

# A field value with one of these could be read as another field.
AMBIGUOUS = re.compile(r'^$|[\s"=\[\]]')
INDENT = "    "


@contextmanager
def about(**ids: object) -> Iterator[None]:
    """Add these ids to every log line of this thread inside the block; an empty one is unknown."""
    known = {name: value for name, value in ids.items() if value != ""}
    before = _about.set({**_about.get(), **known})
    try:
        yield
    finally:
        _about.reset(before)


def current(name: str) -> str:
    """Return an id of the enclosing `about`; empty outside."""
    return str(_about.get().get(name, ""))


def _fields(record: logging.LogRecord) -> dict[str, object]:
    """Return the context of a log line and its `extra={"fields": …}`."""
    return {**_about.get(), **getattr(record, "fields", {})}


def escaped(text: str) -> str:
    """Escape control, format and unpaired surrogate characters, so that a value cannot forge a
    line or reach the terminal.
    """
    return text if text.isprintable() else "".join(map(_escaped_character, text))


def _escaped_character(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")


def _escaped_lines(text: str) -> str:
    """Escape a traceback, but keep its line breaks."""
    return "\n".join(map(escaped, text.split("\n")))


def _escaped_value(value: Any) -> Any:
    """Return a value as JSON types with every string escaped."""
    match value:
        case dict():
            return {escaped(str(name)): _escaped_value(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_escaped_value(inner) for inner in value]
        case bool() | int() | float() | None:
            return value
    return escaped(str(value))


def _quoted(value: object) -> str:
    """Return a field value as one word, or quoted if it could be read as several fields."""
    text = escaped(str(value))
    return json.dumps(text, ensure_ascii=False) if AMBIGUOUS.search(text) else text


class TextLines(logging.Formatter):
    """Formatter for people: time, level, logger, message, context. Lines of a traceback are
    indented, so that none of them looks like a log line.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """Return the line without its traceback."""
        fields = " ".join(
            f"{escaped(name)}={_quoted(value)}" for name, value in _fields(record).items()
        )
        line = escaped(super().formatMessage(record))
        return f"{line} [{fields}]" if fields else line

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the library's name
        """Return the traceback, escaped and indented."""
        return indent(_escaped_lines(super().formatException(ei)), INDENT, lambda line: True)

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 - the library's name
        """Return the stack of a log call, escaped and indented."""
        return indent(_escaped_lines(stack_info), INDENT, lambda line: True)


class JsonLines(logging.Formatter):
    """Formatter for programs: one JSON document per line, with the traceback; times in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line. Strings are escaped before they become JSON, because a program that
        prints a field would decode JSON's own escapes.
        """
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = _escaped_value(
            {
                "time": at,
                "level": record.levelname,
                "logger": record.name,
                "message": record.getMessage(),
                "process": OUTPUT.process,
                "pid": os.getpid(),
                **_fields(record),
            }
        )
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the library's name
        """Return the traceback with its line breaks, otherwise escaped."""
        return _escaped_lines(super().formatException(ei))


NO_LEVELS: Mapping[str, str] = MappingProxyType({})
# Any visitor can trigger these warnings with a bad URL; webapp.middleware.request_log records
# the request.
NOISE = {"django.request": "ERROR", "django.security.DisallowedHost": "CRITICAL"}
FORMATS = {"text": TextLines, "json": JsonLines}
OWN = "backfill"


class OwnWarnings(logging.Filter):
    """Filter of a process that prints only warnings: it drops its own lines below them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to print a record."""
        return record.levelno >= logging.WARNING or record.name.partition(".")[0] != OWN


def configuration(format_name: str, levels: Mapping[str, str] = NO_LEVELS) -> dict[str, Any]:
    """Return the `logging.config` dictionary: warnings and errors to stderr, plus the given level
    of each logger in `levels`.
    """
    loggers = {
        name: {"level": level, "handlers": [], "propagate": True}
        for name, level in {**NOISE, **levels}.items()
    }
    handler: dict[str, Any] = {
        "class": "logging.StreamHandler",
        "formatter": "lines",
        "filters": [] if OWN in levels else ["own"],
    }
    if OUTPUT.stream:
        handler["stream"] = OUTPUT.stream
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": FORMATS[format_name]}},
        "filters": {"own": {"()": OwnWarnings}},
        "handlers": {
            "stderr": handler,
            "step": {"class": "backfill.telemetry.log_lines.StepHandler"},
        },
        "root": {"handlers": ["stderr", "step"], "level": "WARNING"},
        "loggers": {
            "django": {"handlers": [], "propagate": True},
            OWN: {"level": "INFO", "handlers": [], "propagate": True},  # for the logs of steps
            **loggers,
        },
    }
