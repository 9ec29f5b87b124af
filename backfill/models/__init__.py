"""Jobs, their batches and runs, the events that changed them, what is judged of them, who works: the truth about a backfill."""

from backfill.models.batches import Batch
from backfill.models.events import Event, record_all
from backfill.models.findings import Finding, Judged
from backfill.models.jobs import Job
from backfill.models.launches import Launch
from backfill.models.limits import Limits
from backfill.models.outbox import Notice, Trigger
from backfill.models.runs import Run, RunQuerySet, new_run_id
from backfill.models.verdicts import Verdict
from backfill.models.workers import Sweep, Worker

__all__ = [
    "Batch",
    "Event",
    "Finding",
    "Job",
    "Judged",
    "Launch",
    "Limits",
    "Notice",
    "Run",
    "RunQuerySet",
    "Sweep",
    "Trigger",
    "Verdict",
    "Worker",
    "new_run_id",
    "record_all",
]
