"""`manage.py load_phase3 DIR`: load Phase 3 files, or report every error in them."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import OK, VerbCommand
from backfill.errors import Refused
from backfill.ingest.load import Loaded, load
from backfill.ingest.load_checks import documents, line


class Command(VerbCommand):
    """Load a folder of Phase 3 files."""

    help = (
        "Load the Phase 3 tables and the schedule, replacing the seasons they contain. Files"
        " with errors load nothing; every error is listed."
    )
    example = "load_phase3 var/simulated/season_2021"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the folder."""
        parser.add_argument(
            "dir",
            metavar="DIR",
            help="folder with nba_analytics/ and nba_reference/, one .parquet or .csv file per table",
        )
        parser.add_argument(
            "--strict",
            action="store_true",
            help="load nothing if the tables contradict each other",
        )

    def run(self, **options: Any) -> int:
        """Load, and list the rows per table."""
        if not options["dir"].strip():
            raise Refused("DIR is empty; name the folder with the Phase 3 files")
        loaded = load(Path(options["dir"]), strict=options["strict"])
        document = asdict(replace(loaded, findings=())) | {"findings": documents(loaded.findings)}
        self.emit({"folder": options["dir"], **document}, as_text(loaded))
        return OK

    def _print_error(self, message: object) -> None:
        for sentence in str(message).splitlines():
            super()._print_error(sentence)


def as_text(loaded: Loaded) -> str:
    """Write a line per table and season, then the notes."""
    width = max(map(len, loaded.rows))
    lines = [
        f"{table:<{width}}  {year}  {n:>9,} rows"
        for table, years in loaded.rows.items()
        for year, n in years.items()
    ]
    seasons = ", ".join(map(str, loaded.seasons))
    return "\n".join(
        [
            *lines,
            *(f"note: {note}" for note in loaded.notes),
            *map(line, loaded.findings),
            f"season {seasons} loaded in {loaded.seconds:.1f} s",
        ]
    )
