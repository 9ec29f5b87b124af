"""`manage.py validate_pipeline DATE [END] --phase 3|4 [--verbose]`: validate stored dates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from backfill.cli.base import FAILED, OK, VerbCommand, iso_date
from backfill.cli.tables import table
from backfill.plan.options import Options
from backfill.season_calendar import check_loaded

if TYPE_CHECKING:
    from backfill.audit.validate_dates import DateValidation

PHASES = (3, 4)


class Command(VerbCommand):
    """Validate dates."""

    help = (
        "Validate the stored tables of each date against the calendar. Exits 1 unless every"
        " date is complete and current."
    )
    example = "validate_pipeline 2021-11-01 2021-11-30 --phase 3"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the dates, --phase and --verbose."""
        parser.add_argument("start", type=iso_date, metavar="DATE", help="first date, YYYY-MM-DD")
        parser.add_argument(
            "end",
            type=iso_date,
            nargs="?",
            metavar="END",
            help="last date, included; DATE by default",
        )
        parser.add_argument(
            "--phase",
            type=int,
            choices=PHASES,
            default=4,
            help="3 validates the inputs, 4 the outputs; 4 by default",
        )
        parser.add_argument(
            "--verbose", action="store_true", help="list the entities behind each count"
        )

    def run(self, **given: Any) -> int:
        """Validate the dates and print the result."""
        from backfill.audit.validate_dates import validate

        start, end = given["start"], given["end"] or given["start"]
        check_loaded(Options(start=start, end=end))
        found = validate(start, end, given["phase"])
        wrong = [c for c in found if not c.state.is_right]
        stale = sorted(c.day.day for c in found if c.stale)
        document = {
            "phase": given["phase"],
            "complete": not wrong,
            "stale": len(stale),
            "dates": [c.as_json(verbose=given["verbose"]) for c in found],
        }
        self.emit(document, self._text(found, verbose=given["verbose"]))
        return FAILED if wrong or stale else OK

    def _text(self, found: list[DateValidation], *, verbose: bool) -> str:
        from backfill.audit.validate_dates import State

        is_terminal = self.stdout.isatty()
        lines = [table([_as_row(c) for c in found], is_terminal=is_terminal, color=is_terminal)]
        if verbose:
            lines += [
                f"{c.day.day} {c.name} {name}: {', '.join(entities)}"
                for c in found
                for name, entities in c.entities.items()
            ]
        counts = {state: sum(1 for c in found if c.state is state) for state in State}
        lines.append(", ".join(f"{n:,} {state}" for state, n in counts.items() if n))
        if stale := sorted(c.day.day for c in found if c.stale):
            command = f"manage.py backfill --start {stale[0]} --end {stale[-1]} --stale"
            lines.append(f"{len(stale):,} of them stale; `{command}` reruns them")
        return "\n".join(lines)


def _as_row(checked: DateValidation) -> dict[str, object]:
    share = checked.coverage
    follows = ", ".join(f"{n:,} from {root}" for root, n in checked.follows.items())
    failures = ", ".join(f"{n:,} {name}" for name, n in checked.failures.items()) + (
        f" ({follows})" if follows else ""
    )
    return {
        "date": checked.day.day,
        "table": checked.name or "-",
        "state": str(checked.state),
        "rows": checked.rows,
        "expected": checked.expected,
        "coverage": "" if share is None else f"{int(100 * share)} %",
        "failures": failures,
        "result": checked.verdict,
    }
