"""`manage.py simulate_season YEAR`: simulate a season, so that no real data is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from backfill.cli.base import OK, VerbCommand, whole_number
from backfill.errors import Refused
from backfill.simulation import FaultySeason, SimulatedSeason, plant_faults, simulate, write

FIRST_YEAR, LAST_YEAR = 1946, 2100
MOST_SEASONS = 30


def years(first: int, seasons: int) -> range:
    """Return the first years of the seasons. Raises Refused."""
    if not 1 <= seasons <= MOST_SEASONS:
        raise Refused(f"--seasons must be between 1 and {MOST_SEASONS}, not {seasons}")
    if not FIRST_YEAR <= first <= first + seasons - 1 <= LAST_YEAR:
        last = first + seasons - 1
        given = f"{first} to {last}" if last > first else first
        raise Refused(f"YEAR must be {FIRST_YEAR} to {LAST_YEAR}, not {given}")
    return range(first, first + seasons)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn an error of writing a folder into one sentence. Raises Refused."""
    try:
        yield
    except OSError as error:
        raise Refused(f"{folder} is not writable ({error.strerror or error})") from error


def written(season: SimulatedSeason, folder: Path) -> Path:
    """Write one season and return its folder. Raises Refused."""
    with writing(folder):
        write(season, folder)
    return folder


class Command(VerbCommand):
    """Simulate, write and load seasons."""

    help = "Simulate seasons of Phase 3 data, write them as Parquet files and load them."
    example = "simulate_season 2021 --faults"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the seasons, --seed, --faults, --output and --no-load."""
        parser.add_argument(
            "year",
            metavar="YEAR",
            type=whole_number,
            help="year in which the first season begins",
        )
        parser.add_argument(
            "--seasons",
            metavar="N",
            type=whole_number,
            default=1,
            help="number of seasons; 1 by default",
        )
        parser.add_argument(
            "--seed",
            metavar="S",
            type=whole_number,
            default=1,
            help="seed of the simulation; 1 by default",
        )
        parser.add_argument(
            "--faults", action="store_true", help="add data faults for the audit to find"
        )
        parser.add_argument(
            "--output", metavar="DIR", help="folder for the files; var/simulated by default"
        )
        parser.add_argument(
            "--no-load", action="store_true", help="write the files without loading them"
        )

    def run(self, **options: Any) -> int:
        """Simulate season by season; each is loaded before the next one."""
        root = Path(options["output"] or Path(settings.VAR) / "simulated")
        with writing(root):
            root.mkdir(parents=True, exist_ok=True)
        seasons = [
            self.season(year, root, options) for year in years(options["year"], options["seasons"])
        ]
        self.emit({"seasons": seasons}, "\n".join(map(as_text, seasons)))
        return OK

    def season(self, year: int, root: Path, options: dict[str, Any]) -> dict[str, Any]:
        """Simulate, write and load one season; return its summary."""
        season, faults = simulate(year, seed=options["seed"]), {}
        if options["faults"]:
            faulty = plant_faults(season)
            season, faults = faulty.season, planted(faulty, root / f"season_{year}_late")
        folder = written(season, root / f"season_{year}")
        rows = {short: len(rows) for short, rows in season.tables.items()}
        if not options["no_load"]:
            from backfill.ingest.load import load

            load(folder)
        return {
            "year": year,
            "folder": str(folder),
            "rows": rows,
            "loaded": not options["no_load"],
            **faults,
        }


def planted(faulty: FaultySeason, folder: Path) -> dict[str, Any]:
    """Write the late delivery, which fixes one fault; return its folder and the faults."""
    faults = [
        {"kind": f.kind, "dates": f.dates, "tables": f.tables, "sentence": f.sentence}
        for f in faulty.faults
    ]
    return {"late": str(written(faulty.late, folder)), "faults": faults}


def as_text(season: dict[str, Any]) -> str:
    """Write a line per season, then one per fault."""
    size = f"{season['rows']['SCHED']:,} games, {season['rows']['PGS']:,} player rows"
    lines = [
        f"season {season['year']}: {size}, {'loaded from' if season['loaded'] else 'written to'} {season['folder']}"
    ]
    lines += [f"  fault: {fault['sentence']}" for fault in season.get("faults", ())]
    if "late" in season:
        lines.append(f"  load the late file with `manage.py load_phase3 {season['late']}`")
    return "\n".join(lines)
