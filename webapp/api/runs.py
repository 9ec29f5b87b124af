"""Runs: detail and log."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest
from django.utils.timezone import now
from ninja import Router

from backfill.documents.run import log_document, run_document
from backfill.models import Run, StepLog
from backfill.status.run.log import LogFilter

router = Router(tags=["runs"])
Document = dict[str, Any]


def run_of(number: int) -> Run:
    """Return the run with this number. Raises Http404."""
    if run := Run.objects.select_related("job").filter(pk=number).first():
        return run
    raise Http404(f"run {number} does not exist")


@router.get("/runs/{number}", summary="Get a run")
def run(request: HttpRequest, number: int) -> Document:
    """Return a run with its attempts, failures, findings and SQL statement."""
    return run_document(run_of(number), now())


@router.get("/runs/{number}/log", summary="Get the log of a run")
def log(
    request: HttpRequest,
    number: int,
    text: str = "",
    all_dates: bool = False,
    trouble: bool = False,
) -> Document:
    """Return the lines of each attempt, also while it runs: those that contain `text`, with
    `all_dates` also about other dates of the step, with `trouble` only warnings and errors.
    """
    found = run_of(number)
    chosen = LogFilter(text=text, every_date=all_dates, trouble=trouble)
    return log_document(found, StepLog.objects.of(found), chosen)
