"""`manage.py cancel JOB`: drop what has not started."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import OK
from backfill.cli.job_command import JobCommand
from backfill.jobs.lifecycle import Cancelled, cancel_job, dropped_and_finishing


class Command(JobCommand):
    """Cancels a job."""

    help = "Cancel a job: what has not started is dropped, what runs finishes, or is stopped by --force."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which job, and how hard."""
        super().add_arguments(parser)
        parser.add_argument(
            "--force", action="store_true", help="drop also what runs: it will record nothing"
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="only say what would be dropped and what would finish",
        )

    def run(self, **given: Any) -> int:
        """Cancel it and say what that did."""
        job = self.job(given)
        if given["dry_run"]:  # noqa: SIM108 - two lines read better
            counts = dropped_and_finishing(job)
        else:
            counts = cancel_job(job, self.actor, given["reason"], force=given["force"])
        job.refresh_from_db()
        self.emit(
            {"job": job.pk, "status": job.status, **asdict(counts)},
            f"job {job.pk} ({job.status}): {_text(counts)}",
        )
        return OK


def _text(counts: Cancelled) -> str:
    stopped = f", {counts.stopped} stopped by force" if counts.stopped else ""
    return f"{counts.dropped} queued runs dropped, {counts.finishing} running ones finish{stopped}"
