"""Short commands start without the modules that only long ones need."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.system.installation import ROOT, environment

HEAVY = (
    *("apprise", "celery", "duckdb", "google", "gunicorn", "jinja2", "kombu", "openpyxl"),
    *("opentelemetry", "plotly", "psycopg", "pyarrow", "redis", "requests", "rich", "sqlglot"),
    *("backfill.audit.season_audit", "backfill.execution.execute", "backfill.ingest.reading"),
    *("webapp.api", "webapp.auth.admin", "webapp.pages", "webapp.urls"),
)
# Prints the first command that imports each module: each help, then the list of jobs.
STARTS = """
import io, json, sys
from contextlib import redirect_stdout
import django
django.setup()
from django.core.management import call_command, get_commands, load_command_class
ours = sorted((n, app) for n, app in get_commands().items() if app in ("backfill", "webapp"))
found = {}
def note(name):
    before = {module for modules in found.values() for module in modules}
    found[name] = sorted(set(sys.argv[1:]) & set(sys.modules) - before)
with redirect_stdout(io.StringIO()):
    note("settings")
    for name, app in ours:
        load_command_class(app, name).print_help("manage.py", name)
        note(name)
    call_command("migrate", verbosity=0)
    call_command("jobs")
    note("list of jobs")
print(json.dumps(found))
"""


def test_help_and_the_list_of_jobs_import_no_heavy_module(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARTS, *HEAVY],
        cwd=ROOT,
        env=environment(DATA_DIR=str(tmp_path), DJANGO_SETTINGS_MODULE="webapp.settings"),
        capture_output=True,
        text=True,
        check=True,
    )
    imported = json.loads(done.stdout)
    assert {"backfill", "jobs", "run_processor", "up", "list of jobs"} <= imported.keys()
    assert {name: heavy for name, heavy in imported.items() if heavy} == {}
