"""End of a process that skips what the operating system does faster."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

UNWRITTEN = 120  # Python's exit code if it cannot write what is left of the output


def run_to_end(run: Callable[[], object]) -> NoReturn:
    """Run, and end this process like an interpreter, but without freeing its objects one by one:
    that takes a fifth of a short command.
    """
    code = 1
    try:
        run()
        code = 0
    except SystemExit as end:
        code = _exit_code(end)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        os._exit(_after_output(code))


def _exit_code(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    sys.stderr.write(f"{end.code}\n")
    return 1


def _after_output(code: int) -> int:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # the reader of a pipe has ended, or the disk is full
        return code or UNWRITTEN
    return code
