"""A question to the warehouse that can be asked, and shown as it was asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from backfill.warehouse import warehouse
from backfill.warehouse.port import Row

# More dates than these are shown as the range that holds them.
MOST_DATES = 10


@dataclass(frozen=True)
class ParameterizedQuery:
    """One SELECT in GoogleSQL with the values of its parameters."""

    sql: str
    params: Mapping[str, object] = field(default_factory=dict)

    def ask(self) -> list[Row]:
        """Its rows. Raises WarehouseError."""
        return warehouse().query(self.sql, self.params)

    @property
    def text(self) -> str:
        """The statement with its parameters written in, to be run as it stands."""
        return re.sub(r"@(\w+)", lambda found: literal(self.params[found[1]]), self.sql).strip()


def literal(value: object) -> str:
    """A parameter's value as GoogleSQL writes it: text, a date, or a list of dates."""
    if isinstance(value, date):
        return f"DATE '{value}'"
    if isinstance(value, (list, tuple)) and len(value) > MOST_DATES:
        return f"GENERATE_DATE_ARRAY({literal(min(value))}, {literal(max(value))})"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(literal, value))}]"
    text = (
        str(value)
        .replace("\\", "\\\\")
        .replace("'", "\\'")
        .replace("\n", "\\n")
        .replace("\r", "\\r")
    )
    return f"'{text}'"
