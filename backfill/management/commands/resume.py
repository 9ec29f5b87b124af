"""`manage.py resume JOB`: go on with a paused or cancelled job."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.timezone import now

from backfill.cli.base import OK
from backfill.cli.job_command import JobCommand
from backfill.jobs.lifecycle import resume_job
from backfill.models import Run, Worker


class Command(JobCommand):
    """Resumes a job."""

    help = "Go on with what is left of a paused or cancelled job, by the workers."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which job, and whether a bug pauses it again."""
        super().add_arguments(parser)
        parser.add_argument(
            "--no-brake", action="store_true", help="do not pause again at a failure that is a bug"
        )

    def run(self, **given: Any) -> int:
        """Resume it and say how much is left."""
        job = resume_job(
            self.job(given), self.actor, given["reason"], brake=False if given["no_brake"] else None
        )
        left = job.runs.filter(status__in=Run.ACTIVE).count()
        text = (
            ""
            if Worker.alive(now())
            else "; no worker is running, so it waits until bin/up starts one"
        )
        self.emit(
            {"job": job.pk, "status": job.status, "left": left},
            f"job {job.pk} goes on with {left} runs{text}",
        )
        return OK
