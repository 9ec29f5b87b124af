"""`manage.py run_processor PSZA 2021-11-22`: run one processor for one date in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser
from django.utils.timezone import now

from backfill.cli.base import VerbCommand, iso_date
from backfill.cli.option_arguments import add_options
from backfill.errors import Refused
from backfill.models import Worker
from backfill.plan.options import Options
from backfill.processors.registry import CHAIN, processor

if TYPE_CHECKING:
    from backfill.jobs.start import Preview

OFFERED = ("mode", "skip_preflight", "skip_trigger", "reason")


class Command(VerbCommand):
    """Run one processor for one date."""

    records_actor = True
    help = "Run one processor for one date in this process, even if it is complete."
    example = "run_processor PSZA 2021-11-22"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the processor, the date and the options."""
        parser.add_argument(
            "processor", metavar="PROCESSOR", help=f"{', '.join(CHAIN)}, or a full name"
        )
        parser.add_argument("date", type=iso_date, metavar="DATE", help="date, YYYY-MM-DD")
        add_options(parser, OFFERED)

    def run(self, **given: Any) -> int:
        """Run it and print the result. Its arguments name the one run that it overwrites."""
        from backfill.audit.marking import audit_due
        from backfill.cli.run_and_watch import report
        from backfill.execution import heartbeat
        from backfill.execution.inline import run_inline
        from backfill.jobs.start import start_job
        from backfill.notify import messages

        code, day, actor = processor(given["processor"]).code, given["date"], self.actor
        fields = {name: given[name] for name in OFFERED}
        heard: list[Preview] = []
        with heartbeat.beating(Worker.Kind.INLINE):
            options = Options(start=day, end=day, processors=(code,), force=True, **fields)
            job = start_job(
                options, actor, triggered_by="manual", inline=True, confirm=heard.append
            )
            if job is None:
                raise Refused(f"{code} has nothing to run on {day}")
            run_inline(job, actor)
        audit_due()
        messages.notify(now())
        return report(self, job, heard)
