"""Base command: --json, one-line errors, exit codes 0 (done), 1 (failed) and 2 (refused)."""

from __future__ import annotations

import getpass
import json
import re
import signal
import sys
import threading
from argparse import Action, _ActionsContainer
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any, NoReturn

from django.core.checks import run_checks
from django.core.management.base import BaseCommand, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DataError, InterfaceError, OperationalError
from django.db import Error as DatabaseError

from backfill.checks import OWN
from backfill.errors import BackcourtError, Refused
from backfill.logs import escaped

OK, FAILED, REFUSED = 0, 1, 2
MOST_ACTOR = 150
UNDEFINED = ("42P01", "42703")  # PostgreSQL's codes for a table and for a column that is not there
UNDEFINED_IN_SQLITE = re.compile("no such (table|column)|has no column named")


def iso_date(text: str) -> date:
    """Parse a date of the command line. Raises Refused."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused(
            f"{text!r} is not a date; write it as YYYY-MM-DD, for example 2021-11-22"
        ) from None


def whole_number(text: str) -> int:
    """Parse an integer of the command line. Raises Refused."""
    try:
        return int(text)
    except ValueError:
        raise Refused(f"{text!r} is not a whole number") from None


def _actor(text: str) -> str:
    """Return a user name. Raises Refused."""
    if 0 < len(text) <= MOST_ACTOR and text.isprintable() and text == text.strip():
        return text
    raise Refused(f"{text!r} is not a user name; use 1 to {MOST_ACTOR} printable characters")


def add_flag(parser: _ActionsContainer, flag: str, *old_flags: str, **kind: Any) -> None:
    """Add a flag with its earlier names, which still work and stay out of the help."""
    action = parser.add_argument(flag, *old_flags, **kind)
    action.option_strings = [flag]


@contextmanager
def _one_interrupt() -> Iterator[None]:
    """Stop the work at the first Ctrl-C; ignore later ones, which would interrupt the cleanup."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        # Any other handler means that the process is ending: keep ignoring Ctrl-C.
        if signal.getsignal(signal.SIGINT) is interrupt:
            signal.signal(signal.SIGINT, before)


def _first_line(error: DatabaseError) -> str:
    return str(error).partition("\nLINE")[0]


def _database_advice(error: DatabaseError) -> str:
    """Describe an unusable database and its fix; empty for an error with another cause."""
    message = _first_line(error)
    if getattr(error.__cause__, "sqlstate", "") in UNDEFINED or UNDEFINED_IN_SQLITE.search(message):
        return f"the database is not set up ({message}); run `manage.py migrate`"
    return (
        f"the database is not available ({message})"
        if isinstance(error, OperationalError | InterfaceError)
        else ""
    )


class _SingleLineErrorParser(CommandParser):
    """Report a usage error as one sentence instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        raise Refused(f"{message} (see --help)")

    def _get_value(self, action: Action, arg_string: str) -> Any:
        try:
            return super()._get_value(action, arg_string)
        except BackcourtError as error:
            raise Refused(
                f"{'/'.join(action.option_strings) or action.metavar or action.dest}: {error}"
            ) from None


class VerbCommand(BaseCommand):
    """Base of every command: `run()` returns the exit code; a refusal is one line and exit code 2."""

    example = ""  # arguments after manage.py, shown at the end of --help
    json = False
    records_actor = False  # True for a command that changes something in a user's name
    actor = ""  # the user it records
    checks: tuple[str, ...] = (OWN,)
    requires_system_checks = ()  # `handle` runs them, to answer in one line

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser with --json and with Django's own options described briefly."""
        parser = _SingleLineErrorParser(
            prog=f"{prog_name} {subcommand}",
            description=self.help or None,
            epilog=f"Example: manage.py {self.example}" if self.example else None,
            missing_args_message=getattr(self, "missing_args_message", None),
            called_from_command_line=True,
            allow_abbrev=False,  # half an option must not run the wrong mode
            **kwargs,
        )
        self.add_base_argument(parser, "--settings", help="Python path of a settings module")
        self.add_base_argument(parser, "--pythonpath", help="folder to add to the Python path")
        self.add_base_argument(
            parser, "--traceback", action="store_true", help="show a traceback for an error"
        )
        self.add_base_argument(
            parser, "--no-color", action="store_true", help="print without color"
        )
        self.add_base_argument(parser, "--force-color", action="store_true", help="print in color")
        self.add_base_argument(
            parser,
            "-v",
            "--verbosity",
            type=int,
            default=1,
            choices=range(4),
            help="level of detail; 1 by default",
        )
        self.add_base_argument(
            parser, "--skip-checks", action="store_true", help="skip system checks"
        )
        if self.records_actor:
            parser.add_argument(
                "--as",
                dest="actor",
                type=_actor,
                metavar="USER",
                help="record this user instead of the system's, for a shell that several people share",
            )
        parser.add_argument("--json", action="store_true", help="print one JSON document")
        self.add_arguments(parser)
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        """Run from the shell; print usage errors like every other refusal."""
        try:
            super().run_from_argv(argv)
        except BackcourtError as error:
            self._print_error(error)
            sys.exit(REFUSED if isinstance(error, Refused) else FAILED)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run, print an error as one line and exit with the code of `run`."""
        self.json = options["json"]
        self.actor = options.get("actor") or getpass.getuser()
        try:
            if wrong := [m.msg for m in run_checks(tags=self.checks) if m.is_serious()]:
                raise Refused("; ".join(wrong))
            with _one_interrupt():
                code = self.run(**options)
        except BackcourtError as error:
            self._print_error(error)
            code = REFUSED if isinstance(error, Refused) else FAILED
        except DataError as error:
            self._print_error(f"the database cannot store a value ({_first_line(error)})")
            code = REFUSED
        except DatabaseError as error:
            if not (advice := _database_advice(error)):
                raise
            self._print_error(advice)
            code = FAILED
        except KeyboardInterrupt as interrupt:
            self._print_error(
                str(interrupt) or "interrupted; run the same command again to continue"
            )
            code = 130
        if code:
            sys.exit(code)

    def run(self, **options: Any) -> int:
        """Run the command and return the exit code."""
        raise NotImplementedError

    def emit(self, document: object, text: str) -> None:
        """Print the document with --json, else the text."""
        self.stdout.write(json.dumps(document, cls=DjangoJSONEncoder) if self.json else text)

    def _print_error(self, message: object) -> None:
        self.stderr.write(escaped(" ".join(str(message).split())))
