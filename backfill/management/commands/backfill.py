"""`manage.py backfill --start D --end D`: run the chain over a range of dates."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import CommandParser
from django.utils.timezone import now

from backfill import control, heartbeat
from backfill.errors import Refused
from backfill.inline import run_inline
from backfill.management.base import FAILED, OK, VerbCommand, iso_date, whole_number
from backfill.management.progress import shown, telling, watch
from backfill.management.reports import job_text, plan_document, plan_text
from backfill.models import Job, Run, Worker
from backfill.options import MODES, Options, chosen
from backfill.summary import summarise

NO_WORKER = "no worker is running; start one with bin/up, or add --inline to run it in this process"


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
        parser.add_argument("--skip-trigger", action="store_true", help="normal mode without telling Phase 5")
        parser.add_argument("--reason", default="", metavar="TEXT", help="why; stored with the job")
        parser.add_argument("--batch-size", type=whole_number, default=0, metavar="N", help="dates per statement")
        parser.add_argument("--parallel", type=whole_number, default=0, metavar="N", help="batches in flight at most")
        parser.add_argument("--newest-first", action="store_true", help="begin with the last dates")
        parser.add_argument("--no-canary", action="store_true", help="do not run the first date alone first")
        parser.add_argument("--no-brake", action="store_true", help="do not pause at the first failure that is a bug")
        parser.add_argument("--max-retries", type=whole_number, default=20, metavar="N", help="automatic retries, in all")
        parser.add_argument("--dry-run", action="store_true", help="print the plan and what speaks against it; run nothing")
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--inline", action="store_true", help="run everything in this process, without workers")
        where.add_argument("--wait", action="store_true", help="watch the workers until the job has ended or paused")

    def run(self, **given: Any) -> int:
        """Plan, run or hand over, summarise."""
        options = parsed(given)
        if given["dry_run"]:
            return self._dry_run(options, verbose=given["verbosity"] > 1)
        if given["wait"] and not Worker.alive(now()):
            raise Refused(NO_WORKER)
        if not given["inline"]:
            return self._by_workers(options, wait=given["wait"])
        with heartbeat.beating(Worker.Kind.INLINE):
            return self._inline(options)

    def _dry_run(self, options: Options, *, verbose: bool) -> int:
        preview = control.preview(options)
        self.emit(plan_document(preview), plan_text(preview, verbose=verbose))
        return FAILED if preview.blockers and not options.skip_preflight else OK

    def _inline(self, options: Options) -> int:
        who = getpass.getuser()
        job = control.start(options, who, inline=True)
        if job is None:
            return self._nothing_to_do(options)
        with shown(quiet=self.json) as display:
            run_inline(job, who, telling(display, job.runs.filter(status=Run.Status.PENDING).count()))
        return self.report(job)

    def _by_workers(self, options: Options, *, wait: bool) -> int:
        job = control.start(options, getpass.getuser())
        if job is None:
            return self._nothing_to_do(options)
        if not wait:
            workers = len(Worker.alive(now()))
            text = "" if workers else "; no worker is running, so it waits until bin/up starts one"
            document = {"job": job.pk, "status": job.status, "workers": workers}
            self.emit(document, f"job {job.pk} queued for the workers{text}; `manage.py jobs {job.pk}` shows it")
            return OK
        with shown(quiet=self.json) as display:
            watch(job, display)
        return self.report(job)

    def _nothing_to_do(self, options: Options) -> int:
        text = f"{options.start} to {options.end}: everything is complete already; --force runs it again"
        self.emit({"job": None, "status": "nothing to do"}, text)
        return OK

    def report(self, job: Job) -> int:
        """Say how a job ended."""
        summary = summarise(job)
        self.emit(summary, job_text(summary))
        return OK if job.status == Job.Status.SUCCEEDED else FAILED


def parsed(given: dict[str, Any]) -> Options:
    """The options that a command line means. Raises Refused."""
    named = given["processors"]
    names = [name.strip() for name in (named or "").split(",") if name.strip()]
    if named is not None and not names:
        raise Refused("--processors names none; leave it out to run all")
    same = ("start", "end", "mode", "force", "skip_preflight", "batch_size", "reason", "parallel", "newest_first",
            "max_retries", "skip_trigger")  # fmt: skip
    fields = {name: given[name] for name in same} | {"canary": not given["no_canary"], "brake": not given["no_brake"]}
    return Options(processors=chosen(names, given["start_from"]), **fields)
