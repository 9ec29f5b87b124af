"""`manage.py up`: what bin/up does once the packages are there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandParser
from django.db import connection

from backfill.cli.base import OK, VerbCommand
from backfill.errors import BackcourtError, Refused
from backfill.models import Job
from backfill.processes import supervisor as stack
from backfill.processes.die_with_parent import PARENT, die_with_parent
from backfill.season_calendar import season_name
from backfill.warehouse import warehouse
from backfill.warehouse.tables import SCHED
from webapp.auth import accounts
from webapp.ops import static_files

POLL_SECONDS = 0.2
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SEASON = 2021
MONTH = ("--start", "2021-11-01", "--end", "2021-11-30")
OPERATOR = "operator"
NEXT = """
Next, in another terminal, whatever the panel does:
  ./manage.py backfill --start 2021-10-19 --end 2022-04-10 --wait     the whole season
  ./manage.py jobs                                                    what has run
  ./manage.py triage                                                  what wants a person, and why nothing else does
  ./manage.py workers                                                 who works, and when that was last seen
  ./manage.py query --list                                            the runbook's questions

Ctrl-C stops all of it."""


class Command(VerbCommand):
    """Starts and stops the processes."""

    help = "Start Redis, the workers, the sweep and the panel, run a month of a demo season, and keep them running until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        """What is wanted of it."""
        parser.add_argument(
            "--no-demo",
            action="store_true",
            help="start the processes alone: no season, no backfill",
        )
        parser.add_argument(
            "--no-web", action="store_true", help="without the panel: a machine that only works"
        )

    def run(self, **given: Any) -> int:
        """Set up, start, show, and stay until asked to stop."""
        if self.json:
            raise Refused("up answers with no document; `manage.py workers --json` says what runs")
        for sign in SIGNALS:
            if (
                sign != signal.SIGHUP or signal.getsignal(sign) != signal.SIG_IGN
            ):  # nohup is to be obeyed
                signal.signal(sign, _stop)
        try:
            with stack.alone() as lock:
                if not given["no_web"]:
                    stack.check_address()
                call_command("migrate", verbosity=0)
                if not given["no_demo"]:
                    self._load_season()
                login = "" if given["no_web"] else self._prepare_panel()
                _say("starting the processes")
                with stack.running(lock, web=not given["no_web"]) as supervisor:
                    self._stay(supervisor, login, demo=not given["no_demo"])
        except KeyboardInterrupt:
            _say("stopped")
        except OSError as error:
            raise BackcourtError(
                f"the processes cannot be started in {settings.VAR}: {error}"
            ) from error
        return OK

    def _prepare_panel(self) -> str:
        """Static files, and an operator who can log in; returns what to tell him."""
        static_files.collect()
        return f"panel: {settings.PANEL_URL}   {accounts.first_login(OPERATOR)}"

    def _stay(self, supervisor: stack.Supervisor, login: str, *, demo: bool) -> None:
        if login:
            _say(login)
        if demo:
            self._backfill(supervisor)
        whose = "ours" if settings.REDIS_URL == settings.OWN_REDIS_URL else "the one of REDIS_URL"
        _say(
            f"running: {settings.WORKER_PROCESSES} worker processes, the sweep every {settings.SWEEP_SECONDS} s, Redis ({whose})"
        )
        _say(f"logs: {stack.log_file('*')}{NEXT if demo else ''}")
        if login:
            _say(f"\n{login}")
        connection.close()
        supervisor.wait()
        stack.check(supervisor)

    def _load_season(self) -> None:
        if SEASON not in warehouse().seasons(SCHED):
            _say(f"making up the season {season_name(SEASON)}")
            if _ended(_verb("simulate_season", str(SEASON))):
                raise BackcourtError(
                    "the demo season could not be made up; --no-demo starts without one"
                )

    def _backfill(self, supervisor: stack.Supervisor) -> None:
        """One month; what an earlier start has begun goes on by itself."""
        under_way = Job.objects.exclude(status__in=Job.ENDED).order_by("pk").first()
        if under_way:
            _say(
                f"job {under_way.pk} is {under_way.status}; `manage.py jobs {under_way.pk}` shows it"
            )
            return
        _ended(_verb("backfill", *MONTH, "--wait"), supervisor)
        _ended(_verb("query", "failure-breakdown", *MONTH), supervisor)


def _stop(*_: object) -> None:
    """Stop once; a second Ctrl-C would stop the stopping."""
    for sign in (
        SIGNALS
    ):  # not SIG_IGN: Python prints a traceback for a signal that is pending when it is set
        signal.signal(sign, lambda *_: None)
    _say("stopping; steps under way are finished first")
    raise KeyboardInterrupt


def _say(text: str) -> None:
    """Print at once; nobody who reads is no reason to stop."""
    with suppress(OSError):
        os.write(1, f"{text}\n".encode())


def _verb(*command: str) -> subprocess.Popen[bytes]:
    """Start a verb where the terminal's Ctrl-C does not reach it: it gets one from here."""
    return subprocess.Popen(
        die_with_parent("SIGINT", sys.executable, "manage.py", *command),
        cwd=settings.BASE_DIR,
        env=os.environ | {PARENT: str(os.getpid())},
        start_new_session=True,
    )


def _ended(verb: subprocess.Popen[bytes], supervisor: stack.Supervisor | None = None) -> int:
    """Wait for a verb and return its exit code; it ends when the supervisor does, or this process
    is asked to stop.
    """
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                return verb.wait(POLL_SECONDS)
            if supervisor:
                stack.check(supervisor)
    except BaseException:
        verb.send_signal(signal.SIGINT)
        verb.wait()
        raise
