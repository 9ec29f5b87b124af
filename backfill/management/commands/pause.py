"""`manage.py pause JOB`: let running steps finish and start no others."""

from __future__ import annotations

from typing import Any

from backfill.cli.base import OK
from backfill.cli.job_command import JobCommand
from backfill.jobs.lifecycle import pause_job
from backfill.models import Job


class Command(JobCommand):
    """Pause a job."""

    help = "Pause a job: running steps finish, no others start. `resume` continues it."

    def run(self, **given: Any) -> int:
        """Pause the job and print its state."""
        job = pause_job(self.job(given), self.actor, given["reason"])
        text = "paused" if job.status == Job.Status.PAUSED else "pauses after its running steps"
        self.emit({"job": job.pk, "status": job.status}, f"job {job.pk} {text}")
        return OK
