"""kill -9 or Ctrl-C at any moment, then the same command again: the tables of an undisturbed run."""

from __future__ import annotations

import re
import signal
from contextlib import suppress
from random import Random
from subprocess import TimeoutExpired

import duckdb
import pytest

from backfill.crash_points import POINTS, VERSION_POINTS
from backfill.processors.registry import CHAIN
from backfill.warehouse.tables import FAILURES, HISTORY, OUTPUTS, PGS
from tests.system.installation import (
    Installation,
    Partitions,
    Reference,
    assert_heals,
    assert_same,
    backfill,
    ended,
    kill,
    until,
)

pytestmark = pytest.mark.system
BETWEEN_TWO_KEYS_SECONDS = 0.05
MOMENTS = [round(Random("any moment").uniform(k, k + 1) / 2, 3) for k in range(2)]


def crash(installed: Installation, command: tuple[str, ...], at: str) -> None:
    assert installed.verb(*command, BACKCOURT_CRASH_AT=at).returncode == -signal.SIGKILL


def test_an_undisturbed_backfill_fills_every_table_with_one_history_row_per_run(
    reference: Reference,
) -> None:
    for table in (*OUTPUTS, FAILURES):
        assert any(
            rows
            for p, rows in reference.tables.items()
            if p.startswith(f"{table.dataset}/{table.name}/")
        )
    history = [
        rows
        for p, rows in reference.tables.items()
        if p.startswith(f"{HISTORY.dataset}/{HISTORY.name}/")
    ]
    assert [len(rows) for rows in history] == [1] * len(reference.days) * len(CHAIN)
    assert_same(reference.installation, reference)


def test_killed_at_every_named_point_one_after_the_other_the_same_command_ends_as_if_undisturbed(
    installed: Installation, reference: Reference
) -> None:
    for point in POINTS:
        crash(installed, reference.command, f"{point}:3")
        assert installed.active(), point
    assert_heals(installed, reference)


def test_killed_at_any_moments_the_same_command_ends_as_if_undisturbed(
    installed: Installation, reference: Reference
) -> None:
    for moment in MOMENTS:
        process = installed.start(*reference.command)
        try:
            process.wait(reference.seconds * moment)
        except TimeoutExpired:
            kill(process)
        process.communicate()
    assert_heals(installed, reference, jobs=None)


def test_killed_then_started_over_fewer_dates_nothing_is_lost(
    installed: Installation, reference: Reference
) -> None:
    crash(installed, reference.command, "after-history:6")
    fewer = installed.verb(*backfill(reference.days[5], reference.days[8]))
    assert (fewer.returncode, fewer.stderr) == (0, "")
    assert (installed.jobs(), installed.active()) == (["cancelled", "succeeded"], 0)
    assert_heals(installed, reference, jobs=("cancelled", "succeeded", "succeeded"))


def test_killed_then_started_with_force_everything_is_made_again(
    installed: Installation, reference: Reference
) -> None:
    crash(installed, reference.command, "after-record:9")
    forced = installed.verb(*reference.command, "--force", "--overwrites", "any")
    assert (forced.returncode, forced.stderr) == (0, "")
    assert_same(installed, reference, jobs=("cancelled", "succeeded"))


def test_killed_at_every_point_of_an_undo_each_partition_is_old_or_new(
    installed: Installation, reference: Reference
) -> None:
    assert installed.verb(*reference.command).returncode == 0
    before = data_of(installed)
    spoil(installed)
    assert installed.verb(*reference.command, "--force").returncode == 0
    after = data_of(installed)
    changed = {name for name in before if before[name] != after[name]}
    assert len(changed) > len(reference.days)
    undo = ("undo", "2", "--inline", "--reason", "wrong load")
    for point in (*POINTS, *VERSION_POINTS):
        crash(installed, undo, f"{point}:1")
        now = data_of(installed)
        assert {name for name in before if now[name] not in (before[name], after[name])} == set()
    ended_undo = installed.verb(*undo)
    assert (ended_undo.returncode, ended_undo.stderr) == (0, "")
    assert data_of(installed) == before
    assert installed.active() == 0


def data_of(installed: Installation) -> Partitions:
    """Return rows and failures of every partition, without the run history."""
    return {
        name: rows for name, rows in installed.tables().items() if str(HISTORY.name) not in name
    }


def spoil(installed: Installation) -> None:
    """Add an attempt to every player's games, as a wrong load does."""
    file = installed.season(PGS)
    spoiled = file.with_suffix(".spoiled")
    with duckdb.connect() as db:
        db.execute(
            f"COPY (SELECT * REPLACE (paint_attempts + 1 AS paint_attempts) FROM '{file}') "
            f"TO '{spoiled}' (FORMAT parquet)"
        )
    spoiled.replace(file)


def test_killed_then_started_twice_at_once_only_one_goes_on(
    installed: Installation, reference: Reference
) -> None:
    """Killed processes count as dead even before their parent has reaped them."""
    killed = installed.start_interpreter(*reference.command, BACKCOURT_CRASH_AT="after-failures:3")
    until(lambda: _state(killed.pid) == "Z", "the crash")
    both = [ended(p) for p in [installed.start(*reference.command) for _ in range(2)]]
    killed.communicate()
    assert sorted(p.returncode for p in both) == [0, 2]
    (refused,) = (p for p in both if p.returncode == 2)
    assert len(refused.stderr.splitlines()) == 1
    assert re.search(r"\bjob 1\b", refused.stderr)
    assert_same(installed, reference)


def test_ctrl_c_pauses_the_job_and_the_same_command_goes_on(
    installed: Installation, reference: Reference
) -> None:
    """Pressed repeatedly, it still prints one line, and no work is lost."""
    process = installed.start(*reference.command, "--json")
    until(lambda: installed.runs()["complete"], "the first complete run")
    kill(process, signal.SIGINT)
    said = ended(process)
    assert (said.returncode, said.stdout, len(said.stderr.splitlines())) == (130, "", 1)
    assert "interrupted" in said.stderr
    assert installed.jobs() == ["paused"]
    assert installed.runs()["running"] == 0

    before = installed.runs()["complete"]
    process = installed.start(*reference.command, "--json")
    until(lambda: installed.runs()["complete"] > before, "another complete run")
    while process.poll() is None:
        kill(process, signal.SIGINT)
        with suppress(TimeoutExpired):
            process.wait(BETWEEN_TWO_KEYS_SECONDS)
    said = ended(process)
    assert (said.returncode, said.stdout, len(said.stderr.splitlines())) == (130, "", 1)
    assert installed.jobs() == ["paused"]
    assert installed.runs()["running"] == 0
    assert_heals(installed, reference)


def _state(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0]
