"""Versions: list them, restore one, and undo a job."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import Field

from backfill.documents.versions import undo_document, version_document
from backfill.jobs.confirmation import check_overwrites
from backfill.jobs.undo import Undo, preview_restore, preview_undo, start_undo
from backfill.models import Job
from backfill.plan.cells import parse_cells
from backfill.processors.registry import CHAIN, processor
from backfill.versions.history import versions_of
from webapp.api.auth import actor, operators
from webapp.api.body import Day
from webapp.api.jobs import job_of
from webapp.api.schemas import ReasonIn, Strict

router = Router(tags=["versions"])
Document = dict[str, Any]
OVERWRITES = "number of runs to restore, as the preview counts them; refused if it differs"


class UndoPreviewIn(Strict):
    """Runs of a job; all of them without `cells`."""

    cells: str = Field("", description="only these cells: PSZA,PDC 2021-11-01..2021-11-05")


class UndoIn(UndoPreviewIn, ReasonIn):
    """Undo with its confirmation."""

    overwrites: int | None = Field(None, description=OVERWRITES)


class RestoreIn(ReasonIn):
    """Version to restore, by the ID of its run or its token."""

    processor: str = Field(description="processor by code or name")
    date: Day = Field(description="date, YYYY-MM-DD")
    version: str = Field(description="ID of the run that made it, or its token")
    overwrites: int | None = Field(None, description=OVERWRITES)


@router.get("/versions", summary="List the versions of a date")
def versions(request: HttpRequest, day: Day, code: str = "") -> Document:
    """Return the live partition and the versions of each processor, or of one, newest first."""
    codes = (processor(code).code,) if code else tuple(CHAIN)
    return {"date": day, "versions": [version_document(one) for one in versions_of(day, codes)]}


@router.post("/jobs/{number}/undo/preview", summary="Preview an undo")
def preview(request: HttpRequest, number: int, given: UndoPreviewIn) -> Document:
    """Return the versions that an undo restores, and the runs that stay, each with its reason."""
    found = preview_undo(job_of(number), parse_cells(given.cells))
    return {**undo_document(found), "overwrites": found.to_confirm}


@router.post(
    "/jobs/{number}/undo", auth=operators("undo"), response={201: dict}, summary="Undo a job"
)
def undo(request: HttpRequest, number: int, given: UndoIn) -> Status[Document]:
    """Restore the partitions that a job replaced, as a job."""
    found = preview_undo(job_of(number), parse_cells(given.cells))
    return _started(start_undo(_checked(found, given.overwrites), actor(request), given.reason))


@router.post(
    "/versions/restore",
    auth=operators("undo"),
    response={201: dict},
    summary="Restore a version",
)
def restore(request: HttpRequest, given: RestoreIn) -> Status[Document]:
    """Make one version of a (processor, date) live again, as a job."""
    found = preview_restore(given.date, processor(given.processor).code, given.version)
    return _started(start_undo(_checked(found, given.overwrites), actor(request), given.reason))


def _checked(found: Undo, number: int | None) -> Undo:
    if number is not None:
        check_overwrites(found, number, 'send "overwrites": {} to confirm')
    return found


def _started(job: Job) -> Status[Document]:
    undo_of = job.undo_of_id
    return Status(201, {"job": job.pk, "status": job.status, "undo_of": undo_of})
