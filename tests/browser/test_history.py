"""Back, Forward and a return from another page, on every page that pushes a URL."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.panel import Panel
from tests.webapp.demo import FAULTY

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]


class Step(NamedTuple):
    """Change of a page that pushes a URL, and a part of that URL."""

    act: Callable[[Page], None]
    url: str


class Visit(NamedTuple):
    """Page and steps on it."""

    url: str
    steps: tuple[Step, ...]


def _choose(name: str, value: str) -> Callable[[Page], None]:
    return lambda page: void(
        page.locator(f"main form.filters [name='{name}']").first.select_option(value)
    )


def _press(link: str) -> Callable[[Page], None]:
    return lambda page: page.locator(f"main {link}").first.click()


def void(_: object) -> None:
    """Drop a value."""


VISITS = {
    "triage": Visit(
        "/triage/",
        (
            Step(_choose("severity", "warning"), "severity=warning"),
            Step(_choose("processor", "PSZA"), "processor=PSZA"),
        ),
    ),
    "entities": Visit(
        f"/dates/{FAULTY}/PSZA/",
        (
            Step(_press("a[href*='sort=']"), "sort="),
            Step(_press("a[rel='next']"), "page=2"),
        ),
    ),
    "new backfill": Visit("/backfills/new/", (Step(_press("[hx-target='#new']"), "new/?"),)),
}


def _whole(page: Page, url: str) -> None:
    """Wait for the whole page of a URL."""
    page.wait_for_url(url)
    page.get_by_role("navigation", name="Main").wait_for()
    assert page.locator("h1").count() == 1
    assert page.locator("main#content").count() == 1


@pytest.mark.parametrize("name", VISITS)
def test_back_forward_and_a_return_show_the_whole_page(
    browser: Browser, judged_panel: Panel, name: str
) -> None:
    visit = VISITS[name]
    with judged_panel.seat(browser) as seat:
        page = seat.page
        page.goto(visit.url)
        urls = [page.url]
        for step in visit.steps:
            step.act(page)
            page.wait_for_url(lambda found, step=step: step.url in found)
            page.wait_for_load_state("networkidle")
            urls.append(page.url)
        shown = page.locator("main").inner_text()
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Guide").click()
        page.wait_for_url("**/guide/")
        for url in reversed(urls):
            page.go_back()
            _whole(page, url)
        for url in urls[1:]:
            page.go_forward()
            _whole(page, url)
        assert page.locator("main").inner_text() == shown
