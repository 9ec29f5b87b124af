"""`manage.py jobs [ID]`: the newest jobs, or one of them in full."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from django.core.management.base import CommandParser

from backfill.errors import Refused
from backfill.management.base import FAILED, OK, VerbCommand, whole_number
from backfill.management.reports import job_text
from backfill.management.text import table
from backfill.models import Job
from backfill.summary import summarise

MOST = 1000


class Command(VerbCommand):
    """Lists jobs."""

    help = "List the newest jobs, or show one with its figures, problems and what to look at next."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which job."""
        parser.add_argument("id", nargs="?", type=whole_number, metavar="ID", help="a job's number")
        parser.add_argument("--limit", type=whole_number, default=20, metavar="N", help="how many to list")

    def run(self, **given: Any) -> int:
        """Show one or list many; showing a failed job exits 1."""
        if not 1 <= given["limit"] <= MOST:
            raise Refused(f"--limit takes 1 to {MOST}, not {given['limit']}")
        if given["id"] is None:
            rows = [_line(job) for job in Job.objects.order_by("-pk")[: given["limit"]].prefetch_related("runs")]
            self.emit({"jobs": rows}, table(rows) if rows else "no jobs yet; `manage.py backfill --start D --end D` starts one")
            return OK
        job = Job.objects.filter(pk=min(max(given["id"], 0), sys.maxsize)).first()
        if job is None:
            raise Refused(f"there is no job {given['id']}; `manage.py jobs` lists them")
        summary = summarise(job)
        self.emit(summary, job_text(summary))
        return FAILED if job.status == Job.Status.FAILED else OK


def _line(job: Job) -> dict[str, Any]:
    options, counts = job.parsed_options, Counter(run.status for run in job.runs.all())
    return {
        "job": str(job.pk),
        "status": job.status,
        "start": str(options.start),
        "end": str(options.end),
        "processors": ",".join(options.processors),
        "runs": ", ".join(f"{n} {status}" for status, n in counts.items()),
        "who": job.who,
        "created": job.created_at.isoformat(sep=" ", timespec="seconds"),
    }
