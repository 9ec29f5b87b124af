"""Runbook queries by name, corrected: one `.sql` file each, in GoogleSQL with `@start` and `@end`,
and Jinja where a part is repeated per processor.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from backfill.errors import Refused
from backfill.processors.registry import PROCESSORS
from backfill.statements import environment
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Query:
    """Query; its first line, a comment, is the description."""

    name: str
    description: str
    sql: str

    def rows(self, start: date, end: date) -> list[Row]:
        """Run the query from `start` to `end`, both included. Raises Refused, WarehouseError."""
        if end < start:
            raise Refused(f"the last date {end} is before the first date {start}; swap them")
        return warehouse().query(self.sql, {"start": start, "end": end})


def names() -> list[str]:
    return sorted(f.stem for f in FOLDER.glob("*.sql"))


def named(name: str) -> Query:
    """Return the query of this name. Raises Refused with the list of names."""
    if name not in names():
        raise Refused(f"unknown query {name!r}; choose one of: {', '.join(names())}")
    sql = environment(FOLDER).get_template(f"{name}.sql").render(processors=PROCESSORS) + "\n"
    return Query(name, sql.partition("\n")[0].removeprefix("--").strip(), sql)
