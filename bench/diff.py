"""Duration of a season's diff: every row changed, and a few rows changed.

    .venv/bin/python bench/diff.py [FOLDER WITH A SEASON'S PHASE 3]

The season runs three times: first, then after every shot of every player has changed, then after
one player's shots have changed. Each diff is a whole process with `--columns`, the best of three.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import duckdb
from season import REAL, load_command, manage, prepared

COLUMN = "paint_attempts"


def corrected(var: Path, folder: Path, condition: str) -> None:
    """Add a shot to the rows that meet a condition, and load the table again."""
    [file] = (var / "warehouse" / "phase3").rglob("*player_game_summary*")
    folder.mkdir()
    source = f"read_parquet('{file}')"
    duckdb.sql(
        f"COPY (SELECT * REPLACE ({COLUMN} + CAST({condition} AS BIGINT) AS {COLUMN}) FROM {source})"
        f" TO '{folder}/player_game_summary.parquet' (FORMAT parquet)"
    )
    manage(var, "load_phase3", str(folder), "--tables", "player_game_summary")


def measured(var: Path, start: str, end: str, words: str) -> None:
    manage(
        var, "backfill", "--start", start, "--end", end, "--inline", "--force", "--reason", "bench",
        "--no-brake", "--json",
    )  # fmt: skip
    job = json.loads(manage(var, "jobs", "--json", "--limit", "1").output)["jobs"][0]["job"]
    took = [manage(var, "diff", job, "--columns") for _ in range(3)]
    best = min(took, key=lambda one: one.seconds)
    changes = json.loads(manage(var, "jobs", job, "--json").output)["changes"]
    print(
        f"{words}: {best.seconds:.1f} s, {best.cpu:.1f} CPU s, {best.peak_mib:.0f} MiB;"
        f" {changes['sentence']}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=REAL)
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as scratch:
        var = Path(scratch) / "var"
        start, end = prepared(var, *load_command(folder))
        manage(var, "backfill", "--start", start, "--end", end, "--inline", "--no-brake", "--json")
        corrected(var, Path(scratch) / "all", "TRUE")
        measured(var, start, end, "every shot changed")
        name = f"(SELECT MIN(player_lookup) FROM read_parquet('{scratch}/all/player_game_summary.parquet'))"
        corrected(var, Path(scratch) / "one", f"player_lookup = {name}")
        measured(var, start, end, "one player's shots changed")


if __name__ == "__main__":
    main()
