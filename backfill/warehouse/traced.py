"""Warehouse session whose statements are spans of the current trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from inspect import signature
from typing import Any

from backfill.telemetry import tracing
from backfill.warehouse.port import Warehouse
from backfill.warehouse.schema import Table

STATEMENTS = {
    name: signature(getattr(Warehouse, name))
    for name in ("query", "stage", "stage_file", "replace", "record", "load", "export_season")
}
MOST_CHARACTERS = 4_000  # of a statement's text


class TracedWarehouse:
    """Session that passes every call on, and traces the statements."""

    def __init__(self, session: Warehouse, system: str) -> None:
        self._session, self._system = session, system

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._session, name)
        return self._traced(name, found) if name in STATEMENTS else found

    def _traced(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def traced(*args: Any, **named: Any) -> Any:
            given = STATEMENTS[name].bind(self, *args, **named).arguments
            title = " ".join([name, *([str(given["table"])] if "table" in given else [])])
            system = {"db.system.name": self._system, "db.operation.name": name}
            attributes = {**system, **dict(_attributes(given))}
            with tracing.span(title, attributes, kind="CLIENT") as made:
                result = call(*args, **named)
                if made and isinstance(result, int | list):
                    rows = result if isinstance(result, int) else len(result)
                    made.set_attribute("db.response.returned_rows", rows)
            return result

        return traced


def _attributes(given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if isinstance(table := given.get("table"), Table):
        yield "db.collection.name", str(table)
    if sql := given.get("sql"):
        yield "db.query.text", sql[:MOST_CHARACTERS]
