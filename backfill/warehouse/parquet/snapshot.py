"""Snapshot of a warehouse directory while other processes write: a second name for each file.

Files are replaced by a rename and never changed, so a link keeps what the snapshot saw. Tokens and
locks (`.fences`) are left out: they belong to the processes of one installation. So are versions
(`.versions`): a snapshot is one itself.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from backfill.errors import WarehouseBusy
from backfill.warehouse.parquet.paths import RESTORING
from backfill.warehouse.parquet.seasons import CURRENT
from backfill.warehouse.parquet.staging import PART, Staging

SEASONS = "phase3"
LEFT_OUT = {".staging", ".fences", ".versions", SEASONS}
TRIES = 20


@contextmanager
def snapshot(root: Path) -> Iterator[Path]:
    """Yield a folder with the files of this moment. It is removed with its process."""
    with Staging(root).folder() as folder:
        for season in sorted((root / SEASONS).glob("*")):
            _link_season(season, folder / SEASONS / season.name)
        _link_others(root, folder)
        yield folder


def is_filled(root: Path) -> bool:
    """Return True if the directory has files of a warehouse, or of anything else."""
    return any(_others(root)) or any((root / SEASONS).glob("*"))


def install(source: Path, root: Path) -> None:
    """Replace the content of a warehouse directory by that of a snapshot's copy.

    The mark RESTORING stays, also of a killed process: the caller removes it.
    """
    root.mkdir(parents=True, exist_ok=True)
    (root / RESTORING).touch()
    for old in root.iterdir():
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        elif old.name != RESTORING:
            old.unlink()
    if source.exists():
        shutil.copytree(source, root, dirs_exist_ok=True)


def _link_season(season: Path, to: Path) -> None:
    """Link the version that readers see; again if a load switches in between."""
    for _ in range(TRIES):
        with suppress(FileNotFoundError):
            current = (season / CURRENT).read_bytes()
            version = season / json.loads(current)["version"]
            shutil.copytree(version, to / version.name, copy_function=_link)
            if (season / CURRENT).read_bytes() == current:
                (to / CURRENT).write_bytes(current)
                return
        shutil.rmtree(to, ignore_errors=True)
        if not (season / CURRENT).exists():
            return  # no load has ended yet
    raise WarehouseBusy(f"{season} is loaded again and again; back up when no load runs")


def _link_others(root: Path, to: Path) -> None:
    for file in _others(root):
        with suppress(FileNotFoundError):  # a damaged file that was set aside meanwhile
            target = to / file.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            (_link if file.name == PART else shutil.copyfile)(str(file), str(target))


def _others(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        if Path(folder) == root:
            folders[:] = [name for name in folders if name not in LEFT_OUT]
        yield from (Path(folder) / name for name in files if name != RESTORING)


def _link(source: str, to: str) -> None:
    try:
        os.link(source, to)
    except FileNotFoundError:
        raise
    except OSError:  # a file system without links
        shutil.copyfile(source, to)
