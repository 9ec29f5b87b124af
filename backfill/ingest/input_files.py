"""Files of a Phase 3 folder: found, opened, and passed to DuckDB as table expressions."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

import duckdb

from backfill.errors import Refused
from backfill.warehouse.schema import Table

SUFFIXES = (".parquet", ".csv")
CSV_FAULT = re.compile(
    r"on Line: (\d+).*?(Expected Number of Columns.*?|Value with .*?|Invalid unicode.*?)[.\n]", re.S
)


def find(folder: Path, table: Table) -> Path:
    """Return the one file of a table. Raises Refused if there is none, or a Parquet and a CSV file."""
    paths = [folder / table.dataset / f"{table.name}{suffix}" for suffix in SUFFIXES]
    found = [p for p in paths if p.is_file()]
    if len(found) == 2:
        raise Refused(f"{found[0].name} and {found[1].name} are both there; keep one of them")
    if not found:
        raise Refused(f"there is no {table.dataset}/{table.name}.parquet (or .csv) in {folder}")
    return found[0]


@contextmanager
def readable(file: Path) -> Iterator[None]:
    """Convert an engine's error about a bad file to one sentence, as Refused."""
    try:
        yield
    except OSError as error:
        raise Refused(f"{file.name} cannot be opened ({error.strerror})") from error
    except (duckdb.Error, csv.Error, UnicodeDecodeError) as error:
        if file.suffix == ".parquet":
            raise Refused(f"{file.name} is cut short or not a Parquet file") from error
        fault = CSV_FAULT.search(str(error))
        where = f": line {fault[1]}, {fault[2]}" if fault else ""
        raise Refused(f"{file.name} is cut short or not CSV in UTF-8{where}") from error


def opened(db: duckdb.DuckDBPyConnection, file: Path, table: Table) -> tuple[list[str], str]:
    """Return the column names of a file and the expression that reads the columns of the schema."""
    return _csv(file, table) if file.suffix == ".csv" else _parquet(db, file)


def _parquet(db: duckdb.DuckDBPyConnection, file: Path) -> tuple[list[str], str]:
    file.open("rb").close()  # the system's error is clearer than the engine's
    source = f"read_parquet({quoted(escape(str(file)))}, hive_partitioning = false)"
    return [row[0] for row in db.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()], source


def _csv(file: Path, table: Table) -> tuple[list[str], str]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        names = next(csv.reader(lines), [])
    if not names:
        raise Refused(f"{file.name} is empty")
    if twice := [c for c in table.names if names.count(c) > 1]:
        raise Refused(f"{file.name} has the column {twice[0]} twice")
    # By position: an unknown column can have any name, even an empty one.
    columns = ", ".join(f"c{n}: 'VARCHAR'" for n in range(len(names)))
    options = f"columns = {{{columns}}}, header = true, delim = ',', quote = '\"', escape = '\"'"
    selected = (
        ", ".join(f"c{n} AS {name}" for n, name in enumerate(names) if name in table.by_name)
        or "c0"
    )
    read = f"read_csv({quoted(escape(str(file)))}, auto_detect = false, hive_partitioning = false, {options})"
    return names, f"(SELECT {selected} FROM {read})"


def quoted(path: Path | str) -> str:
    """Return a path as an SQL string."""
    return "'" + str(path).replace("'", "''") + "'"
