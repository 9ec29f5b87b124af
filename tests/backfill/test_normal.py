"""Normal mode: each check of a live run refuses, warns or lets pass as the specification's table says."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from backfill import control
from backfill.inline import run_inline
from backfill.models import Job
from backfill.normal import LiveRun, Verdict, check
from backfill.processors import PROCESSORS
from backfill.warehouse import warehouse
from backfill.warehouse.base import Row
from backfill.warehouse.tables import HISTORY, PGS, TDGS, UPGC
from tests.backfill.tiny import FIRST, OPENING, SECOND, THIRD, failures_of, make_options, rows_of, run, run_before, without

PREVIOUS = {SECOND: FIRST, THIRD: SECOND}


def live(code: str, day: date = SECOND, *, hours: float = 0) -> LiveRun:
    """A run so many hours after the newest game of the day before was written."""
    written = datetime.combine(day, time(10), UTC)
    return LiveRun(PROCESSORS[code], day, OPENING, PREVIOUS[day], written + timedelta(hours=hours))


def record(name: str, status: str, *, hour: int = 1, table: str = "x", day: date = SECOND) -> None:
    started = datetime.combine(day, time(hour), UTC)
    row: Row = {
        "processor_name": name, "run_id": f"{hour:08}", "job_id": None, "phase": "phase_3", "data_date": day, "status": status,
        "records_created": 1, "records_failed": 0, "duration_seconds": 1, "started_at": started, "processed_at": started,
        "backfill_mode": False, "triggered_by": "schedule", "output_dataset": "x", "output_table": table, "error": None,
    }  # fmt: skip
    warehouse().record(HISTORY, [row])


def upstream_has_run(code: str) -> None:
    run_before(code)
    for upstream in PROCESSORS[code].after:
        record(PROCESSORS[upstream].name, "success")


@pytest.mark.usefixtures("season")
class TestDefensive:
    def test_a_run_whose_sources_are_there_may_start(self) -> None:
        assert check(warehouse(), live("PSZA")) == Verdict()

    def test_an_upstream_without_a_run_refuses(self) -> None:
        refusal = check(warehouse(), live("PCF")).refusal
        assert refusal == f"defensive: nba_precompute.team_defense_zone_analysis: no run for {SECOND}"

    def test_only_the_newest_run_of_an_upstream_counts(self) -> None:
        upstream_has_run("PCF")
        record(PROCESSORS["PSZA"].name, "failed", hour=2)
        refusal = check(warehouse(), live("PCF")).refusal
        assert refusal == f"defensive: nba_precompute.player_shot_zone_analysis: the newest run for {SECOND} is failed"

    def test_a_history_source_needs_rows_on_the_processing_date_before(self, tmp_path: Path) -> None:
        without(PGS, FIRST, tmp_path)
        refusal = check(warehouse(), live("PSZA")).refusal
        assert refusal == f"defensive: nba_analytics.player_game_summary: no row for {FIRST} and no successful run"

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
        expected = {"": Verdict(), "warning": Verdict(warning=f"warning: {text}"), "refusal": Verdict(text)}
        assert found == expected[word]

    def test_an_upstream_table_without_rows_refuses(self) -> None:
        for upstream in PROCESSORS["PCF"].after:
            record(PROCESSORS[upstream].name, "success")
        refusal = check(warehouse(), live("PCF")).refusal
        assert refusal == "freshness: nba_precompute.team_defense_zone_analysis: no row that the run may read"


@pytest.mark.django_db
@pytest.mark.usefixtures("season")
class TestARefusedRun:
    def refused(self) -> Job:
        run("TDZA", FIRST)  # both teams fail there
        run("TDZA", SECOND)
        job = control.start(make_options(FIRST, SECOND, processors=("TDZA",), mode="normal"), "ann", inline=True)
        assert job is not None
        return run_inline(job, "ann")

    def test_it_fails_the_job_and_its_run_history(self) -> None:
        assert self.refused().status == Job.Status.FAILED
        rows = warehouse().query(f"SELECT status, records_created, records_failed, backfill_mode, error FROM {HISTORY}")
        assert [(r["status"], r["records_created"], r["records_failed"], r["backfill_mode"]) for r in rows] == [
            ("failed", 0, 0, False)
        ] * 2
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
