"""`manage.py triage [--start D] [--end D]`: audit seasons and list the findings."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import FAILED, OK, VerbCommand, iso_date
from backfill.cli.finding_text import headline, lines, roots_lines
from backfill.documents.finding import as_list, roots
from backfill.errors import Refused
from backfill.status.latest_runs import waiting_failures
from validation.cascade import merge


class Command(VerbCommand):
    """Audit seasons and list the findings."""

    help = (
        "Audit the loaded seasons and list open findings, most severe first. Exits 1 if a"
        " finding needs attention."
    )
    example = "triage --start 2021-11-01 --end 2021-11-30"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --start, --end and --all."""
        parser.add_argument(
            "--start",
            type=iso_date,
            metavar="D",
            help="only findings on or after this date",
        )
        parser.add_argument(
            "--end",
            type=iso_date,
            metavar="D",
            help="only findings on or before this date",
        )
        parser.add_argument(
            "--all", action="store_true", help="include informational, marked and closed findings"
        )

    def run(self, **given: Any) -> int:
        """Audit the seasons of the range and list the findings."""
        from backfill.audit.marking import listed, needs_attention, run_audit

        start, end = given["start"], given["end"]
        if start and end and end < start:
            raise Refused(f"--end {end} is before --start {start}; swap them")
        audits = run_audit(start, end)
        if not audits:
            raise Refused(
                "no season of this range is loaded; load one with `manage.py load_phase3 DIR`"
            )
        findings = listed(start, end, everything=given["all"])
        shown = [f for f in findings if given["all"] or f.severity]
        cascade = merge(
            audit.cascade(day)
            for audit in audits
            for day in audit.dates
            if _is_within(day, start, end)
        )
        within = [
            c for a in audits for (_, day), c in a.compared.items() if _is_within(day, start, end)
        ]
        counts = {
            "unexplained": sum(len(c.unexplained.keys() | c.lost.keys()) for c in within),
            "judged": len(within),
            "waiting": waiting_failures(
                [audit.year for audit in audits], start or date.min, end or date.max
            ),
        }
        document = {
            "findings": as_list(findings),
            **counts,
            "seasons": [audit.year for audit in audits],
            "roots": roots(cascade),
        }
        self.emit(
            document,
            "\n".join(
                [headline(len(audits), counts, findings), *roots_lines(cascade), *lines(shown)]
            ),
        )
        return FAILED if needs_attention(findings) else OK


def _is_within(day: date, start: date | None, end: date | None) -> bool:
    return (start is None or start <= day) and (end is None or day <= end)
