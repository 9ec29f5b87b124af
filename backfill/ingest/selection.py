"""Part of the inputs that a load replaces: tables and dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from backfill.errors import Refused
from backfill.ingest.input_files import table_of
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import INPUTS


@dataclass(frozen=True, kw_only=True)
class LoadSelection:
    """Tables and dates to replace; without dates, whole seasons. With `rows`, only the rows whose
    key is in the input. Raises Refused for wrong dates.
    """

    tables: tuple[Table, ...] = INPUTS
    start: date | None = None
    end: date | None = None
    rows: bool = False

    def __post_init__(self) -> None:
        if self.end and not self.start:
            raise Refused(f"the end {self.end} needs a start")
        if self.start and self.end and self.end < self.start:
            raise Refused(f"the end {self.end} is before the start {self.start}")
        if self.rows and (len(self.tables) == len(INPUTS) or self.start):
            raise Refused("rows need their tables, and no dates: name the tables of the input")

    @classmethod
    def of(
        cls,
        tables: str = "",
        start: date | None = None,
        end: date | None = None,
        *,
        rows: bool = False,
    ) -> LoadSelection:
        """Return the selection of tables by name, separated by commas; without an end, of one date.

        Raises Refused.
        """
        names = [name.strip() for name in tables.split(",") if name.strip()]
        found = {_table(name) for name in names}
        chosen = tuple(table for table in INPUTS if table in found)
        return cls(tables=chosen or INPUTS, start=start, end=end or start, rows=rows)

    @property
    def has_dates(self) -> bool:
        return self.start is not None

    @property
    def is_partial(self) -> bool:
        """Return True if other rows of a season stay."""
        return self.has_dates or len(self.tables) < len(INPUTS)

    @property
    def condition(self) -> str:
        """SQL condition of the dates to replace."""
        if not self.has_dates:
            return "TRUE"
        return f"game_date BETWEEN DATE '{self.start}' AND DATE '{self.end}'"

    def includes(self, day: date) -> bool:
        """Return True if a date is replaced."""
        return not (self.start and self.end) or self.start <= day <= self.end

    @property
    def dates_text(self) -> str:
        """Dates for the end of a sentence, empty for whole seasons."""
        if self.start == self.end:
            return f"on {self.start}" if self.start else ""
        return f"from {self.start} to {self.end}"

    @property
    def flags(self) -> str:
        """Arguments of the command that selects the same."""
        names = ",".join(table.short for table in self.tables)
        tables = f" --tables {names}" if len(self.tables) < len(INPUTS) else ""
        rows = " --rows" if self.rows else ""
        dates = f" --start {self.start} --end {self.end}" if self.has_dates else ""
        return f"{tables}{dates}{rows}"


def _table(name: str) -> Table:
    short = next((table for table in INPUTS if table.short == name.upper()), None)
    if table := short or table_of(name):
        return table
    known = ", ".join(f"{table.short} ({table.name})" for table in INPUTS)
    raise Refused(f"{name!r} is no input table; known: {known}")
