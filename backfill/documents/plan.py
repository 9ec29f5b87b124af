"""A plan as a JSON document."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from backfill.documents.preflight import report_document
from backfill.jobs.start import Preview
from backfill.plan.estimate import estimate
from backfill.plan.planning import PlannedAction, PlannedRun
from backfill.plan.signed_plan import signature


def plan_document(preview: Preview) -> dict[str, Any]:
    """Return a plan with exactly the runs that starting it creates."""
    planned = preview.plan
    return {
        "options": planned.options.as_json(),
        "batch_size": planned.batch_size,
        "batches": planned.batches,
        "dates": dict(Counter(day.type for day in planned.days)),
        "counts": {code: dict(n) for code, n in planned.counts().items()},
        "overwrites": preview.overwrites,
        "signature": signature(planned),
        "estimate": asdict(estimate(planned)),
        "preflight": report_document(preview.report),
        "goes_on": preview.goes_on and preview.goes_on.pk,
        "runs": [run_document(r) for r in planned.runs if r.action is not PlannedAction.NONE],
    }


def run_document(run: PlannedRun) -> dict[str, Any]:
    """Return one planned run, of a backfill or of a retry."""
    return {
        "processor": run.processor,
        "date": run.date,
        "action": run.action,
        "reason": run.reason,
        "batch": run.batch,
    }
