"""Undo restores what a job replaced, row by row; a restore of one version does it for one partition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backfill.errors import PlanChanged, Refused
from backfill.jobs.lifecycle import cancel_job, pause_job, resume_job
from backfill.jobs.prune import kept_runs
from backfill.jobs.retry import preview_retry
from backfill.jobs.retry_selection import Selection
from backfill.jobs.start import start_job
from backfill.jobs.undo import preview_restore, preview_undo, start_undo
from backfill.models import Event, Job, Run
from backfill.plan.rerun_policy import stale
from backfill.processors.registry import CHAIN
from backfill.warehouse.port import Row
from backfill.warehouse.tables import PGS
from tests.backfill.shell import Shell
from tests.backfill.working import run_all
from tests.seasons.tiny import (
    FIRST,
    LAST,
    PROCESSING,
    SECOND,
    THIRD,
    cut,
    failures_of,
    give,
    make_options,
    part,
    rows_of,
    season_rows,
)

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.usefixtures("season")]
REASON = "wrong formula"
CHANGED = PROCESSING[1:]  # dates with the corrected game in the window
TIMES = ("created_at", "processed_at", "_last_updated")


def overwrite(*codes: str, **overrides: Any) -> Job:
    options = make_options(processors=codes or tuple(CHAIN), force=True, **overrides)
    job = start_job(options, "ann")
    assert job
    return run_all(job)


def correct(folder: Path) -> None:
    first, *rest = season_rows(PGS)
    give(PGS, [{**first, "paint_attempts": 19}, *rest], folder)


def everything() -> dict[str, tuple[list[Row], list[tuple[object, ...]]]]:
    """Return all values; an undo leaves unchanged rows, and so their times, as they are."""
    return {code: ([_values(row) for row in rows_of(code)], failures_of(code)) for code in CHAIN}


def _values(row: Row) -> Row:
    return {name: value for name, value in row.items() if not name.endswith(TIMES)}


def undone(job: Job, **selection: Any) -> Job:
    return run_all(start_undo(preview_undo(job, **selection), "bob", REASON))


def test_an_undo_restores_every_row_and_failure(tmp_path: Path) -> None:
    first = overwrite()
    before, exactly = everything(), rows_of("PSZA", SECOND)
    correct(tmp_path)
    second = overwrite()
    assert everything() != before
    job = undone(second)
    assert (everything(), rows_of("PSZA", SECOND)) == (before, exactly)
    assert (job.status, job.undo_of, job.reason) == ("succeeded", second, REASON)
    run = Run.objects.get(job=job, processor="PSZA", date=SECOND)
    made, replaced = (
        Run.objects.get(job=of, processor="PSZA", date=SECOND) for of in (first, second)
    )
    assert (run.population, run.rows, run.failures) == (made.population, made.rows, made.failures)
    assert (run.sql_hash, run.input_signature) == (made.sql_hash, made.input_signature)
    assert (run.replaced, run.changes["rows"]) == (replaced.fence, [0, 0, 1, 1])
    assert Event.objects.filter(job=job, actor="bob", action="queued", reason=REASON).exists()


def test_a_restored_run_is_stale_where_its_maker_is(tmp_path: Path) -> None:
    overwrite()
    correct(tmp_path)
    undone(overwrite("PSZA"))
    newest = Run.objects.deciding(FIRST, LAST)
    assert stale([newest["PSZA", SECOND]]) == {
        ("PSZA", SECOND): "earlier games changed since this run"
    }


def test_an_undo_of_an_undo_restores_the_job(tmp_path: Path) -> None:
    overwrite()
    correct(tmp_path)
    job = overwrite()
    after = everything()
    undone(undone(job))
    assert everything() == after


def test_runs_that_changed_nothing_or_replaced_nothing_stay(tmp_path: Path) -> None:
    job = overwrite("TDZA", "PSZA")
    with pytest.raises(Refused, match=rf"nothing of job {job.pk} can be undone .8 runs"):
        start_undo(preview_undo(job), "bob", REASON)
    correct(tmp_path)
    again = overwrite("TDZA", "PSZA")
    found = preview_undo(again)
    assert {code for code, _ in found.restores} == {"PSZA"}
    left = {(one.run.processor, one.run.date, one.reason) for one in found.left}
    same = {("TDZA", day) for day in PROCESSING} | {("PSZA", FIRST)}
    assert left == {(*key, "changed no row") for key in same}


def test_downstream_of_restored_rows_is_stale(tmp_path: Path) -> None:
    overwrite()
    correct(tmp_path)
    job = overwrite("PSZA")
    found = preview_undo(job, {("PSZA", SECOND)})
    assert found.stale == (("PCF", SECOND), ("PDC", SECOND), ("ML", SECOND))
    undone(job, keys={("PSZA", SECOND)})
    done = Run.objects.done(SECOND, SECOND)
    assert done == {("TDZA", SECOND), ("PSZA", SECOND)}


def test_what_a_later_job_has_written_stays(tmp_path: Path) -> None:
    overwrite("PSZA")
    correct(tmp_path)
    job = overwrite("PSZA")
    later = overwrite("PSZA", start=SECOND, end=SECOND)
    found = preview_undo(job)
    assert set(found.restores) == {("PSZA", day) for day in CHANGED if day != SECOND}
    [left] = [one for one in found.left if one.run.date == SECOND]
    assert left.reason == f"job {later.pk} has written it since"


def test_a_deleted_version_is_named_and_the_others_are_restored(
    tmp_path: Path, season: Path
) -> None:
    overwrite("PSZA")
    correct(tmp_path)
    job = overwrite("PSZA")
    for file in season.glob(f".versions/*/*={SECOND}/*.parquet"):
        file.unlink()
    found = preview_undo(job)
    assert len(found.restores) == 2
    [left] = [one for one in found.left if one.run.date == SECOND]
    assert left.reason == "the version that it replaced is gone"


def test_a_version_deleted_after_the_start_fails_its_date_alone(
    tmp_path: Path, season: Path
) -> None:
    overwrite("PSZA")
    correct(tmp_path)
    job = overwrite("PSZA")
    after = rows_of("PSZA", SECOND)
    undo = start_undo(preview_undo(job), "bob", REASON)
    for file in season.glob(f".versions/*/*={SECOND}/*.parquet"):
        file.unlink()
    run_all(undo)
    assert rows_of("PSZA", SECOND) == after
    runs = dict(undo.runs.values_list("date", "status"))
    assert runs == {SECOND: "failed", THIRD: "complete", LAST: "complete"}
    assert "is gone" in undo.runs.get(date=SECOND).reason


def test_a_damaged_version_fails_its_date_alone(tmp_path: Path, season: Path) -> None:
    overwrite("PSZA")
    correct(tmp_path)
    job = overwrite("PSZA")
    [file] = season.glob(f".versions/*player_shot*/*={SECOND}/*.parquet")
    cut(file)
    undo = undone(job)
    assert undo.runs.get(date=SECOND).status == "failed"
    assert undo.runs.filter(status="complete").count() == 2


def test_an_undo_pauses_resumes_and_is_not_retried(tmp_path: Path) -> None:
    overwrite("PSZA")
    before = everything()
    correct(tmp_path)
    job = overwrite("PSZA")
    undo = start_undo(preview_undo(job), "bob", REASON)
    pause_job(undo, "bob")
    resume_job(undo, "bob")
    run_all(undo)
    assert everything() == before
    with pytest.raises(Refused, match=f"job {undo.pk} restored versions"):
        preview_retry(undo, Selection())


def test_a_cancelled_undo_leaves_each_partition_old_or_new(tmp_path: Path) -> None:
    overwrite("PSZA")
    correct(tmp_path)
    job = overwrite("PSZA")
    undo = start_undo(preview_undo(job), "bob", REASON)
    cancel_job(undo, "bob")
    assert preview_undo(job).restores.keys() == {("PSZA", day) for day in CHANGED}


def test_an_undo_needs_a_reason_an_ended_job_and_its_own_runs() -> None:
    job = overwrite("PSZA")
    with pytest.raises(Refused, match="no complete run of ML on 2021-11-03"):
        preview_undo(job, {("ML", SECOND)})
    again = overwrite("PSZA")
    Run.objects.filter(job=again).update(changes={"rows": [0, 0, 1, 1]})
    with pytest.raises(Refused, match="a restore needs a reason"):
        start_undo(preview_undo(again), "bob", " ")
    again.status = "running"
    again.save()
    with pytest.raises(Refused, match="wait until it ends"):
        preview_undo(again)


def test_an_undo_is_refused_after_its_preview_changed(tmp_path: Path) -> None:
    overwrite("PSZA")
    correct(tmp_path)
    job = overwrite("PSZA")
    seal = preview_undo(job).seal
    overwrite("PSZA", start=SECOND, end=SECOND)
    with pytest.raises(PlanChanged):
        start_undo(preview_undo(job), "bob", REASON, previewed=seal)


def test_one_version_of_one_partition_is_restored(tmp_path: Path) -> None:
    first = overwrite("PSZA")
    before = rows_of("PSZA", SECOND)
    correct(tmp_path)
    overwrite("PSZA")
    others = rows_of("PSZA", THIRD)
    name = Run.objects.get(job=first, date=SECOND).run_id
    run_all(start_undo(preview_restore(SECOND, "PSZA", name), "bob", REASON))
    assert rows_of("PSZA", SECOND) == before
    assert rows_of("PSZA", THIRD) == others
    with pytest.raises(Refused, match="PSZA has no version 'nope' on 2021-11-03; its versions: "):
        preview_restore(SECOND, "PSZA", "nope")


def test_a_version_without_its_run_is_restored_as_stale(tmp_path: Path) -> None:
    first = overwrite("PSZA")
    before = rows_of("PSZA", SECOND)
    correct(tmp_path)
    job = overwrite("PSZA")
    token = str(Run.objects.get(job=first, date=SECOND).fence)
    first.delete()
    run_all(start_undo(preview_restore(SECOND, "PSZA", token), "bob", REASON))
    assert rows_of("PSZA", SECOND) == before
    newest = Run.objects.deciding(SECOND, SECOND)
    assert stale(newest.values()).keys() == {("PSZA", SECOND)}
    assert job.runs.exists()


def test_the_makers_of_kept_versions_are_not_pruned(tmp_path: Path) -> None:
    first = overwrite("PSZA")
    overwrite("PSZA")
    makers = set(first.runs.values_list("pk", flat=True))
    assert makers <= kept_runs()


@pytest.mark.django_db(transaction=True)
@pytest.mark.shell
def test_the_shell_lists_versions_and_undoes(shell: Shell, tmp_path: Path, season: Path) -> None:
    dates = ("--start", FIRST, "--end", LAST, "--processors", "PSZA", "--force")
    assert shell.backfill(*dates).code == 0
    before = [_values(row) for row in rows_of("PSZA")]
    correct(tmp_path)
    assert shell.backfill(*dates).code == 0
    job = Job.objects.latest("pk")
    listed = listed_by(shell)
    assert [(v["live"], v["job"], v["rows"]) for v in listed] == [
        (True, job.pk, 2),
        (False, job.pk - 1, 2),
    ]
    preview = shell("undo", job.pk, "--dry-run", "--json").document
    assert len(preview["restores"]) == 3
    undo = ("undo", job.pk, "--inline", "--json")
    assert "a restore needs a reason" in shell(*undo).err
    assert "add --overwrites 3" in shell(*undo, "--reason", REASON, "--overwrites", 9).err
    assert shell(*undo, "--reason", REASON).document["status"] == "succeeded"
    assert [_values(row) for row in rows_of("PSZA")] == before
    part(season, "PSZA", SECOND).unlink()
    assert not [v["live"] for v in listed_by(shell) if v["live"]]
    assert shell("versions", SECOND, "--restore", "x").err == (
        "--restore needs --processor P, because several have versions of a date\n"
    )
    assert shell("undo", 999_999).code == 2


def listed_by(shell: Shell) -> list[dict[str, Any]]:
    answer = shell("versions", SECOND, "--processor", "PSZA", "--json")
    found: list[dict[str, Any]] = answer.document["versions"]
    return found
