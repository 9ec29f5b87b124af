"""Grid in a real browser: size, tooltip, and selection by drag, keys, headings and touch."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from backfill.plan.cells import parse_cells
from tests.browser.panel import PHONE, Panel
from tests.browser.test_every_page import RULES, found_by_axe, settled
from tests.webapp.demo import YEAR

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]
SMALL = {"width": 1280, "height": 800}


def cell(page: Page, code: str, day: str) -> tuple[float, float]:
    """Return the center of a cell."""
    box = page.locator(f"#cell-{code}-{day}").bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, start: tuple[str, str], end: tuple[str, str]) -> None:
    page.mouse.move(*cell(page, *start))
    page.mouse.down()
    page.mouse.move(*cell(page, *end), steps=5)
    page.mouse.up()


def selected(page: Page) -> set[str]:
    """Return the ids of the selected cells."""
    return set(page.eval_on_selector_all("[aria-selected='true'] > a", "all => all.map(a => a.id)"))


def linked(page: Page, label: str) -> set[str]:
    """Return the cells that the link of an action names."""
    link = page.locator("#cells-actions a", has_text=label).get_attribute("href")
    assert link
    return {
        f"cell-{code}-{day}"
        for code, day in parse_cells(parse_qs(urlsplit(link).query)["cells"][0])
    }


def test_home_shows_the_whole_grid_without_scrolling(browser: Browser, judged_panel: Panel) -> None:
    with judged_panel.seat(browser, viewport=SMALL) as seat:
        settled(seat.page, "/")
        boxes = [
            seat.page.locator(place).first.bounding_box() for place in (".grid", ".grid a.cell")
        ]
        assert boxes[0]
        assert boxes[0]["y"] + boxes[0]["height"] <= 800
        assert boxes[1]
        assert min(boxes[1]["width"], boxes[1]["height"]) >= 16
    with judged_panel.seat(browser, viewport=PHONE, has_touch=True) as seat:
        for url in ("/", "/coverage/", "/jobs/1/"):
            settled(seat.page, url)
            box = seat.page.locator(".grid a.cell").first.bounding_box()
            assert box
            assert min(box["width"], box["height"]) >= 24
            assert seat.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_tooltip_shows_the_failures_on_hover_and_focus(
    browser: Browser, judged_panel: Panel
) -> None:
    with judged_panel.seat(browser, viewport=SMALL) as seat:
        page, tip = seat.page, seat.page.locator(".cell-tip")
        settled(page, "/")
        page.mouse.move(*cell(page, "PSZA", "2021-11-19"))
        expect(tip).to_contain_text("failed")
        page.keyboard.press("Escape")
        expect(tip).to_be_hidden()
        page.locator("[data-grid] a[tabindex='0']").focus()
        page.keyboard.press("ArrowDown")
        expect(tip).to_be_visible()


def test_drag_shift_and_ctrl_select_and_a_click_opens(
    browser: Browser, judged_panel: Panel
) -> None:
    with judged_panel.seat(browser, viewport=SMALL) as seat:
        page = seat.page
        for url in ("/", "/coverage/", "/jobs/1/"):
            settled(page, url)
            page.locator("#cell-PSZA-2021-11-16").scroll_into_view_if_needed()
            drag(page, ("PSZA", "2021-11-16"), ("PCF", "2021-11-18"))
            expect(page.locator("#cells-count")).to_have_text("6 cells: 3 dates × PSZA, PCF")
            assert selected(page) == {
                f"cell-{code}-2021-11-{day}" for code in ("PSZA", "PCF") for day in (16, 17, 18)
            }
            assert urlsplit(page.url).path == url
        page.locator("#cell-ML-2021-11-22").click(modifiers=["Control"])
        page.locator("#cell-PSZA-2021-11-17").click(modifiers=["Control"])
        expect(page.locator("#cells-count")).to_have_text("6 cells: 4 dates, PSZA, PCF, ML")
        expect(page.locator("#cells-actions")).to_contain_text("Show reasons")
        assert (
            linked(page, "Show reasons")
            == linked(page, "Validate")
            == linked(page, "Run")
            == selected(page)
        )
        page.locator("#cell-PSZA-2021-11-16").click()
        page.wait_for_url(re.compile(r"/runs/\d+/"))


def test_shift_click_selects_from_the_last_cell(browser: Browser, judged_panel: Panel) -> None:
    with judged_panel.seat(browser, viewport=SMALL) as seat:
        page = seat.page
        settled(page, "/jobs/1/")
        page.locator("#cell-PSZA-2021-11-16").click(modifiers=["Control"])
        page.locator("#cell-PCF-2021-11-18").click(modifiers=["Shift"])
        expect(page.locator("#cells-count")).to_have_text("6 cells: 3 dates × PSZA, PCF")


def test_headings_select_days_months_and_processors(browser: Browser, judged_panel: Panel) -> None:
    with judged_panel.seat(browser, viewport=SMALL) as seat:
        page, count = seat.page, seat.page.locator("#cells-count")
        settled(page, "/")
        page.locator("[data-day='2021-11-17']").click()
        expect(count).to_have_text("5 cells: 1 date × TDZA, PSZA, PCF, PDC, ML")
        page.locator("[data-month]").nth(1).click()
        expect(count).to_have_text("145 cells: 29 dates × TDZA, PSZA, PCF, PDC, ML")
        row = page.locator("[data-code='PDC'] > th").nth(1)
        row.click()
        expect(count).to_have_text("29 cells: 29 dates × PDC")
        row.click()
        dates = page.locator("[data-code='PDC'] a.cell").count()
        expect(count).to_have_text(f"{dates} cells: {dates} dates × PDC")


def test_the_keyboard_selects_and_clears(browser: Browser, judged_panel: Panel) -> None:
    with judged_panel.seat(browser, viewport=SMALL) as seat:
        page, count = seat.page, seat.page.locator("#cells-count")
        settled(page, "/")
        page.locator("#cell-PSZA-2021-11-16").focus()
        for key in ("Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowDown"):
            page.keyboard.press(key)
        expect(count).to_have_text("6 cells: 3 dates × PSZA, PCF")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Space")
        expect(count).to_have_text("7 cells: 3 dates, PSZA, PCF, PDC")
        for _ in range(4):
            page.keyboard.press("ArrowUp")
        assert page.evaluate("document.activeElement.dataset.day") == "2021-11-18"
        page.keyboard.press("Space")
        expect(count).to_have_text("5 cells: 1 date × TDZA, PSZA, PCF, PDC, ML")
        page.keyboard.press("Escape")
        expect(page.locator("#cells-bar")).to_be_hidden()
        assert selected(page) == set()
        page.keyboard.press("Control+a")
        cells = page.locator("[data-selects] a.cell").count()
        expect(count).to_contain_text(f"{cells} cells")


def test_touch_selects_in_the_select_mode(browser: Browser, judged_panel: Panel) -> None:
    with judged_panel.seat(browser, viewport=PHONE, has_touch=True) as seat:
        page = seat.page
        settled(page, "/")
        page.locator("#cells-mode").tap()
        page.locator("#cell-PSZA-2021-11-02").tap()
        page.locator("#cell-ML-2021-11-03").tap()
        expect(page.locator("#cells-count")).to_have_text("2 cells: 2 dates, PSZA, ML")
        assert urlsplit(page.url).path == "/"
        page.locator("#cells-mode").tap()
        page.locator("#cell-PSZA-2021-11-02").tap()
        page.wait_for_url(re.compile(r"/runs/\d+/"))


def test_a_selection_survives_a_swap_of_its_cells(browser: Browser, judged_panel: Panel) -> None:
    with judged_panel.seat(browser, viewport=SMALL) as seat:
        page = seat.page
        settled(page, "/")
        drag(page, ("PSZA", "2021-11-16"), ("PCF", "2021-11-18"))
        before = selected(page)
        page.evaluate(
            """() => {
              const cell = document.getElementById("cell-PSZA-2021-11-16").parentNode;
              const fresh = cell.cloneNode(true);
              fresh.removeAttribute("aria-selected");
              cell.replaceWith(fresh);
            }"""
        )
        expect(page.locator("[aria-selected='true'] > #cell-PSZA-2021-11-16")).to_be_visible()
        assert selected(page) == before


def test_axe_finds_nothing_with_a_selection(browser: Browser, judged_panel: Panel) -> None:
    found = {}
    with judged_panel.seat(browser, viewport=SMALL) as seat:
        for url in ("/", f"/coverage/?season={YEAR}", "/jobs/1/"):
            settled(seat.page, url)
            seat.page.locator("[data-day='2021-11-17']").click()
            expect(seat.page.locator("#cells-actions")).to_contain_text("Show reasons")
            if wrong := found_by_axe(seat.page, RULES):
                found[url] = wrong
        for place in ("why", "validate"):
            settled(seat.page, f"/cells/{place}/?cells=PSZA,PCF 2021-11-16..2021-11-19")
            if wrong := found_by_axe(seat.page, RULES):
                found[place] = wrong
    assert found == {}
