"""`manage.py triage [--start D] [--end D]`: what there is to look at, worst first."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.management.base import CommandParser

from backfill.audit.marking import listed, needs_attention, run_audit
from backfill.cli.base import FAILED, OK, VerbCommand, iso_date
from backfill.documents.finding import as_json, headline, line, roots, roots_lines
from backfill.errors import Refused
from validation.cascade import merge


class Command(VerbCommand):
    """Judges, and lists the Findings."""

    help = "Judge what was run and list what there is to look at, worst first; exits 1 when something wants a person."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which dates; all that are loaded without any."""
        parser.add_argument(
            "--start",
            type=iso_date,
            metavar="D",
            help="only findings that reach this date or a later one",
        )
        parser.add_argument(
            "--end",
            type=iso_date,
            metavar="D",
            help="only findings that reach this date or an earlier one",
        )
        parser.add_argument(
            "--all", action="store_true", help="notes, and those that are marked or closed, too"
        )

    def run(self, **given: Any) -> int:
        """Judge the seasons of the range and list."""
        start, end = given["start"], given["end"]
        if start and end and end < start:
            raise Refused(f"the end {end} lies before the start {start}")
        judged = run_audit(start, end)
        if not judged:
            raise Refused(
                "no season of this range is loaded; load one with `manage.py load_phase3 DIR`"
            )
        found = listed(start, end, everything=given["all"])
        shown = [f for f in found if given["all"] or f.severity]
        cascade = merge(
            j.cascade(day) for j in judged for day in j.dates if _is_within(day, start, end)
        )
        within = [
            c for j in judged for (_, day), c in j.compared.items() if _is_within(day, start, end)
        ]
        counts = {
            "unexplained": sum(len(c.unexplained.keys() | c.lost.keys()) for c in within),
            "judged": len(within),
        }
        document = {
            "findings": [as_json(f) for f in found],
            **counts,
            "seasons": [j.year for j in judged],
            "roots": roots(cascade),
        }
        self.emit(
            document,
            "\n".join(
                [headline(len(judged), counts, found), *roots_lines(cascade), *map(line, shown)]
            ),
        )
        return FAILED if needs_attention(found) else OK


def _is_within(day: date, start: date | None, end: date | None) -> bool:
    return (start is None or start <= day) and (end is None or day <= end)
