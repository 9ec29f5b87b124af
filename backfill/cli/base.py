"""What every verb shares: --json, one line for a mistake, exit codes that tell the truth."""

from __future__ import annotations

import json
import re
import signal
import sys
import threading
from argparse import Action
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any, NoReturn

from django.core.checks import run_checks
from django.core.management.base import BaseCommand, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError

from backfill.checks import OWN
from backfill.errors import BackcourtError, Refused

OK, FAILED, REFUSED = 0, 1, 2
UNDEFINED = ("42P01", "42703")  # PostgreSQL's codes for a table and for a column that is not there
UNDEFINED_IN_SQLITE = re.compile("no such (table|column)|has no column named")


def iso_date(text: str) -> date:
    """A date from the command line. Raises Refused."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused(
            f"{text!r} is not a date; write it as YYYY-MM-DD, for example 2021-11-22"
        ) from None


def whole_number(text: str) -> int:
    """An integer from the command line. Raises Refused."""
    try:
        return int(text)
    except ValueError:
        raise Refused(f"{text!r} is not a whole number") from None


@contextmanager
def _one_interrupt() -> Iterator[None]:
    """Let the first Ctrl-C stop the work and ignore the ones after it, which would stop the
    stopping.
    """
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
        if (
            signal.getsignal(signal.SIGINT) is interrupt
        ):  # else the process is about to end, and shall do so in peace
            signal.signal(signal.SIGINT, before)


def _answer(error: DatabaseError) -> str:
    """What a person can do about a database that cannot be used; empty for an error that is no
    fault of the database.
    """
    said = str(error).partition("\nLINE")[0]
    if getattr(error.__cause__, "sqlstate", "") in UNDEFINED or UNDEFINED_IN_SQLITE.search(said):
        return f"the database cannot be used ({said}); set it up with `manage.py migrate`"
    return (
        f"the database cannot be used ({said})"
        if isinstance(error, OperationalError | InterfaceError)
        else ""
    )


class _SingleLineErrorParser(CommandParser):
    """Argparse prints its whole usage for a typing mistake; one sentence is enough."""

    def error(self, message: str) -> NoReturn:
        raise Refused(f"{message} (see --help)")

    def _get_value(self, action: Action, arg_string: str) -> Any:
        try:
            return super()._get_value(action, arg_string)
        except BackcourtError as error:
            raise Refused(f"{'/'.join(action.option_strings) or action.dest}: {error}") from None


class VerbCommand(BaseCommand):
    """A verb: `run()` returns the exit code; a person's mistake is one line on stderr and exit 2."""

    json = False
    checks: tuple[str, ...] = (OWN,)
    requires_system_checks = ()  # `handle` runs them, to answer in one line

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """The parser, with --json for every verb and without Django's own options in the way."""
        parser = _SingleLineErrorParser(
            prog=f"{prog_name} {subcommand}",
            description=self.help or None,
            missing_args_message=getattr(self, "missing_args_message", None),
            called_from_command_line=True,
            allow_abbrev=False,  # half an option must not run the wrong mode
            **kwargs,
        )
        self.add_base_argument(parser, "--settings", help="Python path of a settings module.")
        self.add_base_argument(parser, "--pythonpath", help="A folder to add to the Python path.")
        self.add_base_argument(parser, "--traceback", action="store_true", help="Raise on errors.")
        self.add_base_argument(parser, "--no-color", action="store_true", help="Plain output.")
        self.add_base_argument(
            parser, "--force-color", action="store_true", help="Coloured output."
        )
        self.add_base_argument(
            parser, "-v", "--verbosity", type=int, default=1, choices=range(4), help="0-3"
        )
        self.add_base_argument(
            parser, "--skip-checks", action="store_true", help="Skip system checks."
        )
        parser.add_argument(
            "--json", action="store_true", help="one JSON document on stdout, nothing else there"
        )
        self.add_arguments(parser)
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        """Django's entry from the shell, with a parser's mistakes answered like any other."""
        try:
            super().run_from_argv(argv)
        except BackcourtError as error:
            self._say(error)
            sys.exit(REFUSED if isinstance(error, Refused) else FAILED)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run, answer mistakes, exit with what `run` returns."""
        self.json = options["json"]
        try:
            if wrong := [m.msg for m in run_checks(tags=self.checks) if m.is_serious()]:
                raise Refused("; ".join(wrong))
            with _one_interrupt():
                code = self.run(**options)
        except BackcourtError as error:
            self._say(error)
            code = REFUSED if isinstance(error, Refused) else FAILED
        except DatabaseError as error:
            if not (answer := _answer(error)):
                raise
            self._say(answer)
            code = FAILED
        except KeyboardInterrupt as interrupt:
            self._say(
                str(interrupt) or "interrupted; the same command goes on where this one stopped"
            )
            code = 130
        if code:
            sys.exit(code)

    def run(self, **options: Any) -> int:
        """Do the verb and return the exit code."""
        raise NotImplementedError

    def emit(self, document: object, text: str) -> None:
        """Answer: the document with --json, else the text."""
        self.stdout.write(json.dumps(document, cls=DjangoJSONEncoder) if self.json else text)

    def _say(self, message: object) -> None:
        self.stderr.write(" ".join(str(message).split()))
