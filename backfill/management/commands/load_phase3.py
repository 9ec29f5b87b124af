"""`manage.py load_phase3 DIR`: load Phase 3 files, or report every error in them."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser
from django.db import DatabaseError, connection

from backfill.cli.base import OK, VerbCommand, iso_date
from backfill.errors import Refused
from backfill.ingest.input_files import SUPPORTED
from backfill.models import Run
from backfill.warehouse.tables import INPUTS

if TYPE_CHECKING:
    from backfill.ingest.load import Loaded
    from backfill.ingest.selection import LoadSelection
    from backfill.ingest.stale_runs import StaleRuns


class Command(VerbCommand):
    """Load a folder of Phase 3 files."""

    help = (
        "Load the Phase 3 tables and the schedule, replacing the seasons they contain, or with"
        " --tables, --start and --end only these tables and dates. Files with errors load nothing;"
        " every error is listed. Usual spellings, such as Final or 22300001, are translated."
        f" A table is {SUPPORTED}."
    )
    example = "load_phase3 var/simulated/season_2021"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the input and the part of it to load."""
        parser.add_argument(
            "dir",
            metavar="DIR",
            help="folder with nba_analytics/ and nba_reference/, or a .zip of it, or one file,"
            " named like its table unless --tables selects one table",
        )
        parser.add_argument(
            "--tables",
            default="",
            metavar="A,B",
            help=f"tables to replace, of {', '.join(table.short for table in INPUTS)}; default: all",
        )
        parser.add_argument(
            "--start", type=iso_date, metavar="D", help="first date to replace; default: all dates"
        )
        parser.add_argument(
            "--end", type=iso_date, metavar="D", help="last date to replace; default: the first"
        )
        parser.add_argument(
            "--rows",
            action="store_true",
            help="replace only the rows whose key is in the input; needs --tables",
        )
        parser.add_argument(
            "--strict",
            action="store_true",
            help="load nothing if the tables contradict each other",
        )

    def run(self, **options: Any) -> int:
        """Load, and list the rows per table."""
        from backfill.ingest.load import load
        from backfill.ingest.load_checks import documents
        from backfill.ingest.selection import LoadSelection

        if not options["dir"].strip():
            raise Refused("DIR is empty; name the folder with the Phase 3 files")
        selection = LoadSelection.of(
            options["tables"], options["start"], options["end"], rows=options["rows"]
        )
        loaded = load(Path(options["dir"]), selection, strict=options["strict"])
        stale = self._stale(loaded, selection)
        document = asdict(replace(loaded, findings=())) | {"findings": documents(loaded.findings)}
        document |= {"folder": options["dir"], "stale": as_document(stale)}
        self.emit(document, as_text(loaded, stale))
        return OK

    def _stale(self, loaded: Loaded, selection: LoadSelection) -> StaleRuns:
        """Record the load and return the stale runs: none before the database is set up, because a
        load needs none.
        """
        from backfill.ingest.load_history import record_load
        from backfill.ingest.stale_runs import StaleRuns, stale_runs

        try:
            if Run._meta.db_table in connection.introspection.table_names():
                record_load(loaded.seasons, self.actor, selection)
                return stale_runs(loaded.seasons)
        except DatabaseError:
            self._print_error("loaded; stale runs are unknown: the database is not available")
        return StaleRuns(reasons={})

    def _print_error(self, message: object) -> None:
        for sentence in str(message).splitlines():
            super()._print_error(sentence)


def as_document(stale: StaleRuns) -> dict[str, Any]:
    return {"runs": len(stale.reasons), "dates": stale.dates, "command": stale.command}


def as_text(loaded: Loaded, stale: StaleRuns) -> str:
    """Write a line per table and season, then the notes and the stale runs."""
    from backfill.ingest.load_checks import line

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
            *([f"stale: {stale.sentence}; run `{stale.command}`"] if stale.reasons else []),
            f"season {seasons} loaded in {loaded.seconds:.1f} s",
        ]
    )
