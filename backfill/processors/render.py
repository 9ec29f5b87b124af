"""Rendering of a processor's .sql file to one SELECT with one row per (date, entity).

The files are GoogleSQL with Jinja, which fills in shared windows, the schema and the rules of
`validation`. BigQuery runs the rendered text unchanged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from backfill.processors.registry import PROCESSORS, Processor
from backfill.statements import environment
from backfill.statements.fragments import number_text
from backfill.warehouse.schema import Column, Table
from validation.thresholds import COMPLETENESS, WINDOWS

if TYPE_CHECKING:
    from jinja2 import Environment, Template

SQL_FOLDER = Path(__file__).parent / "sql"
FRAME_COLUMNS = ("data_hash", "created_at", "processed_at")


def _hashed_text(column: Column) -> str:
    if column.type.startswith("ARRAY"):
        return f"{column.name}_text"  # each processor defines this text of its array
    return f"IFNULL({number_text(column, column.name)}, 'NULL')"


def _hash(table: Table) -> str:
    parts = " ||\n      ".join(
        f"'{'|' if n else ''}{c.name}=' || {_hashed_text(c)}" for n, c in enumerate(table.hashed)
    )
    return f"SUBSTR(TO_HEX(SHA256(\n      {parts}\n    )), 1, 16)"


def _context_text(table: Table) -> str:
    """Return the text of the columns outside the hash, without times."""
    names = (
        c.name
        for c in table.columns
        if not c.hashed and c.type != "TIMESTAMP" and c.name not in FRAME_COLUMNS
    )
    return " || '|' || ".join(f"IFNULL(CAST({name} AS STRING), '')" for name in names) or "''"


def _own_columns(table: Table) -> list[str]:
    return [name for name in table.names if name not in FRAME_COLUMNS]


@cache
def _environment(folder: Path | None = None) -> Environment:
    """Return the environment of the shared statements and of a processor's own folder."""
    jinja = environment(SQL_FOLDER, *((folder,) if folder else ()))
    jinja.globals.update(
        processors=PROCESSORS,
        windows=WINDOWS,
        complete=COMPLETENESS,
        own_columns=_own_columns,
        data_hash=_hash,
        context_text=_context_text,
    )
    return jinja


def template(part: str, folder: Path | None = None) -> Template:
    """Return the template of a shared statement."""
    return _environment(folder).get_template(f"{part}.sql")


def render(code: str, part: str = "result") -> str:
    """Return the GoogleSQL of a processor, or of one of its accounting statements.

    Parameters: dates ARRAY<DATE>, season_start DATE, backfill_mode BOOL, started_at TIMESTAMP;
    `failures` also has run_ids ARRAY<STRING>, one per date.
    """
    return _rendered(PROCESSORS[code], part)


@cache
def _rendered(processor: Processor, part: str) -> str:
    body = f"{processor.code.lower()}.sql"
    return template(part, processor.sql_folder).render(
        processor=processor, numbers=processor.numbers, body=body
    )


def accounted(code: str, result: str, population: str) -> str:
    """Return the executed query: the rows of a processor, joined with its expected entities."""
    return template("staged").render(
        processor=PROCESSORS[code], result=result, population=population
    )


def changes(code: str, old: Mapping[str, str]) -> str:
    """Return the query that compares the staged rows of a processor with the live ones, or with
    those of the tables `old_output` and `old_failures`.
    """
    processor = PROCESSORS[code]
    return template("changes", processor.sql_folder).render(processor=processor, **old)


def inlined(
    code: str,
    day: date,
    season_start: date,
    *,
    backfill_mode: bool = True,
    started_at: datetime | None = None,
) -> str:
    """Return a processor's statement for one date with literal parameters, ready to run."""
    values = {
        "@dates": f"[DATE '{day}']",
        "@season_start": f"DATE '{season_start}'",
        "@backfill_mode": str(backfill_mode).upper(),
        # Only copied to output rows.
        "@started_at": f"DATETIME '{started_at or day:%Y-%m-%d %H:%M:%S}'",
    }
    text = render(code)
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def sql_hash(code: str) -> str:
    """Return an 8-character hash of a processor's statement."""
    return _hash_of(PROCESSORS[code])


@cache
def _hash_of(processor: Processor) -> str:
    return hashlib.sha256(_rendered(processor, "result").encode()).hexdigest()[:8]
