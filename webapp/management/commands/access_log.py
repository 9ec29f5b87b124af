"""`manage.py access_log`: list logins, uses of tokens, and changes of users and tokens."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import OK, VerbCommand, whole_number
from backfill.cli.tables import table
from backfill.errors import Refused
from webapp.models import AccessEvent

MOST = 10_000


class Command(VerbCommand):
    """List the access log, newest first."""

    help = (
        "List logins, failed logins, delays, uses of tokens, and changes of users and tokens,"
        " newest first. Times are UTC."
    )
    example = "access_log --name dana --action locked"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --name, --action and --limit."""
        parser.add_argument("--name", metavar="NAME", help="only entries of this login name")
        parser.add_argument(
            "--action", metavar="ACTION", help=f"one of {', '.join(AccessEvent.Action.values)}"
        )
        parser.add_argument(
            "--limit",
            type=whole_number,
            default=50,
            metavar="N",
            help="maximum number of entries; 50 by default",
        )

    def run(self, **given: Any) -> int:
        """Print the entries."""
        if not 1 <= given["limit"] <= MOST:
            raise Refused(f"--limit is 1 to {MOST:,}, not {given['limit']}")
        if given["action"] and given["action"] not in AccessEvent.Action.values:
            actions = ", ".join(AccessEvent.Action.values)
            raise Refused(f"{given['action']!r} is not an action; choose from {actions}")
        filters = {name: given[name] for name in ("name", "action") if given[name]}
        rows = [
            {
                "at": f"{event.at:%Y-%m-%d %H:%M:%S}",
                "action": event.action,
                "name": event.name,
                "actor": event.actor,
                "address": event.address,
                "detail": event.detail,
            }
            for event in AccessEvent.objects.filter(**filters)[: given["limit"]]
        ]
        self.emit({"entries": rows}, table(rows) if rows else "no entries")
        return OK
