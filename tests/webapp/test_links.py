"""The links of Home to New backfill, followed, with a season that was never run."""

from __future__ import annotations

import re
import shutil
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from tests.webapp.demo import YEAR, Demo

pytestmark = [pytest.mark.database, pytest.mark.django_db]

NEVER_RUN = YEAR + 1
LINK = re.compile(r'\s(?:href|hx-get)="([^"]*)"')


@pytest.fixture(scope="module")
def two_seasons(demo_rows: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse of the demo, where a newer season is loaded that was never run."""
    folder = tmp_path_factory.mktemp("two") / "warehouse"
    shutil.copytree(Path(demo_rows.warehouse.partition(":")[2]), folder)
    return folder


@pytest.fixture
def seasons(demo: Demo, two_seasons: Path, settings: Any) -> None:
    settings.WAREHOUSE_URL = f"parquet:{two_seasons}"
    if not (two_seasons / "simulated").exists():
        call_command("simulate_season", str(NEVER_RUN), "--json")
        (two_seasons / "simulated").touch()


@pytest.mark.parametrize("year", [YEAR, NEVER_RUN])
def test_home_fills_the_form_with_the_season_that_it_shows(
    year: int, seasons: None, operator: Client
) -> None:
    home = operator.get(reverse("home"), {"season": year}).content.decode()
    targets = {
        unescape(url)
        for url in LINK.findall(home)
        if url.startswith(f"{reverse('backfill_new')}?s")
    }
    assert targets
    for url in targets:
        query = parse_qs(urlsplit(operator.get(url)["Location"]).query)
        assert {query["start"][0][:4], query["end"][0][:4]} == {str(year), str(year + 1)}
