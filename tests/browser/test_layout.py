"""Hierarchy of the pages: what is visible without scrolling, alignment, and no blank areas."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.panel import Panel
from tests.browser.test_every_page import PAGES, settled
from tests.webapp.demo import FAULTY

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]

LAPTOP = {"width": 1280, "height": 800}
SCREENS = 2
CLEAN = ("--start", "2021-11-02", "--end", "2021-11-06")  # before the first fault of the season
MOST_BLANK = 24  # pixels

# Cards with blank space between their last text, control or cell and their lower edge.
BLANK = """(most) => {
  const drawn = "input, select, textarea, button, .btn, .cell, svg, progress, pre";
  const found = [];
  for (const card of document.querySelectorAll(".card")) {
    const box = card.getBoundingClientRect();
    if (!box.height) continue;
    let bottom = box.top;
    const walker = document.createTreeWalker(card, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      const element = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
      if (element.closest(".visually-hidden")) continue;
      if (element === node) {
        if (node.matches(drawn)) bottom = Math.max(bottom, node.getBoundingClientRect().bottom);
      } else if (node.data.trim()) {
        const range = document.createRange();
        range.selectNodeContents(node);
        for (const line of range.getClientRects())
          if (line.height) bottom = Math.max(bottom, line.bottom);
      }
    }
    if (box.bottom - bottom > most)
      found.push([card.id || card.getAttribute("aria-labelledby") || card.className,
                  Math.round(box.bottom - bottom)]);
  }
  return found;
}"""

# Tables that scroll sideways in their place.
SIDEWAYS = """() => [...document.querySelectorAll(".table-wrap")]
  .filter((place) => place.scrollWidth > place.clientWidth + 1)
  .map((place) => [place.innerText.slice(0, 40), place.scrollWidth - place.clientWidth])"""

UNSTEADY = """() => [...document.querySelectorAll(".num, .figures dd, .headline dd a, time")]
  .filter((number) => !getComputedStyle(number).fontVariantNumeric.includes("tabular-nums"))
  .map((number) => number.outerHTML.slice(0, 80))"""

# Per column of each table: alignments of its heading and cells.
ALIGNMENTS = """() => {
  const mixed = [];
  for (const table of document.querySelectorAll(".table:has(thead)")) {
    const columns = {};
    for (const cell of table.querySelectorAll("thead th, tbody th, tbody td")) {
      // The heading of a column of buttons is for screen readers only.
      if (cell.colSpan > 1 || cell.matches(":has(> .visually-hidden)")
        || !cell.innerText.trim()) continue;
      const align = getComputedStyle(cell).textAlign.replace("start", "left").replace("end", "right");
      (columns[cell.cellIndex] ||= new Set()).add(align);
    }
    for (const [column, aligns] of Object.entries(columns))
      if (aligns.size > 1)
        mixed.push([table.caption?.innerText, +column, [...aligns].join(" ")]);
  }
  return mixed;
}"""


def bottom_of(page: Page, selector: str) -> float:
    """Return the lower edge of an element on the unscrolled page."""
    page.evaluate("window.scrollTo(0, 0)")
    box = page.locator(selector).bounding_box()
    assert box, selector
    return box["y"] + box["height"]


def in_view(page: Page, name: str) -> bool:
    """Return whether a button or link is inside the viewport, after scrolling to the end."""
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    assert page.evaluate("window.scrollY") > 300
    box = page.get_by_role("link", name=name).or_(page.get_by_role("button", name=name)).first
    place = box.bounding_box()
    return place is not None and 0 <= place["y"] <= LAPTOP["height"] - place["height"]


def test_home_opens_with_its_figures_and_the_whole_season_grid(
    browser: Browser, judged_panel: Panel
) -> None:
    with judged_panel.seat(browser, viewport=LAPTOP) as seat:
        settled(seat.page, "/")
        labels = seat.page.locator("#headline dt").all_inner_texts()
        assert labels[1:] == ["Needs attention", "Coverage", "Running jobs"]
        assert "unexpected failures" in labels[0].lower()
        assert bottom_of(seat.page, "#headline") < 200
        assert bottom_of(seat.page, "#grid") <= LAPTOP["height"]


def test_chain_account_and_entities_of_a_date_fit_in_two_screens(
    browser: Browser, judged_panel: Panel
) -> None:
    with judged_panel.seat(browser, viewport=LAPTOP) as seat:
        settled(seat.page, f"/dates/{FAULTY}/?processor=PSZA")
        expect(seat.page.locator("#entities tbody tr")).to_have_count(25)
        assert bottom_of(seat.page, "#entities") <= SCREENS * LAPTOP["height"]
        seat.page.get_by_role("link", name="50", exact=True).click()
        expect(seat.page.locator("#entities tbody tr")).to_have_count(50)


def test_the_cards_of_a_date_are_aligned_row_by_row(browser: Browser, judged_panel: Panel) -> None:
    with judged_panel.seat(browser, viewport=LAPTOP) as seat:
        settled(seat.page, f"/dates/{FAULTY}/")
        rows = seat.page.evaluate(
            """() => [...document.querySelectorAll(".chain-card")].map((card) =>
              [".card-head > h2", ".card-head > .state", ...[1, 2, 3, 4].map(
                (n) => `.chain-row:nth-of-type(${n + 1})`), ".card-foot"].map(
                (part) => Math.round(card.querySelector(part).getBoundingClientRect().top)))"""
        )
        assert len(rows) == 5
        assert rows == [rows[0]] * 5
        assert rows[0] == sorted(set(rows[0])), "rows overlap"


def test_a_clean_job_fits_in_two_screens(browser: Browser, loaded_panel: Panel) -> None:
    done = loaded_panel.stack.installation.verb(
        "backfill", *CLEAN, "--reason", "clean", "--inline", AUDIT_AFTER_JOBS="true"
    )
    assert done.returncode == 0, done.stderr
    with loaded_panel.seat(browser, viewport=LAPTOP) as seat:
        settled(seat.page, "/jobs/1/")
        expect(seat.page.locator("#next")).to_contain_text("No open findings")
        height = seat.page.evaluate("document.documentElement.scrollHeight")
        assert height <= SCREENS * LAPTOP["height"]
        for empty in ("#groups", "#next", "#attempts"):
            place = seat.page.locator(empty).bounding_box()
            assert place
            assert place["height"] < 80, empty  # three cards side by side


def test_the_primary_action_stays_visible_while_scrolling(
    browser: Browser, loaded_panel: Panel
) -> None:
    with loaded_panel.seat(browser, viewport=LAPTOP) as seat:
        page = seat.page
        settled(page, "/")
        assert in_view(page, "New backfill")
        settled(page, "/backfills/new/?start=2021-11-02&end=2021-12-19&reason=visible&canary=off")
        page.locator("#new-skip_preflight").check()
        page.locator("#new-brake").uncheck()
        page.locator("#new-batch_size").fill("1")
        button = page.locator("#start-button")
        expect(button).to_be_enabled()
        assert in_view(page, "Start ")
        button.click()
        page.wait_for_url(re.compile(r"/jobs/\d+/$"))
        page.get_by_role("link", name="Pause").first.click()
        page.locator("dialog[open]").get_by_role("button", name="Pause").click()
        expect(page.locator("h1 .state")).to_have_text(re.compile("paused"), timeout=90_000)
        assert in_view(page, "Resume")


@pytest.mark.parametrize("part", range(2))
def test_no_page_has_a_blank_card_a_hidden_column_or_unaligned_numbers(
    browser: Browser, judged_panel: Panel, part: int
) -> None:
    found: dict[str, object] = {}
    with judged_panel.seat(browser) as seat:
        for url in PAGES[part::2]:
            seat.page.set_viewport_size({"width": 390, "height": 800})
            settled(seat.page, url)
            for width in (390, 1280, 1920):
                found |= {f"{url} at {width}: {k}": v for k, v in _wrong(seat.page, width)}
    assert found == {}


def _wrong(page: Page, width: int) -> Iterator[tuple[str, object]]:
    page.set_viewport_size({"width": width, "height": 800})
    if blank := page.evaluate(BLANK, MOST_BLANK):
        yield "blank", blank
    if width >= LAPTOP["width"]:
        if sideways := page.evaluate(SIDEWAYS):
            yield "sideways", sideways
        if mixed := page.evaluate(ALIGNMENTS):
            yield "alignment", mixed
        if unsteady := page.evaluate(UNSTEADY):
            yield "digits of different widths", unsteady[:3]
        end = page.locator(".main").evaluate("place => place.getBoundingClientRect().right")
        if end < width - 1:
            yield "width not used", end
