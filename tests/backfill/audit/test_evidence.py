"""Evidence queries of Findings, executed on a processed season."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from backfill.audit import evidence
from backfill.processors.registry import PROCESSORS
from backfill.status.error_groups import ErrorGroup, evidence_query
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.tables import INPUTS, PGS, TDGS, UPGC
from tests.factories import AWAY, HOME, rewrite
from tests.once import copy_warehouse
from tests.seasons.tiny import (
    FIRST,
    NIGHTS,
    OPENING,
    SECOND,
    THIRD,
    give,
    make_options,
    part,
    season_rows,
)
from tests.seasons.whole import EVERYBODY, Whole, whole_rows
from validation.findings import kinds
from validation.findings.kinds import KINDS, FindingDraft

pytestmark = pytest.mark.django_db

BAD = {"table": "PGS", "entity": EVERYBODY[0], "date": str(FIRST), "game_id": "0022100014"}
TOLD: dict[kinds.FindingKind, dict[str, Any]] = {
    kinds.IMPOSSIBLE_VALUE: {"evidence": {"rows": [BAD]}, "processors": ("PSZA", "PDC")},
    kinds.DUPLICATE_INPUT: {"processors": (), "evidence": {"tables": [str(PGS), str(TDGS)]}},
    kinds.DUPLICATE_OUTPUT: {"processors": ("TDZA", "ML")},
    kinds.PHASE3_MISSING: {"processors": ()},
    kinds.LOW_COVERAGE: {"processors": ()},
    kinds.UNFINISHED_LOAD: {"processors": ()},
    kinds.COLUMN_JUMP: {"evidence": {"table": "PGS", "columns": ["points", "is_active"]}},
}


@pytest.fixture
def ran(whole_jobs: Whole, own_warehouse: Path, settings: Any) -> Path:
    """Return the output of a whole-season job, read-only."""
    folder = whole_jobs.written(make_options(batch_size=4))
    settings.WAREHOUSE_URL = f"parquet:{folder}"
    return folder


@pytest.fixture
def own(ran: Path, own_warehouse: Path, settings: Any) -> Path:
    """Return a writable copy of `ran`."""
    copy_warehouse(ran, own_warehouse)
    settings.WAREHOUSE_URL = f"parquet:{own_warehouse}"
    return own_warehouse


def make_found(
    kind: kinds.FindingKind, dates: Sequence[date] = (SECOND, THIRD), **given: Any
) -> FindingDraft:
    values = {
        "processors": ("PSZA",),
        "subject": "PSZA",
        "sentence": "a sentence",
        **TOLD.get(kind, {}),
        **given,
    }
    return FindingDraft(kind=kind, season=2021, dates=tuple(dates), **values)


def query_of(found: FindingDraft) -> str:
    return evidence.query(found, OPENING)


def asked(found: FindingDraft) -> list[Row]:
    """Return the rows of a Finding's evidence query."""
    return warehouse().query(query_of(found))


MANY = [OPENING + timedelta(days=n) for n in range(90)]


@pytest.mark.parametrize("dates", [[SECOND, THIRD], MANY], ids=["two dates", "many dates"])
@pytest.mark.usefixtures("ran")
def test_the_query_behind_every_kind_runs_as_it_stands(dates: list[date]) -> None:
    for kind in KINDS:
        query = query_of(make_found(kind, dates))
        assert "@" not in query, kind.name
        warehouse().query(query)


def test_the_queries_run_where_nothing_is_loaded_too() -> None:
    assert {kind.name for kind in KINDS if asked(make_found(kind))} == set()


@pytest.mark.usefixtures("ran")
def test_missing_rows_are_shown_by_what_each_table_has() -> None:
    found = {
        (row["game_date"], row["name"]): row["n"]
        for row in asked(make_found(kinds.PHASE3_MISSING, [SECOND]))
    }
    assert found == {
        (SECOND, str(t)): {"PGS": 10, "UPGC": 10, "SCHED": 1}.get(t.short, 2) for t in INPUTS
    }


def test_keys_that_are_there_twice_are_shown(own: Path, tmp_path: Path) -> None:
    rewrite(
        part(own, "ML", SECOND),
        f"SELECT * FROM t UNION ALL SELECT * FROM t WHERE player_lookup = '{EVERYBODY[0]}'",
    )
    (row,) = asked(make_found(kinds.DUPLICATE_OUTPUT))
    assert list(row.values()) == [
        "nba_predictions.ml_feature_store_v2",
        SECOND,
        EVERYBODY[0],
        str(SECOND),
        2,
    ]
    give(TDGS, [*season_rows(TDGS), *season_rows(TDGS, [THIRD])], tmp_path)
    rows = [list(row.values()) for row in asked(make_found(kinds.DUPLICATE_INPUT))]
    assert sorted(rows) == [[str(TDGS), THIRD, team, "0022100016", 2] for team in (HOME, AWAY)]


def test_a_jump_is_shown_by_the_nulls_and_zeros_of_each_date(own: Path, tmp_path: Path) -> None:
    zero = [
        row | ({"usage_rate": 0} if row["game_date"] == SECOND else {}) for row in whole_rows(PGS)
    ]
    give(
        PGS,
        [row | ({"points": None} if row["game_date"] == THIRD else {}) for row in zero],
        tmp_path,
    )
    columns = {"table": "PGS", "columns": ["usage_rate", "points"]}
    found = asked(make_found(kinds.COLUMN_JUMP, [THIRD], evidence=columns))
    nothing = {"usage_rate_null": 0, "usage_rate_zero": 0, "points_null": 0, "points_zero": 0}
    assert [row["d"] for row in found] == [
        night for night in NIGHTS if THIRD - timedelta(days=14) <= night <= THIRD
    ]
    assert found[-1] == {"d": THIRD, "n": 10, **nothing, "points_null": 10}
    assert found[-2] == {"d": SECOND, "n": 10, **nothing, "usage_rate_zero": 10}


@pytest.mark.usefixtures("ran")
def test_a_jump_in_the_vector_is_shown_by_its_elements() -> None:
    columns = {"table": "ML", "columns": ["playoff_game", "team_pace"]}
    *_, row = asked(make_found(kinds.COLUMN_JUMP, [SECOND], evidence=columns))
    shares = {
        "team_pace_null": 0,
        "team_pace_zero": 0,
        "playoff_game_null": 0,
        "playoff_game_zero": 10,
    }
    assert row == {"d": SECOND, "n": 10, **shares}


@pytest.mark.usefixtures("ran")
def test_an_impossible_value_is_shown_by_its_rows() -> None:
    rows = [{**BAD, "entity": name} for name in EVERYBODY[:2]]
    found = asked(make_found(kinds.IMPOSSIBLE_VALUE, evidence={"rows": rows}))
    assert sorted((row["player_lookup"], row["game_date"]) for row in found) == sorted(
        (name, FIRST) for name in EVERYBODY[:2]
    )
    assert list(found[0]) == list(PGS.names)


@pytest.mark.usefixtures("ran")
def test_an_impossible_value_without_a_known_row_is_shown_as_it_was_logged() -> None:
    (row,) = asked(
        make_found(kinds.IMPOSSIBLE_VALUE, [FIRST], evidence={"rows": []}, processors=("TDZA",))
    )
    assert list(row.values()) == [
        FIRST,
        PROCESSORS["TDZA"].name,
        "INSUFFICIENT_DATA",
        f"14 of 15 games before {FIRST}",
        2,
    ]


@pytest.mark.usefixtures("ran")
def test_a_bug_is_shown_by_the_statement_that_broke() -> None:
    assert {row["player_lookup"] for row in asked(make_found(kinds.BUG, [SECOND]))} == set(
        EVERYBODY
    )


def group(what: str, code: str = "PSZA") -> ErrorGroup:
    return ErrorGroup(
        id="g",
        processor=code,
        what=what,
        count=1,
        dates=(SECOND,),
        sample="a text",
        entities=(EVERYBODY[0], "o'neal"),
    )


def test_an_error_group_is_shown_by_its_statement() -> None:
    assert evidence_query(group("UNKNOWN"), OPENING) == query_of(make_found(kinds.BUG, [SECOND]))


@pytest.mark.parametrize("code", ["PSZA", "PDC", "ML", "PCF"])
def test_a_group_of_impossible_values_is_shown_by_the_rows_that_break_a_rule(
    code: str, own: Path, tmp_path: Path
) -> None:
    table, night = (UPGC, SECOND) if code == "PCF" else (PGS, FIRST)
    column = "days_rest" if code == "PCF" else "points"
    rows = whole_rows(table)
    give(
        table, [row | ({column: -1} if row["game_date"] == night else {}) for row in rows], tmp_path
    )
    (row,) = warehouse().query(evidence_query(group("PROCESSING_ERROR", code), OPENING))
    assert (row["name"], row["entity"], row["game_date"]) == (str(table), EVERYBODY[0], night)
    assert f"{column} = -1" in row["reason"]


@pytest.mark.usefixtures("ran")
def test_runs_are_shown_by_their_history_and_partitions_by_when_they_were_written() -> None:
    runs = asked(make_found(kinds.RUN_FAILED, [SECOND]))
    assert [(r["data_date"], r["processor_name"], r["status"]) for r in runs] == [
        (SECOND, PROCESSORS["PSZA"].name, "success")
    ]
    written = asked(make_found(kinds.LOST_PARTITION, [SECOND], processors=("PSZA", "ML")))
    assert sorted((r["processor"], r["d"], r["n"]) for r in written) == [
        ("ML", SECOND, 10),
        ("PSZA", SECOND, 10),
    ]
