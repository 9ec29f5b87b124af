"""Table schemas: columns, types, partition and key. DDL, Parquet types and documentation derive
from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Kind = Literal["input", "output", "log"]

# Logs are stored and replaced by date and this column.
SLICE = "processor_name"
DUCKDB_TYPES = {
    "STRING": "VARCHAR",
    "INT64": "BIGINT",
    "BOOL": "BOOLEAN",
    "FLOAT64": "DOUBLE",
    "ARRAY<FLOAT64>": "DOUBLE[]",
    "ARRAY<STRING>": "VARCHAR[]",
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """Column of a table. `type` is GoogleSQL's; `hashed` columns form the row's data_hash."""

    name: str
    type: str
    nullable: bool = True
    hashed: bool = False
    meaning: str = ""

    @property
    def duckdb_type(self) -> str:
        """Type in DuckDB and Parquet: NUMERIC(p,s) is stored as DECIMAL(p,s)."""
        return DUCKDB_TYPES.get(self.type, self.type.replace("NUMERIC", "DECIMAL"))

    @property
    def scale(self) -> int | None:
        """Decimals of a NUMERIC column, None for any other type."""
        return int(self.type[:-1].split(",")[1]) if self.type.startswith("NUMERIC") else None

    @property
    def is_array(self) -> bool:
        """True for an array."""
        return self.type.startswith("ARRAY")

    @property
    def is_number(self) -> bool:
        """True if its values, or the elements of its arrays, are numbers."""
        return any(number in self.type for number in ("INT64", "FLOAT64", "NUMERIC"))

    @property
    def ddl(self) -> str:
        """Column in a BigQuery CREATE TABLE; an array is never NULL there, and cannot be declared
        so.
        """
        required = "" if self.nullable or self.is_array else " NOT NULL"
        return f'{self.name} {self.type}{required} OPTIONS(description="{self.meaning}")'


@dataclass(frozen=True, kw_only=True)
class Table:
    """Table, columns in stored order. `key` is unique; `partition` is the DATE column of its
    partitions.
    """

    short: str
    kind: Kind
    dataset: str
    name: str
    partition: str
    cluster: tuple[str, ...]
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def __str__(self) -> str:
        return f"{self.dataset}.{self.name}"

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {c.name: c for c in self.columns}

    @property
    def entity(self) -> str:
        """Column of the player or team: the first of the key."""
        return self.key[0]

    @property
    def hashed(self) -> tuple[Column, ...]:
        """Columns of the data hash, in hash order."""
        return tuple(c for c in self.columns if c.hashed)

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in stored order."""
        return tuple(c.name for c in self.columns)

    def ddl(self) -> str:
        """BigQuery statement that creates the table; its partitions never expire."""
        columns = ",\n".join(f"  {c.ddl}" for c in self.columns)
        cluster = ", ".join(self.cluster)
        return f"CREATE TABLE {self} (\n{columns}\n)\nPARTITION BY {self.partition}\nCLUSTER BY {cluster};"

    def markdown(self) -> str:
        """Section of the documentation for this table."""
        head = f"## {self}\n\n{self.short}. Partition `{self.partition}`, cluster {_code(self.cluster)}, key {_code(self.key)}.\n"
        rows = (
            f"| {c.name} | {c.type} | {'yes' if c.nullable else 'no'} | {'H' if c.hashed else ''} | {c.meaning} |"
            for c in self.columns
        )
        return "\n".join(
            (head, "| column | type | NULL | hashed | meaning |", "|---|---|---|---|---|", *rows)
        )


def _code(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def parse_columns(text: str) -> Iterator[Column]:
    """Read declarations, a line per type: `name,name TYPE[!] [H] meaning; meaning`; `!` = never
    NULL, `H` = hashed.

    One meaning holds for all names of a line, several hold for one each.
    """
    for line in filter(None, map(str.strip, text.splitlines())):
        names, kind, meaning = line.split(maxsplit=2)
        hashed = meaning.startswith("H ")
        meanings = meaning.removeprefix("H ").split("; ")
        for n, name in enumerate(names.split(",")):
            yield Column(
                name=name,
                type=kind.rstrip("!"),
                nullable=not kind.endswith("!"),
                hashed=hashed,
                meaning=meanings[n if len(meanings) > 1 else 0],
            )
