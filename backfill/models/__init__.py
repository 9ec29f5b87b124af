"""Jobs, their batches and runs, the events that changed them, what is judged of them, who works: the truth about a backfill."""

from backfill.models.batches import Batch
from backfill.models.events import AUTOMATIC, Event, EventCause, EventKind
from backfill.models.findings import Finding, Judged
from backfill.models.jobs import Job
from backfill.models.launches import Launch
from backfill.models.limits import Limits
from backfill.models.outbox import Notice, Trigger
from backfill.models.runs import RefusedBy, Run, RunQuerySet, SkipReason, is_refused_for_upstream, new_run_id
from backfill.models.transitions import record_transitions, transition
from backfill.models.verdicts import Verdict
from backfill.models.workers import Sweep, Worker

__all__ = [
    "AUTOMATIC",
    "Batch",
    "Event",
    "EventCause",
    "EventKind",
    "Finding",
    "Job",
    "Judged",
    "Launch",
    "Limits",
    "Notice",
    "RefusedBy",
    "Run",
    "RunQuerySet",
    "SkipReason",
    "Sweep",
    "Trigger",
    "Verdict",
    "Worker",
    "is_refused_for_upstream",
    "new_run_id",
    "record_transitions",
    "transition",
]
