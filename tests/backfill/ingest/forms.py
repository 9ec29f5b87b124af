"""Forms of a table's file, written from the rows of a valid folder."""

from __future__ import annotations

import csv
import gzip
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import duckdb
import openpyxl

from backfill.warehouse.schema import Table
from backfill.warehouse.tables import PGS, SCHED
from tests.factories import file_of

Form = Callable[[Path], object]


def content(folder: Path, table: Table) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the columns and rows of a table's Parquet file, and remove the file."""
    file = file_of(folder, table)
    with duckdb.connect() as db:
        found = db.execute(f"FROM '{file}'")
        names, rows = [column[0] for column in found.description or ()], found.fetchall()
    file.unlink()
    return names, rows


def text(
    table: Table = PGS,
    *,
    delimiter: str = ",",
    name: str = "{}.csv",
    head: Callable[[str], str] = str,
    encoding: str = "utf-8",
    is_gzip: bool = False,
    newline: str = "\n",
) -> Form:
    """Write a table as delimited text."""

    def write(folder: Path) -> None:
        names, rows = content(folder, table)
        lines = _lines([tuple(map(head, names)), *rows], delimiter, newline)
        file = folder / table.dataset / name.format(table.name)
        data = lines.encode(encoding)
        file.write_bytes(gzip.compress(data) if is_gzip else data)

    return write


def _lines(rows: Iterable[tuple[Any, ...]], delimiter: str, newline: str) -> str:
    class Lines(list[str]):
        write = list.append

    lines = Lines()
    csv.writer(lines, delimiter=delimiter, lineterminator=newline).writerows(rows)
    return "".join(lines)


def split(
    name: Callable[[int, dict[str, Any]], str], *, without: str = "", ending: str = ""
) -> Form:
    """Write each row of the player games to a file of its own, without a column in its path."""

    def write(folder: Path) -> None:
        names, rows = content(folder, PGS)
        for n, row in enumerate(rows):
            values = dict(zip(names, row, strict=True))
            file = folder / PGS.dataset / name(n, values)
            file.parent.mkdir(parents=True, exist_ok=True)
            kept = {c: v for c, v in values.items() if c != without}
            if file.suffix == ".csv":
                file.write_text(_lines([tuple(kept), tuple(kept.values())], ",", "\n"))
            else:
                _write_parquet(file, kept)
        if ending:
            (folder / PGS.dataset / ending).touch()

    return write


def _write_parquet(file: Path, values: dict[str, Any]) -> None:
    with duckdb.connect() as db:
        select = ", ".join(
            f"$p{n}::{PGS.by_name[c].duckdb_type} AS {c}" for n, c in enumerate(values)
        )
        found = {f"p{n}": value for n, value in enumerate(values.values())}
        db.execute(f"CREATE TABLE t AS SELECT {select}", found)
        db.execute(f"COPY t TO '{file}' (FORMAT parquet)")


def workbook(tables: Iterable[Table], name: str, sheet: str = "{}", extra: str = "") -> Form:
    """Write tables as the sheets of one workbook, with numbers for game_id as Excel has them."""

    def write(folder: Path) -> None:
        book = openpyxl.Workbook()
        book.remove(book.active)
        for table in tables:
            names, rows = content(folder, table)
            page = book.create_sheet(sheet.format(table.name))
            page.append(names)
            for row in rows:
                values = dict(zip(names, row, strict=True)) | {
                    "game_id": int(row[names.index("game_id")])
                }
                page.append(list(values.values()))
        if extra:
            book.create_sheet(extra)
        book.save(folder / name)

    return write


def zipped(folder: Path, top: str = "") -> Path:
    """Zip a folder, with a folder on top."""
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for file in folder.rglob("*.*"):
            made.write(file, f"{top}{file.relative_to(folder)}")
    return archive


READ: dict[str, Form] = {
    "semicolons": text(delimiter=";"),
    "tabs in a tsv": text(delimiter="\t", name="{}.tsv"),
    "pipes in a txt": text(delimiter="|", name="{}.TXT"),
    "semicolons in quoted commas": text(SCHED, delimiter=";"),
    "upper-case header": text(head=str.upper),
    "spaced header": text(head=lambda name: f" {name.replace('_', ' ').title()} "),
    "byte order mark": text(encoding="utf-8-sig"),
    "utf-16": text(encoding="utf-16"),
    "utf-16 without mark": text(encoding="utf-16-le"),
    "carriage returns": text(newline="\r"),
    "windows lines": text(newline="\r\n", delimiter=";"),
    "csv.gz": text(name="{}.csv.gz", is_gzip=True),
    "CSV.GZ with tabs": text(name="{}.CSV.GZ", is_gzip=True, delimiter="\t"),
    "tsv.gz in utf-16": text(name="{}.tsv.gz", is_gzip=True, delimiter="\t", encoding="utf-16"),
    "PARQUET": lambda f: file_of(f, PGS).rename(f / PGS.dataset / f"{PGS.name}.PARQUET"),
    "Parquet in another case": lambda f: file_of(f, PGS).rename(f / f"{PGS.name.upper()}.Parquet"),
    "dataset in the name": lambda f: file_of(f, SCHED).rename(f / f"{SCHED}.parquet"),
    "parquet.gz": lambda f: _gzip(file_of(f, PGS)),
    "shards of BigQuery": split(lambda n, _: f"{PGS.name}-{n:012}.parquet"),
    "shards without a dash": split(lambda n, _: f"{PGS.name}{n:012}.csv"),
    "shards of Spark": split(lambda n, _: f"{PGS.name}/part-{n:05}-of-00004.parquet"),
    "a folder": split(lambda n, _: f"{PGS.name}/{n}.parquet", ending=f"{PGS.name}/_SUCCESS"),
    "a folder of csv": split(lambda n, _: f"{PGS.name.upper()}/{n}.csv"),
    "hive dates": split(
        lambda n, row: f"{PGS.name}/game_date={row['game_date']}/{n}.parquet", without="game_date"
    ),
    "hive dates, kept in the files": split(
        lambda n, row: f"{PGS.name}/game_date={row['game_date']}/{n}.parquet"
    ),
    "hive numbers of csv": split(
        lambda n, row: f"{PGS.name}/season_year=2021/{row['team_abbr']}/{n}.csv", without="season_year"
    ),
    "a workbook per table": workbook([PGS], f"nba_analytics/{PGS.name}.xlsx", sheet="Sheet1"),
    "a workbook of sheets": workbook([PGS, SCHED], "Season 2021.xlsx", extra="Notes"),
    "a named sheet of several": workbook([PGS], f"{PGS.name}.XLSX", extra="Notes"),
}  # fmt: skip


def _gzip(file: Path) -> None:
    file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    file.unlink()
