"""Numbers of the pages: each links to a list with as many."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urljoin

import pytest
from django.test import Client
from django.urls import reverse

from backfill.drilldown.failing_entities import failing_entities
from backfill.models import Job
from backfill.status.failure_rates import rates_of
from tests.webapp.demo import FAULTY, YEAR, Demo

pytestmark = [pytest.mark.database, pytest.mark.django_db]

COUNT = re.compile(r'<a class="count" href="([^"]+)"(?: data-count="(\d+)")?>([\d,]+)</a>')
# In these tables a positive number without a link is a defect, in the first numeric column or in
# all of them.
TABLES = {
    "Failed entities by category": slice(0, 1),
    "Dates per processor and state": slice(None),
    "Failures by category": slice(0, 1),
    "Dates of each table by state": slice(None),
    "Failure rates": slice(1, 3),
    "Plan by processor": slice(0, 4),
}
TABLE = re.compile(r"<caption[^>]*>([^<]+)</caption>(.*?)</table>", re.DOTALL)
NUMERIC = re.compile(r'<td class="num">(.*?)</td>', re.DOTALL)


def pages() -> list[str]:
    number = Job.objects.get().pk
    return [
        f"{reverse('home')}?season={YEAR}",
        reverse("job", args=[number]),
        reverse("date", args=[FAULTY]),
        f"{reverse('coverage')}?season={YEAR}",
        reverse("rates"),
        f"{reverse('rates')}?processor=PDC&week=5",
        f"{reverse('results')}?season={YEAR}&with=failures",
        reverse("player", args=[YEAR, player()]),
        f"{reverse('backfill_new')}?start=2021-11-01&end=2021-11-20&what=all",
    ]


def player() -> str:
    return failing_entities(YEAR, "PSZA", rates_of(YEAR)["PSZA"])[0].entity


def test_every_counted_number_opens_a_list_of_as_many(demo: Demo, viewer: Client) -> None:
    wrong, checked, seen = [], 0, dict[str, str]()
    for page in pages():
        links = COUNT.findall(viewer.get(page).content.decode())
        assert links, page
        for href, number, text in links[:60]:
            url = urljoin(page, unescape(href)).partition("#")[0]
            answer = seen.setdefault(url, viewer.get(url).content.decode())
            if number:
                checked += 1
                if f'data-total="{number}"' not in answer:
                    wrong.append((page, url, text))
    assert wrong == []
    assert checked > 100


def test_numbers_of_the_marked_tables_are_links(demo: Demo, viewer: Client) -> None:
    plain, seen = [], set()
    for page in pages():
        for caption, body in TABLE.findall(viewer.get(page).content.decode()):
            for row in body.split("<tr")[1:] if caption in TABLES else ():
                seen.add(caption)
                plain += [
                    (page, caption, cell.strip())
                    for cell in NUMERIC.findall(row)[TABLES[caption]]
                    if re.match(r"[1-9]", cell.strip())
                ]
    assert plain == []
    assert seen == set(TABLES)


def test_a_filter_of_the_results_that_nothing_meets_says_so(demo: Demo, viewer: Client) -> None:
    answer = viewer.get(reverse("results"), {"season": YEAR, "state": "blocked"})
    assert "No matching results" in answer.content.decode()
    assert answer.context["chosen"].matching == []


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ({"state": "odd"}, 422, "is no state"),
        ({"status": "odd"}, 422, "is no run state"),
        ({"with": "odd"}, 422, "is no kind of result"),
        ({"processor": "ODD"}, 422, "nknown processor"),
        ({"job": "99"}, 404, ""),
        ({"season": "1999"}, 422, "is not loaded"),
    ],
)
def test_a_wrong_filter_of_the_results_is_refused(
    demo: Demo, viewer: Client, query: dict[str, str], status: int, text: str
) -> None:
    answer = viewer.get(reverse("results"), query)
    assert answer.status_code == status
    assert text in answer.content.decode()


def test_coverage_lists_the_dates_of_one_state(demo: Demo, viewer: Client) -> None:
    query = {"season": YEAR, "table": "PSZA", "show": "bootstrap"}
    shown = viewer.get(reverse("coverage"), query).context["shown"]
    assert {row.state for row in shown} == {"bootstrap"}
    assert viewer.get(reverse("coverage"), {**query, "show": "odd"}).status_code == 422


def test_a_player_lists_the_dates_of_one_state_of_a_processor(demo: Demo, viewer: Client) -> None:
    url = reverse("player", args=[YEAR, player()])
    query = {"show": "table", "processor": "PSZA", "state": "explained"}
    lines = viewer.get(url, query).context["lines"]
    at = viewer.get(url).context["codes"].index("PSZA")
    assert lines
    assert {line.cells[at][0] for line in lines} == {"explained"}
    assert viewer.get(url, {**query, "processor": "TDZA"}).status_code in (404, 422)


@pytest.mark.parametrize(
    "query", [{"of": "ODD", "planned": "run"}, {"of": "PSZA", "planned": "odd"}]
)
def test_a_wrong_filter_of_a_plan_is_refused(
    demo: Demo, viewer: Client, query: dict[str, str]
) -> None:
    plan = {"start": "2021-11-01", "end": "2021-11-20", "what": "all", **query}
    answer = viewer.get(reverse("backfill_plan"), plan)
    assert answer.status_code == 422
    assert "choose from" in answer.content.decode()
