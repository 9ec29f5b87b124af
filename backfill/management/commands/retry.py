"""`manage.py retry JOB`: run again what of a job failed and can be healed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import FAILED, OK, VerbCommand, iso_date, whole_number
from backfill.cli.job_command import found
from backfill.cli.run_and_watch import add_where, codes, launch, listed
from backfill.documents.retry import retry_document, retry_text
from backfill.jobs.retry import preview_retry, retry_job
from backfill.models import Job
from backfill.plan.retry_selection import Selection, parse_weeks


class Command(VerbCommand):
    """Retries a job."""

    help = "Run again what of a job failed and can be healed now, and what follows it in the chain, under the job's options."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which job, which of its failures, and where it runs."""
        parser.add_argument("job", type=whole_number, metavar="JOB", help="a job's number")
        parser.add_argument(
            "--processors", metavar="A,B", help="only what failed of these, by code or name"
        )
        parser.add_argument(
            "--category",
            metavar="C,..",
            help="only these categories, error classes, blocked or cancelled",
        )
        parser.add_argument(
            "--group",
            metavar="G,..",
            help="only these error groups; `manage.py jobs JOB` lists them",
        )
        parser.add_argument("--start", type=iso_date, metavar="D", help="not before this date")
        parser.add_argument("--end", type=iso_date, metavar="D", help="not after this date")
        parser.add_argument(
            "--week", type=parse_weeks, default=(), metavar="N|N-M", help="only these season weeks"
        )
        parser.add_argument(
            "--include-expected", action="store_true", help="also what no retry heals"
        )
        parser.add_argument(
            "--override", action="store_true", help="also what only a fix heals; needs --reason"
        )
        parser.add_argument("--reason", default="", metavar="TEXT", help="why; stored with the job")
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="print what would run and what is left out; run nothing",
        )
        add_where(parser)

    def run(self, **given: Any) -> int:
        """Preview, or retry here or by the workers."""
        job, selection = found(given["job"]), selected(given)
        if given["dry_run"]:
            return self._dry_run(job, selection)
        reason = given["reason"]
        code = launch(
            self,
            lambda actor, inline, tell: retry_job(
                job, selection, actor, reason, inline=inline, tell=tell
            ),
            given,
        )
        return OK if code is None else code

    def _dry_run(self, job: Job, selection: Selection) -> int:
        preview = preview_retry(job, selection)
        self.emit(retry_document(preview), retry_text(preview))
        return OK if preview.would_start else FAILED


def selected(given: dict[str, Any]) -> Selection:
    """The selection that a command line means. Raises Refused."""
    return Selection(
        processors=codes(listed(given["processors"], "--processors")),
        categories=tuple(listed(given["category"], "--category")),
        groups=tuple(listed(given["group"], "--group")),
        weeks=given["week"],
        **{name: given[name] for name in ("start", "end", "include_expected", "override")},
    )
