"""`manage.py backup DIR`: back up the database and the embedded warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import OK, VerbCommand
from validation.findings.kinds import pluralize


class Command(VerbCommand):
    """Back up."""

    help = (
        "Back up the database and the embedded warehouse into a new folder. Safe while jobs run. An"
        " interrupted backup leaves no folder of this name."
    )
    example = "backup backups/2026-11-29"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the folder and --database-only."""
        parser.add_argument("folder", metavar="DIR", help="new folder for the backup")
        parser.add_argument(
            "--database-only", action="store_true", help="leave out the embedded warehouse"
        )

    def run(self, **given: Any) -> int:
        """Write the backup and print its size."""
        from backfill.recovery.backup import backup

        target = Path(given["folder"]).absolute()
        manifest = backup(target, database_only=given["database_only"])
        size = sum(int(str(size)) for size, _ in manifest.files.values())
        self.emit(
            {"folder": str(target), "files": len(manifest.files), "bytes": size},
            f"{target}: {pluralize(len(manifest.files), 'file')}, {size / 1e6:.1f} MB",
        )
        return OK
