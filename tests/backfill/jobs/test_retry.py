from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backfill.errors import Conflict, Refused
from backfill.execution.inline import run_inline
from backfill.jobs.lifecycle import cancel_job
from backfill.jobs.retry import LeftOut, preview_retry, retry_job
from backfill.jobs.retry_selection import Selection
from backfill.jobs.start import start_job
from backfill.models import Job, Run
from backfill.plan import rerun_policy
from backfill.plan.planning import ALREADY_COMPLETE, PlannedAction, PlannedRun
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.status import error_groups
from backfill.status.error_groups import ErrorGroup
from backfill.status.upstream_causes import causes
from backfill.warehouse import date_cache
from backfill.warehouse.parquet.session import ParquetWarehouse
from backfill.warehouse.port import Row
from backfill.warehouse.tables import FAILURES, PDC, PGS, PSZA, SCHED, TOGS, UPGC
from tests.backfill.broken import Broken
from tests.backfill.working import DEAD
from tests.factories import make_row, store
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
    give,
    listing,
    make_options,
    part,
    rows_of,
    season_rows,
    without,
)

# A retry reads the newest decisive runs and the jobs that hold their dates. Tests of these reads
# run on PostgreSQL too.
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    pytest.mark.shell,
    pytest.mark.usefixtures("season"),
]

ALL = Selection()
WHY = "fixed it"
DOWNSTREAM = ("PCF", "PDC", "ML")
SAME = "the code did not change after the run: fix the code first"
SAME_INPUT = (
    "Phase 3 did not change after the run: fix the source row first; "
    "override with --override --reason TEXT"
)
OVERRIDE = f"{SAME}; override with --override --reason TEXT"
CHANGED = "the code changed after the run"
PHASE3_CHANGED = "Phase 3 changed after the run"
STALE = "stale: earlier games changed since this run"
TOO_FEW = "too few games, and Phase 3 did not change after the run"
CONTEXT = "nba_analytics.upcoming_player_game_context"


def started(**overrides: Any) -> Job:
    job = start_job(make_options(**overrides), "ann", inline=True)
    assert job
    return job


def finished(**overrides: Any) -> Job:
    return run_inline(started(**overrides), "ann")


def retried(job: Job, selection: Selection = ALL, reason: str = "") -> Job:
    return run_inline(retry_job(job, selection, "bob", reason, inline=True), "bob")


def planned(job: Job, selection: Selection = ALL) -> list[tuple[str, date, str]]:
    return [(r.processor, r.date, r.reason) for r in preview_retry(job, selection).plan.runs]


def left_out(job: Job, selection: Selection = ALL) -> list[LeftOut]:
    return list(preview_retry(job, selection).left_out)


def statuses(job: Job) -> dict[tuple[str, date], str]:
    return {(r.processor, r.date): r.status for r in job.runs.all()}


def expected_in_tdza() -> LeftOut:
    """Return the expected failures: teams one game short on the first date, fixed by games only."""
    return LeftOut(
        processor="TDZA",
        date=FIRST,
        what="INSUFFICIENT_DATA",
        entities=2,
        retry="never (expected)",
        reason=TOO_FEW,
    )


@pytest.fixture
def broken(broken_jobs: Broken, season: Path) -> Job:
    """Return a job in which TDZA broke on the second and third date.

    The code has been fixed since, without a new version.
    """
    return broken_jobs.job(make_options(end=THIRD, batch_size=2, reason="the first try"), season)


def changed_code(job: Job, code: str) -> None:
    """Mark the job's runs of one processor as made by another statement."""
    job.runs.filter(processor=code).update(sql_hash="0ther5q1")


def spoiled(
    table: Any, folder: Path, night: date, column: str, value: object, **where: object
) -> None:
    """Give one row of a night an impossible value."""
    rows = season_rows(table)
    for row in rows:
        if row["game_date"] == night and all(row[k] == v for k, v in where.items()):
            row[column] = value
    give(table, rows, folder)


def corrected(table: Any, folder: Path) -> None:
    """Load a table with correct rows, processed just now."""
    at = datetime.now(UTC).replace(tzinfo=None)
    give(table, [{**row, "processed_at": at} for row in season_rows(table)], folder)


# Retried runs and reasons


def test_a_defect_is_left_out_with_what_it_blocked_until_somebody_overrides(broken: Job) -> None:
    assert planned(broken) == []
    defects = [
        out
        for day in (SECOND, THIRD)
        for out in (
            LeftOut(
                processor="TDZA",
                date=day,
                what="AccountingError",
                entities=0,
                retry="after a fix",
                reason=OVERRIDE,
            ),
            *(
                LeftOut(
                    processor=code,
                    date=day,
                    what="blocked",
                    entities=0,
                    retry="after upstream",
                    reason=f"waiting for {waits}",
                )
                for code, waits in WAITS.items()
            ),
        )
    ]
    assert left_out(broken) == [expected_in_tdza(), *defects]
    with pytest.raises(Refused) as refused:
        retry_job(broken, ALL, "bob")
    assert str(refused.value) == (
        f"job {broken.pk} has no failure to retry: 2 runs with AccountingError (after a fix): {OVERRIDE}; "
        f"2 runs with blocked (after upstream): waiting for TDZA; 2 runs with blocked (after upstream): waiting for TDZA and PCF; "
        f"and 2 more reasons"
    )
    assert Job.objects.count() == 1


WAITS = {"PCF": "TDZA", "PDC": "TDZA and PCF", "ML": "TDZA and PCF and PDC"}
AGAIN = {
    "PCF": "upstream TDZA reruns",
    "PDC": "upstream TDZA and PCF rerun",
    "ML": "upstream TDZA, PCF and PDC rerun",
}


def test_an_override_runs_it_and_the_closure_and_touches_nothing_else(
    broken: Job, season: Path
) -> None:
    before = listing(season)
    selection = Selection(override=True)
    runs = [
        run
        for day in (SECOND, THIRD)
        for run in (
            ("TDZA", day, f"AccountingError (after a fix: {SAME})"),
            *((code, day, AGAIN[code]) for code in DOWNSTREAM),
        )
    ]
    assert planned(broken, selection) == runs
    assert left_out(broken, selection) == [expected_in_tdza()]
    assert (listing(season), Job.objects.count()) == (before, 1)
    job = retried(broken, selection, WHY)
    assert statuses(job) == {(code, day): "complete" for code, day, _ in runs}
    assert {code: len(rows_of(code)) for code in CHAIN} == {**dict.fromkeys(CHAIN, 6), "TDZA": 4}
    untouched = [f for f, found in listing(season).items() if before.get(f) == found]
    written = {f for f in listing(season) if f not in untouched}
    assert all(f"={SECOND}/" in f or f"={THIRD}/" in f for f in written)
    assert not [
        f for f in written if "player_shot_zone_analysis" in f or PROCESSORS["PSZA"].name in f
    ]


def test_a_retry_keeps_the_options_and_says_of_what_it_is_one(broken: Job) -> None:
    job = retry_job(broken, Selection(override=True), "bob", WHY)
    assert (job.options, job.parsed_options) == (broken.options, broken.parsed_options)
    assert (job.retry_of, job.reason, job.actor, job.status) == (broken, WHY, "bob", "queued")
    assert (job.batch_size, job.max_in_flight, job.brake, job.triggered_by) == (
        2,
        1,
        False,
        "backfill",
    )
    assert list(job.batches.values_list("number", "first_date", "last_date")) == [
        (0, SECOND, THIRD)
    ]
    assert {r.batch for r in job.runs.all()} == {0}


def test_without_a_reason_of_its_own_a_retry_says_that_it_is_one(broken: Job) -> None:
    changed_code(broken, "TDZA")
    assert retry_job(broken, ALL, "bob", " ").reason == f"retry of job {broken.pk}"


def test_a_retry_has_the_brake_as_it_stands_in_the_job_now(broken: Job) -> None:
    changed_code(broken, "TDZA")
    Job.objects.filter(pk=broken.pk).update(brake=True)
    assert retry_job(broken, ALL, "bob").brake is True
    assert broken.options["brake"] is False


@pytest.mark.parametrize("canary", [True, False])
@pytest.mark.parametrize("more", [0, 1])
def test_a_retry_stops_only_at_a_bug_that_its_date_did_not_have(
    tmp_path: Path, canary: bool, more: int
) -> None:
    spoiled(TOGS, tmp_path, NIGHTS[10], "pace", -1, team_abbr="BOS")
    job = finished(start=SECOND, end=SECOND)
    Job.objects.filter(pk=job.pk).update(
        brake=not canary, options={**job.options, "canary": canary}
    )
    if more:
        rows = [
            {**row, "pace": -1} if row["game_date"] == NIGHTS[10] else row
            for row in season_rows(TOGS)
        ]
        give(TOGS, rows, tmp_path)
    again = retried(job, Selection(override=True, processors=("PDC",)), WHY)
    (bugs,) = again.runs.filter(processor="PDC").values_list("failures", flat=True)
    assert (bugs["PROCESSING_ERROR"] > 1) == bool(more)
    assert again.events.filter(from_state="running", to_state="pausing").count() == more


def test_what_a_job_found_complete_is_no_matter_of_its_retry() -> None:
    finished(end=FIRST)
    job = finished(end=SECOND)
    found = preview_retry(job, Selection(include_expected=True))
    assert {run.date for run in found.plan.todo} <= {SECOND}
    assert {out.date for out in found.left_out} <= {SECOND}


def test_what_runs_again_besides_what_the_job_ran_is_counted(broken: Job) -> None:
    assert preview_retry(broken, Selection(override=True)).of_others == 0
    broken.runs.filter(processor__in=DOWNSTREAM).update(
        status="skipped", skip_reason=ALREADY_COMPLETE, reason=ALREADY_COMPLETE
    )
    found = preview_retry(broken, Selection(override=True))
    assert (
        found.of_others == len([run for run in found.plan.todo if run.processor in DOWNSTREAM]) > 0
    )


def test_an_override_needs_a_reason(broken: Job, season: Path) -> None:
    before = listing(season)
    with pytest.raises(Refused, match=r"^overriding requires a reason; add --reason TEXT$"):
        retry_job(broken, Selection(override=True), "bob", "  ")
    assert (listing(season), Job.objects.count()) == (before, 1)


def test_the_canary_of_a_retry_runs_alone_and_first(monkeypatch: pytest.MonkeyPatch) -> None:
    break_on(monkeypatch, "TDZA", SECOND, THIRD, LAST)
    job = finished(canary=True, batch_size=9)
    monkeypatch.undo()
    again = retry_job(job, Selection(override=True), "bob", WHY)
    assert list(again.batches.values_list("number", "first_date", "last_date")) == [
        (0, SECOND, SECOND),
        (1, THIRD, LAST),
    ]


def test_other_code_is_a_fix(broken: Job) -> None:
    changed_code(broken, "TDZA")
    assert planned(broken)[0] == ("TDZA", SECOND, f"AccountingError (now: {CHANGED})")
    assert retried(broken).status == "succeeded"


def test_another_version_is_a_fix(broken: Job) -> None:
    broken.runs.update(code_version="0.0.9")
    assert planned(broken)[0] == ("TDZA", SECOND, f"AccountingError (now: {CHANGED})")


@pytest.mark.postgres
def test_a_second_retry_never_runs_again_what_turned_good(
    broken: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_on(monkeypatch, "TDZA", THIRD)
    first = retried(broken, Selection(override=True), WHY)
    monkeypatch.undo()
    assert {day for (_, day), status in statuses(first).items() if status != "complete"} == {THIRD}
    second = retried(broken, Selection(override=True), WHY)
    assert statuses(second) == {(code, THIRD): "complete" for code in ("TDZA", *DOWNSTREAM)}
    with pytest.raises(Refused) as refused:
        retry_job(broken, Selection(override=True), "bob", WHY)
    assert str(refused.value).startswith(f"job {broken.pk} has no failure to retry: ")


@pytest.mark.postgres
def test_what_another_job_healed_is_left_alone_and_names_that_job(broken: Job) -> None:
    other = finished(start=THIRD, end=THIRD)
    healed = f"already fixed by job {other.pk}"
    assert [(out.processor, out.date, out.what, out.retry, out.reason) for out in left_out(broken)][
        -4:
    ] == [
        ("TDZA", THIRD, "AccountingError", "healed", healed),
        *((code, THIRD, "blocked", "healed", healed) for code in DOWNSTREAM),
    ]
    assert {day for _, day, _ in planned(broken, Selection(override=True))} == {SECOND}


@pytest.mark.postgres
def test_what_another_job_broke_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    job = finished()
    break_on(monkeypatch, "ML", THIRD)
    finished(start=THIRD, end=THIRD, processors=("ML",), force=True)
    monkeypatch.undo()
    assert planned(job, Selection(override=True)) == [
        ("ML", THIRD, f"AccountingError (after a fix: {SAME})")
    ]


@pytest.mark.postgres
def test_a_retry_of_a_retry_has_its_dates(broken: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    break_on(monkeypatch, "TDZA", THIRD)
    first = retried(broken, Selection(override=True), WHY)
    monkeypatch.undo()
    second = retried(first, Selection(override=True), WHY)
    assert (second.retry_of, second.status) == (first, "succeeded")
    assert {day for _, day in statuses(second)} == {THIRD}


# Expected failures


def test_expected_failures_are_run_when_one_insists() -> None:
    job = finished(end=SECOND)
    with pytest.raises(Refused) as refused:
        retry_job(job, ALL, "bob")
    reason = f"1 run with INSUFFICIENT_DATA (never (expected)): {TOO_FEW}"
    assert str(refused.value) == f"job {job.pk} has no failure to retry: {reason}"
    insisting = Selection(include_expected=True)
    assert [run[:2] for run in planned(job, insisting)] == [
        (code, FIRST) for code in ("TDZA", *DOWNSTREAM)
    ]
    assert left_out(job, insisting) == []
    assert retried(job, insisting).status == "succeeded"


def test_a_job_without_a_failure_has_nothing_to_retry() -> None:
    job = finished(start=SECOND)
    with pytest.raises(
        Refused, match=rf"^job {job.pk} has no failure in this selection; select other failures$"
    ):
        retry_job(job, ALL, "bob")


def test_too_few_games_and_their_cascade_are_expected(tmp_path: Path) -> None:
    give(
        PGS,
        [
            r
            for r in season_rows(PGS)
            if r["player_lookup"] != "homer" or r["game_date"] >= NIGHTS[9]
        ],
        tmp_path,
    )
    job = finished(start=FIRST, end=FIRST)
    assert failures_of("ML")[0][2] == "MISSING_DEPENDENCY"
    cascade = "too few games upstream; only more games fix it"
    assert left_out(job) == [
        expected_in_tdza(),
        LeftOut(
            processor="PSZA",
            date=FIRST,
            what="INSUFFICIENT_DATA",
            entities=1,
            retry="never (expected)",
            reason=TOO_FEW,
        ),
        *(
            LeftOut(
                processor=code,
                date=FIRST,
                what="MISSING_DEPENDENCY",
                entities=1,
                retry="never (expected)",
                reason=cascade,
            )
            for code in ("PDC", "ML")
        ),
    ]
    corrected(PGS, tmp_path)
    assert [run[:2] for run in planned(job)] == [(code, FIRST) for code in ("PSZA", *DOWNSTREAM)]
    assert planned(job)[0][2] == f"1 INSUFFICIENT_DATA (now: {PHASE3_CHANGED})"
    assert retried(job).runs.filter(failures={}).count() == 4


def test_a_late_file_is_what_the_runs_after_it_waited_for_however_old_its_rows_are(
    tmp_path: Path,
) -> None:
    give(
        PGS,
        [r for r in season_rows(PGS) if r["player_lookup"] != "homer" or r["game_date"] >= SECOND],
        tmp_path,
    )
    job = finished(start=SECOND, processors=("PSZA",))
    assert [out.date for out in left_out(job)] == [THIRD, LAST]
    give(
        PGS,
        [r for r in season_rows(PGS) if r["player_lookup"] != "homer" or r["game_date"] >= FIRST],
        tmp_path,
    )
    assert planned(job) == [
        ("PSZA", SECOND, STALE),
        *(("PSZA", day, f"1 INSUFFICIENT_DATA (now: {PHASE3_CHANGED})") for day in (THIRD, LAST)),
    ]


def test_rows_of_later_games_cure_nothing(tmp_path: Path) -> None:
    job = finished(end=FIRST)
    at = datetime.now(UTC).replace(tzinfo=None)
    rows = [
        {**r, "processed_at": at} if r["game_date"] >= FIRST else r
        for r in season_rows(PROCESSORS["TDZA"].population)
    ]
    give(PROCESSORS["TDZA"].population, rows, tmp_path)
    assert (planned(job), left_out(job)) == ([], [expected_in_tdza()])


# Bugs among entities


def test_an_impossible_value_waits_for_its_correction(tmp_path: Path) -> None:
    spoiled(TOGS, tmp_path, NIGHTS[10], "pace", -1, team_abbr="BOS")
    job = finished(start=SECOND, end=SECOND)
    assert left_out(job) == [
        LeftOut(
            processor="PDC",
            date=SECOND,
            what="PROCESSING_ERROR",
            entities=1,
            retry="after a fix",
            reason=SAME_INPUT,
        ),
        LeftOut(
            processor="ML",
            date=SECOND,
            what="MISSING_DEPENDENCY",
            entities=1,
            retry="after upstream",
            reason="upstream has a bug in 1 entity",
        ),
    ]
    corrected(TOGS, tmp_path)
    reason = f"1 PROCESSING_ERROR (now: {PHASE3_CHANGED})"
    stale = "1 MISSING_DEPENDENCY (now: PDC is stale: the retry reruns it first)"
    assert planned(job) == [
        ("PDC", SECOND, reason),
        ("ML", SECOND, f"{stale}; upstream PDC reruns"),
    ]
    assert retried(job).runs.filter(failures={}).count() == 2


def test_a_cascade_alone_waits_for_what_was_not_selected(tmp_path: Path) -> None:
    spoiled(TOGS, tmp_path, NIGHTS[10], "pace", -1, team_abbr="BOS")
    job = finished(start=SECOND, end=SECOND)
    assert planned(job, Selection(processors=("ML",), override=True)) == []
    corrected(TOGS, tmp_path)
    finished(start=SECOND, end=SECOND, processors=("PDC",), force=True)
    assert planned(job, Selection(processors=("ML",))) == [
        ("ML", SECOND, "1 MISSING_DEPENDENCY (now: upstream ran again after the run)")
    ]


def corrected_shots(folder: Path) -> None:
    """Correct the team's row, and a player's shots that no run failed for."""
    corrected(TOGS, folder)
    rows = season_rows(PGS)
    give(
        PGS,
        [row | {"paint_makes": 1} if row["game_date"] == NIGHTS[10] else row for row in rows],
        folder,
    )


@pytest.mark.parametrize(
    "selection", [Selection(processors=("PDC",)), Selection(categories=("PROCESSING_ERROR",))]
)
def test_a_retry_reruns_the_stale_output_that_it_reads(
    tmp_path: Path, selection: Selection
) -> None:
    spoiled(TOGS, tmp_path, NIGHTS[10], "pace", -1, team_abbr="BOS")
    job = finished(start=SECOND, end=SECOND)
    corrected_shots(tmp_path)
    assert planned(job, selection) == [
        ("PSZA", SECOND, STALE),
        ("PCF", SECOND, "upstream PSZA reruns"),
        ("PDC", SECOND, f"1 PROCESSING_ERROR (now: {PHASE3_CHANGED}); upstream PSZA and PCF rerun"),
        ("ML", SECOND, f"{STALE}; upstream PSZA, PCF and PDC rerun"),
    ]
    made = retried(job, selection)
    assert rerun_policy.stale_keys(make_options(SECOND, SECOND)) == {}
    assert made.runs.filter(failures={}, status="complete").count() == 4


def test_a_retry_of_one_processor_reruns_the_stale_output_of_other_jobs(tmp_path: Path) -> None:
    spoiled(TOGS, tmp_path, NIGHTS[10], "pace", -1, team_abbr="BOS")
    finished(start=SECOND, end=SECOND, processors=("TDZA", "PSZA", "PCF"))
    job = finished(start=SECOND, end=SECOND, processors=("PDC",))
    corrected_shots(tmp_path)
    made = retried(job)
    # ML has never run: a retry does not begin it.
    assert sorted(statuses(made)) == [("PCF", SECOND), ("PDC", SECOND), ("PSZA", SECOND)]
    assert preview_retry(job, ALL).plan.todo == ()


def test_a_retry_of_a_job_reruns_everything_that_reads_the_changed_rows(tmp_path: Path) -> None:
    spoiled(TOGS, tmp_path, NIGHTS[16], "pace", -1, team_abbr="BOS")
    job = finished()
    assert {f.date for f in left_out(job) if f.what == "PROCESSING_ERROR"} == {LAST}
    corrected_shots(tmp_path)
    assert {day for code, day, _ in planned(job) if code == "PSZA"} == {FIRST, SECOND, THIRD, LAST}
    assert {day for _, day, _ in planned(job, Selection(start=LAST))} == {LAST}
    retried(job)
    assert rerun_policy.stale_keys(make_options()) == {}


def test_missing_dependencies_of_a_stale_upstream_are_retried_with_it(tmp_path: Path) -> None:
    spoiled(TOGS, tmp_path, NIGHTS[10], "pace", -1, team_abbr="BOS")
    job = finished(start=SECOND, end=SECOND)
    corrected(TOGS, tmp_path)
    cascade = Selection(processors=("ML",), categories=("MISSING_DEPENDENCY",))
    assert [code for code, _, _ in planned(job, cascade)] == ["PDC", "ML"]
    assert retried(job, cascade).runs.filter(failures={}).count() == 2


def test_upstream_may_have_the_row_after_all() -> None:
    names = {code: PROCESSORS[code].name for code in CHAIN}

    def failure(code: str, entity: str, category: str) -> Row:
        fields = {"analysis_date": THIRD, "entity_id": entity, "failure_category": category}
        return make_row(FAILURES, processor_name=names[code], **fields)

    entities = {
        "bug": ("PROCESSING_ERROR", None),
        "few": ("INSUFFICIENT_DATA", None),
        "late": ("INCOMPLETE_DATA", None),
        "there": (None, "row"),
        "lost": (None, None),
    }
    store(FAILURES, [failure("PDC", name, "MISSING_DEPENDENCY") for name in entities])
    store(
        FAILURES,
        [failure("PSZA", name, category) for name, (category, _) in entities.items() if category],
    )
    store(PSZA, [make_row(PSZA, player_lookup="there", analysis_date=THIRD)])
    store(PDC, [make_row(PDC, player_lookup="there", cache_date=SECOND)])
    assert causes({THIRD}) == {
        ("PDC", THIRD): {
            "PROCESSING_ERROR": 1,
            "INSUFFICIENT_DATA": 1,
            "INCOMPLETE_DATA": 1,
            "has a row": 1,
            "has nothing": 1,
        }
    }
    assert (causes({SECOND}), causes(set())) == ({}, {})


# Phase 3


def test_a_date_without_a_population_waits_for_it_however_old_its_rows_are(tmp_path: Path) -> None:
    without(UPGC, THIRD, tmp_path)
    job = finished(start=THIRD, end=THIRD, skip_preflight=True, reason="the file is lost")
    waits = [
        LeftOut(
            processor=code,
            date=THIRD,
            what="DATE_LEVEL",
            entities=0,
            retry="after upstream",
            reason="waiting for Phase 3: run Phase 3 first",
        )
        for code in DOWNSTREAM
    ]
    assert left_out(job) == waits
    give(UPGC, season_rows(UPGC), tmp_path)
    first, *rest = planned(job)
    assert first == ("PCF", THIRD, f"DATE_LEVEL (now: {PHASE3_CHANGED})")
    assert [run[:2] for run in rest] == [("PDC", THIRD), ("ML", THIRD)]
    assert retried(job).status == "succeeded"


def test_the_preflight_is_that_of_the_job(broken: Job, tmp_path: Path, season: Path) -> None:
    without(UPGC, THIRD, tmp_path)
    before = listing(season)
    with pytest.raises(Refused) as refused:
        retry_job(broken, Selection(override=True), "bob", WHY)
    assert str(refused.value) == (
        f"the preflight blocks: {THIRD}: {CONTEXT} has no rows, at least 10 expected for 1 game; "
        f"run `manage.py preflight_check {FIRST} --end-date {THIRD}` for advice, "
        f"or start a new job; a retry keeps the options of job {broken.pk}"
    )
    assert (listing(season), Job.objects.count()) == (before, 1)
    assert retry_job(broken, Selection(override=True, end=SECOND), "bob", WHY).status == "queued"


def test_a_job_that_skipped_the_preflight_skips_it_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without(UPGC, THIRD, tmp_path)
    break_on(monkeypatch, "TDZA", THIRD)
    job = finished(start=THIRD, end=THIRD, skip_preflight=True, reason="the file is lost")
    monkeypatch.undo()
    again = retried(job, Selection(override=True), WHY)
    assert statuses(again)["TDZA", THIRD] == "complete"


def test_a_date_that_has_no_game_any_more_is_not_run(broken: Job, tmp_path: Path) -> None:
    give(SCHED, season_rows(SCHED, [n for n in NIGHTS if n != THIRD]), tmp_path)
    selection = Selection(override=True, start=THIRD)
    assert planned(broken, selection) == []
    assert left_out(broken, selection)[0] == LeftOut(
        processor="TDZA",
        date=THIRD,
        what="AccountingError",
        entities=0,
        retry="after a fix",
        reason="its date no longer has games",
    )


# Cancelled, lost and damaged runs


@pytest.mark.postgres
def test_what_was_cancelled_is_run_and_what_was_complete_is_not() -> None:
    job = started(start=SECOND, processors=("TDZA", "PSZA"), batch_size=1)

    def stop(runs: Sequence[Run]) -> None:
        if runs and runs[0].processor == "PSZA":
            cancel_job(job, "ann")

    run_inline(job, "ann", stop)
    assert job.status == "cancelled"
    reason = "cancelled (now: the run was cancelled before it completed)"
    cancelled = [(code, day) for day in (THIRD, LAST) for code in ("TDZA", "PSZA")]
    assert planned(job) == [(code, day, reason) for code, day in cancelled]
    again = retried(job)
    assert statuses(again) == dict.fromkeys(cancelled, "complete")
    healed = [
        LeftOut(
            processor=code,
            date=day,
            what="cancelled",
            entities=0,
            retry="healed",
            reason=f"already fixed by job {again.pk}",
        )
        for code, day in cancelled
    ]
    assert (planned(job), left_out(job)) == ([], healed)


@pytest.mark.postgres
def test_a_forced_job_that_was_cancelled_runs_what_was_complete_before_it() -> None:
    finished(end=SECOND, processors=("PSZA",))
    job = started(end=SECOND, processors=("PSZA",), force=True)
    cancel_job(job, "ann")
    assert [run[:2] for run in planned(job)] == [("PSZA", FIRST), ("PSZA", SECOND)]


def test_bootstrap_dates_that_were_cancelled_are_emptied_and_not_computed() -> None:
    job = started(start=BOOTSTRAP[-1], end=FIRST, processors=("PSZA",), batch_size=1)
    cancel_job(job, "ann")
    bootstrap = "bootstrap: day 13, processing starts on day 14"
    assert preview_retry(job, ALL).plan.runs == (
        PlannedRun(
            processor="PSZA",
            date=BOOTSTRAP[-1],
            action=PlannedAction.SKIP,
            reason=bootstrap,
            batch=0,
        ),
        PlannedRun(
            processor="PSZA",
            date=FIRST,
            action=PlannedAction.RUN,
            reason="cancelled (now: the run was cancelled before it completed)",
            batch=1,
        ),
    )
    assert statuses(retried(job)) == {
        ("PSZA", BOOTSTRAP[-1]): "skipped",
        ("PSZA", FIRST): "complete",
    }


LOST = "lost (now: the run was complete, but its partition is missing or unreadable)"


def test_a_partition_that_is_gone_is_written_again_with_what_was_made_of_it(season: Path) -> None:
    job = finished(start=SECOND)
    part(season, "PSZA", THIRD).unlink()
    assert planned(job)[:2] == [
        ("PSZA", THIRD, LOST),
        ("PCF", THIRD, "upstream PSZA reruns"),
    ]
    assert [run[:2] for run in planned(job)[2:]] == [("PDC", THIRD), ("ML", THIRD)]
    assert statuses(retried(job)) == {(code, THIRD): "complete" for code in ("PSZA", *DOWNSTREAM)}


def test_a_damaged_partition_is_written_again_by_who_made_it(season: Path) -> None:
    job = finished(start=SECOND)
    cut(part(season, "PSZA", THIRD))
    late = finished(start=THIRD, end=THIRD, processors=DOWNSTREAM, force=True)
    assert late.runs.get(processor="PCF").error == "CorruptPartition"
    assert left_out(late)[0] == LeftOut(
        processor="PCF",
        date=THIRD,
        what="CorruptPartition",
        entities=0,
        retry="after upstream",
        reason="waiting for PSZA",
    )
    assert planned(job)[:2] == [
        ("PSZA", THIRD, LOST),
        ("PCF", THIRD, "upstream PSZA reruns"),
    ]
    assert retried(job).status == "succeeded"
    assert planned(job) == planned(late) == []


# Selection


def names(job: Job, **fields: Any) -> set[tuple[str, date]]:
    return {run[:2] for run in planned(job, Selection(override=True, **fields))}  # type: ignore[misc]


def test_a_selection_takes_what_has_all_that_it_names(broken: Job) -> None:
    both = {(code, day) for day in (SECOND, THIRD) for code in ("TDZA", *DOWNSTREAM)}
    of_second = {key for key in both if key[1] == SECOND}
    assert (
        names(broken)
        == names(broken, processors=("TDZA",))
        == names(broken, categories=("AccountingError",))
        == both
    )
    assert names(broken, end=SECOND) == names(broken, start=FIRST, end=SECOND) == of_second
    assert names(broken, weeks=(2,)) == set()
    assert names(broken, weeks=(2, 3)) == both
    assert names(broken, processors=("ML",)) == names(broken, categories=("blocked",)) == set()
    assert names(broken, categories=("INSUFFICIENT_DATA",), include_expected=True) == {
        (code, FIRST) for code in ("TDZA", *DOWNSTREAM)
    }


def test_a_group_takes_its_dates_alone(tmp_path: Path) -> None:
    rows = season_rows(TOGS)
    for row in rows:
        if row["team_abbr"] == "BOS":
            row["pace"] = -1 if row["game_date"] == NIGHTS[4] else row["pace"]
            row["points_scored"] = -5 if row["game_date"] == NIGHTS[-2] else row["points_scored"]
    give(TOGS, rows, tmp_path)
    job = finished(start=FIRST, processors=("PDC",))
    found = error_groups.of_job(job)
    assert {(g.sample.rpartition(": ")[2], g.dates, g.count) for g in found} == {
        ("pace = -1.0", (FIRST,), 1),
        ("points_scored = -5", (LAST,), 1),
    }
    (late,) = (g.id for g in found if g.dates == (LAST,))
    assert names(job, groups=(late,)) == {("PDC", LAST)}
    assert names(job) == {("PDC", FIRST), ("PDC", LAST)}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"processors": ("PSZ",)}, "unknown processor 'PSZ'; choose from TDZA, PSZA, PCF, PDC, ML"),
        (
            {"start": LAST, "end": FIRST},
            f"the last date {FIRST} is before the first date {LAST}; swap them",
        ),
        ({"weeks": (0,)}, "a season has weeks 1 to 53, not 0"),
        ({"weeks": (5, 54)}, "a season has weeks 1 to 53, not 54"),
    ],
)
def test_a_selection_that_cannot_be_meant_is_refused(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        Selection(**fields)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"weeks": (4, 5)}, "job {0} has no date in week 4; it has weeks 2 to 3"),
        (
            {"categories": ("PROCESSING_EROR",)},
            "unknown category 'PROCESSING_EROR'; job {0} has AccountingError, INSUFFICIENT_DATA, blocked",
        ),
        ({"groups": ("deadbeef",)}, "job {0} has no error group 'deadbeef'; choose from {1}"),
    ],
)
def test_a_selection_of_what_a_job_does_not_have_is_refused(
    broken: Job, fields: dict[str, Any], sentence: str
) -> None:
    (group,) = error_groups.of_job(broken)
    with pytest.raises(Refused) as refused:
        preview_retry(broken, Selection(**fields))
    assert str(refused.value) == sentence.format(broken.pk, group.id)


def test_a_processor_that_the_job_is_not_about_is_refused() -> None:
    job = finished(end=FIRST, processors=("TDZA", "PSZA"))
    with pytest.raises(Refused, match=rf"^job {job.pk} did not run ML; choose from TDZA, PSZA$"):
        preview_retry(job, Selection(processors=("ML",)))


def test_a_category_that_exists_and_did_not_happen_is_nothing_to_retry() -> None:
    job = finished(start=SECOND, end=SECOND)
    with pytest.raises(
        Refused, match=rf"^job {job.pk} has no failure in this selection; select other failures$"
    ):
        retry_job(job, Selection(categories=("UNKNOWN", "WorkerLost")), "bob")


# Groups


def test_the_groups_of_a_job_are_what_is_wrong_now(broken: Job) -> None:
    sample = f"AccountingError: TDZA {SECOND}: 2 entities more than once, 0 outside the population of 2; nothing was written"
    expected = ErrorGroup(
        id="cb77d12c",
        processor="TDZA",
        what="AccountingError",
        count=2,
        dates=(SECOND, THIRD),
        sample=sample,
    )
    assert (
        error_groups.of_job(broken)
        == error_groups.groups_of(Run.objects.deciding(FIRST, LAST))
        == [expected]
    )
    assert expected.keys == {("TDZA", SECOND), ("TDZA", THIRD)}
    assert error_groups.groups_of(Run.objects.deciding(FIRST, SECOND))[0].dates == (SECOND,)
    finished(start=THIRD, end=THIRD)
    assert error_groups.of_job(broken)[0].dates == (SECOND,)


def test_impossible_values_of_one_column_are_one_group(tmp_path: Path) -> None:
    spoiled(PGS, tmp_path, NIGHTS[10], "fg_makes", 99, player_lookup="homer")
    job = finished(start=SECOND, processors=("PSZA",))
    sample = "impossible value in nba_analytics.player_game_summary, game_id 0022100010: fg_makes = 99 > fg_attempts = 7"
    (group,) = error_groups.of_job(job)
    assert (group.processor, group.what, group.count, group.dates) == (
        "PSZA",
        "PROCESSING_ERROR",
        3,
        (SECOND, THIRD, LAST),
    )
    assert group.sample == sample
    assert error_groups.groups_of(Run.objects.deciding(FIRST, FIRST)) == []


# Active, held and dead runs


def test_a_job_that_is_under_way_is_not_retried() -> None:
    job = started(end=FIRST)
    for status in ("queued", "running", "pausing", "paused", "cancelling"):
        Job.objects.filter(pk=job.pk).update(status=status)
        with pytest.raises(
            Refused, match=rf"^job {job.pk} is {status}; wait until it ends, or cancel it$"
        ):
            retry_job(job, ALL, "bob")


@pytest.mark.postgres
def test_dates_that_another_job_holds_are_a_conflict(broken: Job) -> None:
    holder = start_job(make_options(start=THIRD, end=THIRD, processors=("ML",)), "eve")
    assert holder
    sentence = f"job {holder.pk} (eve, queued) holds 1 run of this range; wait for it or cancel it"
    report = preview_retry(broken, Selection(override=True)).report
    assert [(item.kind, item.sentence) for item in report.blocks] == [("held by a job", sentence)]
    with pytest.raises(Conflict) as refused:
        retry_job(broken, Selection(override=True), "bob", WHY)
    assert str(refused.value) == sentence
    assert Job.objects.count() == 2


@pytest.mark.postgres
def test_a_retry_whose_process_died_gives_its_dates_to_the_next(broken: Job) -> None:
    selection = Selection(override=True)
    dead = retry_job(broken, selection, "bob", WHY, inline=True)
    Job.objects.filter(pk=dead.pk).update(owner=DEAD, status="running")
    job = retried(broken, selection, WHY)
    dead.refresh_from_db()
    assert (dead.status, job.status, job.pk != dead.pk) == ("cancelled", "succeeded", True)


def test_a_retry_whose_process_died_is_not_taken_for_the_whole_range(broken: Job) -> None:
    dead = retry_job(broken, Selection(override=True, end=SECOND), "bob", WHY, inline=True)
    Job.objects.filter(pk=dead.pk).update(owner=DEAD, status="running")
    job = run_inline(start_job(broken.parsed_options, "bob", inline=True) or dead, "bob")
    assert (job.retry_of, job.status) == (None, "succeeded")
    assert {day for (_, day), status in statuses(job).items() if status == "complete"} == {
        SECOND,
        THIRD,
    }


# Query count


class Counted:
    """Counter of a preview's statements."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.warehouse = 0
        query = ParquetWarehouse.query

        def counting(*args: Any) -> Any:
            self.warehouse += 1
            return query(*args)

        monkeypatch.setattr(ParquetWarehouse, "query", counting)

    def of(self, job: Job, selection: Selection) -> tuple[int, int]:
        """Count those of a process without cached values."""
        date_cache._kept.clear()
        return self.again(job, selection)

    def again(self, job: Job, selection: Selection) -> tuple[int, int]:
        self.warehouse = 0
        with CaptureQueriesContext(
            connection,
        ) as captured:
            preview_retry(job, selection)
        return len(captured), self.warehouse


def poisoned(nights: Sequence[date]) -> Job:
    """Make a job with every kind of problem on each of its dates."""
    job = started(start=nights[0], end=nights[-1])
    job.runs.update(
        status="complete",
        started_at=datetime(2022, 1, 1, tzinfo=UTC),
        failures={"MISSING_DEPENDENCY": 1, "UNKNOWN": 1},
    )
    job.runs.filter(processor="TDZA").update(
        status="failed", error="AccountingError", reason="broke"
    )
    job.runs.filter(processor="PCF").update(
        status="failed", error="", reason=f"population: {CONTEXT}: no row"
    )
    Job.objects.filter(pk=job.pk).update(status="failed")
    return job


def test_a_preview_costs_the_same_for_three_dates_and_for_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = Counted(monkeypatch)
    monkeypatch.setattr(
        rerun_policy, "written_dates", lambda codes, among: {code: set(NIGHTS) for code in codes}
    )
    few, many = poisoned(NIGHTS[:3]), poisoned(NIGHTS[3:])
    selection = Selection(groups=tuple(g.id for g in error_groups.of_job(few)))
    assert len(selection.groups) == 2
    assert counted.of(few, selection) <= (6, 4)  # and it reads the season once
    assert counted.of(few, selection) == counted.of(many, selection)
    assert counted.again(many, selection) == (6, 2)
