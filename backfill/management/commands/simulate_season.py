"""`manage.py simulate_season YEAR`: a made-up season to try everything on, without any real data."""

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
    """Years in which the seasons asked for begin. Raises Refused."""
    if not 1 <= seasons <= MOST_SEASONS:
        raise Refused(f"--seasons must be between 1 and {MOST_SEASONS}, not {seasons}")
    if not FIRST_YEAR <= first <= first + seasons - 1 <= LAST_YEAR:
        raise Refused(
            f"seasons must begin in {FIRST_YEAR} to {LAST_YEAR}, not in {first} to {first + seasons - 1}"
        )
    return range(first, first + seasons)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Say in one sentence why a folder cannot be written. Raises Refused."""
    try:
        yield
    except OSError as error:
        raise Refused(f"{folder} cannot be written ({error.strerror or error})") from error


def written(season: SimulatedSeason, folder: Path) -> Path:
    """Write one season and return its folder. Raises Refused."""
    with writing(folder):
        write(season, folder)
    return folder


class Command(VerbCommand):
    """Simulates, writes and loads seasons."""

    help = "Make up lifelike seasons as Phase 3 data, write them as Parquet files and load them."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which seasons, and what to do with them."""
        parser.add_argument(
            "year",
            metavar="YEAR",
            type=whole_number,
            help="year in which the (first) season begins",
        )
        parser.add_argument(
            "--seasons",
            metavar="N",
            type=whole_number,
            default=1,
            help="so many seasons, from YEAR on",
        )
        parser.add_argument(
            "--seed", metavar="S", type=whole_number, default=1, help="another seed, another season"
        )
        parser.add_argument(
            "--faults", action="store_true", help="plant the faults that operators meet"
        )
        parser.add_argument(
            "--output", metavar="DIR", help="where to write; var/simulated by default"
        )
        parser.add_argument("--no-load", action="store_true", help="write the files only")

    def run(self, **options: Any) -> int:
        """One season after the other; each is loaded before the next is made."""
        root = Path(options["output"] or Path(settings.VAR) / "simulated")
        with writing(root):
            root.mkdir(parents=True, exist_ok=True)
        seasons = [
            self.season(year, root, options) for year in years(options["year"], options["seasons"])
        ]
        self.emit({"seasons": seasons}, "\n".join(map(as_text, seasons)))
        return OK

    def season(self, year: int, root: Path, options: dict[str, Any]) -> dict[str, Any]:
        """Make, write and load one season; return what there is to tell."""
        season, told = simulate(year, seed=options["seed"]), {}
        if options["faults"]:
            faulty = plant_faults(season)
            season, told = faulty.season, planted(faulty, root / f"season_{year}_late")
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
            **told,
        }


def planted(faulty: FaultySeason, folder: Path) -> dict[str, Any]:
    """Write the late delivery; return what is wrong and where the cure of one fault lies."""
    faults = [
        {"kind": f.kind, "dates": f.dates, "tables": f.tables, "sentence": f.sentence}
        for f in faulty.faults
    ]
    return {"late": str(written(faulty.late, folder)), "faults": faults}


def as_text(season: dict[str, Any]) -> str:
    """One line per season, then one per fault."""
    what = f"{season['rows']['SCHED']:,} games, {season['rows']['PGS']:,} player rows"
    lines = [
        f"season {season['year']}: {what}, {'loaded from' if season['loaded'] else 'written to'} {season['folder']}"
    ]
    lines += [f"  fault: {fault['sentence']}" for fault in season.get("faults", ())]
    if "late" in season:
        lines.append(f"  the late file comes with `manage.py load_phase3 {season['late']}`")
    return "\n".join(lines)
