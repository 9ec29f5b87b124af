"""How the shell names dates: a range, or a list, with or without some of them."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import iso_date
from backfill.errors import Refused
from backfill.plan.date_lists import HOW_TO_WRITE, parse_dates, without
from backfill.plan.options import Options


def add_dates(parser: CommandParser) -> None:
    """A first and a last date, or a list of dates; and the dates to leave out."""
    parser.add_argument("--start", type=iso_date, metavar="D", help="first date, YYYY-MM-DD")
    parser.add_argument("--end", type=iso_date, metavar="D", help="last date, included")
    add_list(parser)
    parser.add_argument("--exclude", type=dates, metavar="LIST", help="not these dates")


def add_list(parser: CommandParser) -> None:
    """A list of dates in the place of a range."""
    parser.add_argument(
        "--dates", type=dates, metavar="LIST", help="only these: 2021-11-01,2021-11-05..2021-11-09"
    )


def dates(text: str) -> tuple[date, ...]:
    """The dates of an option. Raises Refused, also for none."""
    if found := parse_dates(text):
        return found
    raise Refused(f"no date is named; {HOW_TO_WRITE}")


def with_dates(given: dict[str, Any], **fields: Any) -> Options:
    """The options for the dates that a command line names. Raises Refused."""
    missing = [f"--{name}" for name in ("start", "end") if given[name] is None]
    if given["dates"] and len(missing) < 2:
        raise Refused("name dates or a range, not both: --dates, or --start and --end")
    if missing and not given["dates"]:
        raise Refused(f"the following arguments are required: {', '.join(missing)} (see --help)")
    options = (
        Options.of_dates(given["dates"], **fields)
        if given["dates"]
        else Options(given["start"], given["end"], **fields)
    )
    return (
        Options.of_dates(without(options.days, given["exclude"]), **fields)
        if given["exclude"]
        else options
    )
