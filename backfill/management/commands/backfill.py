"""`manage.py backfill --start D --end D`: run the chain over a range of dates, or over a list of
them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import FAILED, OK, VerbCommand, whole_number
from backfill.cli.date_arguments import add_dates, with_dates
from backfill.cli.launch_arguments import add_keeping, keep
from backfill.cli.run_and_watch import add_where, launch, listed
from backfill.documents.job import plan_document, plan_text
from backfill.errors import Refused
from backfill.jobs.launches import get_preset
from backfill.jobs.start import preview_job, start_job
from backfill.plan.options import MODES, Options, chosen


class Command(VerbCommand):
    """Backfills dates."""

    help = "Run the Phase 4 processors over a range or a list of dates, in the order of their dependencies."

    def add_arguments(self, parser: CommandParser) -> None:
        """The options of a backfill."""
        add_dates(parser)
        parser.add_argument("--processors", metavar="A,B", help="only these, by code or name")
        parser.add_argument(
            "--start-from",
            type=whole_number,
            metavar="N",
            help="from this place in the chain on, 1 to 5",
        )
        parser.add_argument(
            "--mode",
            default=MODES[0],
            metavar="|".join(MODES),
            help="backfill skips the checks of live runs",
        )
        parser.add_argument(
            "--failed",
            action="store_true",
            help="run only what failed, was blocked or cancelled, or is lost",
        )
        parser.add_argument("--force", action="store_true", help="run also what is complete")
        outdated = "run also what another statement made, or what was made from other Phase 3 rows"
        parser.add_argument("--outdated", action="store_true", help=outdated)
        parser.add_argument(
            "--skip-preflight",
            action="store_true",
            help="start on incomplete Phase 3; needs --reason",
        )
        parser.add_argument(
            "--skip-trigger", action="store_true", help="normal mode without telling Phase 5"
        )
        parser.add_argument("--reason", default="", metavar="TEXT", help="why; stored with the job")
        parser.add_argument(
            "--batch-size", type=whole_number, default=0, metavar="N", help="dates per statement"
        )
        parser.add_argument(
            "--parallel",
            type=whole_number,
            default=0,
            metavar="N",
            help="batches in flight at most",
        )
        parser.add_argument("--newest-first", action="store_true", help="begin with the last dates")
        parser.add_argument(
            "--no-canary", action="store_true", help="do not run the first date alone first"
        )
        parser.add_argument(
            "--no-brake",
            action="store_true",
            help="do not pause at the first failure that is a bug",
        )
        parser.add_argument(
            "--max-retries",
            type=whole_number,
            default=20,
            metavar="N",
            help="automatic retries, in all",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="print the plan and what speaks against it; run nothing",
        )
        add_keeping(parser)
        add_where(parser)

    def run(self, **given: Any) -> int:
        """Plan, run or hand over, summarise."""
        options = self._asked(given)
        if given["dry_run"]:
            return self._dry_run(options, verbose=given["verbosity"] > 1)
        if given["save_preset"] is not None or given["at"] or given["replace"]:
            return keep(self, options, given)
        code = launch(
            self,
            lambda actor, inline, tell: start_job(options, actor, inline=inline, tell=tell),
            given,
        )
        return self._nothing_to_do(options) if code is None else code

    def _asked(self, given: dict[str, Any]) -> Options:
        if given["preset"] is None:
            return parsed(given)
        parser = self.create_parser("manage.py", "backfill")
        if more := [
            name for name in OWN if name != "reason" and given[name] != parser.get_default(name)
        ]:
            raise Refused(
                f"a preset has options of its own; leave out --{more[0].replace('_', '-')}, or leave out --preset"
            )
        options = get_preset(given["preset"]).parsed_options
        return replace(options, reason=given["reason"]) if given["reason"] else options

    def _dry_run(self, options: Options, *, verbose: bool) -> int:
        preview = preview_job(options)
        self.emit(plan_document(preview), plan_text(preview, verbose=verbose))
        return OK if preview.would_start else FAILED

    def _nothing_to_do(self, options: Options) -> int:
        text = f"{options.span}: everything is complete already; --force runs it again"
        if options.failed:
            text = f"{options.span}: nothing has failed"
        self.emit({"job": None, "status": "nothing to do"}, text)
        return OK


SAME = (
    "mode",
    "failed",
    "force",
    "skip_preflight",
    "batch_size",
    "reason",
    "parallel",
    "newest_first",
    "max_retries",
    "skip_trigger",
    "outdated",
)
OWN = (
    "start",
    "end",
    "dates",
    "exclude",
    "processors",
    "start_from",
    *SAME,
    "no_canary",
    "no_brake",
)


def parsed(given: dict[str, Any]) -> Options:
    """The options that a command line means. Raises Refused."""
    names = listed(given["processors"], "--processors")
    fields = {name: given[name] for name in SAME} | {
        "canary": not given["no_canary"],
        "brake": not given["no_brake"],
    }
    return with_dates(given, processors=chosen(names, given["start_from"]), **fields)
