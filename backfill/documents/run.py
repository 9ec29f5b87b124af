"""A run and its log as JSON documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from backfill.models import Run, StepLog
from backfill.status.job_outcome import own_runs, verdicts_of
from backfill.status.run import detail as run_detail
from backfill.status.run import log as run_log

Document = dict[str, Any]


def run_document(run: Run, at: datetime) -> Document:
    """Return a run with its attempts, failures, findings and statement."""
    audit = verdicts_of(own_runs(run.job, [run.pk])).get(run.run_id)
    usual, sql, newer = (
        run_detail.usual_duration(run),
        run_detail.statement(run),
        run_detail.newer_run(run),
    )
    return {
        "run": run.pk,
        "run_id": run.run_id,
        "job": run.job_id,
        "processor": run.processor,
        "date": run.date,
        "batch": run.batch,
        "status": run.status,
        "reason": run.reason,
        "error": run.error,
        "error_detail": run.error_detail,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "seconds": run_detail.duration(run),
        "query_seconds": run.query_seconds,
        "write_seconds": run.write_seconds,
        "usual_seconds": usual and usual.seconds,
        "usual_of_runs": usual.runs if usual else 0,
        "worker": run.worker,
        "lost_attempts": run.losses,
        "population": run.population,
        "rows": run.rows,
        "failures": [_failure(f) for f in run_detail.failure_counts(run, audit)],
        "unexpected": audit and audit.outside,
        "waiting": audit and audit.n_waiting,
        "replaced_by": newer and newer.pk,
        "attempts": [_attempt(a, at) for a in run_detail.attempts(run)],
        "findings": [f.pk for f in run_detail.findings_about(run)],
        "checks": run.checks,
        "code_version": run.code_version,
        "sql_hash": run.sql_hash,
        "sql": sql.sql,
        "sql_is_current": sql.is_current,
        "events": [
            {"at": e.at, "actor": e.actor, "action": e.action, "reason": e.reason}
            for e in run.events.order_by("pk")
        ],
    }


def _failure(found: run_detail.FailureCount) -> Document:
    return {
        "category": found.category.name,
        "entities": found.entities,
        "expected": found.expected,
        "bug": found.category.is_bug,
    }


def _attempt(attempt: run_detail.RunAttempt, at: datetime) -> Document:
    return {
        "run": attempt.run.pk,
        "job": attempt.run.job_id,
        "state": attempt.state,
        "worker": attempt.worker,
        "started_at": attempt.started_at,
        "ended_at": attempt.ended_at,
        "step_seconds": attempt.seconds(at),
        "has_log": attempt.log is not None,
    }


def log_document(run: Run, logs: Sequence[StepLog], chosen: run_log.LogFilter) -> Document:
    """Return the log of a run, oldest attempt first."""
    return {
        "run": run.pk,
        "run_id": run.run_id,
        "status": run.status,
        "attempts": [
            {
                "attempt": number,
                "state": run_log.state_of(log, run),
                "worker": log.worker,
                "started_at": log.started_at,
                "ended_at": log.ended_at,
                "is_cut": log.is_cut,
                "lines": [asdict(line) for line in chosen.lines(log, run)],
            }
            for number, log in enumerate(logs, 1)
        ],
    }
