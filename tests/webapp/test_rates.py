"""Failure rates page: filters, chart data, and numbers that lead to as many failures."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backfill.drilldown.failing_entities import failing_entities
from backfill.models import AuditResult, Run
from backfill.status.failure_rates import rates_of
from tests.webapp.demo import FAULTY, YEAR, Demo
from tests.webapp.page_links import HTMX
from validation.bands import BandPosition

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def chosen(viewer: Client, **query: object) -> Any:
    answer = viewer.get(reverse("rates"), query)
    assert answer.status_code == 200
    return answer.context["chosen"]


def trace(page: Any, name: str) -> dict[str, Any]:
    (found,) = (t for t in page.chart.figure["data"] if t.get("name") == name)
    return dict(found)


def total(html: str) -> int:
    return int(re.findall(r'data-total="(\d+)"', html)[0])


# Filters


def test_a_week_shows_its_dates_and_no_others(demo: Demo, viewer: Client) -> None:
    page = chosen(viewer, processor="PSZA", week=5)
    assert page.by == "date"
    dates = [row.point.first for row in page.rows]
    assert dates == [p.first for p in rates_of(YEAR)["PSZA"] if p.week == 5]
    assert 0 < len(dates) <= 7
    assert trace(page, "actual")["x"] == [row.point.index for row in page.rows]


@pytest.mark.parametrize(
    ("query", "weeks"),
    [({"week": "4-6"}, {4, 5, 6}), ({"day": "22-28"}, {4}), ({"week": "4-6", "by": "date"}, {4, 5, 6})],
)  # fmt: skip
def test_a_range_filters_table_results_categories_and_entities(
    demo: Demo, viewer: Client, query: dict[str, str], weeks: set[int]
) -> None:
    page = chosen(viewer, processor="PSZA", **query)
    points = [p for p in rates_of(YEAR)["PSZA"] if p.week in weeks]
    failed = sum(p.failed or 0 for p in points)
    assert {row.point.week for row in page.rows} == weeks
    assert [result.failed for result in page.results] == [failed]
    assert sum(row.failed for row in page.categories) == failed
    html = viewer.get(page.entities_page, headers=HTMX).content.decode()
    assert total(html) == failed
    assert len(trace(chosen(viewer, processor="PSZA", week="4-6"), "actual")["x"]) > 3


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"week": "x"}, "takes a number or a range such as 4-9, not &#x27;x&#x27;"),
        ({"day": "9-4"}, "last day 4 is before the first day 9; swap them"),
        ({"view": "3d"}, "&#x27;3d&#x27; is no view; choose from rates, residuals"),
        ({"category": "ODD"}, "&#x27;ODD&#x27; is no category"),
        ({"by": "month"}, "ates are by week or by date"),
    ],
)
def test_a_wrong_filter_is_refused_with_one_sentence(
    demo: Demo, viewer: Client, query: dict[str, str], error: str
) -> None:
    for name in ("rates", "rates_entities"):
        answer = viewer.get(reverse(name), query)
        assert answer.status_code == 422
        assert error in answer.content.decode()


def test_a_range_without_dates_shows_an_empty_table(demo: Demo, viewer: Client) -> None:
    page = chosen(viewer, processor="PSZA", week="90-99")
    assert (page.rows, page.categories) == ([], [])
    html = viewer.get(page.entities_page, headers=HTMX).content.decode()
    assert total(html) == 0


# Chart


def test_rates_reach_from_0_to_100_over_whole_weeks_of_bands(demo: Demo, viewer: Client) -> None:
    page = chosen(viewer, processor="PSZA")
    assert page.chart.figure["layout"]["yaxis"]["range"] == [0, 100]
    band = trace(page, "the runbook's band")
    weeks = [p.week for p in page.chart.series[0].points]
    assert band["x"] == [edge for week in weeks for edge in (week - 0.5, week + 0.5)]
    names = [t.get("name") for t in page.chart.figure["data"]]
    assert names.index("expected") < names.index("actual")


def test_residuals_are_actual_minus_expected_within_a_tolerance(demo: Demo, viewer: Client) -> None:
    page = chosen(viewer, processor="PSZA", view="residuals")
    points = page.chart.series[0].points
    actual = trace(page, "actual")
    assert actual["y"] == [round(100 * p.residual, 2) for p in points if p.residual is not None]
    low, high = page.chart.figure["layout"]["yaxis"]["range"]
    assert low == -high
    assert trace(page, "tolerance, 1 point")["y"] == [1.0, 1.0]


def test_unexpected_failures_bugs_and_points_above_the_band_have_their_own_marks(
    demo: Demo, viewer: Client
) -> None:
    key = {"processor": "PSZA", "date": FAULTY}
    assert AuditResult.objects.filter(**key).update(unexplained=3, changed="") == 1
    page = chosen(viewer, processor="PSZA", by="date")
    points = page.chart.series[0].points
    odd = [p.index for p in points if p.unexplained]
    above = [p.index for p in points if p.position == BandPosition.ABOVE and p.all_expected]
    assert odd
    assert above
    assert trace(page, "unexpected failures")["x"] == odd
    assert trace(page, "above the runbook's band, all expected")["x"] == above
    with_bugs = chosen(viewer, processor="PDC", by="date")
    bugs = [p.index for p in with_bugs.chart.series[0].points if p.bugs]
    assert bugs
    assert trace(with_bugs, "bugs")["x"] == bugs
    symbols = {
        t["marker"]["symbol"] for t in page.chart.figure["data"] if "symbol" in t.get("marker", {})
    }
    assert len(symbols) == len(
        [t for t in page.chart.figure["data"] if "symbol" in t.get("marker", {})]
    )


def test_a_point_states_its_position_in_the_band(demo: Demo, viewer: Client) -> None:
    page = chosen(viewer, processor="PSZA")
    texts = [data[0] for data in trace(page, "actual")["customdata"]]
    assert any("above the runbook's band, all expected" in text for text in texts)
    page = chosen(viewer, processor="ML")
    texts = [data[0] for data in trace(page, "actual")["customdata"]]
    assert all("the expected range" in text for text in texts)


@pytest.mark.parametrize("code", ["TDZA", "PCF", "PDC", "ML"])
def test_the_other_processors_have_the_band_of_the_expectation(
    demo: Demo, viewer: Client, code: str
) -> None:
    points = [
        p for p in chosen(viewer, processor=code).chart.series[0].points if p.rate is not None
    ]
    assert {p.band.source for p in points} == {"expectation"}
    text = viewer.get(reverse("rates"), {"processor": code}).content.decode()
    assert "too few" not in text


def test_without_an_audit_there_is_no_band(demo: Demo, viewer: Client) -> None:
    AuditResult.objects.all().delete()
    text = viewer.get(reverse("rates"), {"processor": "PDC"}).content.decode()
    assert ">no band<" in text


def test_the_chart_has_a_label_a_summary_and_a_table(demo: Demo, viewer: Client) -> None:
    answer = viewer.get(reverse("rates"), {"processor": "PSZA"})
    html, drawn = answer.content.decode(), answer.context["chosen"].chart
    assert f'id="rates-label">{drawn.label}<' in html
    assert drawn.label == "Rates and bands of PSZA by season week, 2021-22"
    failed = sum(p.failed or 0 for p in drawn.series[0].points)
    assert drawn.summary.startswith(f"2021-22: {failed:,} failures, ")


# Numbers


@pytest.mark.parametrize(
    "category", ["", "INSUFFICIENT_DATA", "PROCESSING_ERROR", "expected", "unexpected"]
)
@pytest.mark.parametrize("code", ["TDZA", "PSZA", "PCF", "PDC", "ML"])
def test_failing_entities_are_as_many_as_the_runs_counted(
    demo: Demo, code: str, category: str
) -> None:
    points = rates_of(YEAR)[code]
    found = sum(e.count for e in failing_entities(YEAR, code, points, category))
    counted = {
        "": sum(p.failed or 0 for p in points),
        "unexpected": sum(p.unexplained for p in points),
        "expected": sum(
            (p.failed or 0) - p.unexplained - p.bugs for p in points if not p.not_audited
        ),
    }
    assert found == counted.get(category, sum(p.failures.get(category, 0) for p in points))


def test_failures_of_dates_never_audited_can_be_listed(demo: Demo) -> None:
    Run.objects.filter(processor="PSZA", date=FAULTY).update(run_id="00000000")
    points = rates_of(YEAR)["PSZA"]
    found = failing_entities(YEAR, "PSZA", points, "not audited")
    assert sum(e.count for e in found) == sum(p.not_audited for p in points) > 0
    assert {e.first for e in found} == {FAULTY}


def test_every_number_of_the_page_leads_to_as_many(demo: Demo, viewer: Client) -> None:
    for query in ({}, {"by": "date", "week": "5"}, {"processor": "PDC"}, {"processor": "PCF"}):
        html = viewer.get(reverse("rates"), query).content.decode()
        links = re.findall(r'<a class="count" href="([^"]+)" data-count="(\d+)"', html)
        assert links
        for url, number in links:
            target = viewer.get(url.replace("&amp;", "&")).content.decode()
            assert f'data-total="{number}"' in target, (query, url)
