"""Forks of a process that has imported the modules of all others."""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import runpy
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NoReturn

from backfill import logs
from backfill.processes.die_with_parent import set_parent_death_signal
from backfill.processes.process_end import run_to_end
from backfill.version import code_version

FORK: Any = get_context("fork")
PR_SET_NAME = 15
# Fields of /proc/self/stat after the name: where the command line begins and ends.
ARGUMENTS = slice(45, 47)


def preload(modules: Iterable[str]) -> None:
    """Import modules for all forks, and keep their memory shared. Import none that opens a connection
    or starts a thread: a fork has no threads, and would share the connection.
    """
    gc.disable()  # twice as fast, and imports leave little garbage
    for module in modules:
        # Python ends with 130 when a signal interrupts the `exec` of a dataclass.
        with blocked_signals():
            import_module(module)
    code_version()  # of the imported modules, also when the files have changed since
    gc.freeze()  # the collector would write to, and so copy, every page
    gc.enable()
    atexit.register(gc.unfreeze)  # DuckDB prints which of its objects are not freed at exit


def run_beside(functions: Sequence[Callable[[], Any]], here: Callable[[], None]) -> list[Any]:
    """Run functions in forks, and `here` in this process meanwhile; return the results of the forks,
    or raise their first error. They end with this process, but not by Ctrl-C.
    """
    tie = partial(set_parent_death_signal, signal.SIGKILL)
    with ProcessPoolExecutor(len(functions), FORK, initializer=tie) as pool:
        with blocked_signals():
            results = [pool.submit(function) for function in functions]
        here()
        return [result.result() for result in results]


@contextmanager
def blocked_signals() -> Iterator[None]:
    """Delay signals. A fork made inside the block would handle them like its parent; it inherits the
    block.
    """
    before = signal.pthread_sigmask(
        signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    )
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def reset_signals() -> None:
    """Handle signals like a new interpreter, including delayed ones."""
    for sign in signal.valid_signals():
        if callable(signal.getsignal(sign)):
            signal.signal(sign, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def set_title(name: str) -> None:
    """Name this process in the lists of processes, instead of the command that it was forked from."""
    if sys.platform != "linux":
        return
    title = f"backcourt {name}".encode()
    ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode())
    fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
    start, end = map(int, fields[ARGUMENTS])
    ctypes.memmove(start, title[: end - start - 1].ljust(end - start, b"\0"), end - start)


def run_module(name: str, words: list[str]) -> NoReturn:
    """Run `python -m` with these words in this fork, and end it like an interpreter."""
    reset_signals()
    atexit._clear()
    set_title(name)
    logs.OUTPUT.process = name
    for number, stream in enumerate((sys.stdout, sys.stderr), start=1):
        os.dup2(number, stream.fileno())  # the supervisor has closed its own
    sys.argv = words
    run_to_end(partial(runpy.run_module, words[0], run_name="__main__", alter_sys=True))
