"""`manage.py launches`: list presets and pending launches; approve, refuse or withdraw one."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import FAILED, OK, VerbCommand, whole_number
from backfill.cli.confirm import add_overwrites, confirming
from backfill.cli.launch_arguments import line
from backfill.cli.tables import table
from backfill.documents.launch import launch_document
from backfill.errors import Refused
from backfill.jobs.launches import approve_launch, refuse_launch, withdraw_launch
from backfill.models import Launch

MOST = 1000
DECISIONS = {"refuse": refuse_launch, "withdraw": withdraw_launch}
MEANINGS = {
    "approve": "approve launch N of another user",
    "refuse": "refuse launch N; needs --reason",
    "withdraw": "withdraw launch or preset N",
}


class Command(VerbCommand):
    """List launches, or approve, refuse or withdraw one."""

    records_actor = True
    help = (
        "List presets, scheduled launches and launches awaiting approval, newest first; or approve,"
        " refuse or withdraw one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the decisions, --reason, --overwrites, --all and --limit."""
        which = parser.add_mutually_exclusive_group()
        for name, meaning in MEANINGS.items():
            which.add_argument(f"--{name}", type=whole_number, metavar="N", help=meaning)
        parser.add_argument(
            "--reason", default="", metavar="TEXT", help="reason, stored with the launch"
        )
        add_overwrites(parser)
        parser.add_argument(
            "--all", action="store_true", help="include started, refused and withdrawn launches"
        )
        parser.add_argument(
            "--limit",
            type=whole_number,
            default=50,
            metavar="N",
            help="number of rows; 50 by default",
        )

    def run(self, **given: Any) -> int:
        """Decide a launch or list launches; exit 1 if an approved launch cannot start."""
        if given["approve"] is not None:
            launch = _found(given["approve"])
            confirm = confirming(given)
            return self._decided(
                approve_launch(launch, self.actor, given["reason"], confirm=confirm)
            )
        for name, decide in DECISIONS.items():
            if given[name] is not None:
                return self._decided(decide(_found(given[name]), self.actor, given["reason"]))
        if not 1 <= given["limit"] <= MOST:
            raise Refused(f"--limit must be 1 to {MOST}, not {given['limit']}")
        kept = (
            Launch.objects.order_by("-pk")
            if given["all"]
            else Launch.objects.filter(state__in=OPEN).order_by("-pk")
        )
        found = list(kept[: given["limit"]])
        none = (
            "no presets and no pending launches;"
            " create one with `manage.py backfill --save-preset NAME` or `--at TIME`"
        )
        self.emit(
            {"launches": [launch_document(one) for one in found]},
            table([line(one) for one in found]) if found else none,
        )
        return OK

    def _decided(self, kept: Launch) -> int:
        job = f": job {kept.job_id}" if kept.job_id else ""
        outcome = f": {kept.outcome_message}" if kept.outcome_message else ""
        self.emit(launch_document(kept), f"{kept} {kept.state}{job}{outcome}")
        return FAILED if kept.approved_by and kept.state == Launch.State.REFUSED else OK


OPEN = (Launch.State.SAVED, Launch.State.WAITING)


def _found(number: int) -> Launch:
    if launch := Launch.objects.filter(pk=min(max(number, 0), sys.maxsize)).first():
        return launch
    raise Refused(f"launch {number} does not exist; `manage.py launches --all` lists the launches")
