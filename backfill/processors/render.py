"""From a processor's .sql file to the one SELECT that is run: framed, hashed, one row per (date,
entity).

The files are GoogleSQL with Jinja for what would be written twice: the same windows over different
sources, and
what the schema and the rules of `validation` already know. `render` gives the text that runs on
BigQuery as it is.
"""

from __future__ import annotations

import hashlib
from datetime import date
from functools import cache
from pathlib import Path

from jinja2 import Environment, Template

from backfill.processors.registry import PROCESSORS
from backfill.statements import environment
from backfill.statements.fragments import number_text
from backfill.warehouse.schema import Column, Table
from validation.thresholds import COMPLETENESS, WINDOWS

SQL_FOLDER = Path(__file__).parent / "sql"
FRAME_COLUMNS = ("data_hash", "created_at", "processed_at")


def _hashed_text(column: Column) -> str:
    if column.type.startswith("ARRAY"):
        return f"{column.name}_text"  # supplied by the processor, which knows its elements
    return f"IFNULL({number_text(column, column.name)}, 'NULL')"


def _hash(table: Table) -> str:
    parts = " ||\n      ".join(
        f"'{'|' if n else ''}{c.name}=' || {_hashed_text(c)}" for n, c in enumerate(table.hashed)
    )
    return f"SUBSTR(TO_HEX(SHA256(\n      {parts}\n    )), 1, 16)"


def _own_columns(table: Table) -> list[str]:
    return [name for name in table.names if name not in FRAME_COLUMNS]


@cache
def _environment() -> Environment:
    made = environment(SQL_FOLDER)
    made.globals.update(
        processors=PROCESSORS,
        windows=WINDOWS,
        complete=COMPLETENESS,
        own_columns=_own_columns,
        data_hash=_hash,
    )
    return made


def template(part: str) -> Template:
    """Return the template of one of the statements that all processors share."""
    return _environment().get_template(f"{part}.sql")


@cache
def render(code: str, part: str = "result") -> str:
    """The GoogleSQL of one processor, or of one of the statements that account for it.

    Parameters: dates ARRAY<DATE>, season_start DATE, backfill_mode BOOL, started_at TIMESTAMP;
    `failures` has
    run_ids ARRAY<STRING> besides, one per date.
    """
    found = PROCESSORS[code]
    return template(part).render(processor=found, numbers=found.numbers, body=f"{code.lower()}.sql")


def accounted(code: str, result: str, population: str) -> str:
    """The query that is run: a processor's rows, and beside them the entities that must be among
    them.
    """
    return template("staged").render(
        processor=PROCESSORS[code], result=result, population=population
    )


def inlined(code: str, day: date, season_start: date, *, backfill_mode: bool = True) -> str:
    """The statement of one processor for one date with its parameters written in, to be tried out
    as it stands.
    """
    values = {
        "@dates": f"[DATE '{day}']",
        "@season_start": f"DATE '{season_start}'",
        "@backfill_mode": str(backfill_mode).upper(),
        "@started_at": f"DATETIME '{day} 00:00:00'",  # only copied into the rows
    }
    text = render(code)
    for name, value in values.items():
        text = text.replace(name, value)
    return text


@cache
def sql_hash(code: str) -> str:
    """Eight characters that change whenever the statement of a processor does."""
    return hashlib.sha256(render(code).encode()).hexdigest()[:8]
