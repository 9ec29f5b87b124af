"""Verbs as forks of an interpreter that has imported them: a start costs a second of CPU, a fork
none.

`python -m tests.system.forks SOCKET` waits for verbs. A fork reads the settings of its environment
and runs manage.py like a new process; a parent of its own reports its exit.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from select import select
from subprocess import DEVNULL, Popen, TimeoutExpired
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
MANAGE = str(ROOT / "manage.py")
# In addition to the commands.
IMPORTED = (
    *("celery.app.amqp", "celery.app.control", "celery.backends.redis", "kombu.transport.redis"),
    *("django.db.migrations.executor", "django.db.models.sql.compiler", "psycopg"),
    *("rich.live", "rich.table", "backfill.audit.season_audit", "backfill.execution.tasks"),
    *("backfill.execution.inline", "backfill.warehouse.parquet.session"),
)
NUMBER = struct.Struct("i")
LARGEST = 200_000


class Fork:
    """Verb that was started as a fork, with the methods of Popen."""

    def __init__(self, args: Sequence[str], environment: Mapping[str, str]) -> None:
        self.args = [MANAGE, *args]
        self.returncode: int | None = None
        self._output = [os.memfd_create("output"), os.memfd_create("errors")]
        self._said = ("", "")
        self._ended, report = os.pipe()
        request = json.dumps([self.args, dict(environment), _umask()]).encode()
        socket.send_fds(_interpreter()[0], [request], [*self._output, report])
        os.close(report)
        self.pid = self._read()

    def poll(self) -> int | None:
        """Return the exit code; None while it runs."""
        with suppress(TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit code. Raises TimeoutExpired."""
        if self.returncode is None:
            if not select([self._ended], [], [], timeout)[0]:
                raise TimeoutExpired(self.args, timeout or 0)
            self.returncode = self._read()
            os.close(self._ended)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end and return its output and errors. Raises TimeoutExpired."""
        self.wait(timeout)
        if self._output:
            out, errors = map(_whole, self._output)
            self._said, self._output = (out, errors), []
        return self._said

    def _read(self) -> int:
        return int(NUMBER.unpack(os.read(self._ended, NUMBER.size))[0])


Process = Popen[str] | Fork


def _whole(number: int) -> str:
    with open(number) as file:
        file.seek(0)
        return file.read()


def _umask() -> int:
    os.umask(now := os.umask(0))
    return now


@cache
def _interpreter() -> tuple[socket.socket, Popen[bytes]]:
    """Start the interpreter of this test process, which ends with it."""
    ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = Popen(
        [sys.executable, "-m", "tests.system.forks", str(theirs.fileno())],
        cwd=ROOT,
        env=kept,
        stdin=DEVNULL,
        pass_fds=[theirs.fileno()],
        start_new_session=True,
    )
    theirs.close()
    return ours, process


def _import_everything() -> None:
    """Import what verbs import, with the settings of an empty folder."""
    with TemporaryDirectory() as folder:
        os.environ |= {"DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "webapp.settings"}
        import django

        django.setup()
    from django.core.management import get_commands, load_command_class

    from backfill.processors.registry import CHAIN
    from backfill.processors.render import sql_hash

    for name in IMPORTED:
        import_module(name)
    for name, app in get_commands().items():
        if app in ("backfill", "webapp"):
            load_command_class(app, name)
    for code in CHAIN:
        sql_hash(code)


def _forget_settings() -> None:
    """Have the next access read the settings of the environment."""
    from django.conf import settings
    from django.db import connections
    from django.db.utils import ConnectionHandler
    from django.utils.functional import empty

    del sys.modules["webapp.settings"]
    settings._wrapped = empty
    vars(connections).clear()
    vars(connections).update(vars(ConnectionHandler()))


def _serve(requests: socket.socket) -> bool:
    """Fork for each request. Return true in a fork, and false when no more requests will come."""
    while True:
        text, files, _, _ = socket.recv_fds(requests, LARGEST, 3)
        if not text:
            return False
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if os.fork():
            for file in files:
                os.close(file)
            continue
        requests.close()
        *output, report = files
        if child := os.fork():
            os.write(report, NUMBER.pack(child))
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            os.write(report, NUMBER.pack(code))
            os._exit(0)
        os.close(report)
        os.setsid()
        for number, file in enumerate(output, start=1):
            os.dup2(file, number)
            os.close(file)
        sys.argv, environment, umask = json.loads(text)
        os.umask(umask)
        os.environ.clear()
        os.environ |= environment
        return True


if __name__ == "__main__":
    _import_everything()
    gc.freeze()  # a collection would copy the pages that forks share, as the end of Python does
    if _serve(socket.socket(fileno=int(sys.argv[1]))):
        _forget_settings()
        runpy.run_path(MANAGE, run_name="__main__")
