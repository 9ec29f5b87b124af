"""`manage.py query NAME --start D --end D`: run a query of the runbook."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import OK, VerbCommand, iso_date
from backfill.cli.tables import table
from backfill.errors import Refused
from backfill.queries import Query, named, names
from backfill.statements import render
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row


class Command(VerbCommand):
    """Run a query of the runbook."""

    help = "Run a query of the runbook by name; without dates, over the loaded schedule."
    example = "query failure-breakdown --start 2021-11-01 --end 2021-11-30"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the name, the dates, --sql and --list."""
        parser.add_argument(
            "name", nargs="?", metavar="NAME", help="name of a query; --list prints all"
        )
        parser.add_argument(
            "--start",
            type=iso_date,
            metavar="D",
            help="first date; the first of the schedule by default",
        )
        parser.add_argument(
            "--end",
            type=iso_date,
            metavar="D",
            help="last date; the last of the schedule by default",
        )
        parser.add_argument(
            "--sql", action="store_true", help="print the GoogleSQL instead of running it"
        )
        parser.add_argument("--list", action="store_true", help="list the queries")

    def run(self, **options: Any) -> int:
        """Run a query, print its SQL, or list the queries."""
        if options["list"]:
            queries = [named(name) for name in names()]
            rows = [{"name": q.name, "description": q.description} for q in queries]
            self.emit({"queries": rows}, self._table(rows, options))
        elif not options["name"]:
            raise Refused(f"choose a query: {', '.join(names())}")
        else:
            self._answer(named(options["name"]), *_dates(options["start"], options["end"]), options)
        return OK

    def _answer(self, query: Query, start: date, end: date, options: dict[str, Any]) -> None:
        document: dict[str, Any] = {"query": query.name, "start": start, "end": end}
        if options["sql"]:
            return self.emit(
                document | {"sql": query.sql},
                f"-- @start = DATE '{start}', @end = DATE '{end}'\n{query.sql}",
            )
        rows = query.rows(start, end)
        text = self._table(rows, options) if rows else f"no rows from {start} to {end}"
        return self.emit(document | {"rows": [_plain(row) for row in rows]}, text)

    def _table(self, rows: list[Row], options: dict[str, Any]) -> str:
        is_terminal = self.stdout.isatty()
        return table(rows, is_terminal=is_terminal, color=is_terminal and not options["no_color"])


def _plain(row: Row) -> Row:
    """Make NUMERIC values JSON numbers; DjangoJSONEncoder would make them strings."""
    return {
        name: float(value) if isinstance(value, Decimal) else value for name, value in row.items()
    }


def _dates(start: date | None, end: date | None) -> tuple[date, date]:
    if start is None or end is None:
        (loaded,) = warehouse().query(render("schedule-range"))
        start, end = start or loaded["first"], end or loaded["last"]
    if start is None or end is None:
        raise Refused("no schedule is loaded; add --start and --end")
    if end < start:
        raise Refused(f"--end {end} is before --start {start}; swap them")
    return start, end
