"""Coverage: every table of a season by date, its gaps, and a constant number of queries."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backfill.models import Run
from backfill.processors.registry import CHAIN
from backfill.status.table_coverage import season_coverage
from backfill.warehouse.tables import INPUTS
from tests.webapp.demo import END, FAULTY, YEAR, Demo
from webapp.pages.coverage import reason_of, title

pytestmark = [pytest.mark.database, pytest.mark.django_db]
LATE = date(2021, 11, 27)  # its file is missing
TWICE = date(2021, 11, 7)  # Phase 3 has run twice


def page(client: Client, **query: Any) -> str:
    answer = client.get(reverse("coverage"), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_table_is_there_with_every_date_of_the_season(demo: Demo) -> None:
    found = season_coverage(YEAR)
    assert list(found.tables) == [*(table.short for table in INPUTS), *CHAIN]
    assert {len(held) for held in found.tables.values()} == {len(found.days)}
    assert (found.days[0].index, found.days[0].is_processing, found.days[-1].is_processing) == (
        0,
        True,
        True,
    )


def test_the_states_of_phase_3_are_what_the_simulation_has_done_to_it(demo: Demo) -> None:
    held = {(name, h.date): h for name, row in season_coverage(YEAR).tables.items() for h in row}
    low, missing, twice = held["PGS", FAULTY], held["PGS", LATE], held["PGS", TWICE]
    assert (low.state, round(low.share or 0, 1)) == ("low", 0.5)
    assert (missing.state, missing.rows, missing.at) == ("missing", 0, None)
    assert (twice.state, twice.repeated) == ("twice", twice.rows)
    assert held["PGS", date(2021, 11, 25)].state == "no games"
    assert held["PSZA", date(2021, 10, 20)].state == "bootstrap"
    assert held["PGS", date(2021, 10, 20)].state == "all there"


def test_an_output_accounts_for_its_population_in_rows_and_failures(demo: Demo) -> None:
    run = Run.objects.get(processor="PSZA", date=FAULTY)
    held = next(h for h in season_coverage(YEAR).tables["PSZA"] if h.date == FAULTY)
    assert (held.state, held.rows, held.failed) == (
        "all there",
        run.rows,
        sum(run.failures.values()),
    )
    assert (held.share, held.at, held.run) == (1.0, run.finished_at, run.pk)


def test_a_date_where_every_entity_failed_is_not_painted_solid(viewer: Client, demo: Demo) -> None:
    run = Run.objects.get(processor="PSZA", date=FAULTY)
    run.failures, run.rows = {"INSUFFICIENT_DATA": run.population}, 0
    run.save(update_fields=["failures", "rows"])
    held = next(h for h in season_coverage(YEAR).tables["PSZA"] if h.date == FAULTY)
    assert (held.state, held.failed) == ("all failed", run.population)
    html = page(viewer)
    assert f'class="cell s-allfailed" id="cell-PSZA-{FAULTY}"' in html
    assert "every entity failed" in html
    assert not [
        gap for gap in season_coverage(YEAR).holes if gap.dates == (FAULTY,) and "PSZA" in gap.names
    ]


def test_a_run_that_failed_for_want_of_phase_3_has_written_nothing_and_leads_to_the_finding(
    demo: Demo,
) -> None:
    found = season_coverage(YEAR)
    hole = next(
        hole for hole in found.holes if hole.state == "not written" and hole.dates == (LATE,)
    )
    root = next(hole for hole in found.holes if hole.state == "missing" and hole.dates == (LATE,))
    assert (hole.names, hole.codes, hole.finding) == (
        ("PCF", "PDC", "ML"),
        hole.names,
        root.finding,
    )


def test_what_was_never_run_is_one_hole_of_all_processors_that_leads_to_its_backfill(
    viewer: Client, demo: Demo
) -> None:
    hole = season_coverage(YEAR).holes[-1]
    assert (hole.state, hole.names, hole.finding) == ("not run", CHAIN, None)
    assert hole.dates[0] > END
    assert f"{reverse('backfill_new')}?start={hole.dates[0]}&amp;end={hole.dates[-1]}" in page(
        viewer
    )


def test_what_lacks_in_phase_3_leads_to_the_finding_that_tells_of_it(
    viewer: Client, demo: Demo
) -> None:
    by_state = {(hole.state, hole.dates[0]): hole for hole in season_coverage(YEAR).holes}
    for key in (("missing", LATE), ("low", FAULTY), ("twice", TWICE)):
        number = by_state[key].finding
        assert number is not None
        assert reverse("finding", args=[number]) in page(viewer)


def test_a_table_that_is_chosen_is_shown_date_by_date(viewer: Client, demo: Demo) -> None:
    lacking, everything = (
        page(viewer, season=YEAR, table="PGS"),
        page(viewer, season=YEAR, table="PGS", show="all"),
    )
    assert "PGS by date" in lacking
    assert lacking.count('class="nowrap"><a href="/dates/') == 4
    assert everything.count('class="nowrap"><a href="/dates/') == len(season_coverage(YEAR).days)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"season": "1999"}, "season 1999 is not loaded; loaded seasons: 2021"),
        ({"season": "soon"}, "season takes a whole number"),
        ({"table": "<script>"}, "is no table"),
    ],
)
def test_what_is_not_there_is_said_in_one_sentence(
    viewer: Client, demo: Demo, query: dict[str, str], sentence: str
) -> None:
    answer = viewer.get(reverse("coverage"), query)
    assert answer.status_code == 422
    assert sentence.lower() in answer.content.decode().lower()
    assert "<script>" not in answer.content.decode().partition("<main")[2]


def test_the_number_of_queries_does_not_grow_with_the_dates(
    viewer: Client, demo: Demo, django_assert_max_num_queries: Any
) -> None:
    page(viewer)
    with django_assert_max_num_queries(20):
        page(viewer, table="PGS", show="all")


def test_without_a_season_it_says_how_to_load_one(
    viewer: Client, settings: Any, tmp_path: Any
) -> None:
    settings.WAREHOUSE_URL = f"parquet:{tmp_path}"
    assert "load_phase3" in page(viewer)


def test_a_reason_does_not_repeat_processor_date_and_state(demo: Demo) -> None:
    found = season_coverage(YEAR).tables["PSZA"]
    last = found[-1]
    assert last.reason.startswith(f"PSZA, {last.date}")
    assert title(last) == f"PSZA, {last.date}: not run; {reason_of(last)}"
    assert not reason_of(last).startswith(("PSZA", "not run"))
