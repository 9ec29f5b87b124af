"""`manage.py up`: start and supervise the processes; bin/up runs it after installing packages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandParser
from django.db import connection

from backfill.cli.base import OK, VerbCommand
from backfill.errors import BackcourtError, Refused
from backfill.models import Job
from backfill.processes.die_with_parent import die_with_parent, expect_children
from backfill.processes.forks import run_beside
from backfill.season_calendar import season_name
from backfill.telemetry.log_streams import LogStream
from backfill.warehouse import warehouse
from backfill.warehouse.tables import SCHED
from webapp.auth import accounts

if TYPE_CHECKING:
    from backfill.processes import supervisor as stack

POLL_SECONDS = 0.2
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SEASON = 2021
MONTH = ("--start", "2021-11-01", "--end", "2021-11-30")
OPERATOR = "operator"
NEXT = """
Next, in another terminal; the panel offers the same actions:
  ./manage.py backfill --start 2021-10-19 --end 2022-04-10 --wait     backfill the whole season
  ./manage.py jobs                                                    list the jobs
  ./manage.py triage                                                  audit the season and list the findings
  ./manage.py workers                                                 list the workers and their heartbeats
  ./manage.py query --list                                            list the runbook queries

Ctrl-C stops everything."""


class Command(VerbCommand):
    """Start and stop the processes."""

    help = (
        "Start Redis, the workers, the sweep and the panel, backfill a month of a demo season, and"
        " run until Ctrl-C."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --no-demo and --no-web."""
        parser.add_argument(
            "--no-demo",
            action="store_true",
            help="start without the demo season and its backfill",
        )
        parser.add_argument(
            "--no-web",
            action="store_true",
            help="start without the panel, for a machine that only runs workers",
        )

    def run(self, **given: Any) -> int:
        """Set up, start the processes and wait for a signal to stop."""
        from backfill.processes import supervisor as stack

        if self.json:
            raise Refused("up has no JSON output; remove --json, or run `manage.py workers --json`")
        for sign in SIGNALS:
            # nohup ignores SIGHUP: keep it ignored.
            if sign != signal.SIGHUP or signal.getsignal(sign) != signal.SIG_IGN:
                signal.signal(sign, _stop)
        web = not given["no_web"]
        expect_children()
        try:
            with stack.alone():
                if web:
                    stack.check_address()
                redis = _prepare(web=web)
                _say("starting the processes")
                with stack.running(redis, web=web) as supervisor:
                    self._stay(supervisor, web=web, demo=not given["no_demo"])
        except KeyboardInterrupt:
            _say("stopped")
        except OSError as error:
            raise BackcourtError(
                f"the processes cannot start in {settings.VAR}: {error}"
            ) from error
        return OK

    def _stay(self, supervisor: stack.Supervisor, *, web: bool, demo: bool) -> None:
        from backfill.processes import supervisor as stack

        login = f"panel: {settings.PANEL_URL}   {accounts.first_login(OPERATOR)}" if web else ""
        if login:
            _say(login)
        if demo:
            self._load_season(supervisor)
            self._backfill(supervisor)
        redis = "embedded" if settings.REDIS_URL == settings.OWN_REDIS_URL else "from REDIS_URL"
        _say(
            f"running: {settings.WORKER_PROCESSES} worker processes, sweep every"
            f" {settings.SWEEP_SECONDS} s, Redis ({redis})"
        )
        _say(f"logs: {stack.log_file('*')}{NEXT if demo else ''}")
        if login:
            _say(f"\n{login}")
        connection.close()
        supervisor.join()
        stack.check(supervisor)

    def _load_season(self, supervisor: stack.Supervisor) -> None:
        if SEASON not in warehouse().seasons(SCHED):
            _say(f"simulating season {season_name(SEASON)}")
            if _ended(_verb("simulate_season", str(SEASON)), supervisor):
                raise BackcourtError(
                    "the demo season could not be simulated; --no-demo starts without it"
                )

    def _backfill(self, supervisor: stack.Supervisor) -> None:
        """Backfill one month, unless a job of an earlier start is active."""
        active = Job.objects.exclude(status__in=Job.ENDED).order_by("pk").first()
        if active:
            _say(f"job {active.pk} is {active.status}; `manage.py jobs {active.pk}` shows it")
            return
        _ended(_verb("backfill", *MONTH, "--wait"), supervisor)
        _ended(_verb("query", "failure-breakdown", *MONTH), supervisor)


def _prepare(*, web: bool) -> str:
    """Migrate the database and collect the static files while the modules of the processes are
    imported; return the Redis server to start.

    Only forks connect to the database and to Redis, so that later ones inherit no connection.
    """
    from backfill.processes import supervisor as stack
    from webapp.ops.preload import preload

    tasks = [_migrate, stack.find_redis, *([_collect_static_files] if web else [])]
    redis: str = run_beside(tasks, partial(preload, web=web))[1]
    return redis


def _migrate() -> None:
    call_command("migrate", verbosity=0)


def _collect_static_files() -> None:
    from webapp.ops import static_files  # not in this process: a fork runs it as its main module

    static_files.collect()


def _stop(*_: object) -> None:
    """Stop once; ignore a second Ctrl-C, which would interrupt the shutdown."""
    # Not SIG_IGN: Python prints a traceback for a signal that is pending when it is set.
    for sign in SIGNALS:
        signal.signal(sign, lambda *_: None)
    _say("stopping after the running steps")
    raise KeyboardInterrupt


def _say(text: str) -> None:
    """Print without buffering, which a signal handler cannot use; ignore a closed output."""
    with suppress(OSError):
        if isinstance(sys.stdout, LogStream):
            sys.stdout.write(f"{text}\n")
        else:
            os.write(1, f"{text}\n".encode())


def _verb(*command: str) -> subprocess.Popen[bytes]:
    """Start a command outside the terminal's process group; this process forwards Ctrl-C."""
    return subprocess.Popen(
        die_with_parent("SIGINT", sys.executable, "manage.py", *command),
        cwd=settings.BASE_DIR,
        start_new_session=True,
    )


def _ended(verb: subprocess.Popen[bytes], supervisor: stack.Supervisor) -> int:
    """Wait for a command and return its exit code; interrupt it if the supervisor ends."""
    from backfill.processes import supervisor as stack

    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                return verb.wait(POLL_SECONDS)
            stack.check(supervisor)
    except BaseException:
        verb.send_signal(signal.SIGINT)
        verb.wait()
        raise
