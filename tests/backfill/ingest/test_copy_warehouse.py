"""Warehouse copies: all tables arrive, equal partitions are skipped, differences are reported."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from backfill.ingest import copy_warehouse
from backfill.ingest.copy_warehouse import copy, plan
from backfill.warehouse import open_warehouse
from backfill.warehouse.content_hash import contents
from backfill.warehouse.parquet.session import ParquetWarehouse
from backfill.warehouse.port import Warehouse
from backfill.warehouse.tables import FAILURES, HISTORY, INPUTS, ML, OUTPUTS, PGS, TDZA
from tests.backfill.shell import Shell
from tests.factories import make_row
from tests.seasons.tiny import (
    FIRST,
    LAST,
    NIGHTS,
    PROCESSING,
    give,
    listing,
    load_season,
    make_step,
    part,
    run,
    season_rows,
)

ALL = "--start", NIGHTS[0], "--end", LAST


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a warehouse that holds a season: inputs, all processors' output, a run for each."""
    from django.test import override_settings

    from backfill.execution.execute import empty
    from backfill.processors.registry import CHAIN, PROCESSORS
    from backfill.warehouse import warehouse

    root = tmp_path_factory.mktemp("copying")
    with override_settings(WAREHOUSE_URL=f"parquet:{root / 'warehouse'}"):
        load_season(root / "phase3")
        for code in CHAIN:
            empty(warehouse(), make_step(code, NIGHTS[13:14]))
            run(code)
            runs = [
                {
                    "processor_name": PROCESSORS[code].name,
                    "data_date": day,
                    "run_id": f"{code}{day:%d}",
                }
                for day in PROCESSING
            ]
            warehouse().record(HISTORY, [make_row(HISTORY, **values) for values in runs])
    return root / "warehouse"


@pytest.fixture
def source(written: Path) -> Warehouse:
    return open_warehouse(f"parquet:{written}")


@pytest.fixture
def target(tmp_path: Path) -> Warehouse:
    return open_warehouse(f"parquet:{tmp_path / 'target'}")


@pytest.fixture(scope="module")
def once_copied(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("copied") / "warehouse"
    both = open_warehouse(f"parquet:{written}"), open_warehouse(f"parquet:{root}")
    assert copy(*both, plan(*both, NIGHTS[0], LAST)) == []
    return root


@pytest.fixture
def copied(once_copied: Path, tmp_path: Path) -> ParquetWarehouse:
    """Return this test's own copy."""
    return ParquetWarehouse(shutil.copytree(once_copied, tmp_path / "copied"))


def everything(warehouse: Warehouse) -> dict[object, object]:
    return {
        part: found
        for t in (*INPUTS, *OUTPUTS, FAILURES, HISTORY)
        for part, found in contents(warehouse, t, NIGHTS[0], LAST).items()
    }


def test_a_copy_holds_all_that_its_source_holds(
    source: Warehouse, copied: ParquetWarehouse
) -> None:
    target = copied
    assert everything(target) == everything(source)
    dates = len(PROCESSING) + 1  # plus an empty bootstrap date
    assert len(everything(target)) == len(INPUTS) + 5 * (dates + dates + len(PROCESSING))
    for table in (PGS, TDZA, ML, FAILURES):
        rows = [
            w.query(f"SELECT * FROM {table} ORDER BY {', '.join(table.key)}")
            for w in (source, target)
        ]
        assert rows[0] == rows[1] != []


def test_a_second_copy_writes_nothing(source: Warehouse, copied: ParquetWarehouse) -> None:
    before = listing(copied.root)
    again = plan(source, copied, NIGHTS[0], LAST)
    assert (again.todo, copy(source, copied, again)) == ((), [])
    assert listing(copied.root) == before


def test_a_copy_that_is_broken_off_goes_on_where_it_stopped(
    source: Warehouse, target: Warehouse
) -> None:
    def broken_off(done: int, total: int, text: str) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    whole = plan(source, target, NIGHTS[0], LAST)
    with pytest.raises(KeyboardInterrupt):
        copy(source, target, whole, broken_off)
    rest = plan(source, target, NIGHTS[0], LAST)
    assert 0 < len(rest.todo) < len(whole.todo) / 2
    assert copy(source, target, rest) == []
    assert everything(target) == everything(source)


@pytest.mark.parametrize("day", [FIRST, LAST])
def test_a_part_that_differs_in_one_value_is_copied_again(
    source: Warehouse, copied: ParquetWarehouse, day: date
) -> None:
    entity, params = "failure_reason" if day == FIRST else "weakest_zone", {"dates": [day]}
    table = FAILURES if day == FIRST else TDZA
    name = "TeamDefenseZoneAnalysisProcessor" if table is FAILURES else ""
    where = f"WHERE {table.partition} = DATE '{day}'" + (
        f" AND processor_name = '{name}'" if name else ""
    )
    changed = f"SELECT * REPLACE (IF(ROW_NUMBER() OVER (ORDER BY {table.key[-1]}) = 1, 'x', {entity}) AS {entity}) FROM {table} {where}"
    copied.stage("changed", changed, params)
    copied.replace(table, [day], "SELECT * FROM changed", {}, name)
    found = plan(source, copied, NIGHTS[0], LAST)
    assert [(p.table, p.first, p.name) for p in found.todo] == [(table, day, name)]
    assert copy(source, copied, found) == []
    assert everything(copied) == everything(source)


def test_what_the_target_has_alone_is_left_and_told(
    source: Warehouse, copied: ParquetWarehouse, written: Path
) -> None:
    copied.replace(TDZA, [NIGHTS[0]], "", {})
    found = plan(source, copied, NIGHTS[0], LAST)
    assert (found.todo, [(p.table, p.first) for p in found.only_there]) == ((), [(TDZA, NIGHTS[0])])
    assert found.by_table()[str(TDZA)]["only_in_to"] == 1


def test_what_does_not_arrive_as_it_was_is_found(
    source: Warehouse, target: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = copy_warehouse.write_parquet
    monkeypatch.setattr(
        copy_warehouse,
        "write_parquet",
        lambda file, table, rows: kept(file, table, rows[1:] if table is TDZA else rows),
    )
    wrong = copy(source, target, plan(source, target, NIGHTS[0], LAST))
    assert {p.table for p in wrong} == {TDZA}


def test_only_the_dates_asked_for_are_copied(source: Warehouse, target: Warehouse) -> None:
    copy(source, target, plan(source, target, LAST, LAST))
    assert (target.seasons(PGS), target.partitions(TDZA), target.partitions(FAILURES)) == (
        {2021},
        {LAST},
        {LAST},
    )


# The verb


def test_the_verb_copies_and_says_what_it_copied(
    shell: Shell, written: Path, tmp_path: Path
) -> None:
    where = f"parquet:{written}", f"parquet:{tmp_path / 'to'}"
    dry = shell("copy_warehouse", *where, *ALL, "--dry-run", "--json")
    assert (dry.code, dry.err, (tmp_path / "to").exists()) == (0, "", False)
    done = shell("copy_warehouse", *where, *ALL, "--json")
    assert done.document["tables"] == dry.document["tables"]
    assert done.document["tables"]["nba_analytics.player_game_summary"] == {
        "copied": 1,
        "rows": 36,
        "same": 0,
        "only_in_to": 0,
    }
    again = shell("copy_warehouse", *where, *ALL)
    assert (again.code, again.err) == (0, "")
    assert re.search(r"all \d+ parts have equal counts and hashes", again.out)


def test_the_verb_tells_of_progress_on_the_way(shell: Shell, written: Path, tmp_path: Path) -> None:
    done = shell("copy_warehouse", f"parquet:{written}", f"parquet:{tmp_path / 'to'}", *ALL)
    assert done.err.splitlines()[0].endswith("parts, nba_reference.nba_schedule season 2021")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("parquet:a", "parquet:a", *ALL),
            "FROM and TO are both parquet:a; name two different warehouses",
        ),
        (("files:a", "parquet:b", *ALL), "files:a"),
        (
            ("parquet:nowhere", "parquet:b", *ALL),
            "parquet:nowhere has no data from 2021-10-19 to 2021-11-05",
        ),
        (
            ("parquet:a", "parquet:b", "--start", "2021-11-05", "--end", "2021-11-01"),
            "--end 2021-11-01 is before --start 2021-11-05; swap them",
        ),
        (
            ("parquet:a", "parquet:b", "--start", "2021-11-05"),
            "the following arguments are required: --end (see --help)",
        ),
        (
            ("parquet:a", "parquet:b", "--start", "yesterday", "--end", "2021-11-01"),
            "'yesterday' is not a date",
        ),
    ],
)
def test_a_mistake_is_one_sentence(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = shell("copy_warehouse", *words)
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
    assert says in answer.err


def test_a_part_that_cannot_be_read_is_named(shell: Shell, written: Path, tmp_path: Path) -> None:
    shutil.copytree(written, tmp_path / "from")
    file = part(tmp_path / "from", "TDZA", LAST)
    file.write_bytes(file.read_bytes()[:-40])
    answer = shell(
        "copy_warehouse", f"parquet:{tmp_path / 'from'}", f"parquet:{tmp_path / 'to'}", *ALL
    )
    assert (answer.code, str(file) in answer.err) == (1, True)


def test_an_input_that_was_loaded_again_is_copied_again(
    written: Path, copied: ParquetWarehouse, tmp_path: Path, settings: Any
) -> None:
    settings.WAREHOUSE_URL = f"parquet:{shutil.copytree(written, tmp_path / 'from')}"
    give(PGS, season_rows(PGS)[:-1], tmp_path)
    source = open_warehouse(settings.WAREHOUSE_URL)
    found = plan(source, copied, NIGHTS[0], LAST)
    assert [p.table for p in found.todo] == [PGS]
    assert copy(source, copied, found) == []
