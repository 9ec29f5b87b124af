"""Preflight of warehouse contents: healthy seasons, planted faults, equal results for all verbs."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from backfill.errors import Conflict, Refused
from backfill.execution.inline import run_inline
from backfill.ingest.load import load
from backfill.jobs.start import preview_job, start_job
from backfill.models import Job
from backfill.plan.options import Options
from backfill.plan.preflight import check_range
from backfill.season_calendar import load_calendar
from backfill.simulation import FaultKind, FaultySeason, plant_faults, simulate, write
from backfill.warehouse import warehouse
from backfill.warehouse.parquet.session import ParquetWarehouse
from backfill.warehouse.tables import PGS, SCHED, TDGS, UPGC
from tests.seasons.tiny import (
    BOOTSTRAP,
    FIRST,
    LAST,
    OPENING,
    SECOND,
    THIRD,
    give,
    make_options,
    scheduled,
    season_rows,
    without,
)
from validation.coverage import ROWS_PER_GAME
from validation.preflight_report import Item

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.shell]

PLAYERS, CONTEXT = "nba_analytics.player_game_summary", "nba_analytics.upcoming_player_game_context"
NEW_YEAR = date(2022, 1, 1)


def found(items: tuple[Item, ...]) -> set[tuple[Any, ...]]:
    return {(item.kind, table, item.dates) for item in items for table in item.tables}


def whole_season() -> Options:
    """Return the options from opening night to the last game of the only loaded season."""
    calendar = load_calendar()
    return Options(start=min(calendar.starts.values()), end=calendar.games[-1].game_date)


# Whole seasons


# Seed 1 is used by the next test when no real season is available.
@pytest.mark.parametrize("seed", [2, 3])
def test_a_healthy_season_has_neither_blocks_nor_warnings(tmp_path: Path, seed: int) -> None:
    write(simulate(2021, seed=seed), tmp_path / "phase3")
    load(tmp_path / "phase3")
    report = check_range(whole_season())
    assert (report.items, len(report.dates), sum(report.types.values())) == ((), 174, 174)


def test_the_real_season_has_neither_blocks_nor_warnings(season_folder: Path) -> None:
    load(season_folder)
    options = whole_season()
    report = check_range(options)
    assert (report.items, report.dates[0].day.index, report.dates[-1].day.day) == (
        (),
        0,
        options.end,
    )
    assert preview_job(options).report.items == ()


@pytest.fixture(scope="module")
def faulty_season(tmp_path_factory: pytest.TempPathFactory) -> tuple[FaultySeason, Path]:
    """Make a season with a fault of each kind, and load it into a warehouse."""
    folder = tmp_path_factory.mktemp("faulty")
    planted = plant_faults(simulate(2021, seed=1))
    write(planted.season, folder / "phase3")
    with override_settings(WAREHOUSE_URL=f"parquet:{folder}/warehouse"):
        load(folder / "phase3")
    return planted, folder / "warehouse"


@pytest.fixture
def faults(faulty_season: tuple[FaultySeason, Path], settings: Any) -> dict[FaultKind, date]:
    """Return the date of each fault; the warehouse is read-only."""
    planted, folder = faulty_season
    settings.WAREHOUSE_URL = f"parquet:{folder}"
    return {fault.kind: fault.dates[0] for fault in planted.faults}


def test_what_lacks_rows_is_found_and_nothing_else(faults: dict[FaultKind, date]) -> None:
    report = check_range(whole_season())
    half, none, late = (
        faults[kind]
        for kind in (FaultKind.HALF_THE_PLAYERS, FaultKind.NO_ROWS, FaultKind.LATE_FILE)
    )
    lost = {("no rows", table, (none,)) for table in ROWS_PER_GAME}
    assert found(report.blocks) == lost | {("no rows", PLAYERS, (late,))}
    assert found(report.warns) == {("few rows", table, (half,)) for table in (PLAYERS, CONTEXT)}
    assert (len(report.blocks), len(report.warns), report.tells) == (6, 2, ())


def test_later_dates_are_told_that_their_windows_are_short(faults: dict[FaultKind, date]) -> None:
    none, late = faults[FaultKind.NO_ROWS], faults[FaultKind.LATE_FILE]
    after = Options(start=late + timedelta(days=1), end=NEW_YEAR)
    teams = {f"nba_analytics.team_{side}_game_summary" for side in ("defense", "offense")}
    short = {
        ("short windows", PLAYERS, (none, late)),
        *(("short windows", table, (none,)) for table in teams),
    }
    for report in (check_range(after), preview_job(after).report):
        assert (report.ready, found(report.items)) == (True, short)
    assert check_range(Options(start=after.start, end=NEW_YEAR, processors=("PCF",))).items == ()


def test_dates_before_the_faults_are_ready(faults: dict[FaultKind, date]) -> None:
    assert (
        check_range(
            Options(start=OPENING, end=faults[FaultKind.HALF_THE_PLAYERS] - timedelta(days=1))
        ).items
        == ()
    )


# Preflight of a range


def test_players_that_are_there_twice_are_counted_once(season: Path, tmp_path: Path) -> None:
    before = check_range(make_options(end=FIRST)).dates[0].coverage
    give(PGS, season_rows(PGS) * 9, tmp_path)
    assert check_range(make_options(end=FIRST)).dates[0].coverage == before


@pytest.mark.usefixtures("season")
def test_bootstrap_dates_without_rows_leave_windows_short(tmp_path: Path) -> None:
    without(TDGS, BOOTSTRAP[3], tmp_path)
    report = preview_job(make_options(end=FIRST, processors=("TDZA",))).report
    (item,) = (item for item in report.warns if item.kind == "short windows")
    assert (report.ready, item.dates, item.tables) == (True, (BOOTSTRAP[3],), (str(TDGS),))
    assert (
        item.sentence
        == f"{BOOTSTRAP[3]}: 1 game has no rows in {TDGS}; later dates are computed without it"
    )


@pytest.mark.usefixtures("season")
def test_a_start_looks_at_what_it_runs_and_a_check_at_every_date(tmp_path: Path) -> None:
    run_inline(started(end=SECOND), "ann")
    without(PGS, SECOND, tmp_path)
    options = make_options(end=THIRD)
    assert found(check_range(options).blocks) == {("no rows", PLAYERS, (SECOND,))}
    report = preview_job(options).report
    assert (
        report.ready,
        [item.dates for item in report.warns if item.kind == "short windows"],
    ) == (True, [(SECOND,)])


@pytest.mark.usefixtures("season")
def test_output_that_is_there_is_kept_or_replaced() -> None:
    run_inline(started(end=SECOND, processors=("PSZA",)), "ann")

    def told(**options: Any) -> list[str]:
        return [
            item.sentence
            for item in preview_job(
                make_options(processors=("TDZA", "PSZA"), **options)
            ).report.tells
        ]

    there = "PSZA: output exists for 2 of 4 dates"
    assert told() == [f"{there} and will be kept"]
    assert told(force=True) == [f"{there} and will be replaced"]
    Job.objects.all().delete()
    assert told() == [f"{there} and will be replaced"]


@pytest.mark.usefixtures("season")
def test_a_season_that_is_not_loaded_is_an_item_of_a_check_and_refuses_a_start() -> None:
    options = make_options(start=LAST, end=date(2022, 11, 1))
    report = check_range(options)
    assert [(item.kind, item.sentence) for item in report.blocks] == [
        ("season not loaded", "no Phase 3 data for the season 2022-23")
    ]
    assert report.dates[-1].day.day == date(2022, 9, 30)
    with pytest.raises(Refused, match="no Phase 3 data for the season 2022-23: load it with"):
        start_job(options, "ann")


def test_an_empty_warehouse_is_no_loaded_season() -> None:
    assert [item.kind for item in check_range(make_options()).items] == ["season not loaded"]


# Preflight of a live date


@pytest.mark.usefixtures("season")
def test_a_date_whose_games_are_not_final_is_no_gap_and_says_so(tmp_path: Path) -> None:
    tonight = LAST + timedelta(days=1)
    give(SCHED, season_rows(SCHED) + [scheduled(tonight, n) for n in range(2)], tmp_path)
    last, state = check_range(make_options(start=LAST, end=tonight)).dates
    assert (last.not_final, state.not_final, state.day.type, state.coverage) == (
        0,
        2,
        "no games",
        (),
    )
    live = check_range(Options(start=tonight, end=tonight, mode="normal"))
    assert {(item.kind, *item.tables) for item in live.blocks} == {
        ("no rows", table) for table in ROWS_PER_GAME if "upcoming" in table
    }
    assert live.dates[0].day.games == 2


# Preflight of a start


def started(**overrides: Any) -> Job:
    job = start_job(make_options(**overrides), "ann", inline=True)
    assert job
    return job


@pytest.fixture
def expiring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an output, a log and an input expire, which only BigQuery can do."""
    tables = {
        "nba_precompute.player_daily_cache": 60,
        "nba_processing.precompute_failures": 90,
        PLAYERS: 30,
    }
    monkeypatch.setattr(ParquetWarehouse, "expiring", lambda self: tables)


def test_a_directory_of_files_forgets_nothing() -> None:
    assert warehouse().expiring() == {}


@pytest.mark.usefixtures("season", "expiring")
def test_what_would_be_deleted_again_blocks() -> None:
    report = check_range(make_options())
    assert {item.numbers["days"] for item in report.blocks if item.kind == "partitions expire"} == {
        60,
        90,
    }
    with pytest.raises(
        Refused,
        match=r"^the preflight blocks: partitions of nba_precompute\.player_daily_cache expire after 60 days",
    ):
        started()
    assert (
        started(skip_preflight=True, reason="a trial")
        .events.filter(kind="preflight override")
        .exists()
    )


@pytest.mark.usefixtures("season", "expiring")
def test_with_nothing_to_run_nothing_blocks() -> None:
    run_inline(started(end=FIRST, skip_preflight=True, reason="a trial"), "ann")
    assert start_job(make_options(end=FIRST), "ann") is None


@pytest.mark.usefixtures("season")
def test_the_first_three_of_what_blocks_are_named(tmp_path: Path) -> None:
    give(UPGC, [row for row in season_rows(UPGC) if row["game_date"] < FIRST], tmp_path)
    words = [
        f"{day}: {CONTEXT} has no rows, at least 10 expected for 1 game"
        for day in (FIRST, SECOND, THIRD)
    ]
    with pytest.raises(Refused) as refused:
        started()
    assert str(refused.value).startswith(
        f"the preflight blocks: {'; '.join(words)} (and 1 more); run `manage.py preflight_check "
    )
    event = started(skip_preflight=True, reason="lost for good").events.get(
        kind="preflight override"
    )
    assert (event.actor, event.reason) == (
        "ann",
        f"lost for good (overridden: {'; '.join(words)} (and 1 more))",
    )


@pytest.mark.usefixtures("season")
def test_dates_that_another_job_holds_block_and_no_reason_overrides_that() -> None:
    job = started(end=FIRST, processors=("PSZA",))
    sentence = f"job {job.pk} (ann, queued) holds 1 run of this range; wait for it or cancel it"
    skipping = make_options(skip_preflight=True, reason="in a hurry")
    assert [item.sentence for item in check_range(make_options()).blocks] == [sentence]
    assert not preview_job(skipping).would_start
    with pytest.raises(Conflict, match="holds 1 run of this range"):
        start_job(skipping, "bob")


@pytest.mark.usefixtures("season")
def test_who_starts_is_told_what_the_preflight_found() -> None:
    heard: list[Any] = []
    start_job(make_options(), "ann", confirm=heard.append)
    assert [len(preview.report.warns) for preview in heard] == [8]
