from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from backfill.errors import Refused
from backfill.ingest import archives
from backfill.ingest.input_files import NAMES, SUPPORTED
from backfill.ingest.load import checked_input
from backfill.warehouse.tables import INPUTS, PGS, SCHED, UTGC
from tests.backfill.bad_folders import PLAYER_GAMES, SCHEDULE, TEAM_CONTEXT
from tests.backfill.ingest import forms
from tests.factories import file_of, phase3_folder, rewrite

Rows = dict[str, list[tuple[object, ...]]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return phase3_folder(tmp_path / "phase3")


def read(path: Path) -> tuple[list[str], Rows]:
    """Return the problems, else the rows of every table."""
    try:
        with checked_input(path) as found:
            reading = found.reading
            if reading.problems:
                return reading.problems, {}
            rows = {
                t.short: reading.db.execute(f"FROM {t.short} ORDER BY ALL").fetchall()
                for t in INPUTS
            }
            return [], rows
    except Refused as refused:
        return str(refused).splitlines(), {}


def notes(path: Path) -> list[str]:
    with checked_input(path) as found:
        assert found.reading.problems == []
        return found.reading.notes


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Rows]:
    """Rows of the folder with one Parquet file per table."""
    return read(phase3_folder(tmp_path_factory.mktemp("expected")))


@pytest.mark.parametrize("form", forms.READ)
def test_a_form_has_the_rows_of_the_parquet_file(
    folder: Path, expected: tuple[list[str], Rows], form: str
) -> None:
    forms.READ[form](folder)
    assert read(folder) == expected


@pytest.mark.parametrize("top", ["", "season_2021/", "exports/2021/"])
def test_a_zip_of_mixed_forms_has_the_rows_of_the_folder(
    folder: Path, expected: tuple[list[str], Rows], top: str
) -> None:
    for form in ("hive dates", "semicolons in quoted commas"):
        forms.READ[form](folder)
    archive = forms.zipped(folder, top)
    assert read(archive) == expected
    inside = archive.parent / "inside"
    inside.mkdir()
    archive.rename(inside / "anything.ZIP")
    assert read(inside) == expected


def write(path: str, content: bytes | str) -> Callable[[Path], object]:
    def of(folder: Path) -> None:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())

    return of


def instead(path: str, content: bytes | str) -> Callable[[Path], object]:
    """Write a file in place of the player games."""

    def of(folder: Path) -> None:
        file_of(folder, PGS).unlink()
        write(path, content)(folder)

    return of


def cut(form: str, path: str) -> Callable[[Path], object]:
    def of(folder: Path) -> None:
        forms.READ[form](folder)
        file = folder / path
        file.write_bytes(file.read_bytes()[:-20])

    return of


def without(form: str, path: str) -> Callable[[Path], object]:
    def of(folder: Path) -> None:
        forms.READ[form](folder)
        (folder / path).unlink()

    return of


def latin(folder: Path) -> None:
    forms.text()(folder)
    file = file_of(folder, PGS, ".csv")
    file.write_bytes(file.read_bytes().replace(b"homer", b"hom\xe9r"))


def one_shard_lacks_a_column(folder: Path) -> None:
    forms.READ["shards of BigQuery"](folder)
    shard = folder / PGS.dataset / f"{PGS.name}-000000000002.parquet"
    rewrite(shard, "SELECT * EXCLUDE (points) FROM t")


def one_hive_file_has_another_date(folder: Path) -> None:
    forms.READ["hive dates, kept in the files"](folder)
    first = folder / PGS.dataset / PGS.name / "game_date=2021-10-20"
    first.rename(first.with_name("game_date=2021-10-21"))


NONE = f"{PLAYER_GAMES}: no file in {{folder}}; found: {{}}; supported for a table: {SUPPORTED}"
IN = f"nba_analytics/{PGS.name}"
REFUSED: list[tuple[Callable[[Path], object], str]] = [
    (instead(f"{IN}.json", "{}"), NONE.format(f"{PGS.name}.json", folder="{folder}")),
    (instead("nba_analytics/pgs.parquet", "x"), NONE.format("pgs.parquet", folder="{folder}") + NAMES),
    (instead(f"{IN}.xls", "x"), NONE.format(f"{PGS.name}.xls", folder="{folder}")),
    (instead(f"{IN}.tar.gz", "x"), NONE.format(f"{PGS.name}.tar.gz", folder="{folder}")),
    (
        instead(f"{IN}/rows.avro", "x"),
        f"{PLAYER_GAMES}: {PGS.name}/ has no supported file; supported: {SUPPORTED}",
    ),
    (instead(f"{IN}.csv", ""), f"{PLAYER_GAMES}: {PGS.name}.csv is empty"),
    (instead(f"{IN}.csv", "\n\n"), f"{PLAYER_GAMES}: {PGS.name}.csv is empty"),
    (instead(f"{IN}.csv.gz", gzip.compress(b"")), f"{PLAYER_GAMES}: {PGS.name}.csv.gz is empty"),
    (
        instead(f"{IN}.csv", "PAR1 and the rest"),
        f"{PLAYER_GAMES}: {PGS.name}.csv is Parquet, not text with a header; correct its name or its content",
    ),
    (
        instead(f"{IN}.txt", '[{"game_id": 1}]'),
        f"{PLAYER_GAMES}: {PGS.name}.txt is JSON, not text with a header; correct its name or its content",
    ),
    (
        instead(f"{IN}.tsv", gzip.compress(b"a\tb")),
        f"{PLAYER_GAMES}: {PGS.name}.tsv is gzip, not text with a header; correct its name or its content",
    ),
    (
        instead(f"{IN}.csv", "1,2,3\n4,5,6\n"),
        f"{PLAYER_GAMES}: no column of the table is in the header; found: 1, 2, 3",
    ),
    (
        instead(f"{IN}.parquet", "game_id,game_date\n"),
        f"{PLAYER_GAMES}: {PGS.name}.parquet is cut short or not a Parquet file",
    ),
    (
        instead(f"{IN}.xlsx", "not a workbook"),
        f"{PLAYER_GAMES}: {PGS.name}.xlsx is cut short or not an Excel workbook (.xlsx) without a password",
    ),
    (
        forms.workbook([PGS], f"{PGS.name}.xlsx", "Games", extra="Notes"),
        f"{PLAYER_GAMES}: {PGS.name}.xlsx has the sheets Games, Notes; name the one to read {PGS.name}",
    ),
    (latin, f"{PLAYER_GAMES}: {PGS.name}.csv is cut short or not CSV in UTF-8: line 2, Invalid unicode (byte sequence mismatch) detected"),
    (cut("csv.gz", f"{IN}.csv.gz"), f"{PLAYER_GAMES}: {PGS.name}.csv.gz is cut short or not gzip"),
    (instead(f"{IN}.csv.gz", "game_id\n"), f"{PLAYER_GAMES}: {PGS.name}.csv.gz is cut short or not gzip"),
    (
        cut("shards of BigQuery", f"{IN}-000000000001.parquet"),
        f"{PLAYER_GAMES}: one of 4 files of {PGS.name} is cut short or not a Parquet file",
    ),
    (
        without("shards of BigQuery", f"{IN}-000000000001.parquet"),
        f"{PLAYER_GAMES}: shard 000000000001 of {PGS.name}-*.parquet is missing",
    ),
    (
        without("shards of Spark", f"{IN}/part-00003-of-00004.parquet"),
        f"{PLAYER_GAMES}: shard 00003 of {PGS.name}/ is missing",
    ),
    (
        one_shard_lacks_a_column,
        f"{PLAYER_GAMES}: {PGS.name}-000000000002.parquet has no column points; other files have it",
    ),
    (
        one_hive_file_has_another_date,
        f"{PLAYER_GAMES}: column game_date differs from the name of its folder in 2 rows",
    ),
    (
        write(f"{PGS.name}/1.parquet", ""),
        f"{PLAYER_GAMES}: {PGS.name}.parquet and {PGS.name}/ are both there; keep one of them",
    ),
    (
        write(f"{PGS.name.upper()}.CSV", "game_id\n"),
        f"{PLAYER_GAMES}: {PGS.name.upper()}.CSV and {PGS.name}.parquet are both there; keep one of them",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("spoil", "sentence"), REFUSED, ids=[f"{n} {s[35:80]}" for n, (_, s) in enumerate(REFUSED)]
)
def test_any_other_form_is_refused_in_one_sentence(
    folder: Path, spoil: Callable[[Path], object], sentence: str
) -> None:
    spoil(folder)
    assert read(folder)[0] == [sentence.replace("{folder}", str(folder))]


def test_one_cause_is_one_line(folder: Path) -> None:
    for table in INPUTS:
        forms.text(table, head=lambda name: f"x{name}")(folder)
    problems = read(folder)[0]
    assert len(problems) == len(INPUTS)
    assert all("no column of the table is in the header; found: x" in line for line in problems)


def test_the_same_problem_of_several_columns_and_tables_is_one_line(folder: Path) -> None:
    for table in (PGS, UTGC):
        names = ("opponent_team_abbr", "team_abbr")
        replaced = ", ".join(f"NULL::VARCHAR AS {name}" for name in names)
        rewrite(file_of(folder, table), f"SELECT * REPLACE ({replaced}) FROM t")
    (line,) = read(folder)[0]
    assert (
        line
        == f"{PLAYER_GAMES}, {TEAM_CONTEXT}: columns team_abbr, opponent_team_abbr are NULL in 4 rows"
    )


@pytest.mark.parametrize(
    ("select", "sentence"),
    [
        (
            "SELECT COLUMNS(*)::VARCHAR FROM t",
            "column game_date is VARCHAR; expected DATE; columns season_year, fg_attempts are VARCHAR",
        ),
        (
            "SELECT * REPLACE (1.5 AS points, 2.5 AS fg_makes, 3.5 AS fg_attempts, 4.5 AS ft_makes) FROM t",
            "column points has '1.5'; expected INT64 (4 rows like it); column fg_attempts has '3.5'",
        ),
        (
            "SELECT * REPLACE (if(points IS NULL, NULL, game_date) AS game_date, NULL::VARCHAR AS team_abbr,"
            " NULL::VARCHAR AS opponent_team_abbr) FROM t",
            "columns game_date, team_abbr, opponent_team_abbr are NULL in 4 rows",
        ),
    ],
)
def test_one_cause_in_many_columns_is_one_line(folder: Path, select: str, sentence: str) -> None:
    rewrite(file_of(folder, PGS), select)
    (line,) = read(folder)[0]
    assert line.startswith(f"{PLAYER_GAMES}: {sentence}")
    assert line.endswith("more like these") == ("expected" in line)


@pytest.mark.parametrize(
    ("select", "named"),
    [
        ('SELECT 1 AS "Unnamed: 0", * FROM t', "Unnamed: 0"),
        ("SELECT *, 1 AS __index_level_0__ FROM t", "__index_level_0__"),
        ('SELECT 1 AS "index", * FROM t', "index"),
    ],
)
def test_a_pandas_index_column_is_named(folder: Path, select: str, named: str) -> None:
    rewrite(file_of(folder, SCHED), select)
    note = (
        f"{SCHEDULE}: ignored, the index of a pandas DataFrame: {named}; write it with index=False"
    )
    assert notes(folder) == [note]


def test_an_empty_header_is_a_pandas_index(folder: Path) -> None:
    rewrite(file_of(folder, SCHED), 'SELECT 1 AS "x", * FROM t')
    forms.text(SCHED, head=lambda name: name.replace("x", "") if name == "x" else name)(folder)
    (note,) = notes(folder)
    assert "the index of a pandas DataFrame: a column without a name" in note


def test_many_unknown_tables_are_one_line(tmp_path: Path) -> None:
    for n in range(99):
        (tmp_path / f"table{n}.csv").write_text("a\n")
    (line,) = read(tmp_path)[0]
    assert (
        "found: table0.csv, table1.csv, table10.csv, table11.csv, table12.csv and 94 more" in line
    )


# Archives


def archive(tmp_path: Path, *members: tuple[zipfile.ZipInfo | str, bytes]) -> Path:
    file = tmp_path / "season.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for member, content in members:
            made.writestr(member, content)
    return file


def link() -> zipfile.ZipInfo:
    made = zipfile.ZipInfo("nba_analytics")
    made.external_attr = (stat.S_IFLNK | 0o777) << 16
    return made


@pytest.mark.parametrize(
    ("member", "sentence"),
    [
        ("../outside.csv", "season.zip has the path '../outside.csv' outside its own folder"),
        ("/etc/x.csv", "season.zip has the path '/etc/x.csv' outside its own folder"),
        ("a/../../x.csv", "season.zip has the path 'a/../../x.csv' outside its own folder"),
        ("C:\\x.csv", "season.zip has the path 'C:\\\\x.csv' outside its own folder"),
        (link(), "season.zip has the link 'nba_analytics'; zip the file itself"),
    ],
)
def test_a_zip_writes_nothing_outside(
    tmp_path: Path, member: zipfile.ZipInfo | str, sentence: str
) -> None:
    file = archive(tmp_path, (member, b"x"))
    assert read(file)[0] == [sentence]
    assert [f.name for f in tmp_path.iterdir()] == ["season.zip"]


def test_a_zip_of_windows_is_read(
    folder: Path, tmp_path: Path, expected: tuple[list[str], Rows]
) -> None:
    members = [
        (str(f.relative_to(folder)).replace("/", "\\"), f.read_bytes())
        for f in folder.rglob("*.parquet")
    ]
    assert read(archive(tmp_path, *members)) == expected


def test_a_pipe_and_two_spellings_of_a_column_are_one_sentence(folder: Path) -> None:
    rewrite(file_of(folder, SCHED), "SELECT *, 1 AS game_id_1 FROM t")
    forms.text(SCHED, head=lambda name: "Game ID" if name == "game_id_1" else name)(folder)
    assert read(folder)[0] == [f"{SCHEDULE}: nba_schedule.csv has the column game_id twice"]
    file_of(folder, SCHED, ".csv").unlink()
    os.mkfifo(file_of(folder, SCHED))
    (line,) = read(folder)[0]
    assert line.startswith(f"{SCHEDULE}: no file in {folder}; found: nba_schedule.parquet; ")


def test_a_damaged_encrypted_or_unknown_zip_is_one_sentence(folder: Path) -> None:
    file = forms.zipped(folder)
    whole = file.read_bytes()
    cut_short = ["phase3.zip is cut short or not a zip archive"]
    for damage in (
        whole[:-30],
        whole[:200],
        b"",
        b"x" * 100,
        whole[:150] + b"damage" + whole[156:],
    ):
        file.write_bytes(damage)
        assert read(file)[0] == cut_short
    encrypted = bytearray(whole)
    for header, flags in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        at = encrypted.find(header)
        struct.pack_into("<H", encrypted, at + flags, 1)
    file.write_bytes(encrypted)
    assert read(file)[0] == ["phase3.zip is encrypted; zip the files without a password"]


def test_a_bomb_is_refused_by_its_declared_and_by_its_real_size(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_BYTES", 1000)
    file = archive(tmp_path, (f"{PGS.name}.csv", b"0" * 100_000))
    too_large = ["season.zip unpacks to more than 0 GB; load it in parts"]
    assert read(file)[0] == too_large
    data = bytearray(file.read_bytes())
    for header, size in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        struct.pack_into("<I", data, data.find(header) + size, 10)  # declares ten bytes
    file.write_bytes(data)
    assert len(read(file)[0]) == 1
    forms.text(is_gzip=True, name="{}.csv.gz")(folder)
    content = io.BytesIO()
    with gzip.open(content, "wb") as packed:
        packed.write(b"0" * 100_000)
    (folder / PGS.dataset / f"{PGS.name}.csv.gz").write_bytes(content.getvalue())
    assert read(folder)[0] == [
        f"{PLAYER_GAMES}: {PGS.name}.csv.gz unpacks to more than 0 GB; load it in parts"
    ]


def test_a_zip_in_a_zip_or_a_second_copy_of_a_file_is_refused(folder: Path, tmp_path: Path) -> None:
    inner = forms.zipped(folder)
    outer = archive(tmp_path, ("inner.zip", inner.read_bytes()))
    (line,) = read(outer)[0]
    assert "found: inner.zip; supported" in line
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = archive(tmp_path, ("a.csv", b"a"), ("a.csv", b"b"))
    assert read(twice)[0] == ["season.zip has the file 'a.csv' twice; keep one of them"]


NOBODY = 65534


@contextmanager
def without_root(folder: Path, unreadable: Path) -> Iterator[None]:
    """Read as another user than root, who can open every file."""
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    unreadable.chmod(0)
    if os.getuid():
        yield
        return
    own = [path for path in folder.parents if path.is_relative_to(tempfile.gettempdir())]
    for path in (*own[:-1], folder):
        path.chmod(0o755)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_an_unreadable_file_is_one_sentence(folder: Path, settings: Any) -> None:
    assert read(folder)[0] == []  # imports what another user cannot
    settings.VAR = folder.parent / "var"  # the other user writes temporary files there
    settings.VAR.mkdir()
    settings.VAR.chmod(0o777)
    with without_root(folder, unreadable=file_of(folder, PGS)):
        problems = read(folder)[0]
    assert problems == [f"{PLAYER_GAMES}: {PGS.name}.parquet cannot be opened (Permission denied)"]
