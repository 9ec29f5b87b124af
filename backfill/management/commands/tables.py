"""`manage.py tables`: every table that is read or written, as documentation or as BigQuery
statements.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import OK, VerbCommand
from backfill.warehouse.tables import TABLES

TITLE = "# Tables\n\nWritten by `manage.py tables`; the declarations are in `backfill/warehouse/tables.py`."


class Command(VerbCommand):
    """Prints the schema."""

    help = "Print every table's columns, types, partition and key as Markdown, or the BigQuery DDL."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which text."""
        parser.add_argument(
            "--ddl", action="store_true", help="CREATE TABLE statements for BigQuery"
        )

    def run(self, **given: Any) -> int:
        """Print."""
        text = (
            "\n\n".join(t.ddl() for t in TABLES)
            if given["ddl"]
            else "\n\n".join((TITLE, *(t.markdown() for t in TABLES)))
        )
        self.emit({"tables": [asdict(t) for t in TABLES]}, text)
        return OK
