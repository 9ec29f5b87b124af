"""`manage.py remove_rows --dates LIST`: remove stored rows on dates without games."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import OK, VerbCommand
from backfill.cli.date_arguments import add_dates, with_dates
from backfill.cli.option_arguments import add_options
from backfill.cli.run_and_watch import listed
from backfill.models import Worker
from backfill.plan.date_lists import format_dates
from backfill.plan.options import chosen
from validation.findings.kinds import pluralize


class Command(VerbCommand):
    """Remove the rows of processors on dates that are not processing dates."""

    records_actor = True
    help = "Remove the rows and failures of processors on dates without games, as a job."
    example = "remove_rows --dates 2021-11-25,2021-12-24 --reason 'games were postponed'"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the dates, the processors, the reason and --dry-run."""
        add_dates(parser)
        add_options(parser, ("processors", "reason"))
        parser.add_argument(
            "--dry-run", action="store_true", help="print the rows to remove; remove nothing"
        )

    def run(self, **given: Any) -> int:
        """Remove the rows, or print them, and print their number."""
        from backfill.audit.marking import audit_due
        from backfill.execution import heartbeat
        from backfill.jobs.remove_rows import removable, remove

        processors = chosen(listed(given["processors"], "--processors"))
        options = with_dates(given, processors=processors, reason=given["reason"], canary=False)
        rows = removable(options)
        days, count = {day for _, day in rows}, pluralize(sum(rows.values()), "row")
        document: dict[str, Any] = {
            "job": None,
            "rows": [{"processor": c, "date": str(d), "rows": n} for (c, d), n in rows.items()],
        }
        where = f"{count} of {', '.join(sorted({c for c, _ in rows}))} on {format_dates(days)}"
        if given["dry_run"]:
            self.emit(document, f"{where} would be removed")
            return OK
        with heartbeat.beating(Worker.Kind.INLINE):
            job = remove(options, rows, self.actor)
        audit_due()
        self.emit({**document, "job": job.pk}, f"job {job.pk} ({job.status}): {where} removed")
        return OK
