"""Standard output and error as log lines: one JSON document for each line that any code prints."""

from __future__ import annotations

import atexit
import io
import logging
import os
import select
import sys
import threading
import warnings
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any

from backfill import logs

# Read before the settings, whose errors are log lines too.
FORMAT = "LOG_FORMAT"


class LogStream(io.TextIOBase):
    """Text stream that writes each line as a JSON document, in one call.

    It has no buffer apart from an unfinished line, so a signal handler can write to it.
    """

    def __init__(self, name: str, level: int, descriptor: int) -> None:
        self._name, self._level, self._descriptor = name, level, descriptor
        self._rest, self._format = "", logs.JsonLines().format
        self._new_lock()
        os.register_at_fork(after_in_child=self._new_lock)

    def _new_lock(self) -> None:
        self._lock = threading.RLock()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Return the encoding, which Django and Celery ask for."""
        return "utf-8"

    def fileno(self) -> int:
        """Return the descriptor, for libraries that pass it on."""
        return self._descriptor

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Write the lines that end in this text, and keep the rest."""
        with self._lock:
            *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if line.strip():
                self.log(line.rstrip("\r"))
        return len(text)

    def log(self, message: str, exc_info: Any = None, level: int = 0) -> None:
        """Write one log line."""
        fields = {"name": self._name, "msg": message, "exc_info": exc_info}
        record = logging.makeLogRecord(
            {**fields, "levelname": logging.getLevelName(level or self._level)}
        )
        self.write_line(self._format(record))

    def write_line(self, document: str) -> None:
        """Write a finished line."""
        os.write(self._descriptor, f"{document}\n".encode(errors="backslashreplace"))


class Raw(io.TextIOBase):
    """Stream of the log handler, next to a LogStream."""

    def __init__(self, stream: LogStream) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write finished lines."""
        self._stream.write_line(text.removesuffix("\n"))
        return len(text)


class NativeOutput:
    """Output of C libraries in child processes, such as the message of an abort.

    The main process reads it, because a child that aborts cannot.
    """

    def __init__(self) -> None:
        self._writer: int | None = None

    def read(self, stream: LogStream) -> None:
        """Log what child processes write, from now on, and the rest when this process exits."""
        reader, self._writer = os.pipe()
        os.set_blocking(reader, False)
        lock, main = threading.Lock(), os.getpid()

        def drain() -> None:
            if os.getpid() != main:
                return
            with lock, suppress(BlockingIOError):
                while data := os.read(reader, 1 << 16):
                    stream.write(data.decode(errors="backslashreplace"))

        def follow() -> None:
            while True:
                select.select([reader], [], [])
                drain()

        threading.Thread(target=follow, name="native output", daemon=True).start()
        atexit.register(drain)

    def redirect(self) -> None:
        """Send the native output of this child process to the main process."""
        if self._writer is not None:
            for descriptor in (1, 2):
                os.dup2(self._writer, descriptor)


_NATIVE = NativeOutput()
redirect_native_output = _NATIVE.redirect


def install(process: str) -> bool:
    """Name this process in its log lines. With LOG_FORMAT=json, log everything that it prints, and
    return True.
    """
    logs.OUTPUT.process = process
    if os.environ.get(FORMAT) != "json":
        return False
    sys.stdout.flush()
    out = LogStream("stdout", logging.INFO, os.dup(1))
    error = LogStream("stderr", logging.WARNING, os.dup(2))
    # Celery prints to the streams that Python started with.
    sys.stdout = sys.__stdout__ = out  # type: ignore[assignment,misc]
    sys.stderr = sys.__stderr__ = error  # type: ignore[assignment,misc]
    logs.OUTPUT.stream = Raw(error)  # type: ignore[assignment]
    warnings.showwarning = partial(_log_warning, error)

    def uncaught(
        kind: type[BaseException], value: BaseException, trace: TracebackType | None
    ) -> None:
        error.log(f"{kind.__name__}: {value}", (kind, value, trace), logging.CRITICAL)

    _NATIVE.read(LogStream("native", logging.ERROR, os.dup(2)))
    sys.excepthook = uncaught
    threading.excepthook = lambda args: uncaught(
        args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
    )
    return True


def _log_warning(
    stream: LogStream,
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    *_: object,
    **__: object,
) -> None:
    stream.log(f"{category.__name__}: {message} ({filename}:{lineno})")
