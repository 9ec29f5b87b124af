"""Shell command of a form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from shlex import quote

from backfill.plan.date_lists import format_dates
from backfill.plan.option_fields import default_of, flag_of
from backfill.plan.options import Options

DATES = ("start", "end", "dates", "cells")


def command(options: Options) -> str:
    """Return the command that starts these options, without options at their defaults."""
    return " ".join(["manage.py backfill", *_dates(options), *_others(options)])


def _dates(options: Options) -> Iterator[str]:
    if options.cells:
        yield f"--cells {quote(options.cells)}"
    elif options.dates:
        yield f"--dates {quote(format_dates(options.dates))}"
    else:
        yield f"--start {options.start} --end {options.end}"


def _others(options: Options) -> Iterator[str]:
    of_dates = (*DATES, "processors") if options.cells else DATES
    changed = [
        (field, value)
        for field in fields(Options)
        if field.name not in of_dates
        and (value := getattr(options, field.name)) != default_of(field)
    ]
    yield from (f"{flag_of(f)} {','.join(value)}" for f, value in changed if type(value) is tuple)
    yield from (flag_of(f) for f, value in changed if value is True)
    yield from (flag_of(f) for f, value in changed if value is False)
    # With "=", because a reason can begin with a dash.
    yield from (
        f"{flag_of(f)}={quote(str(value))}" for f, value in changed if type(value) in (int, str)
    )
