"""Run a module like `python -m`, but stop on SIGTERM from its first line:

    python -m backfill.processes.stoppable celery -A webapp worker

The kernel ignores SIGTERM to process 1 of a container until it has a handler, and importing takes
seconds. The module replaces the handler with its own orderly stop.
"""

from __future__ import annotations

import os
import signal
import sys


def stop_on_sigterm() -> None:
    """End process 1 on SIGTERM, as the kernel does with every other process."""
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))


if __name__ == "__main__":
    stop_on_sigterm()
    import runpy  # after the handler

    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
