"""`manage.py backfill --start D --end D`: run the chain over a range of dates."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import CommandParser

from backfill import control
from backfill.errors import Refused
from backfill.inline import run_inline
from backfill.management.base import FAILED, OK, VerbCommand, iso_date, whole_number
from backfill.management.progress import shown
from backfill.management.reports import job_text, plan_document, plan_text
from backfill.models import Job
from backfill.options import MODES, Options, chosen
from backfill.summary import summarise


class Command(VerbCommand):
    """Backfills a range."""

    help = "Run the Phase 4 processors over a range of dates, in the order of their dependencies."

    def add_arguments(self, parser: CommandParser) -> None:
        """The options of a backfill."""
        parser.add_argument("--start", type=iso_date, required=True, metavar="D", help="first date, YYYY-MM-DD")
        parser.add_argument("--end", type=iso_date, required=True, metavar="D", help="last date, included")
        parser.add_argument("--processors", metavar="A,B", help="only these, by code or name")
        parser.add_argument("--start-from", type=whole_number, metavar="N", help="from this place in the chain on, 1 to 5")
        parser.add_argument("--mode", default=MODES[0], metavar="|".join(MODES), help="backfill skips the checks of live runs")
        parser.add_argument("--force", action="store_true", help="run also what is complete")
        parser.add_argument("--skip-preflight", action="store_true", help="start on incomplete Phase 3; needs --reason")
        parser.add_argument("--reason", default="", metavar="TEXT", help="why; stored with the job")
        parser.add_argument("--batch-size", type=whole_number, default=0, metavar="N", help="dates per statement")
        parser.add_argument("--dry-run", action="store_true", help="print the plan and what speaks against it; run nothing")
        parser.add_argument("--inline", action="store_true", help="run everything in this process")
        parser.add_argument("--wait", action="store_true", help="watch the workers until the job has ended")

    def run(self, **given: Any) -> int:
        """Plan, run, summarise."""
        options = parsed(given)
        if given["dry_run"]:
            return self._dry_run(options, verbose=given["verbosity"] > 1)
        if not given["inline"]:
            raise Refused("no worker is running; add --inline to run it in this process")
        who = getpass.getuser()
        job = control.start(options, who)
        if job is None:
            self.emit(
                {"job": None, "status": "nothing to do"},
                f"{options.start} to {options.end}: everything is complete already; --force runs it again",
            )
            return OK
        return self._run_inline(job, who)

    def _dry_run(self, options: Options, *, verbose: bool) -> int:
        preview = control.preview(options)
        self.emit(plan_document(preview), plan_text(preview, verbose=verbose))
        return FAILED if preview.blockers and not options.skip_preflight else OK

    def _run_inline(self, job: Job, who: str) -> int:
        with shown(job.runs.filter(status="pending").count(), quiet=self.json) as progress:
            run_inline(job, who, progress)
        summary = summarise(job)
        self.emit(summary, job_text(summary))
        return OK if job.status == Job.Status.SUCCEEDED else FAILED


def parsed(given: dict[str, Any]) -> Options:
    """The options that a command line means. Raises Refused."""
    named = given["processors"]
    names = [name.strip() for name in (named or "").split(",") if name.strip()]
    if named is not None and not names:
        raise Refused("--processors names none; leave it out to run all")
    fields = {name: given[name] for name in ("start", "end", "mode", "force", "skip_preflight", "batch_size", "reason")}
    return Options(processors=chosen(names, given["start_from"]), **fields)
