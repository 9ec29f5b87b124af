"""Damaged and missing files: the suggested command fixes each, and nothing else is lost."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from random import Random

import pytest

from backfill.processors.registry import PROCESSORS
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import FAILURES, HISTORY, INPUTS, ML, PGS, PSZA
from tests.system.installation import Installation, Reference, assert_heals, backfill

pytestmark = pytest.mark.system
GARBAGE = Random("garbage").randbytes(5000)
DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "nothing": lambda whole: b"",
    "a half": lambda whole: whole[: len(whole) // 2],
    "all but a byte": lambda whole: whole[:-1],
    "garbage": lambda whole: GARBAGE,
    "missing": lambda whole: None,
}


def damage(file: Path, how: str) -> Path:
    left = DAMAGES[how](file.read_bytes())
    file.unlink() if left is None else file.write_bytes(left)
    return file


@pytest.mark.parametrize(("table", "how"), list(zip(INPUTS, cycle(DAMAGES), strict=False)), ids=str)
def test_a_damaged_input_is_named_in_one_line_and_nothing_starts(
    installed: Installation, reference: Reference, table: Table, how: str
) -> None:
    file = damage(installed.season(table), how)
    done = installed.verb(*reference.command)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1), done.stderr
    assert str(file) in done.stderr
    assert "`manage.py load_phase3 DIR`" in done.stderr
    assert installed.jobs() == []


def test_an_input_damaged_under_a_job_pauses_it_once_and_after_a_load_the_same_command_completes(
    installed: Installation, reference: Reference, small_season: Path
) -> None:
    killed = installed.verb(*reference.command, BACKCOURT_CRASH_AT="after-claim:4")
    assert killed.returncode == -signal.SIGKILL
    file = damage(installed.season(PGS), "a half")
    assert installed.verb(*reference.command).returncode == 1
    assert installed.jobs() == ["paused"]
    assert installed.runs()["failed"] == 0
    reasons = "SELECT reason FROM backfill_event WHERE to_state = 'pausing'"
    ((reason,),) = installed.rows(reasons)
    assert f"{file} is not a whole Parquet file; load its season again with" in str(reason)
    assert installed.verb("load_phase3", str(small_season)).returncode == 0
    assert_heals(installed, reference)


def test_damaged_outputs_failures_and_history_are_planned_with_their_reason_and_made_again(
    backfilled: Installation, reference: Reference
) -> None:
    days = reference.days[-len(DAMAGES) :]
    for day, how in zip(days, DAMAGES, strict=True):
        damage(backfilled.part(PSZA, day), how)
        damage(backfilled.part(HISTORY, day, PROCESSORS["TDZA"].name), how)
    damage(backfilled.part(FAILURES, reference.days[-6], PROCESSORS["ML"].name), "a half")
    damage(backfilled.part(ML, reference.days[-7]), "garbage")
    planned = backfilled.verb(*reference.command, "--dry-run", "--json")
    reasons = {
        (run["processor"], run["date"]): run["reason"]
        for run in json.loads(planned.stdout)["runs"]
        if run["action"] == "run"
    }
    own = {("PSZA", str(day)) for day in days} | {
        ("ML", str(reference.days[-6])), ("ML", str(reference.days[-7]))
    }  # fmt: skip
    assert {key: reasons.pop(key) for key in own} == dict.fromkeys(own, "damaged output") | {
        ("PSZA", str(days[-1])): "not complete"
    }
    assert {reason.partition(":")[0] for reason in reasons.values()} == {"upstream reruns"}
    assert {date for _, date in reasons} == set(map(str, days))
    done = backfilled.verb(*reference.command, "--overwrites", "any", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert_heals(backfilled, reference, jobs=None)


def test_a_damaged_upstream_partition_fails_its_date_alone_and_the_same_command_heals(
    backfilled: Installation, reference: Reference
) -> None:
    day, days = reference.days[-6], reference.days[-8:]
    file = damage(backfilled.part(PSZA, day), "all but a byte")
    done = backfilled.verb(
        *backfill(
            days[0], days[-1], "--start-from", "3", "--force", "--overwrites", "any", "--json"
        )
    )
    assert (done.returncode, done.stderr) == (1, "")
    found = json.loads(done.stdout)
    assert [(p["processor"], p["date"], p["status"]) for p in found["problems"]] == [
        ("PCF", str(day), "failed"), ("PDC", str(day), "blocked"), ("ML", str(day), "blocked")
    ]  # fmt: skip
    assert all(str(file) in p["why"] for p in found["problems"])
    assert [p["dates"]["complete"] for p in found["processors"]] == [len(days) - 1] * 3
    assert_heals(backfilled, reference, jobs=("succeeded", "failed", "succeeded"))


def test_damage_inside_a_file_fails_its_reader_and_the_same_command_heals(
    backfilled: Installation, reference: Reference
) -> None:
    """It begins and ends as a whole file."""
    day = reference.days[-4]
    file = backfilled.part(PSZA, day)
    whole = file.read_bytes()
    file.write_bytes(whole[:4] + b"\xff" * (len(whole) - 12) + whole[-8:])
    done = backfilled.verb(
        *backfill(day, day, "--start-from", "3", "--force", "--overwrites", "any")
    )
    assert (done.returncode, str(file) in done.stdout + done.stderr) == (1, True)
    assert_heals(backfilled, reference, jobs=None)


def test_damaged_failures_and_history_stop_no_run_that_replaces_them(
    backfilled: Installation, reference: Reference
) -> None:
    days = reference.days[-8:]
    files = [
        damage(backfilled.part(table, day, PROCESSORS[code].name), how)
        for table, day, code, how in (
            (FAILURES, days[2], "ML", "a half"),
            (FAILURES, days[3], "PSZA", "nothing"),
            (HISTORY, days[2], "PDC", "a half"),
            (HISTORY, days[4], "ML", "garbage"),
        )
    ]
    done = backfilled.verb(*backfill(days[0], days[-1], "--force", "--overwrites", "any", "--json"))
    assert (done.returncode, done.stderr, json.loads(done.stdout)["problems"]) == (0, "", [])
    kept = [list(file.parent.glob("damaged-*.parquet")) for file in files]
    assert [len(found) for found in kept] == [1, 1, 1, 1]
    events = backfilled.rows("SELECT reason FROM backfill_event WHERE kind = 'file set aside'")
    assert [str(files[n]) in str(r) for n, (r,) in zip((2, 3), events, strict=True)] == [True] * 2
    assert_heals(backfilled, reference, "--force", "--overwrites", "any", jobs=None)
