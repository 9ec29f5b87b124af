"""`manage.py diff JOB`: rows and failures of a job against those that they replaced."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import OK, VerbCommand, iso_date, whole_number
from backfill.cli.job_command import found as job_of
from backfill.errors import Refused
from backfill.processors.registry import processor

LIVE = "live"


def token(text: str) -> int | None:
    """Parse the token of a version, or `live`. Raises Refused."""
    return None if text == LIVE else whole_number(text)


class Command(VerbCommand):
    """Show the diff of a job, or of two versions."""

    help = (
        "Show the rows that a job added, removed and changed, and failures that appeared or"
        " disappeared; or compare two versions of a processor and date."
    )
    example = "diff 12 --processor PSZA --columns"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the job, its filters, --columns and --versions."""
        parser.add_argument("job", nargs="?", type=whole_number, metavar="JOB", help="job number")
        parser.add_argument(
            "--processor", type=processor, metavar="CODE", help="only this processor"
        )
        parser.add_argument("--date", type=iso_date, metavar="D", help="only this date")
        parser.add_argument(
            "--columns",
            action="store_true",
            help="also compare the values: changed rows and differences per column, failures by"
            " category, entities (with --json)",
        )
        parser.add_argument(
            "--versions",
            nargs=2,
            type=token,
            metavar=("OLD", "NEW"),
            help="compare two versions of --processor on --date, by their tokens or `live`",
        )

    def run(self, **given: Any) -> int:
        """Print the diff. Raises Refused, WarehouseError."""
        if given["versions"]:
            return self._versions(given)
        if given["job"] is None:
            raise Refused("name a job, or --versions OLD NEW with --processor and --date")
        from backfill.cli.diff_text import diff_text
        from backfill.documents.diff import job_diff_document
        from backfill.versions.job_diff import gone_sentence, job_diff

        code = given["processor"].code if given["processor"] else ""
        found = job_diff(job_of(given["job"]), code, given["date"])
        if found.runs and found.summary.gone == len(found.runs):
            raise Refused(gone_sentence([run.pair for run in found.runs]))
        values = found.compare(with_entities=self.json) if given["columns"] else None
        if values and values.gone and not values.dates:
            raise Refused(gone_sentence(values.gone))
        self.emit(job_diff_document(found, values), diff_text(found, values))
        return OK

    def _versions(self, given: dict[str, Any]) -> int:
        if given["job"] is not None or not given["processor"] or not given["date"]:
            raise Refused("--versions takes --processor and --date, and no job")
        from backfill.cli.diff_text import versions_text
        from backfill.documents.diff import versions_document
        from backfill.versions.row_diff import Pair, compare

        pair = Pair(given["processor"].code, given["date"], *given["versions"])
        values = compare([pair], with_entities=True)
        if values.gone:
            place = f"{pair.processor} on {pair.date}"
            raise Refused(
                f"{place} has no such versions; `manage.py versions {pair.date}` lists them"
            )
        self.emit(versions_document(values), versions_text(values))
        return OK
