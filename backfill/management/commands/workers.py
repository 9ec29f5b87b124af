"""`manage.py workers`: list worker processes and their last heartbeat."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandParser
from django.utils.timezone import now

from backfill.cli.base import FAILED, OK, VerbCommand, add_flag, whole_number
from backfill.cli.tables import table
from backfill.errors import Refused
from backfill.models import Worker
from backfill.process_id import is_here
from backfill.status.progress import NO_WORKER, system

POLL_SECONDS = 0.1


class Command(VerbCommand):
    """List worker processes."""

    help = (
        "List the worker processes with the age of their heartbeats, the age of the last sweep and"
        " the concurrency limit."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --wait, --here and --max-sweep-age."""
        parser.add_argument(
            "--wait",
            type=whole_number,
            default=0,
            metavar="SECONDS",
            help="wait up to SECONDS for a live worker; exit 1 without one",
        )
        parser.add_argument(
            "--here", action="store_true", help="exit 1 without a live worker on this host"
        )
        add_flag(
            parser,
            "--max-sweep-age",
            "--swept",
            dest="swept",
            type=whole_number,
            metavar="SECONDS",
            help="exit 1 if the last sweep is older than SECONDS",
        )

    def run(self, **given: Any) -> int:
        """Print the workers; exit 1 if a requested check fails."""
        if given["wait"] < 0:
            raise Refused(f"--wait must be 0 seconds or more, not {given['wait']}")
        deadline = time.monotonic() + given["wait"]
        while not Worker.alive(now()) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        found, alive = system(now()), Worker.alive(now())
        self.emit(found, _text(found))
        missing = (given["wait"] and not alive) or (
            given["here"] and not any(is_here(w.name) for w in alive)
        )
        return (
            FAILED if missing or not _is_swept(found["swept_seconds_ago"], given["swept"]) else OK
        )


def _is_swept(seconds_ago: float | None, limit: int | None) -> bool:
    return limit is None or (seconds_ago is not None and seconds_ago <= limit)


def _text(found: dict[str, Any]) -> str:
    workers = [
        {
            "process": w["name"],
            "kind": w["kind"],
            "last seen": f"{w['seen_seconds_ago']} s ago" if w["alive"] else "dead",
            "steps": w["steps"],
            "started": f"{w['started_at']:%Y-%m-%d %H:%M:%S}",
        }
        for w in found["workers"]
    ]
    swept = found["swept_seconds_ago"]
    return "\n".join(
        [
            table(workers) if workers else NO_WORKER,
            "no sweep yet" if swept is None else f"last sweep {swept} s ago",
            f"batches in flight: {found['batches_in_flight']}, limit {found['max_parallel_batches']}",
        ]
    )
