"""End of a process without freeing its objects; other ends are tested with forks."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from tests.system.installation import ROOT, environment


def ended(folder: Path, code: str, output: Path | None = None) -> int:
    """Run a function to the end of a process of its own; return the exit code."""
    text = f"""
from backfill.processes.process_end import run_to_end
def run():
{textwrap.indent(textwrap.dedent(code), "    ")}
run_to_end(run)
"""
    with (output or Path("/dev/null")).open("w") as file:
        return subprocess.run(
            [sys.executable, "-c", text],
            cwd=ROOT,
            env=environment(DATA_DIR=str(folder), DJANGO_SETTINGS_MODULE="webapp.settings"),
            stdout=file,
            check=False,
        ).returncode


def test_output_that_cannot_be_written_at_the_end_is_an_error(tmp_path: Path) -> None:
    assert ended(tmp_path, "print('text', end='')") == 0
    assert ended(tmp_path, "print('text', end='')", Path("/dev/full")) == 120
    assert ended(tmp_path, "print('text', end=''); raise SystemExit(2)", Path("/dev/full")) == 2


def test_temporary_files_of_an_open_session_are_removed(tmp_path: Path) -> None:
    code = """
        import django
        django.setup()
        from pathlib import Path
        from backfill.warehouse.duckdb_options import connect, duckdb_options
        global db
        db = connect(options := duckdb_options() | {"memory_limit": "60MB"})
        db.execute("CREATE TABLE t AS SELECT md5(range::VARCHAR) AS b FROM range(3000000)")
        raise SystemExit(3 if any(Path(options["temp_directory"]).iterdir()) else 4)
    """
    assert ended(tmp_path, code) == 3
    assert [file for file in tmp_path.rglob("*") if "duckdb_temp" in file.name] == []
