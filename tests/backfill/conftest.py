"""Fixtures for tests that run processors: the tiny season, loaded once and copied for each test."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from backfill.processes.supervisor import redis_program
from tests.backfill.broken import Broken
from tests.backfill.shell import Shell
from tests.once import copy_warehouse
from tests.seasons.hurt import Hurt
from tests.seasons.simulated import Simulated
from tests.seasons.tiny import load_season
from tests.seasons.whole import Whole
from tests.system.installation import until


@pytest.fixture(scope="session")
def loaded_season(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    with override_settings(WAREHOUSE_URL=f"parquet:{folder}/warehouse"):
        load_season(folder / "phase3")
    return folder / "warehouse"


@pytest.fixture
def season(loaded_season: Path, own_warehouse: Path) -> Path:
    """Load the tiny season into this test's warehouse; return its folder."""
    copy_warehouse(loaded_season, own_warehouse)
    return own_warehouse


@pytest.fixture(scope="module")
def redis() -> Iterator[None]:
    """Connect to the Redis that batches are sent to on commit; no worker listens there. Tests of
    other modules have none.
    """
    socket = Path(settings.REDIS_URL.removeprefix("redis+socket://"))
    command = [
        redis_program(),
        "--port",
        "0",
        "--unixsocket",
        str(socket),
        "--save",
        "",
        "--dir",
        str(socket.parent),
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    until(socket.exists, "Redis")
    yield
    server.terminate()
    server.wait()


@pytest.fixture
def judged_after_jobs(settings: Any, own_warehouse: Path) -> None:
    """Turn on audits after each job, as in production."""
    settings.AUDIT_AFTER_JOBS = True


@pytest.fixture(scope="session")
def broken_jobs(loaded_season: Path, tmp_path_factory: pytest.TempPathFactory) -> Broken:
    return Broken(loaded_season, tmp_path_factory.mktemp("broken"))


@pytest.fixture(scope="session")
def whole_jobs(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return Whole(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="session")
def hurt_jobs(tmp_path_factory: pytest.TempPathFactory) -> Hurt:
    return Hurt(tmp_path_factory.mktemp("hurt"))


@pytest.fixture(scope="session")
def simulated_months(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    return Simulated(tmp_path_factory.mktemp("simulated"))


@pytest.fixture
def simulated(simulated_months: Simulated, settings: Any) -> Simulated:
    """Return the shared warehouse of simulated months, all processors run.

    Tests that write must restore it.
    """
    settings.WAREHOUSE_URL = simulated_months.url
    return simulated_months


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    """Return a command line in this process."""
    return Shell(capsys)
