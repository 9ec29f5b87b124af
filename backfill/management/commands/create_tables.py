"""`manage.py create_tables`: the datasets and tables of BigQuery as the schema declares them."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from backfill.cli.base import FAILED, OK, VerbCommand

WORDS = {"create": "create", "add": "add", "keep": "keep", "left": "leave", "wrong": "WRONG"}


class Command(VerbCommand):
    """Creates what is missing, and says what differs."""

    help = (
        "Create the datasets and tables that BigQuery lacks, add missing columns, take expiry away; never drop or rewrite. "
        "Exits 1 when something differs that a person must mend."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Whether to look only."""
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be done and change nothing"
        )

    def run(self, **given: Any) -> int:
        """Compare, mend what can be mended, say the rest."""
        if not settings.WAREHOUSE_URL.startswith("bigquery:"):
            what = f"{settings.WAREHOUSE_URL} is a folder, whose tables come with what is written: there is nothing to create"
            self.emit(
                {
                    "warehouse": settings.WAREHOUSE_URL,
                    "dry_run": given["dry_run"],
                    "differences": [],
                },
                what,
            )
            return OK
        from backfill.warehouse.bigquery.connection import Place, connect
        from backfill.warehouse.bigquery.migrate import apply_differences

        place = Place.of(settings.WAREHOUSE_URL)
        found = apply_differences(connect(place), place, dry_run=given["dry_run"])
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
        return "every dataset and table is as declared"
    verb = "would be mended" if dry_run else "mended"
    return f"{done} {verb}, {wrong} for a person to mend"
