"""`manage.py launches`: presets and launches that wait; --approve, --refuse or --withdraw decides
one.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import FAILED, OK, VerbCommand, whole_number
from backfill.cli.launch_arguments import document, line
from backfill.cli.tables import table
from backfill.errors import Refused
from backfill.jobs.launches import approve_launch, refuse_launch, withdraw_launch
from backfill.models import Launch

MOST = 1000
DECISIONS: dict[str, Callable[[Launch, str, str], Launch]] = {
    "approve": approve_launch,
    "refuse": refuse_launch,
    "withdraw": withdraw_launch,
}
MEANINGS = {
    "approve": "agree to a launch that somebody else asked for",
    "refuse": "decline one; needs --reason",
    "withdraw": "take one back, or a preset",
}


class Command(VerbCommand):
    """Lists launches, or decides one."""

    help = "List the presets and the launches that wait for their time or for a second person, newest first; or decide one."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which one, and what becomes of it."""
        which = parser.add_mutually_exclusive_group()
        for name, meaning in MEANINGS.items():
            which.add_argument(f"--{name}", type=whole_number, metavar="N", help=meaning)
        parser.add_argument(
            "--reason", default="", metavar="TEXT", help="why; kept with the launch"
        )
        parser.add_argument(
            "--all", action="store_true", help="also those that were started, refused or withdrawn"
        )
        parser.add_argument(
            "--limit", type=whole_number, default=50, metavar="N", help="how many to list"
        )

    def run(self, **given: Any) -> int:
        """Decide one, or list; a launch that could not start when it was approved exits 1."""
        for name, decide in DECISIONS.items():
            if given[name] is not None:
                return self._decided(
                    decide(_found(given[name]), getpass.getuser(), given["reason"])
                )
        if not 1 <= given["limit"] <= MOST:
            raise Refused(f"--limit takes 1 to {MOST}, not {given['limit']}")
        kept = (
            Launch.objects.order_by("-pk")
            if given["all"]
            else Launch.objects.filter(state__in=OPEN).order_by("-pk")
        )
        found = list(kept[: given["limit"]])
        none = "nothing is saved and nothing waits; `manage.py backfill` with --save-preset or --at keeps a launch"
        self.emit(
            {"launches": [document(one) for one in found]},
            table([line(one) for one in found]) if found else none,
        )
        return OK

    def _decided(self, kept: Launch) -> int:
        job = f": job {kept.job_id}" if kept.job_id else ""
        said = f": {kept.outcome_message}" if kept.outcome_message else ""
        self.emit(document(kept), f"{kept} is {kept.state}{job}{said}")
        return FAILED if kept.approved_by and kept.state == Launch.State.REFUSED else OK


OPEN = (Launch.State.SAVED, Launch.State.WAITING)


def _found(number: int) -> Launch:
    if launch := Launch.objects.filter(pk=min(max(number, 0), sys.maxsize)).first():
        return launch
    raise Refused(f"there is no launch {number}; `manage.py launches --all` lists them")
