"""Lines of the log of a step: collected in memory, bounded in size, without secrets.

`note` adds a line to the log of the step that this thread executes, and nothing outside of one.
Python log records of such a thread are added too (`StepHandler`).
"""

from __future__ import annotations

import logging
import re
import time
import traceback
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from threading import Lock
from urllib.parse import unquote, urlsplit

from backfill.logs import escaped

INDENT = "    "
HIDDEN = "***"
# A line is cut after this share of the limit; the last lines have this share to themselves.
LONGEST, LAST = 8, 4
SHORTEST_SECRET = 6  # a shorter value would hide ordinary words
USER_INFO = re.compile(r"(?<=://)[^/\s@]*:[^/\s@]+(?=@)")
TOKENS = re.compile(
    r"(?i)\b(authorization|api[_-]?key|password|passwd|secret|token)\b(['\"]?\s*[=:]\s*['\"]?)"
    r"((?:bearer|basic)\s+)?[^\s'\",;&]+"
)
BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")

SECRETS: set[str] = set()  # values that no log of a step may contain
_lines: ContextVar[LogLines | None] = ContextVar("_lines", default=None)


def hide(*values: str) -> None:
    """Keep these values, and the passwords of those that are URLs, out of every log of a step."""
    for value in values:
        for part in value.split(","):
            password = _password(part)
            found = {value, part.strip(), password, unquote(password)}
            SECRETS.update(text for text in found if len(text) >= SHORTEST_SECRET)


def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""


def redacted(text: str) -> str:
    """Return a text without secrets: known values, passwords in URLs, and tokens."""
    for secret in sorted(SECRETS, key=len, reverse=True):
        if secret in text:
            text = text.replace(secret, HIDDEN)
    if "://" in text:
        text = USER_INFO.sub(f"{HIDDEN}:{HIDDEN}", text)
    text = TOKENS.sub(rf"\1\2{HIDDEN}", text)
    return BEARER.sub(rf"\1 {HIDDEN}", text)


class LogLines:
    """Lines of one step. Of a log beyond `limit` bytes, the first and the last lines are kept."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = Lock()
        self._first: list[str] = []
        self._last: deque[tuple[str, int]] = deque()
        self._first_size = self._last_size = self._dropped = 0
        self.version = 0  # grows with every line

    def add(self, at: datetime, level: str, text: str, day: date | str | None = None) -> None:
        """Add a line; further lines of `text` are indented. Never raises."""
        line = self._line(at, level, text, day)
        size = len(line.encode(errors="replace")) + 1
        with self._lock:
            self.version += 1
            if not self._last and self._first_size + size <= self.limit - self.limit // LAST:
                self._first.append(line)
                self._first_size += size
                return
            self._last.append((line, size))
            self._last_size += size
            while self._last_size > self.limit // LAST and len(self._last) > 1:
                self._last_size -= self._last.popleft()[1]
                self._dropped += 1

    def _line(self, at: datetime, level: str, text: str, day: date | str | None) -> str:
        longest = max(self.limit // LONGEST, 80)
        text = redacted(text)  # before the cut, which could leave half of a secret
        cut = text if len(text) <= longest else f"{text[:longest]} … (line cut)"
        first, *more = cut.splitlines() or [""]
        about = f"[{day}] " if day else ""
        head = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z {level} {about}"
        return "\n".join([head + escaped(first), *(INDENT + escaped(line) for line in more)])

    @property
    def is_cut(self) -> bool:
        """True if lines were dropped."""
        return bool(self._dropped)

    def text(self) -> str:
        """Return the lines as text."""
        with self._lock:
            omitted = f"{INDENT}… {self._dropped} lines omitted (RUN_LOG_MAX_KB)"
            middle = [omitted] if self._dropped else []
            return "\n".join([*self._first, *middle, *(line for line, _ in self._last)])


@contextmanager
def collecting(lines: LogLines) -> Iterator[None]:
    """Collect the lines of this thread inside the block."""
    before = _lines.set(lines)
    try:
        yield
    finally:
        _lines.reset(before)


def note(text: str, *, day: date | None = None, level: str = "INFO") -> None:
    """Add a line to the log of the current step."""
    if lines := _lines.get():
        lines.add(datetime.now(UTC), level, text, day)


@contextmanager
def timed(text: str) -> Iterator[None]:
    """Note the duration of a block that succeeds."""
    began = time.perf_counter()
    yield
    note(f"{text} in {time.perf_counter() - began:.3f} s")


class StepHandler(logging.Handler):
    """Handler that adds log records of a step to its log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Add a record with its traceback. Never raises."""
        if not (lines := _lines.get()):
            return
        try:
            text = record.getMessage()
            if record.exc_info:
                text = f"{text}\n{''.join(traceback.format_exception(*record.exc_info))}"
            day = getattr(record, "fields", {}).get("date")
            lines.add(datetime.fromtimestamp(record.created, UTC), record.levelname, text, day)
        except Exception:
            self.handleError(record)
