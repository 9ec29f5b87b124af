"""Translations kept on disk: same text, never of other code, and no obstacle when unusable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backfill.errors import Refused
from backfill.warehouse import translation_cache
from backfill.warehouse.dialect import Translated
from backfill.warehouse.translation import translate
from backfill.warehouse.translation_cache import to_duckdb

SQL = "SELECT SAFE_DIVIDE(1, 2) AS half FROM `nba_analytics.player_game_summary` WHERE game_date = @day"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Keep translations in a folder of the test."""
    monkeypatch.setattr(translation_cache, "FOLDER", tmp_path / "kept")
    to_duckdb.cache_clear()
    yield tmp_path / "kept"
    to_duckdb.cache_clear()


def again() -> Translated:
    """Translate as a new process does."""
    to_duckdb.cache_clear()
    return to_duckdb(SQL)


def test_a_kept_translation_equals_a_new_one(folder: Path) -> None:
    assert to_duckdb(SQL) == translate(SQL) == again()
    (file,) = folder.iterdir()
    changed = json.loads(file.read_text()) | {"sql": "SELECT 1"}
    file.write_text(json.dumps(changed))
    assert again().sql == "SELECT 1"  # read from the file


@pytest.mark.parametrize("text", ["", "{", "[]", '{"sql": "SELECT 1"}', "\0"])
def test_a_damaged_file_is_written_again(folder: Path, text: str) -> None:
    to_duckdb(SQL)
    (file,) = folder.iterdir()
    file.write_text(text)
    assert again() == translate(SQL)
    assert json.loads(file.read_text())["sql"] == translate(SQL).sql


def test_other_code_has_other_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    to_duckdb(SQL)
    monkeypatch.setattr(translation_cache, "_translator", lambda: "another version")
    assert again() == translate(SQL)
    assert len(list(folder.iterdir())) == 2


def test_a_folder_that_cannot_be_written_is_no_obstacle(folder: Path) -> None:
    folder.write_text("a file in its place")
    assert to_duckdb(SQL) == translate(SQL)


def test_the_oldest_files_go(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translation_cache, "MOST_FILES", 4)
    for n in range(4):
        to_duckdb(f"SELECT {n}")
    for n, file in enumerate(sorted(folder.iterdir())):
        os.utime(file, (n, n))
    kept = sorted(folder.iterdir())[2:]
    to_duckdb("SELECT 4")
    assert {*kept} < {*folder.iterdir()}
    assert len(list(folder.iterdir())) == 3


def test_a_refusal_is_not_kept(folder: Path) -> None:
    with pytest.raises(Refused):
        to_duckdb("DELETE FROM t")
    assert not folder.exists()


@pytest.mark.parametrize("command", [["jobs", "--help"], ["check", "--tag", "backcourt"]])
def test_a_command_imports_no_library_that_it_does_not_use(command: list[str]) -> None:
    code = (
        "import sys; from django.core.management import execute_from_command_line as run\n"
        f"try: run(['manage.py', *{command!r}])\n"
        "except SystemExit: pass\n"
        "print({'sqlglot', 'redis', 'celery', 'rich', 'jinja2', 'duckdb', 'opentelemetry', 'openlineage'} & sys.modules.keys(), file=sys.stderr)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).resolve().parents[3],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "webapp.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stderr.strip() == "set()"
