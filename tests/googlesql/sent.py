"""Statements that the BigQuery adapter would send, recorded from calls to the embedded engine."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

from backfill.warehouse.bigquery.connection import Place
from backfill.warehouse.bigquery.kept import all_tables
from backfill.warehouse.bigquery.parameters import Parameter, mentioned
from backfill.warehouse.bigquery.session import BigQueryWarehouse
from backfill.warehouse.parquet.session import ParquetWarehouse
from backfill.warehouse.port import Params, Row, UnfinishedWrite, Work
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import TABLES
from tests.googlesql.engine import Content, Database
from validation.season import SeasonDates

ASKED = ("query", "stage", "stage_file", "replace", "record", "load", "bytes_read")
STAGING = re.compile(r"CREATE OR REPLACE TABLE (\S+)\n.*?\nAS\n(.*)", re.DOTALL)
BEGIN = "BEGIN TRANSACTION;"
VARYING = re.compile(r"\d+")  # literals: dates, seasons, numbers of games


@dataclass
class Sent:
    """Statements by their text without numbers, with their parameter types and calling lines."""

    statements: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    lines: set[tuple[Path, int]] = field(default_factory=set)
    database: Database = field(
        default_factory=lambda: Database({str(t): declared(t) for t in (*TABLES, *all_tables())})
    )

    def keep(self, text: str, bound: Sequence[Parameter]) -> None:
        """Keep a statement, or those of a transaction; analyze one that makes a table for the
        columns that later ones read.
        """
        if text.startswith(BEGIN):
            for statement in text.split(";\n")[1:-1]:
                self.keep(statement.strip(), bound)
            return
        types = {p.name or "": type_text(p.to_api_repr()["parameterType"]) for p in bound}
        self.statements.setdefault(VARYING.sub("0", text), (text, types))
        if (found := STAGING.fullmatch(text)) and found[1] not in self.database.tables:
            self.database.tables[found[1]] = Content(self.database.columns(found[2], types))


def declared(table: Table) -> Content:
    """Return a table of the schema, without rows."""
    return Content([(c.name, c.type) for c in table.columns])


def type_text(kind: Mapping[str, Any]) -> str:
    """Return the GoogleSQL text of a parameter's type, as the client sends it."""
    if "arrayType" in kind:
        return f"ARRAY<{type_text(kind['arrayType'])}>"
    if "structTypes" in kind:
        return f"STRUCT<{', '.join(one['name'] + ' ' + type_text(one['type']) for one in kind['structTypes'])}>"
    return str(kind["type"])


class _Jobs:
    """Job runner that runs nothing."""

    def __init__(self, sent: Sent) -> None:
        self._sent = sent
        self.work = Work(key="one")  # names staged tables by their text

    def run(self, sql: str, bound: Sequence[Parameter]) -> Any:
        self._sent.keep(sql, bound)
        return type("Done", (), {"dml_stats": None})

    def digest(self, sql: str, bound: Sequence[Parameter]) -> str:
        return hashlib.sha256(VARYING.sub("0", sql).encode()).hexdigest()[:32]

    def patiently(self, call: Callable[[], object]) -> None:
        """No retries, because nothing runs."""


class _Unfinished:
    """Nothing is left unfinished."""

    def read(self) -> list[UnfinishedWrite]:
        return []

    def held(self, name: str, write: UnfinishedWrite) -> AbstractContextManager[None]:
        return nullcontext()


class _Looking:
    """No metadata: every season is a usual one."""

    def season_dates(self) -> SeasonDates:
        return SeasonDates(spans={})

    def forget(self, table: Table) -> None:
        """Nothing is cached."""


class _Adapter(BigQueryWarehouse):
    """BigQuery adapter without a client."""

    def __init__(self, sent: Sent) -> None:
        super().__init__(Place("some-project"), keep_days=14)
        self._sent = sent
        self.__dict__.update(client=None, jobs=_Jobs(sent), _unfinished=_Unfinished())
        self.__dict__["looking"] = _Looking()

    def _rows_of(self, text: str, params: Params) -> list[Row]:
        self._sent.keep(text, mentioned(text, params))
        return []

    def bytes_read(self, sql: str, params: Params, writes: int = 0) -> int:
        self.query(sql, params)  # a dry run of the same text
        return 0

    def _upload(self, table: Table, file: Path, to: str) -> None:
        self._sent.database.tables[to] = declared(table)


@contextmanager
def recording() -> Iterator[Sent]:
    """Send every call to an embedded warehouse to the adapter first, within this context."""
    sent = Sent()
    adapters: dict[ParquetWarehouse, _Adapter] = {}

    def asked_twice(name: str, original: Any) -> Any:
        @wraps(original)
        def ask(self: ParquetWarehouse, *args: Any, **kwargs: Any) -> Any:
            caller = sys._getframe(1)
            sent.lines.add((Path(caller.f_code.co_filename), caller.f_lineno))
            getattr(adapters.setdefault(self, _Adapter(sent)), name)(*args, **kwargs)
            answer = original(self, *args, **kwargs)
            return None if name == "replace" else answer  # makes the product query the rows

        return ask

    doubled = {name: asked_twice(name, getattr(ParquetWarehouse, name)) for name in ASKED}
    with patch.multiple(ParquetWarehouse, **doubled):
        yield sent
