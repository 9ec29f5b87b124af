"""Unwritable output folders and full disks: reported in one line, no partial output."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from backfill.warehouse.tables import HISTORY, PGS
from tests.system.filesystem import FileSystem
from tests.system.installation import (
    Installation,
    Reference,
    assert_heals,
    backfill,
    differences,
    without,
)

pytestmark = pytest.mark.system
BYTES_PER_FILE = 50_000
# Kilobytes for a part of the backfill: too few for a batch but enough for its history, and more
# where the database shares the disk.
ROOM = [("take_in_warehouse", 300), ("take_in", 3_500)]
VERBS: dict[str, Callable[[date, Path], tuple[str, ...]]] = {
    "backfill": lambda day, season: backfill(day, day),
    "run_processor": lambda day, season: ("run_processor", "TDZA", str(day)),
    "load_phase3": lambda day, season: ("load_phase3", str(season)),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_warehouse_below_a_file_is_a_misconfiguration_named_in_one_line(
    installed: Installation, reference: Reference, small_season: Path, verb: str
) -> None:
    file = installed.var / "file"
    file.write_text("no folder")
    command = VERBS[verb](reference.days[0], small_season)
    done = installed.verb(*command, WAREHOUSE_URL=f"parquet:{file}/warehouse")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done.stderr
    assert str(file) in done.stderr
    assert installed.jobs() == []


@pytest.mark.parametrize("verb", VERBS)
def test_a_read_only_warehouse_is_a_misconfiguration_named_in_one_line(
    installed: Installation,
    reference: Reference,
    small_season: Path,
    file_system: FileSystem,
    verb: str,
) -> None:
    there = file_system.take_in_warehouse(installed)
    file_system.remount("ro")
    done = there.verb(*VERBS[verb](reference.days[0], small_season))
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done.stderr
    assert str(there.elsewhere) in done.stderr
    assert "read-only" in done.stderr.lower()
    assert there.jobs() == []


@pytest.mark.parametrize(("take_in", "room"), ROOM)
def test_a_disk_that_fills_up_is_named_and_with_space_again_the_same_command_completes(
    installed: Installation, reference: Reference, file_system: FileSystem, take_in: str, room: int
) -> None:
    there = getattr(file_system, take_in)(installed)
    file_system.leave_kilobytes(room)
    assert_names_the_full_disk(there.verb(*reference.command))
    written, expected = without(there.tables(), HISTORY), without(reference.tables, HISTORY)
    assert differences(written, expected, missing_allowed=True) == []
    assert 0 < len(written) < len(expected)
    file_system.remount("size=100%")
    assert_heals(there, reference, jobs=None)


def test_on_a_full_disk_what_was_complete_stays_whole(
    backfilled: Installation, reference: Reference, file_system: FileSystem
) -> None:
    there = file_system.take_in_warehouse(backfilled)
    file_system.leave_kilobytes(60)
    assert_names_the_full_disk(there.verb(*reference.command, "--force", "--overwrites", "any"))
    assert differences(without(there.tables(), HISTORY), without(reference.tables, HISTORY)) == []
    file_system.remount("size=100%")
    assert_heals(there, reference, "--force", "--overwrites", "any", jobs=None)


def assert_names_the_full_disk(done: CompletedProcess[str]) -> None:
    said = done.stderr or done.stdout
    assert (done.returncode, len(done.stderr.splitlines()) <= 1, "Traceback" in said) == (
        1,
        True,
        False,
    ), said
    assert re.search("no space left|disk is full", said, re.IGNORECASE), said


def test_a_season_that_finds_no_room_leaves_the_one_that_was_loaded(
    installed: Installation, small_season: Path, file_system: FileSystem
) -> None:
    there = file_system.take_in_warehouse(installed)
    file_system.leave_kilobytes(20)
    before = there.inputs()
    done = there.verb("load_phase3", str(small_season))
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert "no space left" in done.stderr.lower()
    assert (there.inputs(), there.leftovers()) == (before, [])


def test_a_season_too_large_for_a_limit_leaves_the_one_that_was_loaded(
    installed: Installation, small_season: Path
) -> None:
    """Without permission to mount a file system, a limit on file size stands for a full disk."""
    before = installed.inputs()
    assert installed.season(PGS).stat().st_size > BYTES_PER_FILE
    limited = Installation(installed.var, ("prlimit", f"--fsize={BYTES_PER_FILE}"))
    done = limited.verb("load_phase3", str(small_season))
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert "file too large" in done.stderr.lower()
    assert (installed.inputs(), installed.leftovers()) == (before, [])
