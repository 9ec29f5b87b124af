"""What every test gets: a warehouse of its own; and on request, a whole season."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from celery import current_app
from django.conf import settings as django_settings
from django.db import connection

from tests.postgres import Server, serving
from tests.programs import FindProgram, ProgramMissing, ensure
from tests.webapp.demo import Demo, made_once

# Whoever sends in a test sends to the Redis that this process of the tests has started, or to none.
# pytest-django has
# read the settings already, and a process of pytest-xdist has the environment of another. Not in
# pytest's own folders,
# whose paths may be too long for a socket.
_REDIS = TemporaryDirectory(prefix="backcourt-tests-")
os.environ["REDIS_URL"] = django_settings.REDIS_URL = f"redis+socket://{_REDIS.name}/redis.sock"
current_app.conf.update(
    broker_url=django_settings.REDIS_URL, result_backend=django_settings.REDIS_URL
)

REAL_SEASON = Path(__file__).resolve().parents[2] / "shared" / "data" / "season_2023"


def pytest_report_header() -> str:
    """Which database the tests run on."""
    return f"database: {connection.vendor} (DATABASE_URL)"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What was proved on Google's own engine, added up over the tests."""
    reports = [
        r for r in terminalreporter.stats.get("passed", []) if "tests/googlesql/" in r.nodeid
    ]
    counts: Counter[str] = Counter()
    for name, number in (found for report in reports for found in report.user_properties):
        counts[name] += number
    if counts:
        seconds = sum(report.duration for report in reports)
        told = ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
        terminalreporter.write_line(f"GoogleSQL: {told}; {seconds:.0f} s")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Put SQLite in a file: threads cannot wait for each other's locks in shared memory."""
    database = django_settings.DATABASES["default"]
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database["TEST"] = {
            **database.get("TEST", {}),
            "NAME": str(tmp_path_factory.mktemp("database") / "test.sqlite3"),
        }


@pytest.fixture(autouse=True)
def own_warehouse(settings: Any, tmp_path: Path) -> Path:
    """An empty warehouse; returns its folder, which is made by the first write."""
    root = tmp_path / "warehouse"
    settings.PUBSUB_TOPIC = ""  # no test tells anybody anything
    settings.AUDIT_AFTER_JOBS = False  # where a test is about that, it says so
    settings.WAREHOUSE_URL = f"parquet:{root}"
    settings.MAX_PARALLEL_BATCHES = (
        1  # in the test's own thread, whose transaction no other connection can see
    )
    return root


@pytest.fixture(scope="session")
def program(pytestconfig: pytest.Config) -> FindProgram:
    """Find a program by its name in tests/programs.py; the first test that needs it installs it."""
    capture: Any = pytestconfig.pluginmanager.getplugin("capturemanager")

    def found(name: str) -> Path:
        try:
            return ensure(name, capture.global_and_fixture_disabled)
        except ProgramMissing as error:
            sentence = str(error)
        pytest.fail(sentence, pytrace=False)

    return found


@pytest.fixture(scope="session")
def postgres(program: FindProgram) -> Iterator[Server]:
    """A PostgreSQL server, for tests whose processes are to have a database of their own in it."""
    program("postgres")
    with serving() as server:
        yield server


@pytest.fixture(scope="session")
def season_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a whole season of Phase 3: the real one where it is, else a simulated one."""
    if REAL_SEASON.is_dir():
        return REAL_SEASON
    from backfill.simulation import simulate, write

    folder = tmp_path_factory.mktemp("season")
    write(simulate(2021, seed=1), folder)
    return folder


@pytest.fixture(scope="session")
def demo_files() -> Demo:
    """The demo on disk, shared between the processes of pytest-xdist and kept for the next run."""
    return made_once()
