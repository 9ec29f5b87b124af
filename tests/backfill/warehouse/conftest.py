"""Stand-in for BigQuery, shared by the tests of a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backfill.warehouse.bigquery import jobs, location
from backfill.warehouse.bigquery.connection import EMULATOR, Place, connect
from backfill.warehouse.bigquery.migrate import apply_differences
from tests.backfill.warehouse.bigquery_server import TOKYO, StandIn, standing_in
from tests.programs import FindProgram
from tests.system.emulator import PROJECT, emulating
from tests.system.fault_proxy import Proxy, proxying


@pytest.fixture(scope="session")
def stand_in() -> Iterator[StandIn]:
    with standing_in() as made:
        yield made


@pytest.fixture
def server(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Return the server that sessions connect to, with every dataset in Tokyo."""
    monkeypatch.setenv(EMULATOR, stand_in.url)
    monkeypatch.setattr(jobs, "FIRST_DELAY_SECONDS", 0.01)
    monkeypatch.setattr(jobs, "CANCEL_POLL_SECONDS", 0.01)
    stand_in.reset(TOKYO)
    location._located.clear()
    return stand_in


@pytest.fixture(scope="session")
def emulated(program: FindProgram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Start an emulator with every table, and the proxy that records its requests."""
    log, place = tmp_path_factory.mktemp("emulator") / "log", Place(PROJECT)
    with emulating(program("emulator"), log) as url, proxying(url) as made:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(EMULATOR, made.url)
            apply_differences(connect(place), place, dry_run=False, keep_days=14)
        yield made


@pytest.fixture
def emulator(emulated: Proxy, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    """Return the proxy that sessions connect to, without recorded requests."""
    monkeypatch.setenv(EMULATOR, emulated.url)
    monkeypatch.setattr(jobs, "FIRST_DELAY_SECONDS", 0.05)
    location._located.clear()
    emulated.next()
    return emulated
