"""A schedule that changes under a job: pending runs and stored rows on dates without games."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from backfill.execution.unplanned import NO_LONGER_PLANNED
from backfill.jobs.lifecycle import pause_job, resume_job
from backfill.jobs.start import preview_job, start_job
from backfill.models import Event, Finding, Job
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.tables import HISTORY, SCHED
from tests.backfill.shell import Shell
from tests.backfill.working import dispatch, make_job, run_all, run_batch, statuses
from tests.seasons.tiny import (
    FIRST,
    LAST,
    SECOND,
    THIRD,
    cut,
    failures_of,
    give,
    listing,
    make_options,
    part,
    rows_of,
    season_rows,
)
from tests.seasons.whole import Whole
from validation.findings import kinds

pytestmark = pytest.mark.database


def schedule(change: Callable[[Row], Row | None]) -> list[Row]:
    return [row for game in season_rows(SCHED) if (row := change(game))]


def not_on(night: Any, **values: object) -> Callable[[Row], Row | None]:
    """Remove the game of a night, or change these values of it."""

    def change(game: Row) -> Row | None:
        if game["game_date"] != night:
            return game
        return {**game, **values} if values else None

    return change


CHANGES = pytest.mark.parametrize(
    "change",
    [
        not_on(SECOND),
        not_on(SECOND, game_status=1),
        not_on(SECOND, season_type="preseason"),
        not_on(SECOND, game_date=LAST + timedelta(days=3)),
    ],
    ids=["removed", "not final", "another type", "another date"],
)


def zero_the_middle(file: Path) -> None:
    content = file.read_bytes()
    third = len(content) // 3
    file.write_bytes(content[:4] + bytes(third) + content[4 + third :])


def break_the_footer(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:-60] + b"x" * 52 + content[-8:])


# Pending runs


@pytest.mark.shell
@CHANGES
@pytest.mark.django_db
@pytest.mark.usefixtures("season")
def test_a_resumed_job_runs_what_is_still_planned(
    change: Callable[[Row], Row | None], tmp_path: Path
) -> None:
    job = make_job(end=THIRD)
    dispatch.dispatch()
    run_batch(job, 0)
    pause_job(job, "ann")
    give(SCHED, schedule(change), tmp_path)
    resume_job(job, "ann")
    dropped = job.runs.filter(status="cancelled")
    assert {(r.date, r.reason) for r in dropped} == {(SECOND, NO_LONGER_PLANNED)}
    events = Event.objects.filter(job=job, run__isnull=False, reason=NO_LONGER_PLANNED)
    assert events.count() == len(CHAIN) == dropped.count()
    job = run_all(job)
    assert (job.status, statuses(job)) == ("succeeded", {"complete": 10, "cancelled": 5})
    assert {row["analysis_date"] for row in rows_of("PSZA")} == {FIRST, THIRD}
    assert not part(Path(str(warehouse().root)), "PSZA", SECOND).exists()  # type: ignore[attr-defined]


@pytest.mark.django_db
@pytest.mark.usefixtures("season")
def test_a_job_that_was_not_paused_drops_the_same_runs(tmp_path: Path) -> None:
    job = make_job(end=THIRD, parallel=1)
    dispatch.dispatch()
    run_batch(job, 0)
    give(SCHED, schedule(not_on(THIRD)), tmp_path)
    job = run_all(job)
    assert (job.status, statuses(job)) == ("succeeded", {"complete": 10, "cancelled": 5})


@pytest.mark.django_db
@pytest.mark.usefixtures("season")
def test_a_job_with_nothing_left_ends(tmp_path: Path) -> None:
    job = make_job(start=SECOND, end=SECOND)
    pause_job(job, "ann")
    give(SCHED, schedule(not_on(SECOND)), tmp_path)
    resume_job(job, "ann")
    job.refresh_from_db()
    assert (job.status, statuses(job), rows_of("PSZA")) == ("succeeded", {"cancelled": 5}, [])


@pytest.mark.shell
@pytest.mark.django_db
@pytest.mark.usefixtures("season")
def test_an_unchanged_schedule_drops_nothing(tmp_path: Path) -> None:
    job = make_job(end=SECOND)
    pause_job(job, "ann")
    give(SCHED, schedule(lambda game: game), tmp_path)
    resume_job(job, "ann")
    assert statuses(run_all(job)) == {"complete": 10}


# Stored rows


@pytest.fixture
def whole(whole_jobs: Whole, own_warehouse: Path) -> Path:
    whole_jobs.job(make_options(batch_size=4), own_warehouse)
    return own_warehouse


@CHANGES
@pytest.mark.django_db(transaction=True)
@pytest.mark.shell
def test_rows_on_a_date_without_games_are_found_and_removed(
    change: Callable[[Row], Row | None], shell: Shell, whole: Path, tmp_path: Path
) -> None:
    give(SCHED, schedule(change), tmp_path)
    found = finding(shell)
    if found is None:  # a game still to come keeps its date
        assert [
            game["game_status"] for game in schedule(change) if game["game_date"] == SECOND
        ] == [1]
        return
    command = f"manage.py remove_rows --dates {SECOND}"
    rows = 42  # 2 teams and 10 players: TDZA 2, the others 10 each
    assert (found.dates, found.sentence, found.cause) == (
        [str(SECOND)],
        f"{rows} rows of TDZA, PSZA, PCF, PDC, ML on dates without games, {SECOND}",
        f"the schedule changed after these runs; remove them with `{command}`",
    )
    others = {file: stamp for file, stamp in listing(whole).items() if str(SECOND) not in file}
    dry = shell("remove_rows", "--dates", SECOND, "--dry-run")
    assert (dry.code, dry.out.strip().endswith(f"on {SECOND} would be removed")) == (0, True)
    answer = shell(*command.split()[1:], "--reason", "postponed", "--json")
    job = Job.objects.get(pk=answer.document["job"])
    assert (job.status, job.actor, job.reason) == ("succeeded", getpass.getuser(), "postponed")
    assert sum(row["rows"] for row in answer.document["rows"]) == rows
    assert statuses(job) == {"skipped": 5}
    assert {e.actor for e in Event.objects.filter(job=job)} >= {getpass.getuser()}
    assert [rows_of(code, SECOND) + failures_of(code, SECOND) for code in CHAIN] == [[]] * 5
    after = {file: stamp for file, stamp in listing(whole).items() if str(SECOND) not in file}
    assert {f: s for f, s in after.items() if "precompute" in f or "predictions" in f} == {
        f: s for f, s in others.items() if "precompute" in f or "predictions" in f
    }
    assert finding(shell) is None
    history = warehouse().query(
        f"SELECT status, records_created FROM {HISTORY} WHERE data_date = DATE '{SECOND}' "
        f"AND processor_name = '{PROCESSORS['PSZA'].name}' ORDER BY started_at DESC LIMIT 1"
    )
    assert [tuple(row.values()) for row in history] == [("skipped", 0)]


def finding(shell: Shell) -> Finding | None:
    shell("triage")
    return Finding.objects.listed().filter(kind=kinds.NO_LONGER_PLANNED.name).first()


@pytest.mark.django_db(transaction=True)
@pytest.mark.shell
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--dates", SECOND], f"{SECOND} is a processing date; remove rows only on dates without"),
        (["--start", FIRST, "--end", LAST], f"{FIRST} (and 3 more) is a processing date"),
        (["--dates", LAST + timedelta(days=1)], "no rows of TDZA, PSZA, PCF, PDC, ML on"),
        (["--dates", "2030-11-01"], "no Phase 3 data for the season 2030-31"),
        ([], "the following arguments are required: --start, --end, or --dates"),
        (["--dates", SECOND, "--processors", "XYZ"], "unknown processor 'XYZ'"),
    ],
)
def test_no_other_row_is_removed(
    words: list[object], sentence: str, shell: Shell, whole: Path
) -> None:
    before = listing(whole)
    answer = shell("remove_rows", *words)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(sentence)
    assert (listing(whole), Job.objects.count()) == (before, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.shell
@pytest.mark.parametrize("damage", [cut, zero_the_middle])
def test_damaged_rows_on_a_date_without_games_are_removed_too(
    damage: Callable[[Path], None], shell: Shell, whole: Path, tmp_path: Path
) -> None:
    give(SCHED, schedule(not_on(SECOND)), tmp_path)
    damage(part(whole, "PSZA", SECOND))
    found = finding(shell)
    assert found
    assert (found.dates, found.processors) == ([str(SECOND)], [*CHAIN])
    assert shell("remove_rows", "--dates", SECOND).code == 0
    assert (finding(shell), rows_of("PSZA", SECOND), rows_of("ML", SECOND)) == (None, [], [])


@pytest.mark.django_db(transaction=True)
@pytest.mark.shell
def test_rows_that_a_job_holds_are_not_removed(shell: Shell, whole: Path, tmp_path: Path) -> None:
    holding = start_job(make_options(start=SECOND, end=SECOND, force=True), "bob")
    assert holding
    give(SCHED, schedule(not_on(SECOND)), tmp_path)
    answer = shell("remove_rows", "--dates", SECOND)
    assert (answer.code, f"job {holding.pk} (bob, queued) holds 5 runs" in answer.err) == (2, True)
    assert rows_of("PSZA", SECOND)


# Damaged partitions


@pytest.mark.django_db(transaction=True)
@pytest.mark.shell
@pytest.mark.parametrize("damage", [cut, zero_the_middle, break_the_footer])
def test_a_damaged_partition_is_first_and_its_consequences_are_in_it(
    damage: Callable[[Path], None], shell: Shell, whole: Path
) -> None:
    healthy = rows_of("PSZA", SECOND)
    damage(part(whole, "PSZA", SECOND))
    words = ("--start", SECOND, "--end", SECOND, "--processors", "PCF,PDC", "--force")
    shell.backfill(*words, "--overwrites", 2, "--no-pause-on-error", "--no-canary")
    document = shell("triage", "--json").document["findings"]
    assert [f["kind"] for f in document] == ["lost partition"]
    assert document[0]["sentence"] == (
        f"1 run (PSZA): complete, but the partition is missing or unreadable, {SECOND}; "
        "consequences: 1 failed run (PCF), 1 blocked run (PDC)"
    )
    plan = preview_job(make_options(start=FIRST, end=LAST)).plan
    assert {(r.processor, r.date): r.reason for r in plan.runs if r.action == "run"} == {
        ("PSZA", SECOND): "damaged output",
        ("PCF", SECOND): "not complete",
        ("PDC", SECOND): "not complete",
        ("ML", SECOND): "not complete",
    }
    command = document[0]["action"]["command"]
    assert "--force" not in command
    assert shell(*command.split()[1:], "--inline", "--no-canary").code == 0
    assert [f["kind"] for f in shell("triage", "--json").document["findings"]] == []
    assert [row | {"processed_at": 0, "created_at": 0} for row in rows_of("PSZA", SECOND)] == [
        row | {"processed_at": 0, "created_at": 0} for row in healthy
    ]
