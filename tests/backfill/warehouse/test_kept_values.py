"""Values and season parts in DATA_DIR: used by the next process, and never when something changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from backfill.processors.render import render
from backfill.warehouse import kept_files, kept_values
from backfill.warehouse.kept_files import KeptFiles
from backfill.warehouse.kept_values import keep, read_kept
from backfill.warehouse.parquet.season_parts import SeasonParts
from backfill.warehouse.parquet.session import ParquetWarehouse
from tests.backfill.warehouse.test_engine import PARAMS, staged
from validation.findings.kinds import KINDS
from validation.inputs.problem import InputProblem

PLACE, STAMPS = (2021, "games"), ("a", "b")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    """Return the folder of the files."""
    settings.VAR = tmp_path
    return tmp_path / "cache"


def only_file(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


def test_a_value_is_read_as_it_was_kept(folder: Path) -> None:
    value = {date(2021, 10, 19): frozenset({"a"})}
    keep(PLACE, STAMPS, value)
    assert read_kept(PLACE, STAMPS) == (value,)
    assert (folder.stat().st_mode & 0o777, len(list(folder.iterdir()))) == (0o700, 1)


def test_the_problems_of_a_season_are_kept() -> None:
    for kind in KINDS:
        problem = InputProblem(
            kind=kind, subject="a", sentence="b", statement="c", tables=("PGS",), dates=()
        )
        keep(PLACE, STAMPS, problem)
        (found,) = read_kept(PLACE, STAMPS) or ()
        assert found == problem
        assert found.kind is kind


def test_a_value_of_none_is_a_value() -> None:
    keep(PLACE, STAMPS, None)
    assert read_kept(PLACE, STAMPS) == (None,)


@pytest.mark.parametrize(
    ("place", "stamps"),
    [((2022, "games"), STAMPS), ((2021, "names"), STAMPS), (PLACE, ("a", "c")), (PLACE, ("a",))],
)
def test_another_place_or_stamp_has_none(place: tuple[int, str], stamps: tuple[str, ...]) -> None:
    keep(PLACE, STAMPS, 1)
    assert read_kept(place, stamps) is None


def test_the_same_season_of_another_warehouse_has_none(settings: Any) -> None:
    keep(PLACE, STAMPS, 1)
    settings.WAREHOUSE_URL = "parquet:/elsewhere"
    assert read_kept(PLACE, STAMPS) is None


def test_other_code_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    keep(PLACE, STAMPS, 1)
    monkeypatch.setattr(kept_values, "_code", lambda: "another")
    assert read_kept(PLACE, STAMPS) is None


def test_the_code_is_every_module_and_statement() -> None:
    kept_values._code.cache_clear()
    before = kept_values._code()
    root = Path(kept_values.__file__).parents[2]
    for file in (
        root / "validation" / "season.py",
        root / "backfill" / "audit" / "sql" / "ml.sql",
        Path(kept_values.__file__),
    ):
        found = file.stat()
        os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns + 1))
        try:
            kept_values._code.cache_clear()
            assert kept_values._code() != before
        finally:
            os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))
    kept_values._code.cache_clear()
    assert kept_values._code() == before


@pytest.mark.parametrize("content", [b"", b"\x80\x05", b"not a pickle", b"cos\nnothing\n."])
def test_a_damaged_file_has_none(folder: Path, content: bytes) -> None:
    keep(PLACE, STAMPS, 1)
    only_file(folder).write_bytes(content)
    assert read_kept(PLACE, STAMPS) is None
    keep(PLACE, STAMPS, 2)
    assert read_kept(PLACE, STAMPS) == (2,)


def test_a_value_that_cannot_be_pickled_is_not_kept(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keep(PLACE, STAMPS, lambda: None)
    assert (read_kept(PLACE, STAMPS), list(folder.iterdir())) == (None, [])
    assert "games is not kept for the next process" in caplog.text


def test_a_place_has_one_file(folder: Path) -> None:
    for n in range(3):
        keep(PLACE, (str(n),), n)
    assert len(list(folder.iterdir())) == 1


def test_a_failed_write_leaves_nothing(folder: Path) -> None:
    def write(file: Path) -> None:
        file.write_text("half")
        raise OSError("no space left")

    files = KeptFiles(folder)
    files.replace(files.path("a", 1, ".x"), write)
    assert list(folder.iterdir()) == []


def test_of_too_many_files_the_older_half_goes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_files, "MOST_FILES", 4)
    files = KeptFiles(folder)
    for n in range(6):
        file = files.path(n, 1, ".x")
        files.replace(file, Path.touch)
        os.utime(file, (n, n))
    assert {f.name for f in folder.iterdir()} == {files.path(n, 1, ".x").name for n in (2, 3, 4, 5)}


# Season parts


def rows(season: Path, folder: Path) -> list[str]:
    """Return the staged players of a new session with its own memory."""
    session = ParquetWarehouse(season, {"threads": 1}, KeptFiles(folder))
    session.stage("staged", render("PSZA"), PARAMS)
    return staged(session, "data_hash")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The parts that were computed."""
    found: list[object] = []
    fill = SeasonParts.fill

    def counted(
        self: SeasonParts,
        db: object,
        table: str,
        version: tuple[object, ...],
        make: Callable[[str], object],
    ) -> None:
        def noted(to: str) -> None:
            found.append(version[0])
            make(to)

        fill(self, db, table, version, noted)  # type: ignore[arg-type]

    monkeypatch.setattr(SeasonParts, "fill", counted)
    return found


def test_the_next_session_reads_the_parts(season: Path, folder: Path, made: list[object]) -> None:
    first = rows(season, folder)
    n = len(made)
    assert first
    assert n
    assert (rows(season, folder), len(made)) == (first, n)


def test_a_damaged_part_is_computed_again(season: Path, folder: Path, made: list[object]) -> None:
    first = rows(season, folder)
    n = len(made)
    for file in folder.iterdir():
        file.write_bytes(b"PAR1")
    assert (rows(season, folder), len(made)) == (first, 2 * n)


def test_a_part_with_types_that_parquet_has_not_is_not_kept(season: Path, folder: Path) -> None:
    session = ParquetWarehouse(season)
    parts, db = SeasonParts(season, KeptFiles(folder)), session._db
    for name, value, kept in (("a", "1::HUGEINT", 0), ("b", "1::DECIMAL(38, 9)", 1)):
        parts.fill(
            db, name, (name, 1), lambda to, v=value: db.execute(f"CREATE TABLE {to} AS SELECT {v}")
        )
        assert len(list(folder.iterdir())) == kept
