"""Processes that write partitions in recognizable versions, and that read them.

python -m tests.system.versions write ROOT WRITER WRITERS SECONDS
python -m tests.system.versions read ROOT SECONDS VERSIONS

Every row of a version carries the version's number and row count, so that a reader detects
partitions that are half written or mixed. Each process prints its counts as JSON and exits 0
without errors.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import date
from itertools import count, cycle
from pathlib import Path

from backfill.warehouse.parquet.session import ParquetWarehouse
from backfill.warehouse.tables import TDZA

DATES = tuple(date(2021, 11, day) for day in range(1, 6))
EMPTY_EVERY = 7
LEAST = 20  # writes and reads of a process, also on a busy machine
VALUES = {
    "team_abbr": "CAST(i AS STRING)",
    "analysis_date": "d",
    "games_in_sample": "@version",
    "source_team_defense_rows_found": "@size",
    "calculation_notes": "CONCAT('x', CAST(i * @version * 7919 AS STRING))",
}
COLUMNS = ", ".join(f"{VALUES.get(name, 'NULL')} AS {name}" for name in TDZA.names)
VERSION = (
    f"SELECT {COLUMNS} FROM UNNEST(@dates) AS d CROSS JOIN UNNEST(GENERATE_ARRAY(1, @size)) AS i"
)
FOUND = f"""
SELECT analysis_date AS day, COUNT(*) AS n, COUNT(DISTINCT team_abbr) AS entities,
  MIN(games_in_sample) AS oldest, MAX(games_in_sample) AS newest,
  MIN(source_team_defense_rows_found) AS smallest, MAX(source_team_defense_rows_found) AS largest
FROM {TDZA} %s
GROUP BY day
"""
SOME, ALL = FOUND % "JOIN UNNEST(@dates) AS d ON analysis_date = d", FOUND % ""


def size_of(version: int) -> int:
    """Return the number of rows of a version; some have none."""
    return 0 if version % EMPTY_EVERY == 0 else 200 + version * 997 % 4000


def write(root: Path, writer: int, writers: int, seconds: float) -> dict[str, int]:
    """Replace the same partitions repeatedly, with versions unique to this writer."""
    warehouse, ends = ParquetWarehouse(root), time.monotonic() + seconds
    for written, version in enumerate(count(writer + 1, writers)):
        if time.monotonic() > ends and written > LEAST:
            return {"written": written}
        params = {"dates": list(DATES), "version": version, "size": size_of(version)}
        warehouse.replace(TDZA, DATES, VERSION if size_of(version) else "", params)
    raise AssertionError


def read(root: Path, seconds: float, least: int) -> dict[str, int]:
    """Read until so many versions are seen; anything other than one whole version is an error."""
    warehouse, versions = ParquetWarehouse(root), set[int]()
    ends = time.monotonic() + seconds
    for reads, sql in enumerate(cycle((SOME, ALL))):
        if time.monotonic() > ends and reads > LEAST and len(versions) >= least:
            return {"reads": reads, "versions": len(versions)}
        for row in warehouse.query(sql, {"dates": list(DATES)}):
            assert row["oldest"] == row["newest"], f"two versions in one partition: {row}"
            assert (
                row["n"]
                == row["entities"]
                == row["smallest"]
                == row["largest"]
                == size_of(row["newest"])
            ), f"half a partition: {row}"
            versions.add(row["newest"])
    raise AssertionError


if __name__ == "__main__":
    verb, place, *numbers = sys.argv[1:]
    did = (
        read(Path(place), *map(int, numbers))
        if verb == "read"
        else write(Path(place), *map(int, numbers))
    )
    print(json.dumps(did))
