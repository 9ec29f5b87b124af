"""Players and teams: the search, and one entity over a season."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backfill.drilldown.entities import chosen
from backfill.models import Finding
from backfill.season_calendar import load_calendar
from backfill.warehouse import warehouse
from backfill.warehouse.tables import PGS, UPGC
from tests.seasons.tiny import give, season_rows
from tests.webapp.demo import END, YEAR, Demo
from tests.webapp.polls import OpenPage

pytestmark = [pytest.mark.database, pytest.mark.django_db]

HTMX = {"HX-Request": "true"}
GAMES = """
SELECT DISTINCT game_id FROM nba_analytics.player_game_summary
WHERE player_lookup = @name AND is_active AND (minutes_played > 0 OR fg_attempts > 0 OR points > 0)
ORDER BY game_id
"""


def somebody() -> str:
    """Return a player with a failure."""
    return chosen(END, "PSZA", category="INSUFFICIENT_DATA")[0].name


def of(client: Client, name: str, **query: str) -> Any:
    return client.get(reverse("player", args=[YEAR, name]), query)


def test_a_part_of_a_name_finds_players_and_teams(demo: Demo, viewer: Client) -> None:
    name = somebody()
    hits = viewer.get(reverse("players"), {"q": name[:-1]}).context["hits"]
    assert name in {hit.entity for hit in hits}
    (team,) = (h for h in viewer.get(reverse("players"), {"q": "LAL"}).context["hits"] if h.is_team)
    assert (team.entity, team.url) == ("LAL", f"/players/{YEAR}/LAL/")


def test_what_is_found_comes_as_one_types(demo: Demo, viewer: Client) -> None:
    text = viewer.get(reverse("players"), {"q": somebody()}, headers=HTMX).content.decode().strip()
    assert text.startswith('<section id="found"')
    assert "1 found" in text


def test_nobody_and_nothing_typed_lead_on(demo: Demo, viewer: Client) -> None:
    assert "Type part of a name" in viewer.get(reverse("players")).content.decode()
    text = viewer.get(reverse("players"), {"q": "<script>x</script>"}).content.decode()
    assert "&lt;script&gt;x" in text
    assert "<script>x" not in text
    assert viewer.get(reverse("players"), {"season": "1999"}).status_code == 422


def test_without_a_season_the_page_says_how_to_load_one(viewer: Client, own_warehouse: Any) -> None:
    assert "simulate_season 2021" in viewer.get(reverse("players")).content.decode()


def test_the_games_of_a_player_are_those_of_phase_3(demo: Demo, viewer: Client) -> None:
    name = somebody()
    played = of(viewer, name).context["player"].played
    assert sorted(game.game_id for game in played) == [
        row["game_id"] for row in warehouse().query(GAMES, {"name": name})
    ]


def test_the_grid_has_every_date_of_the_season_and_leads_to_the_stories(
    demo: Demo, viewer: Client
) -> None:
    name = somebody()
    answer = of(viewer, name)
    days = load_calendar().season(YEAR)
    assert answer.content.count(b'class="cell ') == len(days) * 5
    text = answer.content.decode()
    assert reverse("entity", args=[END, "PSZA", name]) in text
    assert {"bootstrap", "not run", "explained", "played"} <= set(answer.context["grid"].states)


def test_an_impossible_source_row_has_a_state_of_its_own_in_the_season(
    demo: Demo, viewer: Client
) -> None:
    bad = Finding.objects.get(kind="impossible value")
    name = bad.numbers["sample"][0].partition(" on ")[0]
    answer = of(viewer, name)
    states = {
        found.state
        for row in answer.context["player"].rows.values()
        for found in row
        if str(found.match) == "impossible"
    }
    assert states == {"PROCESSING_ERROR"}
    assert "impossible" in answer.context["grid"].states
    assert "! " in of(viewer, name, show="table").content.decode().replace("</i>", " ")


def test_the_table_says_the_same_as_the_grid(demo: Demo, viewer: Client) -> None:
    name = somebody()
    shown = of(viewer, name, show="table")
    player, lines = shown.context["player"], shown.context["lines"]
    assert [line.day for line in lines] == list(player.days)
    assert [line.cells[0][1] for line in lines] == [found.state for found in player.rows["PSZA"]]
    assert shown.context["grid"] is None


def test_the_first_date_with_a_row_comes_after_the_games_that_it_needs(
    demo: Demo, viewer: Client
) -> None:
    name = next(e.name for e in chosen(END, "PSZA", category="row"))
    (first,) = (s for s in of(viewer, name).context["summaries"] if s.code == "PSZA")
    assert first.first_row
    assert first.first_row.games >= 10
    before = [
        found
        for found in of(viewer, name).context["player"].rows["PSZA"]
        if found.day.day < first.first_row.day.day
    ]
    assert all(found.state != "row" for found in before)


def test_a_team_has_the_processor_that_is_about_teams(demo: Demo, viewer: Client) -> None:
    answer = of(viewer, "LAL")
    assert list(answer.context["player"].rows) == ["TDZA"]
    assert ">Team (" in answer.content.decode()


@pytest.mark.parametrize("path", ["2021/nobody", "1999/lebronjames", "now/lebronjames", "2021/<b>"])
def test_nobody_and_no_season_are_a_page_with_a_sentence(
    path: str, demo: Demo, viewer: Client
) -> None:
    answer = viewer.get(f"/players/{path}/")
    assert answer.status_code == 404
    assert ("search for a part of the name" in answer.content.decode()) == path.startswith("2021")
    assert "<b>" not in answer.content.decode()


def test_a_season_takes_a_constant_number_of_queries(
    demo: Demo, viewer: Client, django_assert_max_num_queries: Any
) -> None:
    for name in (somebody(), "LAL"):
        with django_assert_max_num_queries(14):
            of(viewer, name)


@pytest.mark.usefixtures("season")
def test_results_follow_a_load(viewer: Client, tmp_path: Path) -> None:
    name = season_rows(UPGC)[0]["player_lookup"]
    page = OpenPage.of(viewer, f"{reverse('players')}?q={name}")
    assert "<strong>" in page.html
    for table in (PGS, UPGC):
        rows = season_rows(table)
        give(
            table,
            [row | {"player_lookup": f"new-{row['player_lookup'][::-1]}"} for row in rows],
            tmp_path,
        )
    assert "found" in page.poll()
    assert f"No results for “{name}”" in page.html
