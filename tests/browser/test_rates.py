"""Chart of failure rates in a real browser: click, keyboard, range, phone, dark, size."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.panel import PHONE, Panel
from tests.browser.test_every_page import COLORS, found_by_axe, settled
from tests.webapp.demo import YEAR

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]

RATES = f"/rates/?season={YEAR}&processor=PSZA"
MOST_BYTES = 450 * 1024  # of a first load with a chart, as transferred


def drawn(page: Page, url: str) -> None:
    settled(page, url)
    page.wait_for_selector("#rates-chart .points path.point")


def place_of(page: Page, x: float, y: float = 50) -> tuple[float, float]:
    """Return the position on the screen of a place in the chart."""
    found = page.evaluate(
        """([x, y]) => {
          const place = document.getElementById("rates-chart");
          const { xaxis, yaxis } = place._fullLayout, box = place.getBoundingClientRect();
          return [box.x + xaxis._offset + xaxis.l2p(x), box.y + yaxis._offset + yaxis.l2p(y)];
        }""",
        [x, y],
    )
    return found[0], found[1]


def weeks(page: Page) -> list[str]:
    return page.locator("#table-title").locator("xpath=../..").locator("tbody tr").all_inner_texts()


def test_a_click_on_a_week_shows_its_dates(browser: Browser, judged_panel: Panel) -> None:
    with judged_panel.seat(browser) as seat:
        page = seat.page
        drawn(page, RATES)
        rate = page.evaluate(
            "document.getElementById('rates-chart').data.find((t) => t.meta === 'points').y[3]"
        )
        page.mouse.move(*place_of(page, 5, rate))
        page.mouse.click(*place_of(page, 5, rate))
        page.wait_for_url("**week=5**")
        expect(page.get_by_role("heading", name="Failure rates, week 5")).to_be_visible()
        assert 0 < len(weeks(page)) <= 7
        page.go_back()
        expect(page.get_by_role("heading", name="Failure rates", exact=True)).to_be_visible()


def test_from_the_chart_to_the_games_of_a_player_in_three_steps_by_keyboard(
    browser: Browser, judged_panel: Panel
) -> None:
    with judged_panel.seat(browser) as seat:
        page = seat.page
        drawn(page, RATES)
        page.locator("#rates-chart").focus()
        for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowRight"):
            page.keyboard.press(key)
        assert "Week" in (page.locator("#announcer").text_content() or "")
        page.keyboard.press("Enter")  # first step: a week
        page.wait_for_url("**week=**")
        page.wait_for_selector("#rates-chart .points path.point")
        page.locator("#rates-chart").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")  # second step: a date
        page.wait_for_url("**/dates/**category=failed")
        entity = page.locator("#entities tbody th a").first
        entity.focus()
        page.keyboard.press("Enter")  # third step: a player
        expect(page.get_by_role("heading", name="Games").first).to_be_visible()


def test_from_the_chart_to_the_games_of_a_player_in_three_steps_by_mouse(
    browser: Browser, judged_panel: Panel
) -> None:
    with judged_panel.seat(browser) as seat:
        page = seat.page
        drawn(page, RATES)
        page.get_by_role("link", name="Week 5").click()
        page.wait_for_url("**week=5**")
        page.wait_for_selector("#entities tbody th a")
        page.locator("#entities tbody th a").first.click()
        expect(page.locator(".figures").get_by_text("games played")).to_be_visible()


@pytest.mark.parametrize("by", ["drag", "keyboard", "field"])
def test_a_range_filters_the_page_and_is_in_its_url(
    browser: Browser, judged_panel: Panel, by: str
) -> None:
    with judged_panel.seat(browser) as seat:
        page = seat.page
        drawn(page, RATES)
        if by == "drag":
            page.mouse.move(*place_of(page, 3.6))
            page.mouse.down()
            page.mouse.move(*place_of(page, 5), steps=5)
            page.mouse.move(*place_of(page, 6.4), steps=5)
            page.mouse.up()
        elif by == "keyboard":
            page.locator("#rates-chart").focus()
            first = page.evaluate("document.getElementById('rates-chart').points[0].x")
            for _ in range(4 - first + 1):
                page.keyboard.press("ArrowRight")
            page.keyboard.press("Shift+ArrowRight")
            page.keyboard.press("Shift+ArrowRight")
            page.keyboard.press("Enter")
        else:
            page.get_by_label("Weeks").fill("4-6")
            page.get_by_label("Weeks").press("Enter")
        page.wait_for_url("**week=4-6**")
        expect(page.get_by_role("heading", name="Failure rates, weeks 4-6")).to_be_visible()
        assert [text.split(",")[0] for text in weeks(page)] == ["Week 4", "Week 5", "Week 6"]
        page.wait_for_selector("#entities tbody th a")


@pytest.mark.parametrize("view", ["rates", "residuals"])
def test_on_a_dark_phone_the_chart_is_legible_and_leaves_the_scrolling_to_the_page(
    browser: Browser, judged_panel: Panel, view: str
) -> None:
    with judged_panel.seat(browser, viewport=PHONE, color_scheme="dark", has_touch=True) as seat:
        drawn(seat.page, f"{RATES}&view={view}")
        assert seat.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        size = seat.page.evaluate(
            """() => {
              const place = document.getElementById("rates-chart"), box = place.getBoundingClientRect();
              const texts = [...place.querySelectorAll(".xtick text, .legendtext")];
              return {
                out: texts.filter((t) => t.getBoundingClientRect().right > box.right + 1).length,
                small: texts.filter((t) => parseFloat(getComputedStyle(t).fontSize) < 11).length,
                drag: place._fullLayout.dragmode,
              };
            }"""
        )
        assert size == {"out": 0, "small": 0, "drag": False}
        assert found_by_axe(seat.page, COLORS) == []


def test_no_blank_area_under_the_chart(browser: Browser, judged_panel: Panel) -> None:
    with judged_panel.seat(browser, viewport={"width": 1280, "height": 800}) as seat:
        drawn(seat.page, RATES)
        blank = seat.page.evaluate(
            """() => {
              const card = document.getElementById("rates-chart").closest(".card");
              const caption = card.querySelector("figcaption");
              return card.getBoundingClientRect().bottom - caption.getBoundingClientRect().bottom;
            }"""
        )
        assert blank <= 24


def test_a_first_load_with_a_chart_transfers_at_most_450_kib(
    browser: Browser, judged_panel: Panel
) -> None:
    with judged_panel.seat(browser) as seat:
        page = seat.page
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        sizes: list[float] = []
        session.on(
            "Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"])
        )
        drawn(page, RATES)
        assert sum(sizes) <= MOST_BYTES, sizes
