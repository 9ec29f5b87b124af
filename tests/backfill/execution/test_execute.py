from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from backfill.errors import WarehouseUnwritable
from backfill.execution import execute
from backfill.execution.execute import DateResult
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.processors.render import render
from backfill.warehouse import warehouse
from backfill.warehouse.tables import FAILURES, OUTPUTS, TDGS, UPGC
from tests.seasons.tiny import (
    BOOTSTRAP,
    FIRST,
    LAST,
    NIGHTS,
    PROCESSING,
    RUN_ID,
    SECOND,
    STARTED_AT,
    THIRD,
    counted,
    cut,
    failures_of,
    give,
    listing,
    make_step,
    part,
    rows_of,
    run,
    run_before,
    season_rows,
    without,
)

pytestmark = pytest.mark.usefixtures("season")

CLEAN = (2, 2, {}, "")
TOO_FEW = "INSUFFICIENT_DATA"


def spoil(monkeypatch: pytest.MonkeyPatch, sql: str) -> None:
    """Break the processor's statement on purpose: `{whole}` in `sql` is the original statement."""

    def spoilt(code: str, part: str = "result") -> str:
        return sql.format(whole=f"({render(code)})") if part == "result" else render(code, part)

    monkeypatch.setattr(execute, "render", spoilt)


# The row that the broken statements get wrong.
BOSTON = f"analysis_date = DATE '{THIRD}' AND team_abbr = 'BOS'"
TWICE = f"SELECT * FROM {{whole}} UNION ALL SELECT * FROM {{whole}} WHERE {BOSTON}"
BOTH = f"SELECT * FROM {{whole}} UNION ALL SELECT * REPLACE ('UNKNOWN' AS failure_category) FROM {{whole}} WHERE {BOSTON}"
STRANGER = f"SELECT * FROM {{whole}} UNION ALL SELECT * REPLACE ('XXX' AS team_abbr) FROM {{whole}} WHERE {BOSTON}"


# Successful runs


def test_every_processor_accounts_for_its_population_on_every_date() -> None:
    clean = dict.fromkeys(PROCESSING, CLEAN)
    found = {code: counted(run(code)) for code in CHAIN}
    assert found == {
        **dict.fromkeys(CHAIN, clean),
        "TDZA": {**clean, FIRST: (2, 0, {TOO_FEW: 2}, "")},
    }
    assert {code: len(rows_of(code)) for code in CHAIN} == {**dict.fromkeys(CHAIN, 8), "TDZA": 6}


def test_a_failure_says_who_why_and_in_which_run() -> None:
    run("TDZA")
    failed = [
        (FIRST, team, TOO_FEW, f"14 of 15 games before {FIRST}", True) for team in ("BOS", "NYK")
    ]
    assert failures_of("TDZA") == failed
    about = warehouse().query(f"SELECT DISTINCT processor_name, run_id, created_at FROM {FAILURES}")
    assert about == [
        {
            "processor_name": "TeamDefenseZoneAnalysisProcessor",
            "run_id": RUN_ID,
            "created_at": STARTED_AT,
        }
    ]


def test_seconds_are_shared_by_the_dates_of_a_batch() -> None:
    found = run("PSZA").values()
    assert len({(o.query_seconds, o.write_seconds) for o in found}) == 1
    assert all(o.query_seconds > 0 and o.write_seconds > 0 and not o.untouched for o in found)


def test_a_batch_writes_what_its_dates_write_one_by_one() -> None:
    for code in CHAIN:
        run(code, FIRST, SECOND)
        together = rows_of(code), failures_of(code)
        warehouse().replace(PROCESSORS[code].output, [FIRST, SECOND], "", {})
        run(code, SECOND)
        run(code, FIRST)
        assert (rows_of(code), failures_of(code)) == together
        assert len(together[0] + together[1]) == 4


# Reruns


def test_running_again_leaves_one_copy() -> None:
    run("TDZA")
    before = rows_of("TDZA"), failures_of("TDZA")
    run("TDZA")
    assert (rows_of("TDZA"), failures_of("TDZA")) == before


def test_running_again_removes_failures_that_are_cured(tmp_path: Path) -> None:
    run("TDZA")
    early = date(2021, 10, 18)
    give(TDGS, season_rows(TDGS, [early, *NIGHTS]), tmp_path)
    batch = execute.Step(
        processor=PROCESSORS["TDZA"],
        dates=(FIRST,),
        season_start=early,
        started_at=STARTED_AT,
        run_ids={FIRST: RUN_ID},
    )
    assert [o.failures for o in execute.execute(warehouse(), batch)] == [{}]
    assert (len(rows_of("TDZA", FIRST)), failures_of("TDZA")) == (2, [])


def test_running_again_removes_rows_that_are_no_longer_right(tmp_path: Path) -> None:
    run("TDZA")
    give(
        TDGS,
        [
            r
            for r in season_rows(TDGS)
            if (r["defending_team_abbr"], r["game_date"]) != ("BOS", NIGHTS[0])
        ],
        tmp_path,
    )
    assert counted(run("TDZA"))[SECOND] == (2, 1, {TOO_FEW: 1}, "")
    assert [row["team_abbr"] for row in rows_of("TDZA", SECOND)] == ["NYK"]


def test_a_run_leaves_the_partitions_of_other_dates_and_processors_alone(season: Path) -> None:
    run("PSZA")
    before = listing(season)
    run("TDZA", THIRD)
    written = {f for f, found in listing(season).items() if before.get(f) != found}
    slices = {str(f.relative_to(season).parent) for f in map(Path, written)}
    assert slices == {
        f"nba_precompute/team_defense_zone_analysis/analysis_date={THIRD}",
        f"nba_processing/precompute_failures/analysis_date={THIRD}/processor_name=TeamDefenseZoneAnalysisProcessor",
    }


def test_emptying_leaves_a_partition_without_rows(season: Path) -> None:
    run("TDZA")
    execute.empty(warehouse(), make_step("TDZA", [FIRST, SECOND]))
    assert (rows_of("TDZA", SECOND), failures_of("TDZA"), part(season, "TDZA", FIRST).exists()) == (
        [],
        [],
        True,
    )
    assert len(rows_of("TDZA")) == 4


# Accounting


def test_an_entity_in_neither_is_written_as_unknown_and_fails_the_date(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoil(monkeypatch, f"SELECT * FROM {{whole}} WHERE NOT ({BOSTON})")
    found = counted(run("TDZA"))
    assert found[THIRD] == (
        2,
        1,
        {"UNKNOWN": 1},
        "1 entities with neither a row nor a classified failure",
    )
    assert [found[day] for day in (SECOND, LAST)] == [CLEAN, CLEAN]
    assert failures_of("TDZA", THIRD) == [
        (THIRD, "BOS", "UNKNOWN", "neither a row nor a classified failure", False)
    ]
    assert [row["team_abbr"] for row in rows_of("TDZA", THIRD)] == ["NYK"]


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        (TWICE, "1 entities more than once, 0 outside the population of 2"),
        (BOTH, "1 entities more than once, 0 outside the population of 2"),
        (STRANGER, "0 entities more than once, 1 outside the population of 2"),
    ],
    ids=["two rows", "a row and a failure", "a stranger"],
)
def test_rows_that_do_not_add_up_stop_their_date_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, season: Path, sql: str, what: str
) -> None:
    run("TDZA")
    before = listing(season)
    spoil(monkeypatch, sql)
    found = run("TDZA", SECOND, THIRD)
    assert counted(found) == {
        SECOND: CLEAN,
        THIRD: (0, 0, {}, f"AccountingError: TDZA {THIRD}: {what}; nothing was written"),
    }
    assert found[THIRD].untouched
    written = {f for f, mark in listing(season).items() if before.get(f) != mark}
    assert written
    assert not [f for f in written if str(THIRD) in f]


def test_a_date_without_population_has_one_failure_of_the_whole_date(tmp_path: Path) -> None:
    run("PCF")
    without(UPGC, THIRD, tmp_path)
    found = counted(run("PCF"))
    assert found == {
        **dict.fromkeys(PROCESSING, CLEAN),
        THIRD: (
            0,
            0,
            {},
            f"no population: nba_analytics.upcoming_player_game_context has no rows for {THIRD}",
        ),
    }
    reason = f"population: nba_analytics.upcoming_player_game_context: no row for {THIRD}"
    assert failures_of("PCF") == [(THIRD, "DATE_LEVEL", "MISSING_DEPENDENCY", reason, True)]
    assert rows_of("PCF", THIRD) == []


def test_a_processor_over_history_misses_games_before_the_date(tmp_path: Path) -> None:
    give(TDGS, season_rows(TDGS, [LAST]), tmp_path)
    assert run("TDZA", LAST)[LAST].population == 0
    reason = f"population: nba_analytics.team_defense_game_summary: no row before {LAST}"
    assert failures_of("TDZA") == [(LAST, "DATE_LEVEL", "MISSING_DEPENDENCY", reason, True)]


def test_the_failure_of_the_whole_date_goes_when_the_source_has_come(tmp_path: Path) -> None:
    without(UPGC, THIRD, tmp_path)
    run("PCF", THIRD)
    give(UPGC, season_rows(UPGC), tmp_path)
    assert counted(run("PCF", THIRD)) == {THIRD: CLEAN}
    assert failures_of("PCF") == []


# Errors


def test_a_poisoned_date_fails_alone(season: Path) -> None:
    run_before("PCF")
    cut(part(season, "PSZA", THIRD))
    found = run("PCF")
    assert {day: o.error for day, o in found.items() if day != THIRD} == dict.fromkeys(
        (FIRST, SECOND, LAST), ""
    )
    poisoned = found[THIRD]
    assert poisoned.error == (
        f"CorruptPartition: {part(season, 'PSZA', THIRD)} is not a whole Parquet file; "
        f"backfill its date again"
    )
    seconds = poisoned.query_seconds
    detail = {
        "file": str(part(season, "PSZA", THIRD)),
        "table": str(PROCESSORS["PSZA"].output),
        "date": str(THIRD),
    }
    assert poisoned == DateResult(
        date=THIRD,
        error=poisoned.error,
        error_class="CorruptPartition",
        error_detail=detail,
        untouched=True,
        query_seconds=seconds,
    )
    assert [len(rows_of("PCF", day)) for day in PROCESSING] == [2, 2, 0, 2]


def test_a_statement_that_the_engine_refuses_leaves_the_old_partitions(
    monkeypatch: pytest.MonkeyPatch, season: Path
) -> None:
    run("TDZA")
    before = listing(season)
    spoil(monkeypatch, "SELECT nonsense FROM {whole}")
    found = run("TDZA")
    assert all(
        o.untouched and o.error.startswith("StatementFailed: Binder Error: ")
        for o in found.values()
    )
    assert listing(season) == before


def test_a_warehouse_that_cannot_be_written_stops_the_work_without_halving(
    monkeypatch: pytest.MonkeyPatch, season: Path
) -> None:
    staging, attempts = season / ".staging", []
    staging.rmdir()
    staging.write_text("a file where a folder should be")
    monkeypatch.setattr(execute, "render", lambda *args: attempts.append(args) or render(*args))
    with pytest.raises(WarehouseUnwritable):
        run("TDZA")
    assert attempts.count(("TDZA",)) == 1


def test_an_error_that_nobody_foresaw_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(execute, "render", broken)
    with pytest.raises(ZeroDivisionError):
        run("TDZA")


def test_bootstrap_dates_have_no_output_table_of_their_own() -> None:
    execute.empty(warehouse(), make_step("PSZA", BOOTSTRAP, datetime(2022, 1, 1)))
    assert {str(t): warehouse().partitions(t) for t in OUTPUTS if warehouse().partitions(t)} == {
        "nba_precompute.player_shot_zone_analysis": set(BOOTSTRAP)
    }
