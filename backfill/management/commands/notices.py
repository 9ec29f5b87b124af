"""`manage.py notices`: list notifications about jobs, or send a test."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from backfill.checks import NOTICES, OWN
from backfill.cli.base import FAILED, OK, VerbCommand, whole_number
from backfill.cli.tables import table
from backfill.errors import Refused
from backfill.models import Notice
from backfill.notify import apprise

MOST = 1000
DISABLED = "notifications are off: NOTIFY_URLS is not set"
TEST = "Backcourt: test", "Test notification. Notifications about jobs arrive here."


class Command(VerbCommand):
    """List notifications or send a test."""

    help = "List the latest notifications about jobs with their delivery state, or send a test."
    checks = (OWN, NOTICES)

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --limit and --test."""
        parser.add_argument(
            "--limit",
            type=whole_number,
            default=20,
            metavar="N",
            help="number of rows; 20 by default",
        )
        parser.add_argument(
            "--test",
            action="store_true",
            help="send a test notification to each URL of NOTIFY_URLS",
        )

    def run(self, **given: Any) -> int:
        """List notifications, or send a test and exit 1 if a delivery fails."""
        if not 1 <= given["limit"] <= MOST:
            raise Refused(f"--limit must be 1 to {MOST}, not {given['limit']}")
        return self._test() if given["test"] else self._list(given["limit"])

    def _list(self, limit: int) -> int:
        notices = list(Notice.objects.order_by("-pk")[:limit])
        rows = [
            {
                "at": f"{n.created_at:%Y-%m-%d %H:%M}",
                "job": str(n.job_id),
                "kind": n.kind,
                "state": n.state,
                "title": n.title,
            }
            for n in notices
        ]
        nothing = "no notifications yet" if settings.NOTIFY_URLS else DISABLED
        self.emit(
            {"urls": len(settings.NOTIFY_URLS), "notices": [_as_json(n) for n in notices]},
            table(rows) or nothing,
        )
        return OK

    def _test(self) -> int:
        if not settings.NOTIFY_URLS:
            raise Refused(f"{DISABLED}; set it to Apprise URLs, separated by commas")
        rows = [
            {"where": name, "error": apprise.send(url, *TEST)} for name, url in apprise.named_urls()
        ]
        self.emit({"sent": rows}, "\n".join(f"{r['where']}: {r['error'] or 'sent'}" for r in rows))
        return FAILED if any(r["error"] for r in rows) else OK


def _as_json(notice: Notice) -> dict[str, Any]:
    return {
        "notice": notice.pk,
        "job": notice.job_id,
        "kind": notice.kind,
        "state": notice.state,
        "created_at": notice.created_at,
        "delivered_at": notice.delivered_at,
        "title": notice.title,
        "body": notice.body,
    }
