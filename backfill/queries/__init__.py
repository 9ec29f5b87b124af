"""The runbook's queries by name, corrected: one `.sql` file each, in GoogleSQL with `@start` and
`@end`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from backfill.errors import Refused
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Query:
    """One query: its first line, a comment, is the description."""

    name: str
    description: str
    sql: str

    def rows(self, start: date, end: date) -> list[Row]:
        """Run it over the dates from `start` to `end`, both included. Raises Refused,
        WarehouseError.
        """
        if end < start:
            raise Refused(f"the end {end} is before the start {start}")
        return warehouse().query(self.sql, {"start": start, "end": end})


def names() -> list[str]:
    """Return the names of all queries, sorted."""
    return sorted(f.stem for f in FOLDER.glob("*.sql"))


def named(name: str) -> Query:
    """Return the query of this name. Raises Refused, which lists the names."""
    if name not in names():
        raise Refused(f"there is no query {name!r}; there are {', '.join(names())}")
    sql = (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    return Query(name, sql.partition("\n")[0].removeprefix("--").strip(), sql)
