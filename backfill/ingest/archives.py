"""Compressed files: zip archives and gzip files, unpacked within limits to a temporary folder."""

from __future__ import annotations

import gzip
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from backfill.errors import Refused

# A season is some 30 MB as text, in less than 2,000 files.
MOST_BYTES = 2 * 2**30
MOST_BYTES_OF_A_WORKBOOK = 2**29  # it is read into memory
MOST_FILES = 50_000
CHUNK_BYTES = 2**20


def unpack(archive: Path, folder: Path, name: str) -> None:
    """Write the files of a zip archive to a folder. Raises Refused, naming the archive `name`."""
    with _opened(archive, name) as opened:
        left = MOST_BYTES
        for member in checked(opened, name):
            file = folder / _path(member)
            file.parent.mkdir(parents=True, exist_ok=True)
            with opened.open(member) as packed, file.open("wb") as made:
                left = _copy(packed, made, left, name)


def check_workbook(file: Path, name: str) -> None:
    """Raise Refused if a workbook, which is a zip archive, is damaged, encrypted or too large."""
    with _opened(file, name, "an Excel workbook (.xlsx) without a password") as opened:
        if sum(member.file_size for member in checked(opened, name)) > MOST_BYTES_OF_A_WORKBOOK:
            raise Refused(f"{name} is too large for a workbook; save each sheet as a text file")


def checked(archive: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    """Return the files of an archive that can be unpacked safely. Raises Refused."""
    members = [
        m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")
    ]
    if any(member.flag_bits & 1 for member in members):
        raise Refused(f"{name} is encrypted; zip the files without a password")
    paths = [member.filename for member in members]
    for member in members:
        path = _path(member)
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
            raise Refused(f"{name} has the path {member.filename!r} outside its own folder")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise Refused(f"{name} has the link {member.filename!r}; zip the file itself")
    if len(set(paths)) < len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise Refused(f"{name} has the file {twice!r} twice; keep one of them")
    if len(members) > MOST_FILES:
        raise Refused(f"{name} has {len(members):,} files; at most {MOST_FILES:,} are read")
    if sum(member.file_size for member in members) > MOST_BYTES:
        raise _too_large(name)
    return members


def _path(member: zipfile.ZipInfo) -> PurePosixPath:
    """Return the path of a member; some programs write it with backslashes."""
    return PurePosixPath(member.filename.replace("\\", "/"))


@contextmanager
def _opened(archive: Path, name: str, kind: str = "a zip archive") -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(archive) as opened:
            yield opened
    except NotImplementedError as error:
        raise Refused(f"{name} uses an unknown compression; zip it with deflate") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise Refused(f"{name} is cut short or not {kind}") from error


def gunzip(file: Path, made: Path, name: str) -> None:
    """Write the content of a gzip file. Raises Refused, naming the file `name`."""
    try:
        with gzip.open(file) as packed, made.open("wb") as unpacked:
            _copy(packed, unpacked, MOST_BYTES, name)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise Refused(f"{name} is cut short or not gzip") from error


def _copy(packed: IO[bytes] | gzip.GzipFile, made: IO[bytes], left: int, name: str) -> int:
    """Copy a stream, at most `left` bytes; return the bytes left. A declared size is no limit."""
    while chunk := packed.read(CHUNK_BYTES):
        left -= len(chunk)
        if left < 0:
            raise _too_large(name)
        made.write(chunk)
    return left


def _too_large(name: str) -> Refused:
    return Refused(f"{name} unpacks to more than {MOST_BYTES // 2**30} GB; load it in parts")
