"""Files of Phase 3 tables, found in a folder, in a zip archive, or as a single file.

A table is `[<dataset>/]<table><suffix>`, shards `<table>-000000000000<suffix>`, or a folder of
files `<table>/`, also with `<column>=<value>/` below it. Names can be in any letter case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from urllib.parse import unquote

from backfill.errors import Refused
from backfill.ingest import archives, spreadsheets
from backfill.ingest.archives import MOST_FILES
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import INPUTS

PARQUET, TEXT, WORKBOOK, ZIP = (".parquet", ".pq"), (".csv", ".tsv", ".txt"), ".xlsx", ".zip"
SUPPORTED = (
    "a Parquet file (.parquet), a text file (.csv, .tsv, .txt) with the delimiter , ; | or tab,"
    " each also as .gz, an Excel workbook (.xlsx), shards or a folder of these, or a zip of all"
)
NAMES = (
    "; name each file like its table, for example player_game_summary.csv, or select one table"
    " to load a single file of any name"
)
SHARD = re.compile(r"[-_.]?(\d{12}|\d{5}-of-\d{5})$")
CODEC = re.compile(r"(\.(snappy|zstd|gz|gzip|lz4|brotli))+$")
PARTITION = re.compile(r"([A-Za-z_]\w*)=(.*)")
MOST_NAMES = 5


@dataclass(frozen=True, kw_only=True)
class InputFile:
    """File of a table. `name` is its path for messages; `keys` are the columns in its path."""

    path: Path
    name: str
    keys: tuple[tuple[str, str], ...] = ()
    sheet: str = ""

    @property
    def suffix(self) -> str:
        return _parts(self.path.name)[1]


@dataclass(kw_only=True)
class _Form:
    """One form of a table, such as its folder or its shards."""

    name: str
    files: list[InputFile] = field(default_factory=list)
    shards: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class InputFolder:
    """Files of an input path by table. `others` are names that belong to no table, `unnamed` the
    supported files among them.
    """

    path: Path
    forms: dict[Table, dict[str, _Form]] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    unnamed: list[InputFile] = field(default_factory=list)

    def name_only_file(self, tables: Sequence[Table]) -> None:
        """Use the only file for the only selected table, whatever its name is."""
        if len(tables) == len(self.unnamed) == 1 and not self.forms:
            (file,) = self.unnamed
            self.forms[tables[0]] = {file.name: _Form(name=file.name, files=[file])}

    def files(self, table: Table) -> list[InputFile]:
        """Return the files of a table. Raises Refused for several forms or a missing shard."""
        forms = list(self.forms.get(table, {}).values())
        if len(forms) > 1:
            names = " and ".join(form.name for form in forms[:MOST_NAMES])
            raise Refused(f"{names} are both there; keep one of them")
        (form,) = forms
        if not form.files:
            raise Refused(f"{form.name} has no supported file; supported: {SUPPORTED}")
        if missing := _missing_shard(form.shards):
            raise Refused(f"shard {missing} of {form.name} is missing")
        return form.files

    def missing(self, tables: Iterable[Table]) -> str:
        """Return one sentence that names the tables without a file; empty if there is none."""
        names = [str(table) for table in tables if table not in self.forms]
        if not names:
            return ""
        found = listed(self.others) or "nothing else"
        return (
            f"{listed(names, most=len(INPUTS))}: no file in {self.path}; found: {found};"
            f" supported for a table: {SUPPORTED}"
            f"{NAMES if self.unnamed else ''}"
        )


def find(path: Path, temporary: Path) -> InputFolder:
    """Find the files of every table; archives are unpacked to a temporary folder. Raises Refused."""
    found = InputFolder(path=path)
    try:
        if path.is_file():
            _add_single(found, path, temporary)
        else:
            _add_folder(found, path, "", temporary)
    except OSError as error:
        raise Refused(f"cannot read the folder {path} ({error.strerror})") from error
    return found


def listed(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def _add_single(found: InputFolder, path: Path, temporary: Path) -> None:
    if path.suffix.lower() == ZIP:
        _add_zip(found, path, "", temporary)
    else:
        _add_file(found, path, "")


def _add_folder(found: InputFolder, folder: Path, place: str, temporary: Path | None) -> None:
    """Add the tables directly in a folder and in its folders of the datasets."""
    datasets, zips = {table.dataset for table in INPUTS}, []
    for path in _entries(folder):
        if path.is_dir() and path.name.lower() in datasets:
            for inner in _entries(path):
                _add(found, inner, place)
        elif path.suffix.lower() == ZIP:
            zips.append(path)
        else:
            _add(found, path, place)
    # Nothing in an archive is an archive.
    is_needed = [path for path in zips if not found.forms or table_of(_parts(path.name)[0])]
    for path in is_needed if temporary else zips:
        if temporary:
            _add_zip(found, path, place, temporary)
        else:
            found.others.append(f"{place}{path.name}")


def _add_zip(found: InputFolder, archive: Path, place: str, temporary: Path) -> None:
    name = f"{place}{archive.name}"
    folder = temporary / f"zip{len(list(temporary.iterdir()))}"
    folder.mkdir()
    archives.unpack(archive, folder, name)
    # A folder is usually zipped with its own name on top.
    while len(inner := _entries(folder)) == 1 and inner[0].is_dir() and not _is_known(inner[0]):
        folder = inner[0]
    _add_folder(found, folder, "", None)


def _is_known(folder: Path) -> bool:
    return bool(table_of(folder.name)) or folder.name.lower() in {t.dataset for t in INPUTS}


def _add(found: InputFolder, path: Path, place: str) -> None:
    if not path.is_dir():
        _add_file(found, path, place)
    elif table := table_of(path.name):
        name = f"{place}{path.name}/"
        form = found.forms.setdefault(table, {}).setdefault(name, _Form(name=name))
        for file, keys in _below(path, ()):
            if _is_supported(file) and file.is_file():
                form.files.append(
                    InputFile(path=file, name=f"{name}{file.relative_to(path)}", keys=keys)
                )
                form.shards += SHARD.findall(_parts(file.name)[0])
            else:
                found.others.append(f"{name}{file.relative_to(path)}")
    else:
        found.others.append(f"{place}{path.name}/")


def _add_file(found: InputFolder, path: Path, place: str) -> None:
    stem, suffix = _parts(path.name)
    name, table = f"{place}{path.name}", table_of(SHARD.sub("", stem))
    if not _is_supported(path) or not path.is_file():
        found.others.append(name)
    elif table:
        shard = SHARD.search(stem)
        is_shard = shard and not table_of(stem)
        title = f"{place}{SHARD.sub('', stem)}-*{suffix}" if is_shard else name
        form = found.forms.setdefault(table, {}).setdefault(title, _Form(name=title))
        form.files.append(InputFile(path=path, name=name))
        form.shards += [shard[1]] if shard and is_shard else []
    elif suffix == WORKBOOK:
        _add_sheets(found, path, name)
    else:
        found.others.append(name)
        found.unnamed.append(InputFile(path=path, name=name))


def _add_sheets(found: InputFolder, workbook: Path, name: str) -> None:
    """Add the sheets of a workbook that are named like tables."""
    sheets = spreadsheets.sheet_names(workbook, name)
    if not any(map(table_of, sheets)):
        found.unnamed.append(InputFile(path=workbook, name=name))
    for sheet in sheets:
        title = f"{name}, sheet {sheet}"
        if table := table_of(sheet):
            file = InputFile(path=workbook, name=title, sheet=sheet)
            found.forms.setdefault(table, {})[title] = _Form(name=title, files=[file])
        else:
            found.others.append(title)


def _below(
    folder: Path, keys: tuple[tuple[str, str], ...]
) -> Iterator[tuple[Path, tuple[tuple[str, str], ...]]]:
    """Yield the files below a table's folder, each with the columns in its path."""
    for n, path in enumerate(_entries(folder)):
        if n > MOST_FILES:
            raise Refused(f"{folder.name} has more than {MOST_FILES:,} files")
        if not path.is_dir():
            yield path, keys
        elif key := PARTITION.fullmatch(path.name):
            yield from _below(path, (*keys, (key[1].lower(), unquote(key[2]))))
        else:
            yield from _below(path, keys)


def _entries(folder: Path) -> list[Path]:
    """Return what a folder contains, without hidden files and the marks of Spark."""
    return sorted(p for p in folder.iterdir() if not p.name.startswith((".", "_")))


def table_of(stem: str) -> Table | None:
    """Return the table of a name such as `player_game_summary` or `nba_analytics.…`, else None."""
    name = CODEC.sub("", stem.strip().lower())
    return next((t for t in INPUTS if name in (t.name, str(t))), None)


def _parts(name: str) -> tuple[str, str]:
    """Return the stem and the suffix of a name, the suffix in lower case and without `.gz`."""
    stem = re.sub(r"\.gz$", "", name, flags=re.IGNORECASE)
    stem, dot, suffix = stem.rpartition(".")
    return (stem, f".{suffix.lower()}") if dot else (suffix, "")


def _is_supported(path: Path) -> bool:
    return _parts(path.name)[1] in (*PARQUET, *TEXT, WORKBOOK)


def is_gzip(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _missing_shard(shards: Sequence[str]) -> str:
    """Return the number of a missing shard of BigQuery or Spark; empty if there is none."""
    numbers = {int(shard[:12] if len(shard) == 12 else shard[:5]) for shard in shards}
    of = [int(shard[-5:]) for shard in shards if len(shard) != 12]
    wanted = range(max(chain((n + 1 for n in numbers), of), default=0))
    missing = next((n for n in wanted if n not in numbers), None)
    width = 12 if not of else 5
    return "" if missing is None else f"{missing:0{width}}"
