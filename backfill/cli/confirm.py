"""Confirmation of overwriting in the shell: --overwrites N, else the number typed in a terminal."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from backfill.errors import Refused

if TYPE_CHECKING:
    from backfill.jobs.confirmation import Overwriting
    from backfill.jobs.start import Confirm, Preview

ANY = "any"


def add_overwrites(parser: CommandParser) -> None:
    """Add --overwrites."""
    parser.add_argument(
        "--overwrites",
        type=_number,
        metavar="N",
        help="refuse to overwrite any other number of complete runs than N, as --dry-run counts"
        " them; `any` for no check. A terminal asks for N",
    )


def _number(text: str) -> str:
    if text == ANY or text.isdecimal():
        return text
    raise Refused(f"{text!r} is not a number of runs; write a number, or `{ANY}`")


def confirming(given: dict[str, Any], heard: list[Preview] | None = None) -> Confirm:
    """Return the check of a start (`check_typed`); `heard` receives the plan that starts."""

    def confirm(preview: Preview) -> None:
        check_typed(given, preview)
        if heard is not None:
            heard.append(preview)

    return confirm


def check_typed(given: dict[str, Any], preview: Overwriting) -> None:
    """Check --overwrites, else the number typed in a terminal; nothing in a script. Raises
    Refused.
    """
    from backfill.jobs.confirmation import check_overwrites
    from validation.findings.kinds import pluralize

    number, complete = given["overwrites"], preview.to_confirm
    if number is None and complete and not given["json"] and sys.stdin.isatty():
        runs = pluralize(complete, "complete run")
        with suppress(EOFError):
            number = input(f"{runs} will be overwritten. Type {complete} to confirm: ")
    elif number is None:
        number = ANY  # a script is not asked
    if number != ANY:
        check_overwrites(preview, number, "add --overwrites {} to confirm")
