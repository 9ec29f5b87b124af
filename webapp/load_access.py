"""Rules of loads through the panel and the API: allowed folders, one load at a time."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from django.conf import settings

from backfill.errors import Refused
from backfill.ingest.input_files import ZIP
from backfill.warehouse.parquet.unfinished import UnfinishedFile

MOST_FOLDERS = 200
BUSY = "another load is running; wait until it has ended"


def allowed_folders() -> list[Path]:
    """Return the folders of LOAD_FOLDERS, with the folders and zip archives directly in them."""
    found: list[Path] = []
    for folder in map(Path, settings.LOAD_FOLDERS):
        if folder.is_dir():
            inner = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
            found += [folder, *(p for p in inner if p.is_dir() or p.suffix.lower() == ZIP)]
    return found[:MOST_FOLDERS]


def allowed_folder(text: str) -> Path:
    """Return an allowed folder. Raises Refused for any other."""
    if text not in map(str, allowed_folders()):
        raise Refused(f"{text[:200]!r} is not one of the folders of LOAD_FOLDERS")
    return Path(text)


def is_bigquery() -> bool:
    """Return True if Phase 3 writes its tables to the warehouse itself."""
    return str(settings.WAREHOUSE_URL).startswith("bigquery:")


def check_warehouse() -> None:
    """Raise Refused on BigQuery."""
    if is_bigquery():
        raise Refused(
            "on BigQuery, Phase 3 writes the tables itself; load files with load_phase3 in a shell"
        )


def one_load() -> AbstractContextManager[None]:
    """Hold the lock of loads of this installation. Raises Refused while another one runs."""
    return UnfinishedFile(settings.UPLOADS).held(BUSY)
