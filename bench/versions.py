"""Cost of keeping versions, and duration of an undo of a whole season.

    .venv/bin/python bench/versions.py [FOLDER WITH A SEASON'S PHASE 3] [--repeats N]

Runs the season with and without versions in turn, over nothing and over itself, then undoes an
overwrite of changed games, and checks that every row is as before.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path

import duckdb
from season import REAL, emptied, load_command, manage, prepared

KEEP = "KEEP_VERSIONS_DAYS"
HASHES = """
SELECT filename, list_sort(list(data_hash)) FROM read_parquet('{}/*/*/*/part.parquet', filename = true,
union_by_name = true) WHERE data_hash IS NOT NULL GROUP BY filename ORDER BY filename
"""
SPOIL = "COPY (SELECT * REPLACE (paint_attempts + 1 AS paint_attempts) FROM '{0}') TO '{1}' (FORMAT parquet)"


def main() -> None:
    """Run the measurements and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", nargs="?", type=Path, default=REAL)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        var = Path(folder) / "var"
        span = prepared(var, *load_command(options.source))
        if options.repeats:
            keeping(var, span, options.repeats)
        undoing(var, span)


def keeping(var: Path, span: tuple[str, str], repeats: int) -> None:
    """Compare CPU seconds of a season over nothing and over itself, with versions and without."""
    cpu: dict[str, list[float]] = {}
    for _ in range(repeats):
        for days in ("14", "0"):
            os.environ[KEEP] = days
            emptied(var)
            cpu.setdefault(f"first, {days} days", []).append(backfill(var, span))
            cpu.setdefault(f"overwrite, {days} days", []).append(backfill(var, span))
    os.environ[KEEP] = "14"
    for kind in ("first", "overwrite"):
        kept, none = (cpu[f"{kind}, {days} days"] for days in ("14", "0"))
        ratio = min(kept) / min(none)
        print(
            f"{kind}: {shown(kept)} CPU s with versions, {shown(none)} without, ratio {ratio:.3f}"
        )


def undoing(var: Path, span: tuple[str, str]) -> None:
    """Overwrite the season after a change of every game, undo it, and compare the rows."""
    emptied(var)
    backfill(var, span)
    before = hashes(var)
    backfill(var, span)
    spoil(var)
    backfill(var, span)
    assert hashes(var) != before
    print(
        f"disk: {size(var, '.versions'):.1f} MB of versions after two overwrites of {size(var):.1f} MB"
    )
    ended = manage(var, "undo", newest(var), "--inline", "--reason", "bench", "--json")
    assert json.loads(ended.output)["status"] == "succeeded"
    assert hashes(var) == before, "the undo did not restore every row"
    print(f"undo of a season: {ended.seconds:.1f} s, {ended.cpu:.1f} CPU s")


def backfill(var: Path, span: tuple[str, str]) -> float:
    how = ("--force", "--skip-preflight", "--reason", "bench", "--no-brake", "--inline", "--json")
    return manage(var, "backfill", "--start", span[0], "--end", span[1], *how).cpu


def newest(var: Path) -> str:
    return str(json.loads(manage(var, "jobs", "--json").output)["jobs"][0]["job"])


def hashes(var: Path) -> list[tuple[object, ...]]:
    return duckdb.sql(HASHES.format(var / "warehouse")).fetchall()


def spoil(var: Path) -> None:
    """Add an attempt to every player's game."""
    [file] = (var / "warehouse/phase3").rglob("*player_game_summary/part.parquet")
    spoiled = file.with_suffix(".spoiled")
    duckdb.sql(SPOIL.format(file, spoiled))
    spoiled.replace(file)


def size(var: Path, folder: str = "") -> float:
    """Return the megabytes of the versions, or of the outputs."""
    root = var / "warehouse"
    places = [root / folder] if folder else [root / "nba_precompute", root / "nba_predictions"]
    return sum(f.stat().st_size for p in places for f in p.rglob("*.parquet")) / 1e6


def shown(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.1f} ({min(seconds):.1f} to {max(seconds):.1f})"


if __name__ == "__main__":
    main()
