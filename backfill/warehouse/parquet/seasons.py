"""Seasons of the inputs. A load writes a new version, then switches to it in one rename.

    <root>/phase3/season_year=YYYY/current            JSON: the version, its tables
    <root>/phase3/season_year=YYYY/unfinished         JSON: a load that has begun, until its switch
    <root>/phase3/season_year=YYYY/lock               held by the process that loads
    <root>/phase3/season_year=YYYY/<version>/<dataset>/<table>/part.parquet
    <root>/<dataset>/<table>/season_year=YYYY/part.parquet    a season loaded by an older release

A version never changes. The switch removes the old one, so that a reader of its files reads again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from backfill.crash_points import crash_point
from backfill.errors import Refused
from backfill.warehouse.parquet.durable import (
    copy_durably,
    link_or_copy,
    sync_folder,
    write_durably,
)
from backfill.warehouse.parquet.errors import unreadable_input
from backfill.warehouse.parquet.staging import PART
from backfill.warehouse.parquet.unfinished import UnfinishedFile
from backfill.warehouse.port import CHANGED, UnfinishedWrite
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import INPUTS

CURRENT = "current"
SEASON = "season_year="


@dataclass(frozen=True)
class SeasonVersion:
    """Version of a season that readers see; `tables` are the loaded ones."""

    folder: Path
    tables: frozenset[str]

    def path(self, table: Table) -> Path:
        """Return the path of a table's file."""
        return self.folder / table.dataset / table.name / PART


class Seasons:
    """Input files of a warehouse directory."""

    def __init__(self, root: Path) -> None:
        self._root, self._folder = root, root / "phase3"

    # Reading

    def current(self, year: int) -> SeasonVersion | None:
        """Return the current version of a season; None if it is not loaded, or by an older
        release.
        """
        folder = self._folder / f"{SEASON}{year}"
        try:
            found = json.loads((folder / CURRENT).read_text())
            return SeasonVersion(folder / found["version"], frozenset(found["tables"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise unreadable_input(folder / CURRENT) from error

    def file(self, table: Table, year: int) -> Path | None:
        """Return the file of one season of an input, None if it is not loaded. Raises
        UnreadableInput if the file is gone.
        """
        while version := self.current(year):
            if str(table) not in version.tables:
                return None
            if (path := version.path(table)).exists():
                return path
            if self.current(year) == version:
                raise unreadable_input(path)
        old = self._old(table, year) / PART
        return old if old.exists() else None

    def years(self, table: Table) -> set[int]:
        """Return the loaded seasons of an input."""
        old = {int(f.parent.name[len(SEASON) :]) for f in self._old_files(table)}
        versions = {year: self.current(year) for year in self._versioned()}
        return {year for year in old if not versions.get(year)} | {
            year for year, found in versions.items() if found and str(table) in found.tables
        }

    def version(self, year: int) -> str:
        """Return text that changes with every switch; a season of an older release has none."""
        version = self.current(year)
        return version.folder.name if version else ""

    def unfinished(self) -> list[UnfinishedWrite]:
        """Return the loads that have begun and not switched, by season."""
        found = ((year, self._unfinished(year).read()) for year in sorted(self._versioned()))
        return [
            write for year, write in found if write and write.version != (self.version(year) or "-")
        ]

    def _unfinished(self, year: int) -> UnfinishedFile:
        return UnfinishedFile(self._folder / f"{SEASON}{year}")

    # Writing

    def load(
        self,
        year: int,
        files: Mapping[Table, Path],
        write: UnfinishedWrite,
        replaces: str | None = None,
    ) -> None:
        """Switch a season to a version with these files, and the current ones of other inputs.

        Raises Refused while another process loads the season, or if its version is no longer
        `replaces`.
        """
        folder, unfinished = self._folder / f"{SEASON}{year}", self._unfinished(year)
        with unfinished.held(f"another process is loading season {year}; wait until it has ended"):
            if replaces is not None and replaces != self.version(year):
                raise Refused(CHANGED.format(year))
            version = SeasonVersion(folder / uuid4().hex, self._tables(year, files))
            unfinished.write(replace(write, version=version.folder.name))
            crash_point("load-begun")
            try:
                self._fill(version, year, files)
            except Exception:  # reported by the caller; a killed process leaves its record
                shutil.rmtree(version.folder, ignore_errors=True)
                unfinished.remove()
                raise
            crash_point("load-prepared")
            self._switch(folder, version)
            crash_point("load-switched")
            self._remove_others(folder, year)
            unfinished.remove()

    def _tables(self, year: int, files: Mapping[Table, Path]) -> frozenset[str]:
        return frozenset(str(t) for t in INPUTS if t in files or year in self.years(t))

    def _fill(self, version: SeasonVersion, year: int, files: Mapping[Table, Path]) -> None:
        for table in INPUTS:
            if table in files:
                copy_durably(files[table], version.path(table))
                crash_point("load-file")
            elif current := self.file(table, year):
                link_or_copy(current, version.path(table))
        sync_folder(version.folder)

    def _switch(self, folder: Path, version: SeasonVersion) -> None:
        pointer = {"version": version.folder.name, "tables": sorted(version.tables)}
        write_durably(folder / CURRENT, json.dumps(pointer))

    def _remove_others(self, folder: Path, year: int) -> int:
        """Remove every version but the current one; return how many."""
        found = list(self._others(folder, year))
        for other in found:
            shutil.rmtree(other, ignore_errors=True)
        return len(found)

    def _others(self, folder: Path, year: int) -> Iterator[Path]:
        version = self.current(year)
        kept = version.folder if version else None
        yield from (f for f in folder.iterdir() if f.is_dir() and f != kept)
        if version:
            yield from (old for table in INPUTS if (old := self._old(table, year)).exists())

    def sweep(self) -> int:
        """Remove the files of killed loads, and those that a switch left; return how many."""
        removed = 0
        for year in self._versioned():
            folder = self._folder / f"{SEASON}{year}"
            if any(self._others(folder, year)):
                with suppress(Refused), self._unfinished(year).held():
                    removed += self._remove_others(folder, year)
        return removed

    def _versioned(self) -> set[int]:
        return {int(f.name[len(SEASON) :]) for f in self._folder.glob(f"{SEASON}*")}

    def _old(self, table: Table, year: int) -> Path:
        return self._root / table.dataset / table.name / f"{SEASON}{year}"

    def _old_files(self, table: Table) -> Iterator[Path]:
        return (self._root / table.dataset / table.name).glob(f"{SEASON}*/{PART}")
