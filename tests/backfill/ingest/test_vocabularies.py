from __future__ import annotations

from pathlib import Path

import pytest

from backfill.ingest.load import checked_input
from backfill.ingest.vocabularies import GAME_ID_FORM, GAME_TYPES, STATUS_NAMES, vocabulary_of
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import INPUTS, PGS, SCHED, TDGS, UPGC
from tests.backfill.bad_folders import PLAYER_CONTEXT, PLAYER_GAMES, SCHEDULE, TEAM_DEFENSE
from tests.factories import file_of, phase3_folder, rewrite
from validation.season import SEASON_TYPES

Rows = dict[str, list[tuple[object, ...]]]
SPELLINGS = {
    "season_type": {
        "Regular Season": "regular",
        "REG": "regular",
        "Playoffs": "playoffs",
        "post-season": "playoffs",
        "Play-In": "play_in",
        "PlayIn Tournament": "play_in",
        "In-Season Tournament": "cup",
        "NBA Cup": "cup",
        "All Star": "all_star",
        "All-Star Game": "all_star",
        "Pre Season": "preseason",
        "summer league": None,
        "": None,
    },
    "game_status": {
        "Final": "3",
        "FINAL/OT": "3",
        "Final/2OT": "3",
        "3.0": "3",
        "Scheduled": "1",
        "7:30 pm ET": "1",
        "In Progress": "2",
        "PPD": "4",
        "Canceled": "5",
        "0": None,
        "unknown": None,
    },
    "game_id": {
        "22300001": "0022300001",
        "022300001": "0022300001",
        "22300001.0": "0022300001",
        " 0042300101 ": "0042300101",
        "0092300001": None,
        "2230001": None,
        "00223000012": None,
        "game 1": None,
    },
    "team_abbr": {
        "Bkn": "BKN",
        " bos ": "BOS",
        "GS": "GSW",
        "UTAH": "UTA",
        "BRK": "BRK",  # of other sources; the checks across tables compare it
        "TAA": "TAA",  # of the schedule
        "Brooklyn Nets": None,
        "ZZZ": None,
    },
    "player_lookup": {
        "LEBRONJAMES": "lebronjames",
        "LeBron James": "lebronjames",
        "Nikola Jokić": "nikolajokic",
        "shai gilgeous-alexander": "shaigilgeousalexander",
        "de'aaronfox_2": "deaaronfox2",
        "...": None,
        "王治郅": None,
    },
}


@pytest.mark.parametrize("column", SPELLINGS)
def test_usual_spellings_are_translated_and_others_are_unknown(column: str) -> None:
    vocabulary = vocabulary_of(column, {"TAA", "BOS"}, is_schedule=False)
    assert {text: vocabulary.spell(text) for text in SPELLINGS[column]} == SPELLINGS[column]


def test_every_type_that_opens_a_date_is_known() -> None:
    assert set(SEASON_TYPES) < set(GAME_TYPES)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return phase3_folder(tmp_path / "phase3")


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """Rows of the folder in the known spelling."""
    return found(phase3_folder(tmp_path_factory.mktemp("expected")))[2]


def found(folder: Path) -> tuple[list[str], list[str], Rows]:
    """Return problems, notes, and rows by table."""
    with checked_input(folder) as checked:
        reading = checked.reading
        rows = {} if reading.problems else {
            t.short: reading.db.execute(f"FROM {t.short} ORDER BY ALL").fetchall() for t in INPUTS
        }  # fmt: skip
        return reading.problems, reading.notes, rows


TRANSLATED: list[tuple[Table, str, str]] = [
    (SCHED, "season_type", "'Regular Season'"),
    (SCHED, "game_status", "'Final'"),
    (SCHED, "game_status", "CASE WHEN game_date < '2021-11-01' THEN 'Final/OT' ELSE '3' END"),
    (SCHED, "game_id", "game_id::BIGINT"),
    (PGS, "game_id", "game_id::DOUBLE"),
    (UPGC, "player_lookup", "upper(player_lookup)"),
    (PGS, "player_lookup", "player_lookup || ' '"),
    (TDGS, "opponent_team_abbr", "lower(opponent_team_abbr)"),
]


@pytest.mark.parametrize(("table", "column", "value"), TRANSLATED)
def test_a_translation_is_noted_with_its_count_and_loads_the_same_rows(
    folder: Path, expected: Rows, table: Table, column: str, value: str
) -> None:
    rewrite(file_of(folder, table), f"SELECT * REPLACE ({value} AS {column}) FROM t")
    problems, notes, rows = found(folder)
    assert (problems, rows) == ([], expected)
    (note,) = notes
    count = "rows" if "CASE" not in value else "row"
    assert f"{count} of {column} translated to the known spelling, such as " in note


LETTERS = "lower-case letters and digits, such as lebronjames"
REFUSED: list[tuple[Table, str, str, str]] = [
    (SCHED, "season_type", "'Summer'", f"{SCHEDULE}: column season_type has 'Summer' in 2 rows; known: {', '.join(GAME_TYPES)}"),
    (SCHED, "game_status", "7", f"{SCHEDULE}: column game_status has '7' in 2 rows; known: {STATUS_NAMES}"),
    (SCHED, "home_team_abbr", "'Boston'", f"{SCHEDULE}: column home_team_abbr has 'Boston' in 2 rows; known: three capital letters, such as BKN"),
    (TDGS, "opponent_team_abbr", "'ZZZ'", f"{TEAM_DEFENSE}: column opponent_team_abbr has 'ZZZ' in 4 rows; known: BOS, NYK"),
    (PGS, "game_id", "'g' || game_id", f"{PLAYER_GAMES}: column game_id has 'g0022100001', 'g0022100002' in 4 rows; known: {GAME_ID_FORM}"),
    (UPGC, "player_lookup", "'?'", f"{PLAYER_CONTEXT}: column player_lookup has '?' in 4 rows; known: {LETTERS}"),
    (UPGC, "season_phase", "'spring'", f"{PLAYER_CONTEXT}: column season_phase has 'spring' in 4 rows; known: {', '.join(GAME_TYPES)}"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "column", "value", "sentence"), REFUSED)
def test_an_unknown_value_is_refused_with_the_known_ones(
    folder: Path, table: Table, column: str, value: str, sentence: str
) -> None:
    rewrite(file_of(folder, table), f"SELECT * REPLACE ({value} AS {column}) FROM t")
    assert found(folder)[0] == [sentence]


@pytest.mark.parametrize(
    ("replaced", "text"),
    [
        ("1 AS game_status", "2 with regular and 1"),
        ("'playoffs' AS season_type", "2 with playoffs and 3"),
        ("'all_star' AS season_type, 5 AS game_status", "2 with all_star and 5"),
        ("'Play-In' AS season_type", "2 with play_in and 3"),
    ],
)
def test_a_season_that_opens_no_date_is_refused(folder: Path, replaced: str, text: str) -> None:
    rewrite(file_of(folder, SCHED), f"SELECT * REPLACE ({replaced}) FROM t")
    assert found(folder)[0] == [
        f"{SCHEDULE}: season 2021-22 would open no date: no game has season_type regular and"
        f" game_status 3 (final); found {text}"
    ]


@pytest.mark.parametrize("label", ["Play-In", "NBA Cup", "All Star"])
def test_games_of_other_types_are_noted(folder: Path, label: str) -> None:
    kind = SPELLINGS["season_type"].get(label)
    rewrite(
        file_of(folder, SCHED),
        f"SELECT * REPLACE (if(game_date > '2021-11-01', '{label}', season_type) AS season_type) FROM t",
    )
    problems, notes, _ = found(folder)
    assert problems == []
    assert notes[-1] == (
        f"{SCHEDULE}: season 2021-22 has 1 {kind} games, which open no processing date; their rows"
        " count in the windows of later dates"
    )
