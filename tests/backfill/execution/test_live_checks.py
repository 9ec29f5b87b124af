"""Live checks in normal mode: each refuses, warns or passes as the specification defines."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from backfill.execution import record as recording
from backfill.execution.inline import run_inline
from backfill.execution.live_checks import (
    TRIGGER,
    LiveCheckResult,
    LiveRun,
    check,
    concluded,
    newest_runs,
)
from backfill.jobs.start import start_job
from backfill.models import EventKind, Job, Run, Trigger
from backfill.notify import pubsub
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.processors.render import render
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.tables import HISTORY, INPUTS, PGS, TDGS, UPGC
from tests.factories import HOME, PLAYERS
from tests.seasons.tiny import (
    BOOTSTRAP,
    FIRST,
    OPENING,
    SECOND,
    THIRD,
    cut,
    failures_of,
    give,
    make_options,
    rows_of,
    run,
    run_before,
    season_rows,
    without,
)
from validation.thresholds import COMPLETENESS

PREVIOUS = {SECOND: FIRST, THIRD: SECOND}


def live(code: str, day: date = SECOND, *, hours: float = 0) -> LiveRun:
    """Make a live run, so many hours after the previous day's newest game was written."""
    written = datetime.combine(day, time(10), UTC)
    return LiveRun(
        processor=PROCESSORS[code],
        day=day,
        season_start=OPENING,
        previous=PREVIOUS[day],
        started_at=written + timedelta(hours=hours),
    )


def record(name: str, status: str, *, hour: int = 1, table: str = "x", day: date = SECOND) -> None:
    started = datetime.combine(day, time(hour), UTC)
    row: Row = {
        "processor_name": name,
        "run_id": f"{hour:08}",
        "job_id": None,
        "phase": "phase_3",
        "data_date": day,
        "status": status,
        "records_created": 1,
        "records_failed": 0,
        "duration_seconds": 1,
        "started_at": started,
        "processed_at": started,
        "backfill_mode": False,
        "triggered_by": "schedule",
        "output_dataset": "x",
        "output_table": table,
        "error": None,
    }
    warehouse().record(HISTORY, [row])


def upstream_has_run(code: str) -> None:
    run_before(code)
    for upstream in PROCESSORS[code].after:
        record(PROCESSORS[upstream].name, "success")


@pytest.mark.usefixtures("season")
class TestDefensive:
    def test_a_run_whose_sources_are_there_may_start(self) -> None:
        assert check(warehouse(), live("PSZA")) == LiveCheckResult()

    def test_an_upstream_without_a_run_refuses(self) -> None:
        refusal = check(warehouse(), live("PCF")).refusal
        assert (
            refusal == f"defensive: nba_precompute.team_defense_zone_analysis: no run for {SECOND}"
        )

    def test_only_the_newest_run_of_an_upstream_counts(self) -> None:
        upstream_has_run("PCF")
        record(PROCESSORS["PSZA"].name, "failed", hour=2)
        refusal = check(warehouse(), live("PCF")).refusal
        assert (
            refusal
            == f"defensive: nba_precompute.player_shot_zone_analysis: the newest run for {SECOND} is failed"
        )

    def test_a_history_source_needs_rows_on_the_processing_date_before(
        self, tmp_path: Path
    ) -> None:
        without(PGS, FIRST, tmp_path)
        refusal = check(warehouse(), live("PSZA")).refusal
        assert (
            refusal
            == f"defensive: nba_analytics.player_game_summary: no row for {FIRST} and no successful run"
        )

    def test_a_successful_phase_3_run_stands_in_for_rows(self, tmp_path: Path) -> None:
        without(PGS, FIRST, tmp_path)
        record("PlayerGameSummaryProcessor", "success", table=PGS.name)
        assert check(warehouse(), live("PSZA")).refusal == ""

    def test_the_context_needs_rows_on_the_date_itself(self, tmp_path: Path) -> None:
        upstream_has_run("PCF")
        without(UPGC, SECOND, tmp_path)
        assert f"no row for {SECOND}" in check(warehouse(), live("PCF")).refusal


@pytest.mark.usefixtures("season")
class TestFreshness:
    @pytest.mark.parametrize(
        ("code", "hours", "word"),
        [("PSZA", 24, ""), ("PSZA", 25, "warning"), ("PSZA", 72, "warning"), ("PSZA", 73, "refusal"),
         ("TDZA", 72, ""), ("TDZA", 73, "warning"), ("TDZA", 168, "warning"), ("TDZA", 169, "refusal")],
    )  # fmt: skip
    def test_an_old_source_warns_and_then_refuses(self, code: str, hours: int, word: str) -> None:
        found = check(warehouse(), live(code, hours=hours))
        text = f"freshness: {PROCESSORS[code].population}: {hours} hours old"
        source = {"source": str(PROCESSORS[code].population)}
        refused = LiveCheckResult(refusal=text, refused_by="freshness", detail=source)
        expected = {
            "": LiveCheckResult(),
            "warning": LiveCheckResult(warning=f"warning: {text}"),
            "refusal": refused,
        }
        assert found == expected[word]

    def test_an_upstream_table_without_rows_refuses(self) -> None:
        for upstream in PROCESSORS["PCF"].after:
            record(PROCESSORS[upstream].name, "success")
        refusal = check(warehouse(), live("PCF")).refusal
        assert (
            refusal
            == "freshness: nba_precompute.team_defense_zone_analysis: no row that the run may read"
        )


@pytest.mark.django_db
@pytest.mark.usefixtures("season")
class TestARefusedRun:
    def refused(self) -> Job:
        run("TDZA", FIRST)  # both teams fail there
        run("TDZA", SECOND)
        job = start_job(
            make_options(FIRST, SECOND, processors=("TDZA",), mode="normal"), "ann", inline=True
        )
        assert job is not None
        return run_inline(job, "ann")

    def test_it_fails_the_job_and_its_run_history(self) -> None:
        assert self.refused().status == Job.Status.FAILED
        rows = warehouse().query(
            f"SELECT status, records_created, records_failed, backfill_mode, error FROM {HISTORY}"
        )
        assert [
            (r["status"], r["records_created"], r["records_failed"], r["backfill_mode"])
            for r in rows
        ] == [("failed", 0, 0, False)] * 2
        assert all(r["error"].startswith(f"freshness: {TDGS}: ") for r in rows)

    def test_it_leaves_rows_and_failures_and_adds_one_of_the_date(self) -> None:
        self.refused()
        assert len(rows_of("TDZA", SECOND)) == 2
        found = [(entity, category) for _, entity, category, _, _ in failures_of("TDZA", FIRST)]
        assert found == [
            ("BOS", "INSUFFICIENT_DATA"),
            ("DATE_LEVEL", "MISSING_DEPENDENCY"),
            ("NYK", "INSUFFICIENT_DATA"),
        ]

    def test_a_second_refusal_replaces_the_first(self) -> None:
        self.refused()
        self.refused()
        assert [entity for _, entity, *_ in failures_of("TDZA", SECOND)] == ["DATE_LEVEL"]


# Stored checks


REFUSED = "the defensive check refused the run"
ON_DAY_15 = "waived on day 15 of the season; it starts on day 30"
NOT_ML = "only a run of ML completes a date"
NOT_SENT = "one Phase 5 message (recorded only: PUBSUB_TOPIC was not set)"


@pytest.fixture
def live_season(season: Path, tmp_path: Path) -> Path:
    """Load the tiny season with every row written just now."""
    written = datetime.now(UTC).replace(tzinfo=None)
    for table in INPUTS:
        give(table, [{**row, "processed_at": written} for row in season_rows(table)], tmp_path)
    return season


def started(*dates: date, **overrides: Any) -> Job:
    job = start_job(
        make_options(min(dates), max(dates), **{"mode": "normal", **overrides}), "ann", inline=True
    )
    assert job is not None
    return job


def finished(*dates: date, **overrides: Any) -> Job:
    return run_inline(started(*dates, **overrides), "ann")


def checks_of(job: Job, code: str, day: date = SECOND) -> list[tuple[str, str, str]]:
    """Return (name, status, reason) of one run's checks."""
    return [
        (c["name"], c["status"], c["why"]) for c in job.runs.get(processor=code, date=day).checks
    ]


def seconds_of(job: Job, code: str, day: date = SECOND) -> list[float]:
    return [c["seconds"] for c in job.runs.get(processor=code, date=day).checks]


def made_run(**overrides: Any) -> Run:
    """Make a finished run in normal mode on day 30 or later, with a completeness check."""
    made = check(warehouse(), live("PSZA")).checks[:2]
    return Run(
        **{
            "processor": "PSZA",
            "date": SECOND,
            "status": "complete",
            "checks": list(made),
            "population": 1412,
            "query_seconds": 1.5,
            **overrides,
        }
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("live_season")
class TestTheChecksOfARun:
    def test_backfill_mode_skips_all_four_and_says_why(self) -> None:
        job = finished(SECOND, mode="backfill")
        assert [job.runs.get(processor=code).checks for code in CHAIN] == [
            [
                {
                    "name": "defensive",
                    "status": "skipped",
                    "seconds": 0.0,
                    "why": "past dates need no upstream check",
                },
                {
                    "name": "freshness",
                    "status": "skipped",
                    "seconds": 0.0,
                    "why": "past data does not change",
                },
                {
                    "name": "completeness",
                    "status": "skipped",
                    "seconds": 0.0,
                    "why": "past data is assumed complete",
                },
                {
                    "name": "trigger",
                    "status": "skipped",
                    "seconds": 0.0,
                    "why": "Phase 5 does not process past dates",
                },
            ]
        ] * 5

    def test_normal_mode_says_how_each_ended(self) -> None:
        job = finished(SECOND)
        passed = [("defensive", "passed", ""), ("freshness", "passed", "")]
        waived, untold = ("completeness", "skipped", ON_DAY_15), ("trigger", "skipped", NOT_ML)
        assert {code: checks_of(job, code) for code in CHAIN} == {
            "TDZA": [*passed, waived, untold],
            "PSZA": [*passed, waived, untold],
            "PCF": [
                *passed,
                (
                    "completeness",
                    "skipped",
                    "PCF reads no history, so it has no completeness check",
                ),
                untold,
            ],
            "PDC": [*passed, waived, untold],
            "ML": [*passed, waived, ("trigger", "passed", NOT_SENT)],
        }

    def test_what_was_made_took_time_and_what_was_skipped_took_none(self) -> None:
        assert [seconds > 0 for seconds in seconds_of(finished(SECOND), "ML")] == [
            True,
            True,
            False,
            True,
        ]

    def test_what_follows_a_refusal_is_skipped(self) -> None:
        job = finished(SECOND, processors=("PCF",))
        refusal = f"defensive: nba_precompute.team_defense_zone_analysis: no run for {SECOND}"
        later = [(name, "skipped", REFUSED) for name in ("freshness", "completeness", "trigger")]
        assert checks_of(job, "PCF") == [("defensive", "refused", refusal), *later]
        assert [seconds > 0 for seconds in seconds_of(job, "PCF")] == [True, False, False, False]

    def test_a_run_that_was_not_executed_gives_its_own_reason(self) -> None:
        job = finished(BOOTSTRAP[-1], processors=("PSZA", "ML"))
        reason = "bootstrap: day 13, processing starts on day 14"
        untested = [
            (name, "skipped", reason) for name in ("defensive", "freshness", "completeness")
        ]
        assert checks_of(job, "PSZA", BOOTSTRAP[-1]) == [*untested, ("trigger", "skipped", NOT_ML)]
        assert checks_of(job, "ML", BOOTSTRAP[-1])[3] == (
            "trigger",
            "skipped",
            f"ML has not succeeded: {reason}",
        )

    def test_a_warning_is_kept(self, tmp_path: Path) -> None:
        written = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=30)
        give(PGS, [{**row, "processed_at": written} for row in season_rows(PGS)], tmp_path)
        job = finished(SECOND, processors=("PSZA",))
        assert checks_of(job, "PSZA")[1] == (
            "freshness",
            "warned",
            f"freshness: {PGS}: 30 hours old",
        )
        assert job.runs.get().reason == f"warning: freshness: {PGS}: 30 hours old"


@pytest.mark.usefixtures("season")
class TestCompleteness:
    TESTED = "of 1,412 entities INCOMPLETE_DATA; checked in the statement, so the seconds cover the entire query"

    @pytest.mark.parametrize(
        ("failures", "status", "count"), [({}, "passed", 0), ({"INCOMPLETE_DATA": 3}, "warned", 3)]
    )
    def test_it_counts_the_incomplete(
        self, failures: dict[str, int], status: str, count: int
    ) -> None:
        found = concluded(made_run(failures=failures), TRIGGER.ended("skipped", NOT_ML))
        assert found[2] == {
            "name": "completeness",
            "status": status,
            "seconds": 1.5,
            "why": f"{count} {self.TESTED}",
        }

    def test_a_run_whose_statement_broke_did_not_come_to_it(self) -> None:
        broken = made_run(
            population=None,
            query_seconds=0.5,
            status="failed",
            reason="StatementFailed: no such column",
        )
        found = concluded(broken, TRIGGER.ended("skipped", NOT_ML))
        assert found[2] == {
            "name": "completeness",
            "status": "skipped",
            "seconds": 0.0,
            "why": broken.reason,
        }

    def test_the_statements_know_the_same_rules(self) -> None:
        tested = {
            code
            for code in CHAIN
            if f">= {COMPLETENESS.first_day}\n" in render(code).partition("team_schedule AS")[2]
        }
        assert tested == {code for code in CHAIN if not PROCESSORS[code].no_completeness}


# Phase 5 messages


def told(job: Job, day: date = SECOND) -> list[tuple[str, str, int, int]]:
    (trigger,) = job.triggers.filter(date=day)
    assert trigger.message["date"] == str(day)
    return [
        tuple(p[k] for k in ("name", "run_id", "records_created", "records_failed"))
        for p in trigger.message["processors"]
    ]


def expected(*jobs: Job, day: date = SECOND) -> list[tuple[str, str, int, int]]:
    """Return the expected messages of the newest runs of these jobs."""
    found = {run.processor: run for job in jobs for run in job.runs.filter(date=day)}
    return [
        (PROCESSORS[c].name, found[c].run_id, found[c].rows or 0, sum(found[c].failures.values()))
        for c in CHAIN
    ]


@pytest.mark.django_db
@pytest.mark.usefixtures("live_season")
class TestTellingPhase5:
    def test_a_date_that_all_five_have_completed_gives_one_message(self) -> None:
        job = finished(SECOND, THIRD)
        assert [told(job, day) for day in (SECOND, THIRD)] == [
            expected(job, day=day) for day in (SECOND, THIRD)
        ]
        assert Trigger.objects.count() == 2

    def test_entities_that_failed_are_counted(self, tmp_path: Path) -> None:
        rows = warehouse().query(f"SELECT * FROM {UPGC}")
        rookies = [
            {**row, "player_lookup": "rookie"}
            for row in rows
            if row["player_lookup"] == PLAYERS[HOME]
        ]
        give(UPGC, [*rows, *rookies], tmp_path)
        job = finished(SECOND)
        assert told(job) == expected(job)
        # The rookie has no game yet, so no cache row.
        assert [failed for *_, failed in told(job)] == [
            0,
            0,
            0,
            1,
            1,
        ]

    def test_the_runs_of_other_jobs_count_and_of_these_the_newest(self) -> None:
        finished(SECOND)
        again = finished(SECOND, processors=CHAIN[:-1], mode="backfill", force=True)
        last = finished(SECOND, processors=("ML",), force=True)
        assert told(last) == expected(again, last)
        assert Trigger.objects.count() == 2

    def test_backfill_mode_tells_nothing(self) -> None:
        finished(SECOND, mode="backfill")
        assert not Trigger.objects.exists()

    def test_skipping_the_trigger_skips_the_message_and_nothing_else(self) -> None:
        job = finished(SECOND, skip_trigger=True)
        assert (job.status, Trigger.objects.count()) == ("succeeded", 0)
        assert checks_of(job, "ML")[3] == (
            "trigger",
            "skipped",
            "the job was started with --skip-trigger",
        )

    def test_a_run_that_failed_after_the_others_keeps_the_message_back(self) -> None:
        job = finished(SECOND, skip_trigger=True)
        record(PROCESSORS["PDC"].name, "failed", day=SECOND)  # in 2021, so it is not the newest
        record_now(PROCESSORS["PCF"].name, "failed")
        job.options["skip_trigger"] = False
        trigger, found = pubsub.prepare(job, job.runs.get(processor="ML"))
        assert (trigger, found["status"]) == (None, "skipped")
        assert found["why"] == f"PCF: the newest run for {SECOND} is failed"

    def test_a_topic_in_force_is_kept_with_the_message(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.PUBSUB_TOPIC = "projects/nba/topics/phase-5"
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")  # no server listens there
        job = finished(SECOND)
        (trigger,) = job.triggers.all()
        assert (trigger.topic, trigger.tries) == ("projects/nba/topics/phase-5", 1)
        assert checks_of(job, "ML")[3][2] == "one Phase 5 message (queued)"

    def test_the_message_is_kept_with_the_runs_or_not_at_all(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        finished(SECOND, processors=CHAIN[:-1])
        job = started(SECOND, processors=("ML",))
        # Fails after the message is stored and before the commit.
        monkeypatch.setattr(recording, "bug_of", lambda run: 1 / 0)
        job.brake = True
        job.save()
        with pytest.raises(ZeroDivisionError):
            run_inline(job, "ann")
        assert (Trigger.objects.count(), job.runs.get().status) == (0, "pending")

    def test_a_history_file_that_cannot_be_read_back_is_rebuilt_and_the_date_announced(
        self, live_season: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        finished(SECOND, THIRD, processors=CHAIN[:-1])
        (folder,) = (live_season / HISTORY.dataset / HISTORY.name).glob(f"*={SECOND}")
        damage = {
            "after-history": lambda: [
                cut(file) for file in folder.glob(f"*{PROCESSORS['ML'].name}*/*.parquet")
            ]
        }
        monkeypatch.setattr(recording, "crash_point", lambda point: damage.get(point, list)())
        job = finished(SECOND, THIRD, processors=("ML",))
        assert list(job.runs.order_by("date").values_list("date", "status", "error")) == [
            (SECOND, "complete", ""),
            (THIRD, "complete", ""),
        ]
        assert sorted(t.date for t in job.triggers.all()) == [SECOND, THIRD]
        (event,) = job.events.filter(kind=EventKind.SET_ASIDE)
        assert f"data_date={SECOND}" in event.reason
        newest = newest_runs(warehouse(), SECOND)[PROCESSORS["ML"].name]
        assert (newest["status"], newest["run_id"]) == ("success", job.runs.get(date=SECOND).run_id)


def record_now(name: str, status: str, day: date = SECOND) -> None:
    """Record a run by another program, started just now."""
    at = datetime.now(UTC)
    row: Row = {
        "processor_name": name,
        "run_id": "ffffffff",
        "job_id": None,
        "phase": "phase_4_precompute",
        "data_date": day,
        "status": status,
        "records_created": 0,
        "records_failed": 0,
        "duration_seconds": 1,
        "started_at": at,
        "processed_at": at,
        "backfill_mode": False,
        "triggered_by": "manual",
        "output_dataset": "x",
        "output_table": "x",
        "error": None,
    }
    warehouse().record(HISTORY, [row])
