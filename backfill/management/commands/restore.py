"""`manage.py restore DIR`: restore a backup."""

from __future__ import annotations

from contextlib import nullcontext
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandParser
from django.db import connection

from backfill.cli.base import OK, VerbCommand


class Command(VerbCommand):
    """Restore."""

    help = (
        "Restore a backup into an empty database and an empty embedded warehouse, then migrate to"
        " this version. Stop web, worker and beat before. Run it again if it is interrupted."
    )
    example = "restore backups/2026-11-29"
    checks = ()  # an unfinished restore is an error for the others

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the folder, --overwrite and --database-only."""
        parser.add_argument("folder", metavar="DIR", help="folder that `backup` made")
        parser.add_argument(
            "--overwrite",
            action="store_true",
            help="replace the whole content of a database and a warehouse that are not empty",
        )
        parser.add_argument(
            "--database-only",
            action="store_true",
            help="leave the embedded warehouse as it is, for example to move to another PostgreSQL",
        )

    def run(self, **given: Any) -> int:
        """Restore, then migrate."""
        from backfill.processes.supervisor import alone
        from backfill.recovery.restore import restore

        flags = {name: given[name] for name in ("overwrite", "database_only")}
        source = Path(given["folder"]).absolute()
        with alone() if connection.vendor == "sqlite" else nullcontext():
            manifest = restore(source, **flags)
            call_command("migrate_locked", stdout=StringIO())
        self.emit(
            {"folder": str(source), "made_at": manifest.made_at},
            f"restored {source} of {manifest.made_at}",
        )
        return OK
