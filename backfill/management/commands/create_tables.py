"""`manage.py create_tables`: create the datasets and tables in BigQuery."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from backfill.cli.base import FAILED, OK, VerbCommand

WORDS = {"create": "create", "add": "add", "keep": "keep", "left": "leave", "wrong": "WRONG"}


class Command(VerbCommand):
    """Create missing datasets, tables and columns; report other differences."""

    help = (
        "Create missing datasets, tables and columns in BigQuery and correct expiration times. Never"
        " drops or rewrites data. Exits 1 if a difference needs a manual fix."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --dry-run."""
        parser.add_argument(
            "--dry-run", action="store_true", help="print the changes; change nothing"
        )

    def run(self, **given: Any) -> int:
        """Compare, apply the changes and report other differences."""
        if not settings.WAREHOUSE_URL.startswith("bigquery:"):
            nothing = (
                f"{settings.WAREHOUSE_URL} is a folder: its tables are created on the first write"
            )
            self.emit(
                {
                    "warehouse": settings.WAREHOUSE_URL,
                    "dry_run": given["dry_run"],
                    "differences": [],
                },
                nothing,
            )
            return OK
        from backfill.warehouse.bigquery.connection import Place, connect
        from backfill.warehouse.bigquery.migrate import apply_differences

        place = Place.of(settings.WAREHOUSE_URL)
        found = apply_differences(
            connect(place),
            place,
            dry_run=given["dry_run"],
            keep_days=settings.KEEP_VERSIONS_DAYS,
        )
        document = {
            "warehouse": settings.WAREHOUSE_URL,
            "dry_run": given["dry_run"],
            "differences": list(map(asdict, found)),
        }
        counts = Counter[str](one.kind for one in found)
        lines = [f"{WORDS[one.kind]:<7} {one.name}: {one.what}" for one in found]
        lines.append(_summary(counts, dry_run=given["dry_run"]))
        self.emit(document, "\n".join(lines))
        return FAILED if counts["wrong"] else OK


def _summary(counts: Counter[str], *, dry_run: bool) -> str:
    done, wrong = sum(counts[kind] for kind in ("create", "add", "keep")), counts["wrong"]
    if not done and not wrong:
        return "every dataset and table matches its declaration"
    verb = "to change" if dry_run else "changed"
    return f"{done} {verb}, {wrong} to fix manually"
