"""`manage.py retry JOB`: run the failures of a job again that a retry can fix."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import FAILED, OK, VerbCommand, whole_number
from backfill.cli.confirm import add_overwrites
from backfill.cli.job_command import found
from backfill.cli.option_arguments import add_options
from backfill.cli.run_and_watch import add_where, codes, launch, listed
from backfill.jobs.retry_selection import Selection, parse_weeks
from backfill.models import Job


class Command(VerbCommand):
    """Retry a job."""

    records_actor = True
    help = (
        "Retry the failed runs of a job that a retry can fix, and the runs that depend on them,"
        " with the options of the job."
    )
    example = "retry 7 --category MISSING_DEPENDENCY --dry-run"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the job, the filters of its failures, --inline and --wait."""
        parser.add_argument("job", type=whole_number, metavar="JOB", help="job number")
        add_options(
            parser, ["processors"], processors="only failures of these processors, by code or name"
        )
        parser.add_argument(
            "--category",
            metavar="C,..",
            help="only these failure categories or error classes, or `blocked` or `cancelled`",
        )
        parser.add_argument(
            "--group",
            metavar="G,..",
            help="only these error groups, from `manage.py jobs JOB`",
        )
        add_options(
            parser,
            ("start", "end"),
            start="first date",
            end="last date, included",
        )
        parser.add_argument(
            "--week", type=parse_weeks, default=(), metavar="N|N-M", help="only these season weeks"
        )
        add_options(parser, ["cells"], cells="only these cells: PSZA,PDC 2021-11-01..2021-11-05")
        parser.add_argument(
            "--include-expected",
            action="store_true",
            help="include expected failures, which a retry does not fix",
        )
        parser.add_argument(
            "--override",
            action="store_true",
            help="include failures that need a fix first; needs --reason",
        )
        add_options(parser, ["reason"])
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="print the runs to retry and the excluded failures; run nothing",
        )
        add_overwrites(parser)
        add_where(parser)

    def run(self, **given: Any) -> int:
        """Preview the retry, or start it."""
        from backfill.jobs.retry import retry_job

        job, selection = found(given["job"]), selected(given)
        if given["dry_run"]:
            return self._dry_run(job, selection)
        reason = given["reason"]
        code = launch(
            self,
            lambda actor, inline, confirm: retry_job(
                job, selection, actor, reason, inline=inline, confirm=confirm
            ),
            given,
        )
        return OK if code is None else code

    def _dry_run(self, job: Job, selection: Selection) -> int:
        from backfill.cli.plan_text import retry_text
        from backfill.documents.retry import retry_document
        from backfill.jobs.retry import preview_retry

        preview = preview_retry(job, selection)
        self.emit(retry_document(preview), retry_text(preview))
        return OK if preview.would_start else FAILED


def selected(given: dict[str, Any]) -> Selection:
    """Return the selection of a command line. Raises Refused."""
    return Selection(
        processors=codes(listed(given["processors"], "--processors")),
        categories=tuple(listed(given["category"], "--category")),
        groups=tuple(listed(given["group"], "--group")),
        weeks=given["week"],
        cells=given["cells"],
        **{name: given[name] for name in ("start", "end", "include_expected", "override")},
    )
