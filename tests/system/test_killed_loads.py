"""kill -9 at every crash point of a load or a copy: readers see the old season or the new one, the
preflight blocks, and the same command finishes it.
"""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from backfill.crash_points import COPY_POINTS, LOAD_POINTS
from backfill.ingest.copy_warehouse import plan
from backfill.warehouse.parquet.session import ParquetWarehouse
from backfill.warehouse.parquet.unfinished import UnfinishedFile
from backfill.warehouse.tables import INPUTS, PGS
from tests.factories import rewrite
from tests.once import once
from tests.seasons.inputs import as_an_older_release, input_file
from tests.system.installation import Installation, Reference, ended
from tests.system.league import YEAR

pytestmark = pytest.mark.system
POINTS = [f"{point}:{n}" for point in LOAD_POINTS for n in ((1, 6) if "file" in point else (1,))]
# Of a season that an older release loaded.
OLD = [("load-prepared", True), ("load-switched", True)]
COPIED = [f"{COPY_POINTS[1]}:{n}" for n in (1, 2, 9)]
NEW = "2029-01-01"


@pytest.fixture(scope="session")
def newer(small_season: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same season as Phase 3 wrote it later: a row in every table says so."""

    def make(folder: Path) -> None:
        shutil.copytree(small_season, folder, dirs_exist_ok=True)
        for file in folder.rglob("*.parquet"):
            key = "game_id" if "schedule" in file.name else "processed_at"
            value = "'005' || substr(game_id, 4)" if key == "game_id" else f"TIMESTAMP '{NEW}'"
            rewrite(file, f"SELECT * REPLACE ({value} AS {key}) FROM t")

    return once(tmp_path_factory, "newer", make)


def versions(installed: Installation) -> set[str]:
    """The versions of the tables that a reader sees, in one statement: `old`, `new`, or both."""
    tests = [
        f"SELECT COUNT(*) > 0 AND LOGICAL_AND({t.short} IS NOT NULL) AS is_new FROM "
        f"(SELECT IF({_is_new(t.short)}, TRUE, NULL) AS {t.short} FROM {t})"
        for t in INPUTS
    ]
    rows = ParquetWarehouse(installed.warehouse).query(" UNION ALL ".join(tests))
    return {"new" if row["is_new"] else "old" for row in rows}


def _is_new(short: str) -> str:
    return "game_id LIKE '005%'" if short == "SCHED" else f"processed_at = TIMESTAMP '{NEW}'"


def preflight(installed: Installation, reference: Reference) -> tuple[int, list[str]]:
    """Exit code, and the blockers."""
    days = reference.days
    done = installed.verb("preflight_check", str(days[0]), "--end-date", str(days[-1]), "--json")
    assert done.stderr == ""
    return done.returncode, [item["sentence"] for item in json.loads(done.stdout)["blocks"]]


def crash(installed: Installation, at: str, *command: str) -> None:
    assert installed.verb(*command, BACKCOURT_CRASH_AT=at).returncode == -signal.SIGKILL


def left(installed: Installation) -> Sequence[Path]:
    """Input files besides those of the current version."""
    current = [input_file(installed.warehouse, t, YEAR) for t in INPUTS]
    return [f for f in (installed.warehouse / "phase3").rglob("*.parquet") if f not in current]


@pytest.mark.parametrize(("at", "is_old"), [*((point, False) for point in POINTS), *OLD])
def test_a_killed_load_leaves_one_season_and_the_same_command_finishes_it(
    installed: Installation, newer: Path, at: str, is_old: bool
) -> None:
    if is_old:
        as_an_older_release(installed.warehouse, YEAR)
    assert versions(installed) == {"old"}
    crash(installed, at, "load_phase3", str(newer))
    is_switched = at.startswith("load-switched")
    assert versions(installed) == {"new" if is_switched else "old"}
    found = ParquetWarehouse(installed.warehouse).unfinished()
    assert [(w.seasons, w.is_running) for w in found] == [([YEAR], False)] * (not is_switched)
    again = installed.verb("load_phase3", str(newer))
    assert (again.returncode, again.stderr) == (0, "")
    assert ("interrupted" in again.stdout) != is_switched
    assert (versions(installed), left(installed)) == ({"new"}, [])
    assert ParquetWarehouse(installed.warehouse).unfinished() == []


@pytest.mark.parametrize("at", ["load-begun", "load-file", "load-prepared", "load-switched"])
def test_a_killed_partial_load_leaves_the_old_rows_and_the_same_command_finishes_it(
    installed: Installation, reference: Reference, newer: Path, at: str
) -> None:
    day = str(reference.days[0])
    part = ("load_phase3", str(newer), "--tables", "PGS", "--start", day, "--end", day)

    def new_dates() -> set[str]:
        sql = f"SELECT DISTINCT game_date FROM {PGS} WHERE {_is_new('PGS')}"
        return {str(r["game_date"]) for r in ParquetWarehouse(installed.warehouse).query(sql)}

    crash(installed, at, *part)
    assert new_dates() == ({day} if at == "load-switched" else set())
    found = ParquetWarehouse(installed.warehouse).unfinished()
    assert [f"--tables PGS --start {day} --end {day}" in w.command for w in found] == [True] * (
        at != "load-switched"
    )
    again = installed.verb(*part)
    assert (again.returncode, again.stderr) == (0, "")
    assert (new_dates(), left(installed)) == ({day}, [])
    assert ParquetWarehouse(installed.warehouse).unfinished() == []


def test_a_start_is_refused_after_a_killed_load_with_the_command_that_finishes_it(
    installed: Installation, reference: Reference, newer: Path
) -> None:
    crash(installed, "load-file:2", "load_phase3", str(newer))
    refused = installed.verb(*reference.command)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert "interrupted" in refused.stderr
    code, blockers = preflight(installed, reference)
    assert (code, [b for b in blockers if "interrupted" in b]) == (1, blockers)
    audited = installed.verb("triage", "--json")
    assert audited.stderr == ""
    findings = [f for f in json.loads(audited.stdout)["findings"] if f["kind"] == "unfinished load"]
    assert [str(newer) in f["sentence"] for f in findings] == [True]


def test_a_killed_first_load_is_named_instead_of_a_missing_season(
    installed: Installation, reference: Reference, newer: Path
) -> None:
    shutil.rmtree(installed.warehouse)
    crash(installed, "load-file:2", "load_phase3", str(newer))
    refused = installed.verb(*reference.command)
    assert (refused.returncode, f"load_phase3 {newer}" in refused.stderr) == (2, True)


def test_a_load_is_refused_while_another_process_loads_the_season(
    installed: Installation, newer: Path
) -> None:
    folder = installed.warehouse / "phase3" / f"season_year={YEAR}"
    with UnfinishedFile(folder).held():
        refused = installed.verb("load_phase3", str(newer))
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert f"another process is loading season {YEAR}" in refused.stderr
    assert (versions(installed), left(installed)) == ({"old"}, [])


def test_loads_of_one_season_at_once_leave_one_season(
    installed: Installation, newer: Path, small_season: Path
) -> None:
    folders = [newer, small_season, newer]
    ends = [ended(p) for p in [installed.start("load_phase3", str(f)) for f in folders]]
    assert {p.returncode for p in ends} <= {0, 2}
    assert 0 in {p.returncode for p in ends}
    assert all("another process" in p.stderr for p in ends if p.returncode)
    assert (len(versions(installed)), left(installed)) == (1, [])


@pytest.mark.parametrize("point", ["copy-begun", "load-file:3", "load-switched", *COPIED])
def test_a_killed_copy_is_unfinished_and_the_same_command_finishes_it(
    backfilled: Installation, reference: Reference, tmp_path: Path, point: str
) -> None:
    target = Installation(shutil.copytree(backfilled.var, tmp_path / "to"))
    shutil.rmtree(target.warehouse)
    days = str(reference.days[0]), str(reference.days[-1])
    urls = f"parquet:{backfilled.warehouse}", f"parquet:{target.warehouse}"
    command = "copy_warehouse", *urls, "--start", days[0], "--end", days[1]
    crash(target, point, *command)
    refused = target.verb("backfill", "--start", days[0], "--end", days[1], "--inline", "--force")
    assert (refused.returncode, "interrupted" in refused.stderr) == (2, True), refused.stderr
    if (target.warehouse / "phase3" / f"season_year={YEAR}" / "current").exists():
        sessions = [ParquetWarehouse(w.warehouse) for w in (backfilled, target)]
        todo = plan(*sessions, reference.days[0], reference.days[-1]).todo
        assert not {part.table for part in todo} & set(INPUTS)
    again = target.verb(*command)
    assert (again.returncode, "equal counts and hashes" in again.stdout) == (0, True), again.stderr
    assert not ParquetWarehouse(target.warehouse).unfinished()
    assert target.tables() == backfilled.tables()
