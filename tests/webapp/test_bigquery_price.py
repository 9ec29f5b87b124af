"""Price of a backfill on BigQuery before its start: form, shell and API ask for dry runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from backfill.warehouse import open_warehouse
from backfill.warehouse.bigquery import location
from backfill.warehouse.bigquery.connection import EMULATOR
from tests.backfill.warehouse.bigquery_server import TOKYO, URL, StandIn, rows_of, standing_in
from tests.seasons.tiny import FIRST, LAST
from tests.webapp.calls import Program

pytestmark = pytest.mark.django_db

# Two processors, one batch each: the documented total of a dry run, three writes of at most two
# tables at the least charge of 10 MiB, and ten such charges for the versions.
TIB, READ = 2**40, 2**39
TOTAL = 2 * (READ + (3 * 2 + 10) * 10 * 2**20)
PRICE = f"about ${TOTAL / TIB * 6.25:,.2f} at $6.25 per TiB"
LIMIT = "; above BIGQUERY_MAX_BYTES (100.0 GiB) per statement: TDZA 512.2 GiB, PSZA 512.2 GiB; raise it, or the job pauses"


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with standing_in() as made:
        yield made


@pytest.fixture
def server(
    stand_in: StandIn, season: None, own_warehouse: Path, settings: Any, monkeypatch: Any
) -> Iterator[StandIn]:
    """Serve the rows of the tiny season; every dry run reports READ bytes."""
    monkeypatch.setenv(EMULATOR, stand_in.url)
    location._located.clear()
    stand_in.reset(TOKYO)
    stand_in.rows = rows_of(open_warehouse(f"parquet:{own_warehouse}"))
    stand_in.bytes_processed = READ
    settings.WAREHOUSE_URL = URL
    settings.VAR = own_warehouse.parent  # without what an earlier run has kept
    yield stand_in
    stand_in.rows = None  # it holds a session


def test_form_shell_and_api_show_the_price_of_the_dry_run_and_the_limit(
    server: StandIn, operator: Client, settings: Any
) -> None:
    settings.BIGQUERY_MAX_BYTES = TIB
    assert shown(operator) == [PRICE] * 3
    settings.BIGQUERY_MAX_BYTES = 100 * 2**30
    assert shown(operator) == [f"{PRICE}{LIMIT}"] * 3
    assert (server.jobs, server.executed) == ({}, [])
    assert server.verbs("/jobs$") == [("POST", TOKYO)] * 2  # one dry run per processor


def shown(operator: Client) -> list[str]:
    """Return the cost in the form, the shell and the API, without the markup around it."""
    given = {"start": str(FIRST), "end": str(LAST), "batch_size": 4, "processors": ["TDZA", "PSZA"]}
    form = operator.get(reverse("backfill_new"), {**given, "canary": "off"})
    words = (
        f"--start {FIRST} --end {LAST} --processors TDZA,PSZA --batch-size 4 --no-canary --dry-run"
    )
    call_command("backfill", *words.split(), stdout=(shell := StringIO()))
    api = Program("operator").post("jobs/preview", **given, canary=False).document["estimate"]
    assert api["bytes"] == TOTAL
    page = unescape(form.content.decode())
    return [
        *re.findall(r"<dd>(about \$.*?) <span", page),
        *re.findall(rf"reads about {TOTAL / 2**30:,.1f} GiB: (.*)", shell.getvalue()),
        api["cost"],
    ]
