"""Temporary files of DuckDB: in a folder of their own, bounded, and removed after a kill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backfill.errors import StatementFailed
from backfill.warehouse import open_warehouse
from backfill.warehouse.duckdb_options import connect, duckdb_options, scratch

LARGE = """
SELECT COUNT(*) AS n FROM (
  SELECT DISTINCT TO_HEX(MD5(CAST(a AS STRING))) AS b FROM UNNEST(GENERATE_ARRAY(1, 3000000)) AS a
)"""


@pytest.fixture
def small(settings: Any, tmp_path: Path) -> None:
    """Limit the memory, so that a sort needs temporary files."""
    settings.VAR, settings.WAREHOUSE_MEMORY = tmp_path / "var", "60MB"
    settings.VAR.mkdir()


def test_a_statement_larger_than_the_memory_uses_its_own_folder(small: None, settings: Any) -> None:
    options = duckdb_options()
    with connect(options) as db:
        db.execute("CREATE TABLE t AS SELECT md5(range::VARCHAR) AS b FROM range(3000000)")
        files = list(Path(options["temp_directory"]).iterdir())
    assert files
    assert settings.VAR in files[0].parents
    assert list(scratch().path.iterdir()) == []


def test_two_sessions_of_a_process_have_separate_folders(small: None) -> None:
    assert duckdb_options()["temp_directory"] != duckdb_options()["temp_directory"]


def test_a_statement_beyond_the_limit_fails_and_names_the_setting(
    small: None, settings: Any, tmp_path: Path
) -> None:
    settings.WAREHOUSE_SPILL = "1MB"
    with pytest.raises(StatementFailed, match="max_temp_directory_size"):
        open_warehouse(f"parquet:{tmp_path / 'warehouse'}").query(LARGE)


def test_files_of_a_killed_process_are_removed_by_the_next(small: None) -> None:
    left = scratch().unused()
    host, _, started, number = left.name.split("+")
    dead = left.with_name("+".join((host, "999999", started, number)))
    dead.mkdir(parents=True)
    (dead / "duckdb_temp_1_0_storage_DEFAULT-0.tmp").touch()
    duckdb_options()
    assert not dead.exists()
