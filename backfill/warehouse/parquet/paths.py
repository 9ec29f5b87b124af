"""File paths of a table's partitions. Without pathlib, which is ten times as slow: ten seasons are
16,000 files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path

from backfill.warehouse.parquet.staging import PART, quoted
from backfill.warehouse.schema import SLICE, Table

ALL_SLICES = "*"
RESTORING = ".restoring"
DATE = re.compile(r"\d{4}-\d\d-\d\d")


def dates_of(folder: Path, column: str) -> list[date]:
    """Return the dates with a folder of their own, even an empty one."""
    begin = f"{column}="
    with suppress(FileNotFoundError):
        return sorted(
            date.fromisoformat(name.removeprefix(begin))
            for name in os.listdir(folder)
            if name.startswith(begin)
        )
    return []


def files_of(
    folder: Path,
    column: str,
    days: Iterable[date],
    inner: str = "",
    *,
    accepts: Callable[[str], bool] = os.path.exists,
) -> list[str]:
    """Return the existing, or accepted, files of these dates; for a sliced table those of the slice
    `inner`, or of ALL_SLICES.
    """
    found = (file for day in days for file in _files(f"{folder}/{column}={day}", inner))
    return [file for file in found if accepts(file)]


def partition_name(table: Table, day: date, processor_name: str = "") -> str:
    """Return the folder of a partition below its table's; of a log, of a processor's slice."""
    name = f"{table.partition}={day}"
    return f"{name}/{SLICE}={processor_name}" if processor_name else name


def as_source(table: Table, files: Sequence[str]) -> str:
    """Return DuckDB's table expression over these files; without files, the schema without rows."""
    if not files:
        columns = ", ".join(f"CAST(NULL AS {c.duckdb_type}) AS {c.name}" for c in table.columns)
        return f"(SELECT {columns} WHERE FALSE)"
    listed = ", ".join(map(quoted, files))
    if table.kind == "input":
        return f"read_parquet([{listed}], hive_partitioning = false)"
    return f"read_parquet([{listed}], hive_partitioning = true, hive_types = {{'{table.partition}': DATE}})"


def _files(partition: str, inner: str) -> Iterator[str]:
    folders = [partition]
    if inner:
        folders = [
            f"{partition}/{name}"
            for name in ([inner] if inner != ALL_SLICES else _slices(partition))
        ]
    yield from (f"{folder}/{PART}" for folder in folders)


def _slices(partition: str) -> list[str]:
    with suppress(FileNotFoundError, NotADirectoryError):
        return sorted(os.listdir(partition))
    return []


def partition_of(file: str) -> dict[str, str]:
    """Parse a warehouse path: `file`, `table`, `date`, and of a slice `processor_name`."""
    folders = Path(file).parent.parts
    values = dict(name.split("=", 1) for name in folders if "=" in name)
    *_, dataset, table = ["", "", *(name for name in folders if "=" not in name)]
    found = {
        "file": file,
        "table": f"{dataset}.{table}",
        "processor_name": values.pop("processor_name", ""),
    }
    return {
        name: value
        for name, value in {**found, "date": _only_date(values.values())}.items()
        if value
    }


def _only_date(values: Iterable[str]) -> str:
    return next((value for value in values if DATE.fullmatch(value)), "")
