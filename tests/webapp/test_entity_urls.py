"""Pages of entities whose IDs browsers or proxies would change in a URL."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urljoin

import duckdb
import pytest
from django.test import Client
from django.urls import Resolver404, resolve, reverse
from hypothesis import example, given
from hypothesis import strategies as st

from backfill.drilldown.entities import chosen
from backfill.warehouse.tables import INPUTS
from tests.factories import rewrite
from tests.seasons.inputs import input_file
from tests.webapp.demo import FAULTY, YEAR, Demo
from webapp.ui.converters import EntityConverter

pytestmark = [pytest.mark.database, pytest.mark.django_db]

AWKWARD = (".", "..", "two\nlines", "a/../b", "/a//", "~Lg", "\x1b[31m")
ORDINARY = ("lebronjames", "O'Neal/Jr. ½ #1?", "~YQ", "...", "a..b", "~", "a.", "é")


@pytest.fixture(scope="module")
def renamed(demo_files: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demo's warehouse in which players of one date have awkward IDs."""
    folder = tmp_path_factory.mktemp("awkward") / "warehouse"
    shutil.copytree(Path(demo_files.warehouse.partition(":")[2]), folder)
    first = folder / "nba_precompute/player_shot_zone_analysis"
    with duckdb.connect() as db:
        players = db.sql(
            f"SELECT player_lookup FROM '{first}/analysis_date={FAULTY}/part.parquet' ORDER BY 1"
            f" LIMIT {len(AWKWARD)}"
        ).fetchall()
        names = {player: new for (player,), new in zip(players, AWKWARD, strict=True)}
        phase3 = [input_file(folder, table, YEAR) for table in INPUTS]
        for file in (*phase3, *sorted(folder.glob(f"*/*/*={FAULTY}/**/*.parquet"))):
            columns = {row[0] for row in db.sql(f"DESCRIBE FROM '{file}'").fetchall()}
            for column in columns & {"player_lookup", "entity_id"}:
                cases = " ".join(f"WHEN '{player}' THEN '{new}'" for player, new in names.items())
                case = f"CASE {column} {cases} ELSE {column} END"
                rewrite(file, f"SELECT * REPLACE ({case} AS {column}) FROM t")
    return folder


@pytest.fixture
def awkward(demo: Demo, renamed: Path, settings: Any) -> None:
    settings.WAREHOUSE_URL = f"parquet:{renamed}"


def opened(client: Client, url: str) -> Any:
    """Open a URL as a browser does: dot segments are removed, also percent-encoded ones."""
    path = urljoin("http://host/", url.replace("%2E", ".").replace("%2e", ".")).partition("host")[2]
    return client.get(path)


@pytest.mark.parametrize("name", AWKWARD)
def test_the_list_links_to_the_page_of_each_id(awkward: None, viewer: Client, name: str) -> None:
    assert name in {entity.name for entity in chosen(FAULTY, "PSZA")}
    listed = viewer.get(reverse("entities", args=[FAULTY, "PSZA"]), {"q": name, "sort": "entity"})
    [url] = {line.url for line in listed.context["lines"] if line.entity.name == name}
    assert f'href="{url.partition("?")[0]}?' in listed.content.decode()
    page = opened(viewer, url)
    assert (page.status_code, page.context["report"].entity) == (200, name)
    assert opened(viewer, page.context["adjacent_url"]).status_code == 200
    season = opened(viewer, page.context["player_url"])
    assert (season.status_code, season.context["player"].entity) == (200, name)


def found(path: str) -> str:
    """Return the ID to which a path resolves."""
    match = resolve(unquote(path))
    assert match.url_name == "entity", path
    return str(match.kwargs["name"])


@pytest.mark.parametrize("name", [*ORDINARY, "~Lg", "a/./b"])
def test_a_url_of_the_previous_release_still_works(name: str) -> None:
    path = f"/dates/{FAULTY}/PSZA/{quote(name)}/"
    assert found(path) == (name if name != "~Lg" else ".")


@pytest.mark.parametrize("name", ORDINARY[:2])
def test_the_url_of_an_ordinary_id_is_the_same(name: str) -> None:
    assert unquote(reverse("entity", args=[FAULTY, "PSZA", name])).endswith(f"/{name}/")


@given(
    st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)
    | st.text("./~aLg\n", min_size=1, max_size=6)
)
@example("~Lg")
@example("..")
def test_every_id_round_trips_through_a_url_that_nothing_normalizes(name: str) -> None:
    path = reverse("entity", args=[FAULTY, "PSZA", name])
    assert urljoin("http://host/", path) == f"http://host{path}"
    assert found(path) == name


def test_an_empty_id_has_no_url() -> None:
    for name in ("", "a\0"):
        with pytest.raises(ValueError, match="no URL"):
            EntityConverter().to_url(name)
    with pytest.raises(Resolver404):
        resolve(f"/players/{YEAR}//")
