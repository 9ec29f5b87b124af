"""`manage.py notices`: what people were told of jobs, and what waits to be told."""

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
NOBODY = "NOTIFY_URLS is not set: nobody is told anything"
TEST = "Backcourt: a test", "This is a test. What becomes of jobs is told here."


class Command(VerbCommand):
    """Lists what people were told."""

    help = "List the newest messages about jobs, those that wait and those that were not needed; or send a test message."
    checks = (OWN, NOTICES)

    def add_arguments(self, parser: CommandParser) -> None:
        """How many; or whether to send one."""
        parser.add_argument(
            "--limit", type=whole_number, default=20, metavar="N", help="how many to list"
        )
        parser.add_argument(
            "--test", action="store_true", help="send a test message to each of NOTIFY_URLS"
        )

    def run(self, **given: Any) -> int:
        """List, or send a test message and exit 1 unless everybody got it."""
        if not 1 <= given["limit"] <= MOST:
            raise Refused(f"--limit takes 1 to {MOST}, not {given['limit']}")
        return self._test() if given["test"] else self._list(given["limit"])

    def _list(self, limit: int) -> int:
        found = list(Notice.objects.order_by("-pk")[:limit])
        rows = [
            {
                "at": f"{n.created_at:%Y-%m-%d %H:%M}",
                "job": str(n.job_id),
                "kind": n.kind,
                "state": n.state,
                "title": n.title,
            }
            for n in found
        ]
        nothing = "nothing has been told yet" if settings.NOTIFY_URLS else NOBODY
        self.emit(
            {"urls": len(settings.NOTIFY_URLS), "notices": [_as_json(n) for n in found]},
            table(rows) or nothing,
        )
        return OK

    def _test(self) -> int:
        if not settings.NOTIFY_URLS:
            raise Refused(f"{NOBODY}; set it to Apprise's URLs, with commas between them")
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
