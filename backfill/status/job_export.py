"""Job export: a row per run, and one document with everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import F

from backfill.models import Job, Run
from backfill.status.job_outcome import own_runs, verdicts_of
from backfill.status.job_summary import summarize
from backfill.status.latest_runs import AuditSummary
from validation.categories import BY_NAME

COLUMNS = (
    "job",
    "processor",
    "date",
    "state",
    "why",
    "error",
    "population",
    "rows",
    *BY_NAME,
    "failed",
    "expected",
    "unexplained",
    "query_seconds",
    "write_seconds",
    "run_id",
    "code_version",
    "sql_hash",
    "worker",
    "started_at",
    "finished_at",
)
ROWS_AT_ONCE = 500


def rows(job: Job) -> Iterator[dict[str, Any]]:
    """Yield one dict per run of the job by date; `expected` and `unexplained` are None until the
    run is audited.
    """
    audits = verdicts_of(own_runs(job))
    for run in job.runs.order_by("date", "pk").in_chunks(ROWS_AT_ONCE):
        yield _row(run, audits)


def _row(run: Run, audits: Mapping[str, AuditSummary]) -> dict[str, Any]:
    audit = audits.get(run.run_id)
    return {
        "job": run.job_id,
        "processor": run.processor,
        "date": run.date,
        "state": run.status,
        "why": run.reason,
        "error": run.error,
        "population": run.population,
        "rows": run.rows,
        **{name: run.failures.get(name, 0) for name in BY_NAME},
        "failed": sum(run.failures.values()),
        "expected": audit and audit.failed,
        "unexplained": audit and audit.unexplained,
        "query_seconds": run.query_seconds,
        "write_seconds": run.write_seconds,
        "run_id": run.run_id,
        "code_version": run.code_version,
        "sql_hash": run.sql_hash,
        "worker": run.worker,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    }


def document(job: Job) -> dict[str, Any]:
    """Return a job as one document: summary, every run, every event. Raises WarehouseError."""
    events = job.events.order_by("pk").values(
        "pk", "run", "at", who=F("actor"), what=F("action"), why=F("reason")
    )
    return {**summarize(job), "runs": list(rows(job)), "events": list(events)}
