"""Arguments for dates: a range or a list, and excluded dates."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.option_arguments import add_options, dates
from backfill.errors import Refused
from backfill.plan.date_lists import without
from backfill.plan.options import Options


def add_dates(parser: CommandParser) -> None:
    """Add --start and --end, --dates and --exclude."""
    add_options(parser, ("start", "end", "dates"))
    parser.add_argument(
        "--exclude", type=dates, metavar="LIST", help="dates to exclude, in the format of --dates"
    )


def with_dates(given: dict[str, Any], **fields: Any) -> Options:
    """Return the options for the dates of the command line. Raises Refused."""
    if fields.get("cells"):
        return _with_cells(given, fields)
    missing = [f"--{name}" for name in ("start", "end") if given[name] is None]
    if given["dates"] and len(missing) < 2:
        raise Refused("use --dates, or --start and --end, not both")
    if missing and not given["dates"]:
        others = "".join(f", or --{n}" for n in ("dates", "cells", "preset") if n in given)
        raise Refused(
            f"the following arguments are required: {', '.join(missing)}{others} (see --help)"
        )
    options = (
        Options.of_dates(given["dates"], **fields)
        if given["dates"]
        else Options(start=given["start"], end=given["end"], **fields)
    )
    return (
        Options.of_dates(without(options.days, given["exclude"]), **fields)
        if given["exclude"]
        else options
    )


def _with_cells(given: dict[str, Any], fields: dict[str, Any]) -> Options:
    """Return the options for the cells of the command line. Raises Refused."""
    others = ("start", "end", "dates", "exclude", "processors", "start_from")
    if more := [name for name in others if given.get(name)]:
        flag = more[0].replace("_", "-")
        raise Refused(f"--cells and --{flag} exclude each other; use one of them")
    return Options.of_cells(
        **{name: value for name, value in fields.items() if name != "processors"}
    )
