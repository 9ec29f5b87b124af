"""Logs of steps: one row per attempt at a step, which the runs of its dates share."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models

from backfill.elapsed import seconds_between
from backfill.models.run import Run


class StepLogQuerySet(models.QuerySet["StepLog"]):
    def of(self, run: Run) -> list[StepLog]:
        """Return the logs of all attempts at a run, oldest first."""
        step = self.filter(job=run.job_id, batch=run.batch, processor=run.processor)
        return [log for log in step.order_by("started_at", "pk") if str(run.date) in log.dates]


class StepLog(models.Model):
    """Log of one attempt. `text` is in the form of `backfill.telemetry.log_lines`: a line begins with time
    and level; `[DATE]` follows if it is about one date; continued lines are indented.

    Deleted with its job, and after RUN_LOG_DAYS.
    """

    job = models.ForeignKey("Job", models.CASCADE, related_name="step_logs")
    processor = models.CharField(max_length=8)
    batch = models.IntegerField()
    claim = models.CharField(max_length=32, unique=True)  # of the attempt
    worker = models.CharField(max_length=200)
    # State of each date's run after the attempt; empty while it runs.
    dates = models.JSONField(default=dict)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)  # None while it runs, and if its process died
    result = models.TextField(blank=True)
    text = models.TextField(blank=True)
    is_cut = models.BooleanField(default=False)  # lines beyond RUN_LOG_MAX_KB were dropped

    objects = StepLogQuerySet.as_manager()

    RESULT: ClassVar = ["dates", "ended_at", "result", "text", "is_cut"]

    class Meta:
        indexes = (models.Index(fields=["job", "batch", "processor"]),)

    def __str__(self) -> str:
        return f"log of {self.processor} of batch {self.batch} of job {self.job_id}"

    def keep(self) -> None:
        """Insert or update the row, in one statement."""
        StepLog.objects.bulk_create(
            [self], update_conflicts=True, unique_fields=["claim"], update_fields=self.RESULT
        )

    def keep_unfinished(self) -> None:
        """Insert the row, or update its text unless the attempt has ended meanwhile."""
        rows = StepLog.objects.filter(claim=self.claim, ended_at=None)
        if not rows.update(text=self.text, is_cut=self.is_cut):
            StepLog.objects.bulk_create([self], ignore_conflicts=True)

    def seconds(self, at: datetime) -> float:
        """Return the duration until `at`, or until the end."""
        return seconds_between(self.started_at, self.ended_at or at)
