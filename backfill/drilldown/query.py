"""Warehouse query that can be executed and displayed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from backfill.statements.fragments import literal
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row


@dataclass(frozen=True)
class ParameterizedQuery:
    """SELECT in GoogleSQL with parameter values."""

    sql: str
    params: Mapping[str, object] = field(default_factory=dict)

    def ask(self) -> list[Row]:
        """Return the rows. Raises WarehouseError."""
        return warehouse().query(self.sql, self.params)

    @property
    def text(self) -> str:
        """Statement with its parameters inlined, ready to run."""
        return re.sub(r"@(\w+)", lambda found: literal(self.params[found[1]]), self.sql).strip()
