"""Command-line arguments of a backfill, derived from the declaration of Options."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import Field
from datetime import date
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import add_flag, iso_date, whole_number
from backfill.errors import Refused
from backfill.plan.date_lists import HOW_TO_WRITE, parse_dates
from backfill.plan.option_fields import default_of, flag_of, old_flag_of, spec_of
from backfill.plan.options import FIELDS, TYPES

DATES = ("start", "end", "dates")
# Options with one argument each; dates and processors can be given in several ways.
PLAIN = tuple(name for name in FIELDS if name not in (*DATES, "processors"))


def dates(text: str) -> tuple[date, ...]:
    """The dates of an option. Raises Refused, also for none."""
    if found := parse_dates(text):
        return found
    raise Refused(f"no dates given; {HOW_TO_WRITE}")


# Processors stay text: an empty list is refused together with the other arguments.
READERS: dict[Any, tuple[Callable[[str], Any], str]] = {
    date: (iso_date, "D"),
    tuple[date, ...]: (dates, "LIST"),
    tuple[str, ...]: (str, "A,B"),
    int: (whole_number, "N"),
    str: (str, "TEXT"),
}


def add_options(parser: CommandParser, names: Iterable[str], **helps: str) -> None:
    """Add these options; `helps` replaces the help of an option with another meaning here."""
    for name in names:
        field = FIELDS[name]
        add_flag(
            parser,
            *dict.fromkeys((flag_of(field), old_flag_of(field))),
            dest=name,
            help=helps.get(name, spec_of(field).help),
            **_kind(field),
        )


def _kind(field: Field[Any]) -> dict[str, Any]:
    """Return the arguments of argparse that follow from the type of an option."""
    if TYPES[field.name] is bool:
        return {"action": "store_false" if field.default is True else "store_true"}
    read, usual = READERS[TYPES[field.name]]
    choices = "|".join(spec_of(field).choices)
    default = default_of(field) if field.name in PLAIN else None
    return {"type": read, "default": default, "metavar": choices or usual}
