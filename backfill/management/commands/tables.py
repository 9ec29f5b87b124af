"""`manage.py tables`: print the schema as Markdown or as BigQuery DDL."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import OK, VerbCommand
from backfill.warehouse.tables import TABLES

TITLE = "# Tables\n\nWritten by `manage.py tables`; the declarations are in `backfill/warehouse/tables.py`."


class Command(VerbCommand):
    """Print the schema."""

    help = "Print the columns, types, partition and key of every table as Markdown or BigQuery DDL."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --ddl."""
        parser.add_argument(
            "--ddl", action="store_true", help="print CREATE TABLE statements for BigQuery"
        )

    def run(self, **given: Any) -> int:
        """Print the schema or its DDL."""
        text = (
            "\n\n".join(t.ddl() for t in TABLES)
            if given["ddl"]
            else "\n\n".join((TITLE, *(t.markdown() for t in TABLES)))
        )
        self.emit({"tables": [asdict(t) for t in TABLES]}, text)
        return OK
