"""Temporary PostgreSQL server on a socket that only its owner can open.

`python -m tests.postgres COMMAND …` runs a command with DATABASE_URL set to such a server.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.db import connection

from tests.programs import ProgramMissing, ensure, postgres_versions

DEADLINE_SECONDS = 60
PORT = 5432  # part of the socket's name; no network port is open
POOLER_PORT = 6432
# As few connections as a deployment's, so that clients take turns.
POOLER = """
[databases]
* = host={folder} port={port}
[pgbouncer]
unix_socket_dir = {folder}
listen_port = {pooler_port}
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 4
"""
INITDB = ("--username=backcourt", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
# Temporary data does not have to survive a power failure.
THROWN_AWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "jit": "off",
}


@dataclass(frozen=True)
class Server:
    """Running server; its socket is in `folder`."""

    folder: Path
    port: int = PORT

    def url(self, database: str) -> str:
        """Return the DATABASE_URL of one of its databases."""
        return f"postgresql://backcourt@/{database}?host={self.folder}&port={self.port}"

    def create(self, database: str) -> str:
        """Create an empty database and return its URL."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as db:
            db.execute(f'CREATE DATABASE "{database}"'.encode())
        return self.url(database)

    def answers(self) -> bool:
        """Return true if it accepts connections."""
        with suppress(psycopg.OperationalError), psycopg.connect(self.url("postgres")):
            return True
        return False


def database_url() -> str:
    """Return the URL of the current test's database, SQLite or PostgreSQL, for another process."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def _unprivileged() -> dict[str, Any]:
    """Return Popen options for a program that refuses root; empty for other users."""
    if os.geteuid():
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextmanager
def serving(*, newest: bool = False) -> Iterator[Server]:
    """Start a new server without databases, of the oldest or the newest version here."""
    folder, who = Path(tempfile.mkdtemp(prefix="backcourt-postgres-")), _unprivileged()
    if who:
        os.chown(folder, who["user"], who["group"])
    common: dict[str, Any] = {
        "cwd": folder,
        "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"},
        "stdout": PIPE,
        "stderr": STDOUT,
    }
    data, bin_ = str(folder / "data"), postgres_versions()[-1] if newest else ensure("postgres")
    try:
        made = subprocess.run(
            [str(bin_ / "initdb"), "-D", data, *INITDB], text=True, check=False, **common, **who
        )
        assert made.returncode == 0, made.stdout
        options = [
            word for name, value in THROWN_AWAY.items() for word in ("-c", f"{name}={value}")
        ]
        command = [
            *_dying_with_us(),
            str(bin_ / "postgres"),
            "-D",
            data,
            "-k",
            str(folder),
            "-p",
            str(PORT),
            *options,
        ]
        with (
            (folder / "log").open("wb") as log,
            _running(command, **{**common, "stdout": log}, **who) as process,
        ):
            server = Server(folder)
            _wait_until_it_answers(server, process)
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def pooling(server: Server) -> Iterator[Server]:
    """Start PgBouncer in front of a server, pooling by transaction."""
    folder = server.folder
    ports = {"port": server.port, "pooler_port": POOLER_PORT}
    texts = {"pgbouncer.ini": POOLER.format(folder=folder, **ports), "users": '"backcourt" ""\n'}
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)
    command = [*_dying_with_us(), str(ensure("pgbouncer")), str(folder / "pgbouncer.ini")]
    with (
        (folder / "log").open("ab") as log,
        _running(command, stdout=log, stderr=STDOUT, **_unprivileged()) as process,
    ):
        pooler = Server(folder, POOLER_PORT)
        _wait_until_it_answers(pooler, process)
        yield pooler


def _dying_with_us() -> Sequence[str]:
    """Return a command prefix that ends a command when this process is killed."""
    return ("setpriv", "--pdeathsig", "QUIT") if shutil.which("setpriv") else ()


@contextmanager
def _running(command: Sequence[str], **how: Any) -> Iterator[Popen[bytes]]:
    """Run a process in a separate session, so that Ctrl-C of the tests does not reach it.

    It is stopped when the block ends.
    """
    process = Popen(command, start_new_session=True, **how)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGQUIT)
        try:
            process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_answers(server: Server, process: Popen[bytes]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not server.answers():
        said = (server.folder / "log").read_text(errors="replace")
        assert process.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.05)


def main(command: Sequence[str]) -> int:
    """Run a command on a temporary server; a stop signal goes to the command first."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        ensure("postgres")
    except ProgramMissing:
        return 2  # its message is printed already
    with serving() as server:
        child = Popen(command, env={**os.environ, "DATABASE_URL": server.url("backcourt")})
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the command too
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
