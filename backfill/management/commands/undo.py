"""`manage.py undo JOB`: restore what a job replaced."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import FAILED, OK, VerbCommand, whole_number
from backfill.cli.confirm import add_overwrites, check_typed
from backfill.cli.job_command import found
from backfill.cli.option_arguments import add_options
from backfill.cli.run_and_watch import add_where, codes, launch, listed
from backfill.errors import Refused
from backfill.models import Job, Key, Run
from backfill.plan.cells import parse_cells


class Command(VerbCommand):
    """Undo a job."""

    records_actor = True
    help = (
        "Restore the partitions that a job replaced, as a job. They are kept for KEEP_VERSIONS_DAYS."
        " Runs that another job has written since stay as they are."
    )
    example = "undo 7 --dry-run"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the job, the filters of its runs, --dry-run, --inline and --wait."""
        parser.add_argument("job", type=whole_number, metavar="JOB", help="job number")
        add_options(parser, ["processors"], processors="only runs of these processors")
        add_options(parser, ("start", "end"), start="first date", end="last date, included")
        add_options(parser, ["cells"], cells="only these cells: PSZA,PDC 2021-11-01..2021-11-05")
        add_options(parser, ["reason"])
        parser.add_argument(
            "--dry-run", action="store_true", help="print the runs to restore; restore nothing"
        )
        add_overwrites(parser)
        add_where(parser)

    def run(self, **given: Any) -> int:
        """Preview the undo, or start it."""
        from backfill.documents.versions import undo_document
        from backfill.jobs.undo import nothing_text, preview_undo, start_undo

        job = found(given["job"])
        preview = preview_undo(job, selected(job, given))
        if given["dry_run"]:
            text = restored_text(preview) if preview.plan else nothing_text(preview)
            self.emit(undo_document(preview), text)
            return OK if preview.plan else FAILED
        check_typed(given, preview)
        reason = given["reason"]
        code = launch(
            self,
            lambda actor, inline, _: start_undo(preview, actor, reason, inline=inline),
            given,
        )
        return OK if code is None else code


def selected(job: Job, given: dict[str, Any]) -> set[Key]:
    """Return the (processor, date) of a command line; none if it selects all. Raises Refused."""
    cells = set(parse_cells(given["cells"]))
    names = codes(listed(given["processors"], "--processors"))
    start, end = given["start"], given["end"]
    if not (cells or names or start or end):
        return set()
    if start and end and end < start:
        raise Refused(f"the last date {end} is before the first date {start}; swap them")
    complete = job.runs.own().filter(status=Run.Status.COMPLETE)
    chosen = {
        (code, day)
        for code, day in complete.values_list("processor", "date")
        if (not cells or (code, day) in cells)
        and (not names or code in names)
        and (start or date.min) <= day <= (end or date.max)
    }
    if not chosen:
        raise Refused(f"job {job.pk} has no complete run in this selection")
    return chosen


def restored_text(preview: Any) -> str:
    """Return the lines of a preview."""
    restored = Counter(code for code, _ in preview.restores)
    left = Counter(one.reason for one in preview.left)
    stale = Counter(code for code, _ in preview.stale)
    lines = [f"{len(preview.restores):,} runs would be restored: {_counted(restored)}"]
    lines += [f"{n:,} stay as they are: {reason}" for reason, n in left.most_common()]
    lines += [f"downstream becomes stale: {_counted(stale)}"] if stale else []
    return "\n".join(lines)


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{code} {n:,}" for code, n in counts.items())
