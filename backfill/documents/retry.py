"""A retry as a JSON document."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from backfill.documents.plan import run_document
from backfill.documents.preflight import report_document
from backfill.jobs.retry import LeftOut, RetryPlan


def retry_document(found: RetryPlan) -> dict[str, Any]:
    """Return the runs that a retry includes and leaves out."""
    planned = found.plan
    return {
        "retry_of": found.job,
        "options": planned.options.as_json(),
        "batch_size": planned.batch_size,
        "batches": planned.batches,
        "overwrites": found.overwrites,
        "preflight": report_document(found.report),
        "runs": [run_document(r) for r in planned.todo],
        "left_out": [_left_out_document(out) for out in found.left_out],
    }


def _left_out_document(out: LeftOut) -> dict[str, Any]:
    return {name: value for name, value in asdict(out).items() if name != "because"}
