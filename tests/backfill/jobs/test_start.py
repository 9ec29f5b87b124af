from __future__ import annotations

import socket
from datetime import UTC, date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from backfill.errors import Conflict, Refused, UnreadableInput
from backfill.execution.inline import run_inline
from backfill.jobs import start
from backfill.jobs.start import preview_job, start_job
from backfill.models import Event, Job, Run
from backfill.plan.planning import ALREADY_COMPLETE
from backfill.process_id import this_process
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.processors.render import sql_hash
from backfill.version import code_version
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.tables import FAILURES, HISTORY, PGS, UPGC
from tests.seasons.inputs import input_file
from tests.seasons.tiny import (
    BOOTSTRAP,
    FIRST,
    LAST,
    NIGHTS,
    SECOND,
    THIRD,
    break_on,
    cut,
    failures_of,
    listing,
    make_options,
    part,
    rows_of,
    without,
)

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.usefixtures("season")]

CONTEXT = "nba_analytics.upcoming_player_game_context"
DEAD = f"{socket.gethostname()} 1 0.00"  # no process has this number and start time


def started(**overrides: Any) -> Job:
    job = start_job(make_options(**overrides), "ann", inline=True)
    assert job is not None
    return job


def finished(**overrides: Any) -> Job:
    return run_inline(started(**overrides), "ann")


def runs_of(job: Job, *fields: str) -> list[tuple[Any, ...]]:
    return list(job.runs.order_by("date", "pk").values_list("processor", "date", *fields))


def history() -> list[Row]:
    return warehouse().query(f"SELECT * FROM {HISTORY} ORDER BY data_date, started_at")


def job_events(job: Job) -> list[tuple[Any, ...]]:
    return list(job.events.filter(run=None).order_by("pk").values_list("actor", "action", "reason"))


# Start, run, finish


@pytest.mark.shell
def test_a_job_runs_to_its_end() -> None:
    job = finished(start=BOOTSTRAP[-1], end=SECOND, reason="the first dates")
    assert (job.status, job.actor, job.reason, job.triggered_by) == (
        "succeeded",
        "ann",
        "the first dates",
        "backfill",
    )
    assert runs_of(job, "status", "population", "rows", "failures") == [
        *((code, BOOTSTRAP[-1], "skipped", None, None, {}) for code in CHAIN),
        ("TDZA", FIRST, "complete", 2, 0, {"INSUFFICIENT_DATA": 2}),
        *((code, FIRST, "complete", 2, 2, {}) for code in CHAIN[1:]),
        *((code, SECOND, "complete", 2, 2, {}) for code in CHAIN),
    ]
    assert job_events(job) == [
        ("ann", "queued", "the first dates"),
        ("ann", "queued → running", ""),
        ("backcourt", "running → succeeded", ""),
    ]
    assert job.created_at <= job.started_at <= job.finished_at


def test_a_job_says_what_made_it() -> None:
    job = started(processors=("PSZA", "ML"), batch_size=2)
    assert job.parsed_options == make_options(processors=("PSZA", "ML"), batch_size=2)
    assert (job.batch_size, job.owner, job.code_version) == (2, this_process(), code_version())
    assert job.sql_hashes == {code: sql_hash(code) for code in ("PSZA", "ML")}
    assert (job.status, job.started_at, {s for *_, s in runs_of(job, "status")}) == (
        "queued",
        None,
        {"pending"},
    )


def test_every_change_of_a_run_is_an_event() -> None:
    job = finished(end=FIRST, processors=("PSZA",))
    found = (
        Event.objects.exclude(run=None)
        .order_by("pk")
        .values_list("job_id", "run__processor", "actor", "action")
    )
    assert list(found) == [
        (job.pk, "PSZA", "ann", "pending → running"),
        (job.pk, "PSZA", "ann", "running → complete"),
    ]


@pytest.mark.shell
def test_progress_is_told_of_every_run_that_ended() -> None:
    told: list[tuple[str, list[date]]] = []
    run_inline(
        started(processors=("TDZA", "PSZA"), batch_size=3),
        "ann",
        lambda r: told.append((r[0].processor, [x.date for x in r])),
    )
    assert told == [
        (code, days) for days in ([FIRST, SECOND, THIRD], [LAST]) for code in ("TDZA", "PSZA")
    ]


@pytest.mark.django_db(transaction=True)
def test_batches_side_by_side_write_what_they_write_one_after_the_other(settings: Any) -> None:
    settings.MAX_PARALLEL_BATCHES = 2
    job = finished(batch_size=1)
    assert (job.status, {s for *_, s in runs_of(job, "status")}) == ("succeeded", {"complete"})
    assert {code: len(rows_of(code)) for code in CHAIN} == {**dict.fromkeys(CHAIN, 8), "TDZA": 6}
    assert len(history()) == 20


@pytest.mark.shell
def test_with_everything_complete_nothing_is_started_and_nothing_written(season: Path) -> None:
    finished(processors=("TDZA", "PSZA"))
    before, jobs = listing(season), Job.objects.count()
    assert start_job(make_options(processors=("TDZA", "PSZA")), "bob") is None
    assert start_job(make_options(start=SECOND, processors=("PSZA",)), "bob") is None
    assert (listing(season), Job.objects.count()) == (before, jobs)


@pytest.mark.shell
def test_what_is_complete_is_recorded_as_skipped_and_left_alone(season: Path) -> None:
    finished(end=SECOND, processors=("PSZA",))
    before = listing(season)
    job = finished(end=THIRD, processors=("PSZA",))
    kept = ("skipped", ALREADY_COMPLETE, -1)
    assert runs_of(job, "status", "reason", "batch") == [
        ("PSZA", FIRST, *kept),
        ("PSZA", SECOND, *kept),
        ("PSZA", THIRD, "complete", "", 0),
    ]
    assert {f: found for f, found in listing(season).items() if str(THIRD) not in f} == before


@pytest.mark.shell
def test_force_runs_what_is_complete() -> None:
    finished(end=SECOND, processors=("PSZA",))
    assert {
        s for *_, s in runs_of(finished(end=SECOND, processors=("PSZA",), force=True), "status")
    } == {"complete"}
    assert (len(rows_of("PSZA")), len(history())) == (4, 4)


def test_a_partition_that_is_gone_is_not_done(season: Path) -> None:
    finished(end=SECOND, processors=("PSZA",))
    part(season, "PSZA", FIRST).unlink()
    assert [
        r.date for r in preview_job(make_options(end=SECOND, processors=("PSZA",))).plan.todo
    ] == [FIRST]


@pytest.mark.shell
def test_a_failures_slice_that_is_gone_is_not_done(season: Path) -> None:
    finished(end=SECOND, processors=("PSZA",))
    folder = season / FAILURES.dataset / FAILURES.name / f"analysis_date={FIRST}"
    (folder / f"processor_name={PROCESSORS['PSZA'].name}" / "part.parquet").unlink()
    assert [
        r.date for r in preview_job(make_options(end=SECOND, processors=("PSZA",))).plan.todo
    ] == [FIRST]


@pytest.mark.shell
def test_what_ran_before_the_rows_of_its_upstream_changed_is_not_done(tmp_path: Path) -> None:
    finished(start=SECOND, end=SECOND)
    finished(start=SECOND, end=SECOND, processors=("PSZA",), force=True)
    assert preview_job(make_options(start=SECOND, end=SECOND)).plan.todo == ()
    without(PGS, NIGHTS[3], tmp_path)
    finished(start=SECOND, end=SECOND, processors=("PSZA",), force=True)
    todo = preview_job(make_options(start=SECOND, end=SECOND)).plan.todo
    assert [r.processor for r in todo] == ["PCF", "PDC", "ML"]


def test_a_range_without_games_is_refused() -> None:
    with pytest.raises(
        Refused,
        match="no games between 2021-12-01 and 2021-12-24, so nothing to backfill",
    ):
        started(start=date(2021, 12, 1), end=date(2021, 12, 24))
    assert not Job.objects.exists()


# One job at a time


def test_the_second_of_two_overlapping_jobs_is_refused_with_the_name_of_the_first() -> None:
    first = started(end=SECOND, processors=("TDZA", "PSZA"))
    with pytest.raises(Conflict) as refused:
        start_job(make_options(start=SECOND, processors=("PSZA", "ML")), "bob")
    assert (
        str(refused.value)
        == f"job {first.pk} (ann, queued) holds 1 run of this range; wait for it or cancel it"
    )
    assert list(Job.objects.all()) == [first]


def test_jobs_that_do_not_overlap_run_beside_each_other() -> None:
    started(end=SECOND, processors=("TDZA",))
    assert start_job(make_options(end=SECOND, processors=("PSZA",)), "bob")
    assert start_job(make_options(start=THIRD, processors=("TDZA",)), "bob")


# Blocking


def test_an_upstream_that_failed_blocks_what_comes_after_it_on_that_date(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    break_on(monkeypatch, "TDZA", THIRD)
    job = finished(start=SECOND, end=THIRD)
    failed = f"AccountingError: TDZA {THIRD}: 2 entities more than once, 0 outside the population of 2; nothing was written"
    blocked = f"blocked: TDZA failed for this date: {failed}"
    assert runs_of(job, "status", "reason") == [
        *((code, SECOND, "complete", "") for code in CHAIN),
        ("TDZA", THIRD, "failed", failed),
        ("PSZA", THIRD, "complete", ""),
        *((code, THIRD, "blocked", blocked) for code in ("PCF", "PDC", "ML")),
    ]
    assert (job.status, job_events(job)[-1]) == (
        "failed",
        ("backcourt", "running → failed", "1 failed run, 3 blocked runs"),
    )
    assert [(r["status"], r["error"]) for r in history() if r["data_date"] == THIRD][2] == (
        "failed",
        blocked,
    )
    assert not warehouse().partitions(PROCESSORS["ML"].output) - {SECOND}


def test_a_date_that_failed_and_what_it_blocked_is_what_remains(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    break_on(monkeypatch, "TDZA", THIRD)
    finished(start=SECOND, end=THIRD)
    monkeypatch.undo()
    job = finished(start=SECOND, end=THIRD)
    assert {k[0]: k[2] for k in runs_of(job, "reason") if k[1] == THIRD} == {
        **dict.fromkeys(CHAIN, ""),
        "PSZA": ALREADY_COMPLETE,
    }
    assert (job.status, len(rows_of("ML"))) == ("succeeded", 4)


def test_an_empty_population_does_not_block_what_finds_it_too(tmp_path: Path) -> None:
    without(UPGC, THIRD, tmp_path)
    job = finished(start=THIRD, end=THIRD, skip_preflight=True, reason="the file is lost")
    reason = f"no population: {CONTEXT} has no rows for {THIRD}"
    assert runs_of(job, "status", "population", "reason") == [
        ("TDZA", THIRD, "complete", 2, ""),
        ("PSZA", THIRD, "complete", 2, ""),
        *((code, THIRD, "failed", 0, reason) for code in ("PCF", "PDC", "ML")),
    ]
    assert [failures_of(code)[0][1:3] for code in ("PCF", "PDC", "ML")] == [
        ("DATE_LEVEL", "MISSING_DEPENDENCY")
    ] * 3


@pytest.mark.shell
def test_a_poisoned_source_pauses_the_job_and_no_run_fails(season: Path) -> None:
    job = started(end=FIRST)
    cut(input_file(season, PGS))
    run_inline(job, "ann")
    statuses = {processor: status for processor, _, status in runs_of(job, "status")}
    assert statuses == {"TDZA": "complete"} | dict.fromkeys(("PSZA", "PCF", "PDC", "ML"), "pending")
    job.refresh_from_db()
    assert job.status == Job.Status.PAUSED
    with pytest.raises(
        UnreadableInput, match=r"player_game_summary/part\.parquet is not a whole Parquet file"
    ):
        preview_job(make_options())


# Run history


@pytest.mark.shell
def test_every_run_has_one_row_in_the_history() -> None:
    job = finished(start=BOOTSTRAP[-1], end=FIRST, processors=("TDZA", "PSZA"))
    runs = {(r.processor, r.date): r for r in job.runs.all()}

    def row(code: str, day: date, status: str, created: int, failed: int, error: str | None) -> Row:
        run, output = runs[code, day], PROCESSORS[code].output
        seconds = Decimal(str((run.query_seconds or 0) + (run.write_seconds or 0))).quantize(
            Decimal("0.001")
        )
        times = {
            name: getattr(run, of).astimezone(UTC).replace(tzinfo=None)
            for name, of in TIMES.items()
        }
        return {
            "processor_name": PROCESSORS[code].name,
            "run_id": run.run_id,
            "job_id": str(job.pk),
            "phase": "phase_4_precompute",
            "data_date": day,
            "status": status,
            "records_created": created,
            "records_failed": failed,
            "duration_seconds": seconds,
            **times,
            "backfill_mode": True,
            "triggered_by": "backfill",
            "output_dataset": output.dataset,
            "output_table": output.name,
            "error": error,
        }

    bootstrap = "bootstrap: day 13, processing starts on day 14"
    assert history() == [
        row("TDZA", BOOTSTRAP[-1], "skipped", 0, 0, bootstrap),
        row("PSZA", BOOTSTRAP[-1], "skipped", 0, 0, bootstrap),
        row("TDZA", FIRST, "success", 0, 2, None),
        row("PSZA", FIRST, "success", 2, 0, None),
    ]


TIMES = {"started_at": "started_at", "processed_at": "finished_at"}


@pytest.mark.shell
def test_a_failure_of_the_whole_date_is_no_failed_record(tmp_path: Path) -> None:
    without(UPGC, THIRD, tmp_path)
    finished(
        start=THIRD, end=THIRD, processors=("PCF",), skip_preflight=True, reason="the file is lost"
    )
    (row,) = history()
    found = row["status"], row["records_created"], row["records_failed"], row["error"]
    assert found == ("failed", 0, 0, f"no population: {CONTEXT} has no rows for {THIRD}")


@pytest.mark.shell
def test_a_run_that_was_not_needed_is_not_in_the_history() -> None:
    finished(end=FIRST, processors=("PSZA",))
    finished(end=SECOND, processors=("PSZA",))
    assert [row["data_date"] for row in history()] == [FIRST, SECOND]


def test_a_single_run_has_no_job_in_the_history() -> None:
    job = start_job(
        make_options(end=FIRST, processors=("PSZA",), force=True),
        "ann",
        triggered_by="manual",
        inline=True,
    )
    assert job
    run_inline(job, "ann")
    assert [(r["job_id"], r["triggered_by"], r["status"]) for r in history()] == [
        (None, "manual", "success")
    ]


# Preflight


def test_a_table_without_rows_for_a_date_blocks_the_start(tmp_path: Path, season: Path) -> None:
    without(UPGC, THIRD, tmp_path)
    before = listing(season)
    with pytest.raises(Refused) as refused:
        started()
    assert str(refused.value) == (
        f"the preflight blocks: {THIRD}: {CONTEXT} has no rows, at least 10 expected for 1 game; "
        f"run `manage.py preflight_check {FIRST} --end-date {LAST}` for advice, or override with --skip-preflight --reason TEXT"
    )
    assert (listing(season), Job.objects.exists()) == (before, False)


def test_a_reason_overrides_the_preflight_and_is_stamped_on_the_job(tmp_path: Path) -> None:
    without(UPGC, THIRD, tmp_path)
    job = started(skip_preflight=True, reason="postponed")
    overridden = (
        f"postponed (overridden: {THIRD}: {CONTEXT} has no rows, at least 10 expected for 1 game)"
    )
    assert (job.reason, job.options["skip_preflight"]) == ("postponed", True)
    assert job_events(job) == [
        ("ann", "queued", "postponed"),
        ("ann", "preflight overridden", overridden),
    ]


def test_skipping_a_preflight_that_blocks_nothing_overrides_nothing() -> None:
    assert job_events(started(skip_preflight=True, reason="in a hurry")) == [
        ("ann", "queued", "in a hurry")
    ]


def test_few_rows_warn_and_do_not_block() -> None:
    report = preview_job(make_options(start=BOOTSTRAP[-1], end=FIRST)).report
    assert [(item.tables, item.dates) for item in report.warns] == [
        (("nba_analytics.player_game_summary",), (FIRST,)),
        ((CONTEXT,), (FIRST,)),
    ]
    assert (report.ready, report.items) == (True, report.warns)


def test_a_preview_is_what_is_started(season: Path) -> None:
    before = listing(season)
    planned = preview_job(make_options(start=BOOTSTRAP[-1], batch_size=2)).plan
    assert (listing(season), Job.objects.exists()) == (before, False)
    job = started(start=BOOTSTRAP[-1], batch_size=2)
    assert runs_of(job, "batch") == [(r.processor, r.date, r.batch) for r in planned.todo]


# Dead processes


def interrupted(**overrides: Any) -> Job:
    """Make a job whose process died while it ran PSZA on the second date."""
    job = started(end=SECOND, processors=("PSZA", "PCF"), batch_size=1, **overrides)
    Job.objects.filter(pk=job.pk).update(status="running", owner=DEAD)
    job.runs.filter(processor="PSZA", date=FIRST).update(status="complete")
    job.runs.filter(processor="PSZA", date=SECOND).update(status="running")
    return job


@pytest.mark.shell
def test_the_same_options_go_on_with_the_job_of_a_process_that_died() -> None:
    job = interrupted()
    ids = dict(job.runs.values_list("pk", "run_id"))
    same = start_job(job.parsed_options, "bob", inline=True)
    assert same == job
    assert (same.status, same.owner, job_events(same)[-1]) == (
        "queued",
        this_process(),
        ("bob", "running → queued", "resumed after its process ended"),
    )
    assert {s for *_, s in runs_of(same, "status")} == {"pending", "complete"}
    run_inline(same, "bob")
    assert (same.status, {s for *_, s in runs_of(same, "status")}) == ("succeeded", {"complete"})
    assert dict(job.runs.values_list("pk", "run_id")) == ids


def test_other_options_take_the_dates_of_a_job_whose_process_died() -> None:
    job = interrupted()
    other = started(end=FIRST, processors=("PCF",))
    job.refresh_from_db()
    assert (job.status, other.pk != job.pk) == ("cancelled", True)
    assert sorted({s for *_, s in runs_of(job, "status")}) == ["cancelled", "complete"]
    assert job_events(job)[-1][2] == "process ended; another backfill claimed its dates"


def test_a_job_whose_process_died_keeps_dates_that_nobody_asks_for() -> None:
    job = interrupted()
    started(start=THIRD, end=THIRD)
    job.refresh_from_db()
    assert (job.status, job.runs.filter(status__in=Run.ACTIVE).count()) == ("running", 3)


def test_a_job_that_died_after_its_last_run_is_finished() -> None:
    job = interrupted()
    job.runs.update(status="complete")
    started(start=THIRD, end=THIRD)
    job.refresh_from_db()
    assert (job.status, job_events(job)[-1][:2]) == (
        "succeeded",
        ("backcourt", "running → succeeded"),
    )


def test_a_process_that_lives_keeps_its_job() -> None:
    job = interrupted()
    Job.objects.filter(pk=job.pk).update(owner=this_process())
    with pytest.raises(Conflict, match=rf"job {job.pk} \(ann, running\) holds 3 runs"):
        start_job(job.parsed_options, "bob")


@pytest.mark.shell
@pytest.mark.parametrize(
    ("error", "reason"),
    [(KeyboardInterrupt(), "interrupted"), (ZeroDivisionError("x"), "ZeroDivisionError: x")],
)
def test_an_interrupted_job_is_paused_and_the_same_options_go_on(
    error: BaseException, reason: str
) -> None:
    job = started(end=SECOND, processors=("PSZA",), batch_size=1)

    def interrupt(runs: object) -> None:
        raise error

    with pytest.raises(type(error)):
        run_inline(job, "ann", interrupt)
    assert job.status == "paused"
    assert job_events(job)[-2:] == [
        ("ann", "running → pausing", reason),
        ("ann", "pausing → paused", ""),
    ]
    assert [s for *_, s in runs_of(job, "status")] == ["complete", "pending"]
    assert run_inline(started(end=SECOND, processors=("PSZA",), batch_size=1), "ann") == job
    assert [s for *_, s in runs_of(job, "status")] == ["complete", "complete"]


def test_a_season_that_is_not_loaded_is_named() -> None:
    with pytest.raises(
        Refused,
        match=r"no Phase 3 data for the seasons 2022-23, 2023-24: load it with `manage\.py load_phase3 DIR`",
    ):
        started(end=date(2023, 11, 1))


def test_a_job_interrupted_after_its_last_run_is_finished() -> None:
    job = started(end=FIRST, processors=("PSZA",))

    def interrupt(runs: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_inline(job, "ann", interrupt)
    assert start_job(job.parsed_options, "ann") is None
    job.refresh_from_db()
    assert job.status == "succeeded"


def test_of_two_who_go_on_with_a_job_one_gets_it() -> None:
    late = Job.objects.get(pk=interrupted().pk)
    job = start_job(late.parsed_options, "bob", inline=True)
    assert job
    job.transition(("queued",), "running", actor="bob")
    job.runs.filter(processor="PSZA").update(status="running")
    with pytest.raises(Conflict):
        start._take_over(late, "eve", this_process())
    assert {s for code, _, s in runs_of(job, "status") if code == "PSZA"} == {"running"}


# Previews that the request has already computed


def test_a_computed_preview_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    found = preview_job(make_options())
    monkeypatch.setattr(start, "preview_job", lambda options: pytest.fail("computed twice"))
    job = start_job(make_options(), "ann", computed=found)
    assert job
    assert job.runs.exclude(status="skipped").count() == len(found.plan.todo)


def test_a_preview_is_computed_again_after_a_dead_job_gives_its_dates_back() -> None:
    dead = interrupted()
    failed = make_options(end=SECOND, processors=("PSZA", "PCF"), failed=True)
    before = preview_job(failed)
    job = start_job(failed, "bob", computed=before)
    dead.refresh_from_db()
    assert dead.status == "cancelled"
    assert job
    assert job.runs.filter(status="pending").count() > len(before.plan.todo)


def test_of_two_starts_with_the_same_preview_one_gets_the_dates() -> None:
    found = preview_job(make_options())
    assert start_job(make_options(), "ann", computed=found)
    with pytest.raises(Conflict, match=r"job \d+ \(ann, queued\) holds"):
        start_job(make_options(), "bob", computed=found)
    assert Job.objects.count() == 1
