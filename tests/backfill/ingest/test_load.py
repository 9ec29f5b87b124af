from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.core.management import call_command

from backfill.errors import Refused, WarehouseBusy
from backfill.ingest.input_files import SUPPORTED
from backfill.ingest.load import load
from backfill.warehouse import open_warehouse, warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import INPUTS, PGS, SCHED, TDGS, UTGC
from tests.backfill.bad_folders import (
    BAD,
    FIRST,
    PLAYER_CONTEXT,
    PLAYER_GAMES,
    SCHEDULE,
    TEAM_CONTEXT,
    TEAM_DEFENSE,
    cut_short,
)
from tests.factories import (
    file_of,
    game_rows,
    make_games,
    make_row,
    phase3_folder,
    rewrite,
    write_rows,
)
from tests.seasons.inputs import input_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return phase3_folder(tmp_path / "phase3")


def listing(root: Path) -> dict[str, tuple[int, int]]:
    return {str(f): (f.stat().st_ino, f.stat().st_mtime_ns) for f in root.rglob("*")}


def problems(folder: Path) -> list[str]:
    with pytest.raises(Refused) as refused:
        load(folder)
    return str(refused.value).splitlines()


def stored(table: Table) -> list[Row]:
    return warehouse().query(f"SELECT * FROM {table} ORDER BY {', '.join(table.key)}")


@pytest.mark.parametrize(("spoil", "sentence"), BAD, ids=[s.split(": ", 1)[1][:60] for _, s in BAD])
def test_what_is_wrong_is_said_in_one_sentence_and_nothing_is_loaded(
    folder: Path, own_warehouse: Path, spoil: Callable[[Path], object], sentence: str
) -> None:
    load(folder)
    before = listing(own_warehouse)
    spoil(folder)
    assert problems(folder) == [sentence.format(folder=folder)]
    assert listing(own_warehouse) == before


def test_everything_that_is_wrong_is_said_at_once(folder: Path, own_warehouse: Path) -> None:
    file_of(folder, UTGC).unlink()
    cut_short(folder)
    rewrite(
        file_of(folder, SCHED),
        "SELECT * EXCLUDE (season_type) FROM t UNION ALL SELECT * EXCLUDE (season_type) FROM t",
    )
    rewrite(
        file_of(folder, PGS),
        "SELECT * EXCLUDE (points, usage_rate) REPLACE ('x' AS fg_makes, NULL::VARCHAR AS team_abbr, 2020 AS season_year) FROM t",
    )
    assert problems(folder) == [
        f"{TEAM_CONTEXT}: no file in {folder}; found: nothing else; supported for a table: {SUPPORTED}",
        f"{SCHEDULE}: column season_type is missing",
        f"{SCHEDULE}: 2 rows duplicated in the key (game_id), first game_id 0022100001",
        f"{PLAYER_GAMES}: columns points, usage_rate are missing",
        f"{PLAYER_GAMES}: column team_abbr is NULL in 4 rows",
        f"{PLAYER_GAMES}: column fg_makes is VARCHAR; expected INT64",
        f"{PLAYER_GAMES}: game_date is outside the season of its season_year in 4 rows, first 2021-10-20",
        f"{TEAM_DEFENSE}: team_defense_game_summary.parquet is cut short or not a Parquet file",
    ]
    assert not own_warehouse.exists()


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert problems(tmp_path / "nowhere") == [
        f"cannot read the folder {tmp_path}/nowhere (No such file or directory)"
    ]
    (sentence,) = problems(file)
    assert sentence.endswith(
        f": no file in {file}; found: file; supported for a table: {SUPPORTED}"
    )


def test_the_schemas_columns_and_rows_arrive(folder: Path) -> None:
    loaded = load(folder)
    assert (loaded.seasons, loaded.notes) == ((2021,), ())
    assert loaded.rows == {str(t): {2021: 2 if t is SCHED else 4} for t in INPUTS}
    for table in INPUTS:
        rows = [row for game in make_games(2021) for row in game_rows(table, game)]
        assert stored(table) == sorted(rows, key=lambda row: [row[c] for c in table.key])


def test_files_are_ordered_by_date_and_key_and_typed_exactly(
    folder: Path, own_warehouse: Path
) -> None:
    rewrite(file_of(folder, PGS), "FROM t ORDER BY player_lookup DESC, game_date DESC")
    load(folder)
    file = input_file(own_warehouse, PGS)
    rows = warehouse().query(f"SELECT game_date, player_lookup FROM {PGS}")
    assert rows == sorted(rows, key=lambda row: (row["game_date"], row["player_lookup"]))
    types = [
        (name, kind) for name, kind, *_ in duckdb.execute(f"DESCRIBE FROM '{file}'").fetchall()
    ]
    assert types == [(c.name, c.duckdb_type) for c in PGS.columns]


def test_loading_twice_leaves_one_copy(folder: Path, own_warehouse: Path) -> None:
    load(folder)
    once, files = {t: stored(t) for t in INPUTS}, listing(own_warehouse)
    load(folder)
    assert {t: stored(t) for t in INPUTS} == once
    assert len(listing(own_warehouse)) == len(files)


def test_loading_again_replaces_the_season_and_no_other(tmp_path: Path) -> None:
    load(phase3_folder(tmp_path / "both", years=(2021, 2022)))
    game = make_games(2021)[0] | {"game_id": "0022199999"}
    rows = {t.short.lower(): game_rows(t, game) for t in INPUTS}
    load(phase3_folder(tmp_path / "again", **rows))
    games = [row["game_id"] for row in stored(SCHED)]
    assert games == ["0022199999", "0022200001", "0022200002"]
    assert [row["game_id"] for row in stored(TDGS) if row["defending_team_abbr"] == "BOS"] == games


def test_a_reader_sees_one_version_of_a_season_that_is_loaded_again_and_again(
    tmp_path: Path, own_warehouse: Path
) -> None:
    """Every table of a version has the same games."""
    versions = []
    for n in range(2):
        game = make_games(2021)[0] | {"game_id": f"002210000{n}"}
        rows = {t.short.lower(): game_rows(t, game) for t in INPUTS}
        folder = phase3_folder(tmp_path / str(n), **rows)
        load(folder)
        kept = {t: folder / f"{t.short}.parquet" for t in INPUTS}
        for table, file in kept.items():
            shutil.copy(input_file(own_warehouse, table), file)
        versions.append(kept)
    ended = threading.Event()

    def switch() -> None:
        session = open_warehouse(f"parquet:{own_warehouse}")
        for n in range(60):
            session.load(2021, versions[n % 2])
            time.sleep(0.05)  # loads without a pause can outrun a slow reader
        ended.set()

    loading, seen = threading.Thread(target=switch), set()
    loading.start()
    sql = " UNION DISTINCT ".join(f"SELECT game_id FROM {t}" for t in INPUTS)
    while not ended.is_set():
        with suppress(WarehouseBusy):
            (row,) = warehouse().query(sql)
            seen.add(row["game_id"])
    loading.join()
    assert seen == {"0022100000", "0022100001"}


def test_csv_equals_parquet(folder: Path, tmp_path: Path) -> None:
    load(folder)
    from_parquet = {t: stored(t) for t in INPUTS}
    load(phase3_folder(tmp_path / "csv", suffix=".csv"))
    assert {t: stored(t) for t in INPUTS} == from_parquet


def test_a_season_without_rows_in_one_table_is_noted_and_emptied(tmp_path: Path) -> None:
    load(phase3_folder(tmp_path / "full", years=(2021, 2022)))
    only = [row for game in make_games(2021) for row in game_rows(UTGC, game)]
    loaded = load(phase3_folder(tmp_path / "less", years=(2021, 2022), utgc=only))
    assert loaded.notes == (f"{TEAM_CONTEXT}: has no rows of season 2022",)
    assert loaded.rows[TEAM_CONTEXT] == {2021: 4, 2022: 0}
    assert len(stored(UTGC)) == 4


def test_columns_that_the_schema_does_not_know_are_noted_and_left_out(folder: Path) -> None:
    rewrite(file_of(folder, SCHED), "SELECT 'TD Garden' AS arena, *, [1, 2] AS odds FROM t")
    assert load(folder).notes == (f"{SCHEDULE}: ignored, not in the schema: arena, odds",)
    assert set(stored(SCHED)[0]) == set(SCHED.names)


def test_a_row_that_phase_3_wrote_again_is_no_duplicate(folder: Path) -> None:
    rewrite(
        file_of(folder, PGS),
        f"FROM t UNION ALL SELECT * REPLACE (processed_at + INTERVAL 1 DAY AS processed_at) FROM t WHERE {FIRST}",
    )
    loaded = load(folder)
    assert loaded.notes == (
        f"{PLAYER_GAMES}: 1 row corrected by Phase 3; the latest processed_at of each key is used",
    )
    assert loaded.rows[PLAYER_GAMES] == {2021: 5}


def test_types_that_lose_nothing_are_accepted(folder: Path) -> None:
    rewrite(
        file_of(folder, PGS),
        "SELECT * REPLACE (7::SMALLINT AS fg_attempts, 21.0::DOUBLE AS points, 33.5000::DECIMAL(12,4) AS minutes_played, "
        "game_date::TIMESTAMP AS game_date, TIMESTAMPTZ '2021-10-21 12:00:00+02' AS processed_at) FROM t",
    )
    load(folder)
    row = stored(PGS)[0]
    assert (row["fg_attempts"], row["points"], str(row["minutes_played"])) == (7, 21, "33.5")
    assert (row["game_date"], row["processed_at"]) == (
        date(2021, 10, 20),
        datetime(2021, 10, 21, 10),
    )


def test_a_csv_time_with_a_zone_becomes_utc(folder: Path) -> None:
    file_of(folder, UTGC).unlink()
    game = make_games(2021)[0] | {"team_abbr": "BOS", "opponent_team_abbr": "NYK"}
    csv = write_rows(
        file_of(folder, UTGC, ".csv"),
        UTGC,
        [make_row(UTGC, **game, processed_at=datetime(2021, 10, 19, 22))],
    )
    csv.write_text(csv.read_text().replace("2021-10-19 22:00:00", "2021-10-19T18:00:00-04:00"))
    load(folder)
    assert stored(UTGC)[0]["processed_at"] == datetime(2021, 10, 19, 22)


def test_a_folder_whose_name_is_a_pattern_is_read_as_it_is(tmp_path: Path) -> None:
    odd = tmp_path / "season_year=1999" / "it's [1]*"
    assert load(phase3_folder(tmp_path / "plain").replace(_made(odd))).seasons == (2021,)


def _made(folder: Path) -> Path:
    folder.parent.mkdir(parents=True)
    return folder


def test_a_whole_season_loads(season_folder: Path) -> None:
    loaded = load(season_folder)
    assert loaded.rows[SCHEDULE] == dict.fromkeys(loaded.seasons, 1230)
    assert loaded.rows[PLAYER_GAMES] == loaded.rows[PLAYER_CONTEXT]


# The command


def run(*args: object) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command("load_phase3", *map(str, args), stdout=out, stderr=err)
    except SystemExit as stopped:
        return int(stopped.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


@pytest.mark.django_db
def test_the_verb_lists_tables_seasons_and_notes(folder: Path) -> None:
    rewrite(file_of(folder, SCHED), "SELECT *, 1 AS odds FROM t")
    code, out, err = run(folder)
    *lines, note, last = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0].split() == [PLAYER_GAMES, "2021", "4", "rows"]
    assert [line.split()[0] for line in lines] == [str(t) for t in INPUTS]
    assert note == f"note: {SCHEDULE}: ignored, not in the schema: odds"
    assert last.startswith("season 2021 loaded in ")


@pytest.mark.django_db
def test_the_verb_answers_json_with_one_document(folder: Path) -> None:
    code, out, _ = run(folder, "--json")
    document: dict[str, Any] = json.loads(out)
    assert document.pop("seconds") > 0
    rows = {str(t): {"2021": 2 if t is SCHED else 4} for t in INPUTS}
    assert (code, document) == (
        0,
        {
            "folder": str(folder),
            "seasons": [2021],
            "rows": rows,
            "notes": [],
            "findings": [],
            "stale": {"runs": 0, "dates": [], "command": ""},
        },
    )


def test_the_verb_says_each_problem_on_a_line_of_its_own(folder: Path) -> None:
    rewrite(file_of(folder, SCHED), "SELECT * EXCLUDE (season_type, game_status) FROM t")
    sentences = f"{SCHEDULE}: columns game_status, season_type are missing\n"
    assert run(folder) == (2, "", sentences)
    assert run(folder, "--json") == (2, "", sentences)
