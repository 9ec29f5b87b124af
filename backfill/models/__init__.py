"""Jobs, their batches and runs, the events that changed them, and who works: the truth about a backfill."""

from backfill.models.batches import Batch
from backfill.models.events import Event, record_all
from backfill.models.findings import Finding, Judged
from backfill.models.jobs import Job
from backfill.models.limits import Limits
from backfill.models.outbox import Trigger
from backfill.models.runs import Run, RunQuerySet, new_run_id
from backfill.models.workers import Sweep, Worker

__all__ = [
    "Batch",
    "Event",
    "Finding",
    "Job",
    "Judged",
    "Limits",
    "Run",
    "RunQuerySet",
    "Sweep",
    "Trigger",
    "Worker",
    "new_run_id",
    "record_all",
]
