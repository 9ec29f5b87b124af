"""`manage.py pause JOB`: let the running steps finish and start no other."""

from __future__ import annotations

from typing import Any

from backfill.cli.base import OK
from backfill.cli.job_command import JobCommand
from backfill.jobs.lifecycle import pause_job
from backfill.models import Job


class Command(JobCommand):
    """Pauses a job."""

    help = "Pause a job: the steps that run finish, no other starts; `resume` goes on."

    def run(self, **given: Any) -> int:
        """Pause it and say whether it has stopped already."""
        job = pause_job(self.job(given), self.actor, given["reason"])
        text = (
            "has paused"
            if job.status == Job.Status.PAUSED
            else "pauses when its running steps have ended"
        )
        self.emit({"job": job.pk, "status": job.status}, f"job {job.pk} {text}")
        return OK
