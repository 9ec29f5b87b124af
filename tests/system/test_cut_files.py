"""A Parquet file that is cut short: the error names it, what it does not concern completes, and
without it all heals.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import pytest

from backfill.processors.registry import PROCESSORS
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import FAILURES, HISTORY, INPUTS, PGS, PSZA
from tests.system.installation import Installation, Reference, assert_heals, backfill

pytestmark = pytest.mark.system
KEPT: dict[str, Callable[[int], int]] = {
    "nothing": lambda size: 0,
    "a half": lambda size: size // 2,
    "all but a byte": lambda size: size - 1,
}


def cut(file: Path, kept: str) -> Path:
    whole = file.read_bytes()
    file.write_bytes(whole[: KEPT[kept](len(whole))])
    return file


@pytest.mark.parametrize(("table", "kept"), list(zip(INPUTS, cycle(KEPT), strict=False)), ids=str)
def test_a_cut_input_is_named_in_one_line_and_nothing_starts(
    installed: Installation, reference: Reference, table: Table, kept: str
) -> None:
    file = cut(installed.season(table), kept)
    done = installed.verb(*reference.command)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1), done.stderr
    assert str(file) in done.stderr
    assert installed.jobs() == []


def test_after_a_cut_input_is_loaded_again_the_same_command_completes(
    installed: Installation, reference: Reference, small_season: Path
) -> None:
    cut(installed.season(PGS), "a half")
    assert installed.verb(*reference.command).returncode == 1
    assert installed.verb("load_phase3", str(small_season)).returncode == 0
    assert_heals(installed, reference)


def test_a_cut_upstream_partition_fails_its_date_alone_and_without_it_the_same_command_heals(
    backfilled: Installation, reference: Reference
) -> None:
    day, days = reference.days[-6], reference.days[-8:]
    file = cut(backfilled.part(PSZA, day), "all but a byte")
    done = backfilled.verb(*backfill(days[0], days[-1], "--start-from", "3", "--force", "--json"))
    assert (done.returncode, done.stderr) == (1, "")
    found = json.loads(done.stdout)
    assert [(p["processor"], p["date"], p["status"]) for p in found["problems"]] == [
        ("PCF", str(day), "failed"), ("PDC", str(day), "blocked"), ("ML", str(day), "blocked")
    ]  # fmt: skip
    assert all(str(file) in p["why"] for p in found["problems"])
    assert [p["dates"]["complete"] for p in found["processors"]] == [len(days) - 1] * 3
    file.unlink()
    assert_heals(backfilled, reference, jobs=("succeeded", "failed", "succeeded"))


def test_a_cut_slice_of_the_failures_concerns_its_date_alone_and_without_it_the_same_command_heals(
    backfilled: Installation, reference: Reference
) -> None:
    """ML reads the failures of all, its own old ones among them; the others replace theirs unread."""
    day, days = reference.days[-6], reference.days[-8:]
    file = cut(backfilled.part(FAILURES, day, PROCESSORS["ML"].name), "a half")
    done = backfilled.verb(*backfill(days[0], days[-1], "--force", "--json"))
    problems = json.loads(done.stdout)["problems"]
    assert (done.returncode, done.stderr) == (int(bool(problems)), "")
    assert {(p["date"], str(file) in p["why"]) for p in problems} <= {(str(day), True)}
    if problems:
        file.unlink()
    assert_heals(backfilled, reference, jobs=None)


def test_a_cut_slice_of_the_history_fails_its_date_alone(
    backfilled: Installation, reference: Reference
) -> None:
    days = reference.days[-8:]
    file = cut(backfilled.part(HISTORY, days[2], PROCESSORS["PDC"].name), "a half")
    done = backfilled.verb(*backfill(days[0], days[-1], "--processors", "PDC", "--force"))
    assert (done.returncode, str(file) in done.stdout + done.stderr) == (1, True)
    assert (backfilled.active(), backfilled.runs()["failed"]) == (0, 1)


def test_a_cut_slice_of_the_history_is_named_and_without_it_the_same_command_heals(
    backfilled: Installation, reference: Reference
) -> None:
    file = cut(backfilled.part(HISTORY, reference.days[-6], PROCESSORS["ML"].name), "nothing")
    done = backfilled.verb(*reference.command, "--force")
    assert (
        done.returncode,
        str(file) in done.stdout + done.stderr,
        "Traceback" in done.stderr,
    ) == (1, True, False)
    file.unlink()
    assert_heals(backfilled, reference, "--force", jobs=None)
