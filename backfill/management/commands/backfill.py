"""`manage.py backfill --start D --end D`: backfill a range or a list of dates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import FAILED, OK, VerbCommand, whole_number
from backfill.cli.confirm import add_overwrites
from backfill.cli.date_arguments import add_dates, with_dates
from backfill.cli.launch_arguments import add_keeping, keep
from backfill.cli.option_arguments import PLAIN, add_options
from backfill.cli.run_and_watch import add_where, launch, listed
from backfill.errors import Refused
from backfill.plan.option_fields import flag_of
from backfill.plan.options import FIELDS, Options, chosen


class Command(VerbCommand):
    """Backfill dates."""

    records_actor = True
    help = (
        "Backfill a range or a list of dates: run the Phase 4 processors in dependency order."
        " Complete runs are skipped."
    )
    example = "backfill --start 2021-11-01 --end 2021-11-30 --wait"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options of a backfill."""
        add_dates(parser)
        add_options(parser, ["processors"])
        parser.add_argument(
            "--start-from",
            type=whole_number,
            metavar="N",
            help="start from processor N of the chain; 1 is the first",
        )
        add_options(parser, PLAIN)
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="print the plan and its blockers; run nothing",
        )
        add_overwrites(parser)
        add_keeping(parser)
        add_where(parser)

    def run(self, **given: Any) -> int:
        """Start the backfill, save or schedule it, or print its plan."""
        from backfill.jobs.start import start_job

        options = self._options(given)
        if given["dry_run"]:
            return self._dry_run(options, verbose=given["verbosity"] > 1)
        if given["save_preset"] is not None or given["at"] or given["replace"]:
            return keep(self, options, given)
        code = launch(
            self,
            lambda actor, inline, confirm: start_job(
                options, actor, inline=inline, confirm=confirm
            ),
            given,
        )
        return self._nothing_to_do(options) if code is None else code

    def _options(self, given: dict[str, Any]) -> Options:
        from backfill.jobs.launches import get_preset

        if given["preset"] is None:
            return parsed(given)
        parser = self.create_parser("manage.py", "backfill")
        if more := [n for n in OWN if n != "reason" and given[n] != parser.get_default(n)]:
            raise Refused(f"a preset sets its own options; remove {_flag(more[0])} or --preset")
        options = get_preset(given["preset"]).parsed_options
        return replace(options, reason=given["reason"]) if given["reason"] else options

    def _dry_run(self, options: Options, *, verbose: bool) -> int:
        from backfill.cli.plan_text import plan_text
        from backfill.documents.plan import plan_document
        from backfill.jobs.start import preview_job

        preview = preview_job(options)
        self.emit(plan_document(preview), plan_text(preview, verbose=verbose))
        return OK if preview.would_start else FAILED

    def _nothing_to_do(self, options: Options) -> int:
        from backfill.plan.rerun_policy import stale_keys

        stale = {} if options.outdated else stale_keys(options)
        text = f"{options.span}: everything is complete; --force runs it again"
        if options.failed:
            text = f"{options.span}: no failed runs"
        if stale:
            runs = "1 run is stale" if len(stale) == 1 else f"{len(stale):,} runs are stale"
            text += f"; {runs}: --stale reruns {'it' if len(stale) == 1 else 'them'}"
        self.emit({"job": None, "status": "nothing to do", "stale": len(stale)}, text)
        return OK


OWN = (*FIELDS, "exclude", "start_from")


def _flag(name: str) -> str:
    return flag_of(FIELDS[name]) if name in FIELDS else f"--{name.replace('_', '-')}"


def parsed(given: dict[str, Any]) -> Options:
    """Return the options of a command line. Raises Refused."""
    names = listed(given["processors"], "--processors")
    fields = {name: given[name] for name in PLAIN}
    return with_dates(given, processors=chosen(names, given["start_from"]), **fields)
