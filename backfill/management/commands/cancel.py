"""`manage.py cancel JOB`: drop queued runs and let running ones finish."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import OK
from backfill.cli.job_command import JobCommand
from backfill.jobs.lifecycle import Cancelled, cancel_job, dropped_and_finishing


class Command(JobCommand):
    """Cancel a job."""

    help = "Cancel a job: drop queued runs and let running ones finish, or stop them with --force."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --force and --dry-run."""
        super().add_arguments(parser)
        parser.add_argument(
            "--force", action="store_true", help="stop running runs too; they record nothing"
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="print how many runs would be dropped and how many would finish; cancel nothing",
        )

    def run(self, **given: Any) -> int:
        """Cancel the job and print the number of runs dropped, finishing and stopped."""
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
    stopped = f", {counts.stopped} force cancelled" if counts.stopped else ""
    dropped = f"{counts.dropped} queued run{'s' * (counts.dropped != 1)} dropped"
    return f"{dropped}, {counts.finishing} running to finish{stopped}{counts.warehouse_text}"
