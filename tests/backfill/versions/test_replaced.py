"""Changes of an overwrite: counted row by row, and stale only what depends on changed rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from backfill.execution import dispatch
from backfill.execution.claims import claim_step
from backfill.jobs.lifecycle import cancel_job
from backfill.jobs.start import start_job
from backfill.models import Job, Run
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.warehouse import warehouse
from backfill.warehouse.tables import FAILURES, PGS, UPGC
from tests.backfill.working import batch_of, run_all
from tests.seasons.tiny import (
    FIRST,
    LAST,
    NIGHTS,
    PROCESSING,
    SECOND,
    give,
    make_options,
    part,
    rows_of,
    season_rows,
)

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.usefixtures("season")]
SAME = {"rows": [0, 0, 0, 2], "failures": [0, 0, 0, 0]}


def started(*codes: str, **overrides: object) -> Job:
    job = start_job(make_options(processors=codes or tuple(CHAIN), force=True, **overrides), "ann")
    assert job
    return job


def overwrite(*codes: str, **overrides: object) -> Job:
    return run_all(started(*codes, **overrides))


def of(job: Job, code: str, day: object = SECOND) -> Run:
    return Run.objects.get(job=job, processor=code, date=day)


def done() -> set[str]:
    return {code for code, day in Run.objects.done(FIRST, LAST) if day == SECOND}


def correct(folder: Path, **values: object) -> None:
    """Change one player's row of the opening night."""
    first, *rest = season_rows(PGS)
    give(PGS, [{**first, **values}, *rest], folder)


def test_a_first_write_replaces_nothing() -> None:
    run = of(overwrite(), "PSZA")
    assert (run.replaced, run.changes, run.unchanged_since) == (None, {}, None)


def test_an_equal_overwrite_changes_no_row_and_makes_nothing_stale() -> None:
    first = overwrite()
    again = overwrite("TDZA", "PSZA")
    runs = [of(again, code) for code in ("TDZA", "PSZA")]
    assert [run.changes for run in runs] == [SAME, SAME]
    assert [run.replaced for run in runs] == [of(first, c).fence for c in ("TDZA", "PSZA")]
    assert {run.unchanged_since for run in runs} == {of(first, "TDZA").started_at} | {
        of(first, "PSZA").started_at
    }
    assert done() == set(CHAIN)
    third = of(overwrite("PSZA"), "PSZA")
    assert third.unchanged_since == of(first, "PSZA").started_at
    assert done() == set(CHAIN)


def test_a_corrected_game_changes_the_rows_of_its_player_and_makes_downstream_stale(
    tmp_path: Path,
) -> None:
    overwrite()
    correct(tmp_path, paint_attempts=19)
    again = of(overwrite("PSZA"), "PSZA")
    assert again.changes == {"rows": [0, 0, 1, 1], "failures": [0, 0, 0, 0]}
    assert again.unchanged_since is None
    assert done() == {"TDZA", "PSZA"}


def test_appearing_and_disappearing_failures_are_counted(tmp_path: Path) -> None:
    overwrite()
    name = season_rows(PGS)[0]["player_lookup"]
    few = [row for row in season_rows(PGS, NIGHTS[:3]) if row["player_lookup"] == name]
    others = [row for row in season_rows(PGS) if row["player_lookup"] != name]
    give(PGS, [*few, *others], tmp_path)
    lost = of(overwrite("PSZA"), "PSZA").changes
    assert lost == {"rows": [0, 1, 0, 1], "failures": [1, 0, 0, 0]}
    give(PGS, season_rows(PGS), tmp_path)
    found = of(overwrite("PSZA"), "PSZA").changes
    assert found == {"rows": [1, 0, 0, 1], "failures": [0, 1, 0, 0]}


def test_an_interrupted_attempt_is_not_what_the_next_one_is_compared_with(
    tmp_path: Path,
) -> None:
    """The first attempt writes changed rows and dies; the second writes the same ones."""
    first = overwrite("PSZA")
    correct(tmp_path, paint_attempts=19)
    job = started("PSZA")
    dispatch.dispatch()
    attempt = claim_step(batch_of(job, 0), "PSZA", "claim", "worker")
    assert attempt
    table, processor = PROCESSORS["PSZA"].output, PROCESSORS["PSZA"]
    with warehouse().working(attempt.work()):
        warehouse().replace(FAILURES, PROCESSING, "", {}, processor.name)
        warehouse().replace(table, PROCESSING, "", {})
    dispatch.requeue(job, job.runs.all(), actor="sweep", reason="", cause="")
    job.batches.update(status="waiting", lease="")
    run = of(run_all(job), "PSZA")
    assert run.changes == {"rows": [0, 0, 1, 1], "failures": [0, 0, 0, 0]}
    assert run.replaced == of(first, "PSZA").fence


def test_rows_that_an_unrecorded_attempt_wrote_over_are_not_unchanged() -> None:
    overwrite("PSZA")
    job = started("PSZA")
    dispatch.dispatch()
    attempt = claim_step(batch_of(job, 0), "PSZA", "claim", "worker")
    assert attempt
    with warehouse().working(attempt.work()):
        warehouse().replace(PROCESSORS["PSZA"].output, PROCESSING, "", {})
    cancel_job(job, "ann", force=True)
    run = of(overwrite("PSZA"), "PSZA")
    assert (run.changes["rows"], run.unchanged_since) == ([0, 0, 0, 2], None)


def test_a_lost_partition_is_no_equal_one(season: Path) -> None:
    overwrite()
    part(season, "PSZA", SECOND).unlink()
    run = of(overwrite("PSZA"), "PSZA")
    assert (run.replaced, run.unchanged_since) == (None, None)
    assert done() == {"TDZA", "PSZA"}
    assert len(rows_of("PSZA", SECOND)) == 2


def test_a_version_that_is_gone_is_compared_with_nothing(season: Path) -> None:
    overwrite("PSZA")
    Run.objects.update(fence=12)  # as if another write had come in between
    run = of(overwrite("PSZA"), "PSZA")
    assert (run.changes, run.unchanged_since) == ({}, None)


def test_context_rows_count_too(tmp_path: Path) -> None:
    overwrite()
    rows = [{**row, "pace_differential": 9} for row in season_rows(UPGC)]
    give(UPGC, rows, tmp_path)
    assert of(overwrite("PCF"), "PCF").changes["rows"][2] == 2
