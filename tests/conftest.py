"""Fixtures of every test: a separate warehouse and, on request, a whole season."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests.postgres import Server, pooling, serving
from tests.programs import FindProgram, ProgramMissing, ensure
from tests.webapp.demo import Demo, made_once
from webapp.celery import app

# Send to the Redis of this test process, or to none: pytest-django has read the settings already, and
# pytest-xdist copies the environment of its parent. pytest's own folders can be too long for a
# socket path.
_OWN = TemporaryDirectory(prefix="backcourt-tests-")
os.environ["REDIS_URL"] = django_settings.REDIS_URL = f"redis+socket://{_OWN.name}/redis.sock"
app.conf.update(broker_url=django_settings.REDIS_URL, result_backend=django_settings.REDIS_URL)

# A busy machine draws slowly, which is no fault of the code under test.
hypothesis_settings.register_profile(
    "busy", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("busy")

# Playwright keeps an event loop open in the thread of the tests, where Django would refuse the
# database in every later test of this process.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

REAL_SEASON = Path(__file__).resolve().parents[2] / "shared" / "data" / "season_2023"


def pytest_report_header() -> str:
    """Return the header line with the database that the tests run on."""
    return f"database: {connection.vendor} (DATABASE_URL)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run tests of real processes first: they wait, and others then fill the CPU until the end."""
    items.sort(key=lambda item: item.get_closest_marker("system") is None)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the totals of the checks on Google's engine."""
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


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without the garbage collector, and exclude what collection made from later passes:
    modules and thousands of tests, all alive to the end.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        atexit.register(gc.unfreeze)  # nanobind would report them as leaks
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Replace what UTF-8 cannot encode in captured logs, which pytest-xdist could not send."""
    report = yield
    report.sections = [
        (name, text.encode(errors="replace").decode()) for name, text in report.sections
    ]
    return report


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
def own_warehouse(settings: Any) -> Path:
    """Set an empty warehouse; return its folder, which the first write creates.

    The folder is the same for all tests of a process, so that what its session and caches hold of a
    season stays valid while the files are the same (`copy_warehouse`).
    """
    root = Path(_OWN.name) / "warehouse"
    shutil.rmtree(root, ignore_errors=True)
    settings.PUBSUB_TOPIC = ""  # no messages to Phase 5
    settings.STATIC_ROOT = root.parent / "static"  # not collected
    settings.SHARED_SECONDS = 0  # the same URL shows what a test has just changed
    settings.AUDIT_AFTER_JOBS = False  # tests about audits turn it on
    settings.WAREHOUSE_URL = f"parquet:{root}"
    # One batch runs in the test's thread; other connections cannot see its transaction.
    settings.MAX_PARALLEL_BATCHES = 1
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
    """Start a PostgreSQL server for tests whose processes need a separate database."""
    program("postgres")
    with serving() as server:
        yield server


@pytest.fixture(scope="session")
def pooler(program: FindProgram, postgres: Server) -> Iterator[Server]:
    """Start PgBouncer in front of the PostgreSQL server."""
    program("pgbouncer")
    with pooling(postgres) as made:
        yield made


@pytest.fixture(scope="session")
def season_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a whole season of Phase 3: the real one, or else a simulated one."""
    if REAL_SEASON.is_dir():
        return REAL_SEASON
    from backfill.simulation import simulate, write

    folder = tmp_path_factory.mktemp("season")
    write(simulate(2021, seed=1), folder)
    return folder


@pytest.fixture(scope="session")
def demo_files() -> Demo:
    """Return the demo on disk, shared by all pytest-xdist processes and kept for the next run."""
    return made_once()
