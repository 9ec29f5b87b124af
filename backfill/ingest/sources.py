"""Files of one table as one SELECT for DuckDB."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from glob import escape
from itertools import groupby
from pathlib import Path

import duckdb

from backfill.errors import Refused
from backfill.ingest import archives, spreadsheets
from backfill.ingest.input_files import PARQUET, WORKBOOK, InputFile, is_gzip, listed, table_of
from backfill.ingest.text_files import TextForm, as_utf8, cleaned, content_of, form_of
from backfill.warehouse.schema import Table

TEXT_FAULT = re.compile(
    r"on Line: (\d+).*?(Expected Number of Columns.*?|Value with .*?|Invalid unicode.*?)[.\n]", re.S
)
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, kw_only=True)
class Source:
    """SELECT of the known columns of a table's files, in the schema's spelling.

    `names` are all columns as written; `text` are the selected ones that are text in the file;
    `in_path` are those from the path, `path_<column>` if the file has the column too.
    """

    sql: str
    names: tuple[str, ...]
    text: frozenset[str]
    in_path: frozenset[str] = frozenset()


@contextmanager
def readable(name: str, *, is_parquet: bool) -> Iterator[None]:
    """Convert an engine's error about a bad file to one sentence, as Refused."""
    try:
        yield
    except OSError as error:
        raise Refused(f"{name} cannot be opened ({error.strerror})") from error
    except (duckdb.Error, csv.Error, UnicodeError) as error:
        if is_parquet:
            raise Refused(f"{name} is cut short or not a Parquet file") from error
        fault = TEXT_FAULT.search(str(error))
        where = f": line {fault[1]}, {fault[2]}" if fault else ""
        raise Refused(f"{name} is cut short or not CSV in UTF-8{where}") from error


def prepared(files: Sequence[InputFile], table: Table, temporary: Path) -> list[InputFile]:
    """Return the files as Parquet or text: unpacked, and a workbook's sheet as CSV. Raises Refused."""
    return [_prepared(file, table, temporary / str(n)) for n, file in enumerate(files)]


def _prepared(file: InputFile, table: Table, temporary: Path) -> InputFile:
    if is_gzip(file.path):
        temporary.mkdir(parents=True)
        made = temporary / file.path.name[: -len(".gz")]
        archives.gunzip(file.path, made, file.name)
        file = replace(file, path=made)
    if file.suffix == WORKBOOK:
        temporary.mkdir(parents=True, exist_ok=True)
        made = temporary / "sheet.csv"
        sheet = file.sheet or _sheet(file, table)
        spreadsheets.write_csv(file.path, sheet, made, file.name)
        file = replace(file, path=made)
    return file


def _sheet(file: InputFile, table: Table) -> str:
    sheets = spreadsheets.sheet_names(file.path, file.name)
    named = [sheet for sheet in sheets if table_of(sheet) is table]
    if len(sheets) > 1 and not named:
        raise Refused(
            f"{file.name} has the sheets {listed(sheets)}; name the one to read {table.name}"
        )
    return (named or sheets)[0]


def source_of(
    db: duckdb.DuckDBPyConnection, files: Sequence[InputFile], table: Table, temporary: Path
) -> Source:
    """Return the rows of prepared files of one kind. Raises Refused, or an error for `readable`."""
    kinds = {file.suffix in PARQUET for file in files}
    if len(kinds) > 1:
        raise Refused(f"{files[0].name} and {files[-1].name} are of two formats; keep one of them")
    source = _parquet(db, files, table) if kinds == {True} else _text(files, table, temporary)
    return _with_keys(source, files, table)


# Parquet


def _parquet(db: duckdb.DuckDBPyConnection, files: Sequence[InputFile], table: Table) -> Source:
    for file in files:
        file.path.open("rb").close()  # the system's error is clearer than the engine's
    read = (
        f"read_parquet({_paths(files)}, hive_partitioning = false, union_by_name = true,"
        " filename = 'backcourt_file')"
    )
    described = db.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()
    names = tuple(name for name, *_ in described if name != "backcourt_file")
    if len(files) > 1:
        _check_shards(db, files, table)
    select = ", ".join([*_selected(names, names, table), "backcourt_file"])
    return Source(sql=f"SELECT {select} FROM {read}", names=names, text=frozenset())


def _check_shards(db: duckdb.DuckDBPyConnection, files: Sequence[InputFile], table: Table) -> None:
    """Raise Refused if a file misses a column of the table that another one has."""
    rows = db.execute(f"SELECT file_name, name FROM parquet_schema({_paths(files)})").fetchall()
    columns: dict[str, set[str]] = {str(file.path): set() for file in files}
    for path, name in rows:
        columns[path].add(cleaned(name))
    _check_equal(files, [columns[str(file.path)] for file in files], table)


def _check_equal(files: Sequence[InputFile], columns: Sequence[set[str]], table: Table) -> None:
    known = [found & table.by_name.keys() for found in columns]
    union = set().union(*known)
    for file, found in zip(files, known, strict=True):
        if missing := [name for name in table.names if name in union - found]:
            raise Refused(f"{file.name} has no column {listed(missing)}; other files have it")


def _selected(names: Sequence[str], read: Sequence[str], table: Table) -> list[str]:
    """Return the select list of the known columns, of a source that calls them `read`."""
    known = {cleaned(name): column for name, column in zip(names, read, strict=True)}
    return [f"{_identifier(known[c])} AS {c}" for c in table.names if c in known]


# Text


def _text(files: Sequence[InputFile], table: Table, temporary: Path) -> Source:
    forms: list[tuple[TextForm, InputFile]] = []
    for file in files:
        if not file.path.stat().st_size:
            raise Refused(f"{file.name} is empty")
        with readable(file.name, is_parquet=False):
            utf8 = file.path if content_of(file.path) else as_utf8(file.path, temporary)
            forms.append((form_of(utf8, table, file.name), replace(file, path=utf8)))
    _check_equal(files, [set(map(cleaned, form.names)) for form, _ in forms], table)

    def form(pair: tuple[TextForm, InputFile]) -> tuple[str, tuple[str, ...]]:
        return pair[0].delimiter, pair[0].names

    parts = [
        _text_select(group[0][0], [file for _, file in group], table)
        for group in (list(pairs) for _, pairs in groupby(sorted(forms, key=form), form))
    ]
    names = tuple(dict.fromkeys(name for form, _ in forms for name in form.names))
    text = frozenset(table.by_name)
    return Source(sql=" UNION ALL BY NAME ".join(parts), names=names, text=text)


def _text_select(form: TextForm, files: Sequence[InputFile], table: Table) -> str:
    # By position: an unknown column can have any name, even an empty one.
    read = [f"c{n}" for n in range(len(form.names))]
    columns = ", ".join(f"{name}: 'VARCHAR'" for name in read)
    options = (
        f"columns = {{{columns}}}, header = true, delim = '{form.delimiter}', quote = '\"',"
        " escape = '\"', auto_detect = false, hive_partitioning = false, filename = 'backcourt_file'"
    )
    select = ", ".join([*_selected(form.names, read, table), "backcourt_file"])
    return f"SELECT {select} FROM read_csv({_paths(files)}, {options})"


# Columns in the path


def _with_keys(source: Source, files: Sequence[InputFile], table: Table) -> Source:
    """Add the columns that are part of the path; a column that the file has too is compared."""
    keys = [
        k for k in dict.fromkeys(k for file in files for k, _ in file.keys) if k in table.by_name
    ]
    in_file = set(map(cleaned, source.names))
    columns = [f"{_of_path(files, key)} AS {'path_' * (key in in_file)}{key}" for key in keys]
    select = ", ".join(["* EXCLUDE (backcourt_file)", *columns])
    added = tuple(key for key in keys if key not in in_file)
    if not in_file & table.by_name.keys() and not added:
        select = "1 AS nothing"
    return replace(
        source,
        sql=f"SELECT {select} FROM ({source.sql})",
        names=(*source.names, *added),
        text=source.text | set(added),
        in_path=frozenset(f"{'path_' * (key in in_file)}{key}" for key in keys),
    )


def _of_path(files: Sequence[InputFile], key: str) -> str:
    values = {str(file.path): dict(file.keys).get(key) for file in files}
    entries = ", ".join(
        f"{quoted(path)}: {'NULL' if value in (None, HIVE_NULL) else quoted(str(value))}"
        for path, value in values.items()
    )
    return f"(MAP {{{entries}}})[backcourt_file]::VARCHAR"


def _paths(files: Sequence[InputFile]) -> str:
    return "[" + ", ".join(quoted(escape(str(file.path))) for file in files) + "]"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def quoted(path: Path | str) -> str:
    """Return a path as an SQL string."""
    return "'" + str(path).replace("'", "''") + "'"
