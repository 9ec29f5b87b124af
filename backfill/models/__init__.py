"""Database state of backfills: jobs, batches, runs, events, audit results, findings, workers."""

from backfill.models.audit import AuditResult
from backfill.models.batch import Batch
from backfill.models.event import AUTOMATIC, SYSTEM, Event, EventCause, EventKind
from backfill.models.finding import Finding, SeasonAudit
from backfill.models.job import Job
from backfill.models.launch import Launch
from backfill.models.limits import Limits
from backfill.models.measure import Measure
from backfill.models.outbox import Notice, Trigger
from backfill.models.run import (
    LONG_AGO,
    Key,
    RefusedBy,
    Run,
    RunQuerySet,
    SkipReason,
    is_refused_for_upstream,
    new_run_id,
    record_transitions,
)
from backfill.models.step_log import StepLog
from backfill.models.transitions import transition
from backfill.models.worker import Sweep, Worker

__all__ = [
    "AUTOMATIC",
    "LONG_AGO",
    "SYSTEM",
    "AuditResult",
    "Batch",
    "Event",
    "EventCause",
    "EventKind",
    "Finding",
    "Job",
    "Key",
    "Launch",
    "Limits",
    "Measure",
    "Notice",
    "RefusedBy",
    "Run",
    "RunQuerySet",
    "SeasonAudit",
    "SkipReason",
    "StepLog",
    "Sweep",
    "Trigger",
    "Worker",
    "is_refused_for_upstream",
    "new_run_id",
    "record_transitions",
    "transition",
]
