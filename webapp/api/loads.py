"""Loads of Phase 3 files from an allowed folder of the server."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from typing import Any

from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from backfill.errors import Refused
from backfill.ingest.load import Loaded, load
from backfill.ingest.load_checks import documents
from backfill.ingest.load_history import record_load
from backfill.ingest.selection import LoadSelection
from backfill.ingest.stale_runs import LoadPreview, StaleRuns, preview, stale_runs
from webapp.api.auth import actor, operators
from webapp.api.body import Day
from webapp.api.schemas import Strict
from webapp.load_access import allowed_folder, check_warehouse, one_load

router = Router(tags=["loads"])
Document = dict[str, Any]
log = logging.getLogger(__name__)


class LoadIn(Strict):
    """Folder of LOAD_FOLDERS, and the tables and dates to replace."""

    folder: str = Field(max_length=1000, description="folder or zip archive of LOAD_FOLDERS")
    tables: list[str] = Field([], description="all if empty")
    start: Day | None = Field(None, description="first date; whole seasons if empty")
    end: Day | None = Field(None, description="last date; the first one if empty")
    rows: bool = Field(False, description="replace only the rows whose key is in the input")

    @property
    def selection(self) -> LoadSelection:
        return LoadSelection.of(",".join(self.tables), self.start, self.end, rows=self.rows)


@router.post("/loads/preview", auth=operators("load"), summary="Preview a load")
def preview_load(request: HttpRequest, given: LoadIn) -> Document:
    """Return the errors, the findings, the notes and the stale runs that a load would have; load nothing."""
    check_warehouse()
    found = preview(allowed_folder(given.folder), given.selection)
    return as_document(found, found.stale)


@router.post("/loads", auth=operators("load"), summary="Load Phase 3 files")
def start_load(request: HttpRequest, given: LoadIn) -> Document:
    """Replace the seasons of a folder, or the selected part of them. With any error, nothing is
    loaded.
    """
    check_warehouse()
    path = allowed_folder(given.folder)
    with one_load():
        try:
            loaded = load(path, given.selection)
        except Refused as refused:
            raise Refused("; ".join(str(refused).splitlines())) from None
    record_load(loaded.seasons, actor(request), given.selection)
    log.info("%s loaded %s from %s", actor(request), loaded.seasons, path)
    return as_document(loaded, stale_runs(loaded.seasons))


def as_document(found: Loaded | LoadPreview, stale: StaleRuns) -> Document:
    return {
        **asdict(replace(found, findings=())),
        "findings": documents(found.findings),
        "stale": {"runs": len(stale.reasons), "dates": stale.dates, "command": stale.command},
    }
