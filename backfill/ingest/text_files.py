"""Text files with a header: encoding, delimiter and column names."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from backfill.errors import Refused
from backfill.warehouse.schema import Table

DELIMITERS = (",", ";", "\t", "|")
HEADER_BYTES = 2**16
UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
# First bytes of other formats, which a file can have under a wrong name.
CONTENTS = {
    b"PAR1": "Parquet",
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\x1f\x8b": "gzip",
    b"ORC": "ORC",
    b"Obj\x01": "Avro",
    b"\xd0\xcf\x11\xe0": "an Excel workbook of an old version (.xls)",
    b"SQLite format 3": "SQLite",
    b"{": "JSON",
    b"[": "JSON",
    b"<": "HTML or XML",
}


@dataclass(frozen=True, kw_only=True)
class TextForm:
    """Form of a text file: its delimiter and its column names as written."""

    delimiter: str
    names: tuple[str, ...]


def cleaned(name: str) -> str:
    """Return a column name in the spelling of the schema: lower case, underscores for spaces."""
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def content_of(file: Path) -> str:
    """Return the format of a file by its first bytes; empty for text."""
    with file.open("rb") as opened:
        head = opened.read(16).removeprefix(codecs.BOM_UTF8).lstrip()
    return next((kind for magic, kind in CONTENTS.items() if head.startswith(magic)), "")


def as_utf8(file: Path, folder: Path) -> Path:
    """Return the file, or its copy in UTF-8 if it is in UTF-16. Raises UnicodeError."""
    with file.open("rb") as opened:
        head = opened.read(HEADER_BYTES)
    encoding = next((UTF16[bom] for bom in UTF16 if head.startswith(bom)), "")
    if not encoding and b"\0" in head:  # UTF-16 without its mark; UTF-8 has no zero bytes
        encoding = "utf-16-be" if head[:1] == b"\0" else "utf-16-le"
    if not encoding:
        return file
    made = folder / f"{file.name}.utf8"
    with (
        file.open(encoding=encoding, newline="") as text,
        made.open("w", encoding="utf-8", newline="") as copy,
    ):
        while part := text.read(2**20):
            copy.write(part.removeprefix("\ufeff"))
    return made


def form_of(file: Path, table: Table, name: str) -> TextForm:
    """Return the form of a text file in UTF-8, the one with the most columns of the table.

    Raises Refused, UnicodeError or csv.Error.
    """
    if kind := content_of(file):
        raise Refused(f"{name} is {kind}, not text with a header; correct its name or its content")
    with file.open("rb") as opened:
        head = opened.read(HEADER_BYTES).removeprefix(codecs.BOM_UTF8)
    line = re.split(rb"[\r\n]", head, maxsplit=1)[0]
    if not line.strip():
        raise Refused(f"{name} is empty")
    # A header that names only other columns shows its delimiter by their number.
    text = line.decode()
    forms = [_split(text, delimiter) for delimiter in DELIMITERS]
    form = max(forms, key=lambda f: (len(_known(f.names, table)), len(f.names)))
    if twice := [n for n, count in Counter(_known(form.names, table)).items() if count > 1]:
        raise Refused(f"{name} has the column {twice[0]} twice")
    return form


def _split(header: str, delimiter: str) -> TextForm:
    # One quoted name can hold a line break; the file is then read by its first line, and refused.
    names = next(csv.reader([header], delimiter=delimiter), [])
    return TextForm(delimiter=delimiter, names=tuple(names))


def _known(names: tuple[str, ...], table: Table) -> list[str]:
    return [name for name in map(cleaned, names) if name in table.by_name]
