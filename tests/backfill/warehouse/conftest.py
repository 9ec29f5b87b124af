"""Stand-in for BigQuery, shared by the tests of a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backfill.warehouse.bigquery import jobs, location
from backfill.warehouse.bigquery.connection import EMULATOR
from tests.backfill.warehouse.bigquery_server import TOKYO, StandIn, standing_in


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
