"""`manage.py workers`: who works, and when that was last seen."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandParser
from django.utils.timezone import now

from backfill.cli.base import FAILED, OK, VerbCommand, whole_number
from backfill.cli.tables import table
from backfill.errors import Refused
from backfill.models import Worker
from backfill.process_id import is_here
from backfill.status.progress import NO_WORKER, system

POLL_SECONDS = 0.1


class Command(VerbCommand):
    """Lists the processes that run steps."""

    help = "List the processes that run steps with the age of their heartbeats, the age of the sweep, and the cap."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whether to wait, and what to check."""
        parser.add_argument(
            "--wait",
            type=whole_number,
            default=0,
            metavar="SECONDS",
            help="wait until a worker is alive",
        )
        parser.add_argument(
            "--here", action="store_true", help="exit 1 unless a worker is alive on this host"
        )
        parser.add_argument(
            "--swept",
            type=whole_number,
            metavar="SECONDS",
            help="exit 1 unless the sweep is no older",
        )

    def run(self, **given: Any) -> int:
        """Show them; exit 1 when what was asked for is not so."""
        if given["wait"] < 0:
            raise Refused(f"--wait takes a number of seconds, not {given['wait']}")
        deadline = time.monotonic() + given["wait"]
        while not Worker.alive(now()) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        found, alive = system(now()), Worker.alive(now())
        self.emit(found, _text(found))
        nobody = (given["wait"] and not alive) or (
            given["here"] and not any(is_here(w.name) for w in alive)
        )
        return FAILED if nobody or not _is_swept(found["swept_seconds_ago"], given["swept"]) else OK


def _is_swept(seconds_ago: float | None, wanted: int | None) -> bool:
    return wanted is None or (seconds_ago is not None and seconds_ago <= wanted)


def _text(found: dict[str, Any]) -> str:
    workers = [
        {
            "process": w["name"],
            "kind": w["kind"],
            "seen": f"{w['seen_seconds_ago']} s ago" if w["alive"] else "gone",
            "steps": w["steps"],
            "since": f"{w['started_at']:%Y-%m-%d %H:%M:%S}",
        }
        for w in found["workers"]
    ]
    swept = found["swept_seconds_ago"]
    return "\n".join(
        [
            table(workers) if workers else NO_WORKER,
            "no sweep yet" if swept is None else f"last sweep {swept} s ago",
            f"batches in flight: {found['batches_in_flight']} of {found['max_parallel_batches']} at most",
        ]
    )
