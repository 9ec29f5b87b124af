"""Cached test data is complete with concurrent processes and after an interrupted one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import sources
from tests.once import make_once
from tests.sources import ROOT, digest, sources_of

SLOW = """
import sys, time
from pathlib import Path
from tests.once import make_once

def make(folder):
    (folder / "begun").touch()
    time.sleep(0.3)
    (folder / "whole").touch()
    print("made")

print((make_once(Path(sys.argv[1]), "thing", make) / "whole").exists())
"""


def test_of_two_processes_one_makes_it_and_both_find_it_whole(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SLOW, str(tmp_path)]
    started = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    printed = [process.communicate()[0] for process in started]
    assert sorted(printed) == ["True\n", "made\nTrue\n"]


def test_a_leftover_of_an_interrupted_process_is_made_again(tmp_path: Path) -> None:
    def interrupted(folder: Path) -> None:
        (folder / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_once(tmp_path, "thing", interrupted)
    made = make_once(tmp_path, "thing", lambda folder: (folder / "whole").touch())
    assert [file.name for file in made.iterdir()] == ["whole"]


@pytest.fixture
def product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a small product with a command that imports modules in several ways."""
    files = {
        "backfill/management/commands/go.py": "from backfill.plan import options, Name\n",
        "backfill/plan/__init__.py": "from .named import Name\n",
        "backfill/plan/named.py": "def late():\n    from ..lazy import inner\n",
        "backfill/plan/options.py": "import validation.bands\nimport os, django.db\n",
        "backfill/plan/unused.py": "",
        "backfill/lazy/inner.py": "",
        "backfill/sql/read.sql": "SELECT 1",
        "backfill/migrations/0001_initial.py": "",
        "validation/bands.py": "try:\n    pass\nexcept ValueError:\n    from validation import other\n",
        "validation/other.py": "",
        "webapp/settings.py": "",
        "webapp/page.py": "import backfill.plan.unused\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    sources._files.cache_clear()
    yield tmp_path
    sources._files.cache_clear()


def test_sources_are_the_modules_that_a_command_imports_anywhere_and_all_statements(
    product: Path,
) -> None:
    everything = {file for file in product.rglob("*") if file.is_file()}
    unused = {product / "backfill/plan/unused.py", product / "webapp/page.py"}
    assert sources_of("go") == everything - unused


def test_the_digest_changes_with_a_statement_and_with_a_new_one(product: Path) -> None:
    first = digest(sources_of("go"))
    (product / "backfill/sql/read.sql").write_text("SELECT 2")
    second = digest(sources_of("go"))
    (product / "backfill/sql/more.sql").write_text("SELECT 2")
    assert len({first, second, digest(sources_of("go"))}) == 3
