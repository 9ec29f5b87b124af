"""`manage.py run_processor PSZA 2021-11-22`: one processor, one date, here and now."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import CommandParser
from django.utils.timezone import now

from backfill.audit.marking import audit_due
from backfill.cli.base import VerbCommand, iso_date
from backfill.cli.run_and_watch import report
from backfill.errors import Refused
from backfill.execution import heartbeat
from backfill.execution.inline import run_inline
from backfill.jobs.start import start_job
from backfill.models import Worker
from backfill.notify import messages
from backfill.plan.options import MODES, Options
from backfill.processors.registry import processor
from validation.preflight_report import Report


class Command(VerbCommand):
    """Runs one processor for one date."""

    help = "Run one processor for one date in this process, whether it is complete or not."

    def add_arguments(self, parser: CommandParser) -> None:
        """What and when."""
        parser.add_argument(
            "processor", metavar="PROCESSOR", help="TDZA, PSZA, PCF, PDC, ML or the full name"
        )
        parser.add_argument("date", type=iso_date, metavar="DATE", help="YYYY-MM-DD")
        parser.add_argument(
            "--mode",
            default=MODES[0],
            metavar="|".join(MODES),
            help="backfill skips the checks of live runs",
        )
        parser.add_argument(
            "--skip-preflight",
            action="store_true",
            help="run on incomplete Phase 3; needs --reason",
        )
        parser.add_argument(
            "--skip-trigger", action="store_true", help="normal mode without telling Phase 5"
        )
        parser.add_argument("--reason", default="", metavar="TEXT", help="why; stored with the run")

    def run(self, **given: Any) -> int:
        """Run it and say how it ended."""
        code, day, actor = processor(given["processor"]).code, given["date"], getpass.getuser()
        fields = {
            name: given[name] for name in ("mode", "skip_preflight", "skip_trigger", "reason")
        }
        heard: list[Report] = []
        with heartbeat.beating(Worker.Kind.INLINE):
            options = Options(day, day, (code,), force=True, **fields)
            job = start_job(options, actor, triggered_by="manual", inline=True, tell=heard.append)
            if job is None:
                raise Refused(f"there is nothing to run for {code} on {day}")
            run_inline(job, actor)
        audit_due()
        messages.notify(now())
        return report(self, job, heard)
