"""`manage.py resume JOB`: resume a paused or cancelled job."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.timezone import now

from backfill.cli.base import OK, add_flag
from backfill.cli.job_command import JobCommand
from backfill.jobs.lifecycle import resume_job
from backfill.jobs.resumption import resumption
from backfill.models import Run, Worker
from validation.findings.kinds import pluralize


class Command(JobCommand):
    """Resume a job."""

    help = "Resume a paused or cancelled job: the workers run its remaining runs."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --no-pause-on-error."""
        super().add_arguments(parser)
        add_flag(
            parser,
            "--no-pause-on-error",
            "--no-brake",
            dest="no_brake",
            action="store_true",
            help="do not pause again at a bug",
        )

    def run(self, **given: Any) -> int:
        """Resume the job and print the number of runs left."""
        before = self.job(given)
        effect = resumption(before)
        job = resume_job(
            before, self.actor, given["reason"], brake=False if given["no_brake"] else None
        )
        left = job.runs.filter(status__in=Run.ACTIVE).count()
        text = "" if Worker.alive(now()) else "; no worker is running: start one with bin/up"
        self.emit(
            {"job": job.pk, "status": job.status, "left": left, "complete": effect.complete},
            f"job {job.pk} resumed with {pluralize(left, 'run')}{effect.skipped_text}{text}",
        )
        return OK
