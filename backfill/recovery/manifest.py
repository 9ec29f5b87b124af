"""Manifest of a backup: its origin, and the size and digest of each file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from hashlib import file_digest
from pathlib import Path

from backfill.errors import Refused

NAME = "manifest.json"
FORMAT = 1
DATABASE, WAREHOUSE = "database", "warehouse"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Content of a backup. `database` is the vendor; `warehouse` the scheme, empty without files.

    `migrations` are the newest ones of each app; `files` map a path to its size and digest.
    """

    made_at: str
    code_version: str
    database: str
    warehouse: str
    migrations: list[list[str]]
    tables: dict[str, list[str]] = field(default_factory=dict)  # columns, of a dump by table
    files: dict[str, list[object]] = field(default_factory=dict)
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        """Add the manifest to a folder that has all files."""
        (folder / NAME).write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Return the manifest of a backup. Raises Refused."""
        try:
            found = json.loads((folder / NAME).read_text(encoding="utf-8"))
            if found["format"] != FORMAT:
                raise Refused(
                    f"{folder} has format {found['format']}, and this version reads {FORMAT};"
                    " restore it with the version that made it"
                )
            return cls(**found)
        except FileNotFoundError:
            raise Refused(
                f"{folder} is not a backup (it has no {NAME}); use a folder that `backup` made"
            ) from None
        except (ValueError, KeyError, TypeError, NotADirectoryError) as error:
            raise Refused(f"{folder / NAME} cannot be read: {error}") from error

    def verify(self, folder: Path) -> None:
        """Raise Refused if a file is missing or differs."""
        found = files_in(folder)
        wrong = sorted(name for name in self.files if found.get(name) != self.files[name])
        if wrong:
            more = f" and {len(wrong) - 1} more" if wrong[1:] else ""
            raise Refused(
                f"the backup {folder} is damaged: {wrong[0]}{more} missing or changed;"
                " restore another backup"
            )


def files_in(folder: Path) -> dict[str, list[object]]:
    """Return size and digest of each file below a folder, without the manifest."""
    found: dict[str, list[object]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (name := path.relative_to(folder).as_posix()) != NAME:
            with path.open("rb") as file:
                found[name] = [path.stat().st_size, file_digest(file, "sha256").hexdigest()]
    return found
