"""`manage.py jobs [JOB]`: list the latest jobs, or show one job."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.db.models import Count
from django.utils.timezone import now

from backfill.cli.base import FAILED, OK, VerbCommand, whole_number
from backfill.cli.job_command import found
from backfill.cli.tables import table
from backfill.errors import Refused
from backfill.models import Job, Run

MOST = 1000


class Command(VerbCommand):
    """List jobs or show one job."""

    help = "List the latest jobs, or show one job with its figures, failures and next actions."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the job and --limit."""
        parser.add_argument("id", nargs="?", type=whole_number, metavar="JOB", help="job number")
        parser.add_argument(
            "--limit",
            type=whole_number,
            default=20,
            metavar="N",
            help="number of rows; 20 by default",
        )

    def run(self, **given: Any) -> int:
        """Show a job or list jobs; exit 1 for a failed job."""
        if not 1 <= given["limit"] <= MOST:
            raise Refused(f"--limit must be 1 to {MOST}, not {given['limit']}")
        if given["id"] is None:
            rows = _lines(list(Job.objects.order_by("-pk")[: given["limit"]]))
            self.emit(
                {"jobs": rows},
                table(rows)
                if rows
                else "no jobs yet; `manage.py backfill --start D --end D` starts one",
            )
            return OK
        from backfill.cli.job_text import job_text
        from backfill.cli.progress_bar import progress_text
        from backfill.status.job_summary import summarize
        from backfill.status.progress import progress

        job = found(given["id"])
        summary = summarize(job)
        if job.status in Job.ENDED:
            self.emit(summary, job_text(summary))
        else:
            state = progress(job, now())
            self.emit(
                {**summary, "progress": state.as_json()},
                f"{job_text(summary)}\n{progress_text(state)}",
            )
        return FAILED if job.status == Job.Status.FAILED else OK


def _lines(jobs: list[Job]) -> list[dict[str, Any]]:
    counted: dict[int, list[str]] = {job.pk: [] for job in jobs}
    runs = (
        Run.objects.filter(job__in=jobs)
        .values_list("job", "status")
        .annotate(n=Count("pk"))
        .order_by("status")
    )
    for job, status, n in runs:
        counted[job].append(f"{n} {status}")
    return [_line(job, ", ".join(counted[job.pk])) for job in jobs]


def _line(job: Job, runs: str) -> dict[str, Any]:
    options = job.parsed_options
    return {
        "job": str(job.pk),
        "status": job.status,
        "start": str(options.start),
        "end": str(options.end),
        "processors": ",".join(options.processors),
        "runs": runs,
        "triggered by": job.actor,
        "created": job.created_at.isoformat(sep=" ", timespec="seconds"),
    }
