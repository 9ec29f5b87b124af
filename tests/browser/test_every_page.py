"""Pages in a real browser, light and dark, wide and narrow.

No axe violation, no failed request, no truncated content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.panel import Panel
from tests.webapp.demo import FAULTY, YEAR

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]

PAGES = (
    "/",
    "/backfills/new/",
    "/backfills/new/?season=2021&what=all&start=2021-11-01&end=2021-11-30",
    "/jobs/",
    "/jobs/1/",
    "/jobs/1/retry/",
    "/jobs/1/cancel/",
    "/jobs/1/compare/",
    "/jobs/1/events/",
    f"/jobs/1/PCF/{FAULTY}/",
    "/triage/",
    "/triage/1/",
    "/retry/",
    f"/dates/{FAULTY}/",
    f"/dates/{FAULTY}/PSZA/",
    "/dates/2022-07-04/",
    "/rates/",
    "/rates/?processor=ML&by=date",
    "/rates/?processor=PSZA&view=residuals",
    "/rates/entities/?processor=PSZA&week=5",
    "/results/?with=failures",
    "/coverage/",
    "/runs/",
    "/queries/",
    "/queries/failure-rates/?start=2021-11-01&end=2021-11-30",
    "/players/",
    "/guide/",
    "/guide/season/",
    "/guide/runbook/",
    "/guide/?q=canary",
    "/guide/glossary/",
    "/system/",
    "/system/tokens/",
    "/password/",
    "/api/docs",
)
WIDTHS = (390, 1280, 1920)
PARTS = 2  # tests that share the pages
# Rules of WCAG 2.2 A and AA, and axe's best practices; axe loads no other document.
QUICK: dict[str, object] = {"iframes": False, "preload": False, "resultTypes": ["violations"]}
RULES: dict[str, object] = {
    **QUICK,
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
}

# Dark mode changes colors only.
COLORS: dict[str, object] = {
    **QUICK,
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}


# axe checks every element, so repeated cells and rows are reduced to a few of each kind.
THINNED = """() => {
  const seen = {};
  for (const cell of document.querySelectorAll(".cell")) {
    seen[cell.className] = (seen[cell.className] || 0) + 1;
    if (seen[cell.className] > 6) cell.remove();
  }
  document.querySelectorAll("tbody tr:nth-child(n+16)").forEach((row) => row.remove());
}"""


# Words of labels on two lines; a hyphen, slash or underscore may end a line.
BROKEN_WORDS = """() => {
  const broken = [];
  const labels = "label, th, button, .btn, .state, h1, h2, h3, legend, dt, .tabs a, .nav-item, summary";
  for (const label of document.querySelectorAll(labels)) {
    const walker = document.createTreeWalker(label, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = walker.currentNode;
      if (text.parentElement.closest("code, .visually-hidden")) continue;
      for (const word of text.data.matchAll(/[A-Za-z0-9]{2,20}/g)) {
        const range = document.createRange();
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        const lines = new Set([...range.getClientRects()].map((r) => Math.round(r.top)));
        if (lines.size > 1) broken.push(word[0]);
      }
    }
  }
  return broken.slice(0, 5);
}"""


def settled(page: Page, url: str) -> None:
    """Open a page and wait for its requests."""
    page.goto(url)
    page.wait_for_load_state("networkidle")


def found_by_axe(page: Page, rules: dict[str, object]) -> list[str]:
    violations = Axe().run(page, options=rules).response["violations"]
    return [
        f"{v['id']}: {node['target']} {node['failureSummary'][:200]}"
        for v in violations
        for node in v["nodes"][:3]
    ]


@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_can_be_read_at_every_width_light_and_dark(
    browser: Browser, judged_panel: Panel, part: int
) -> None:
    found: dict[str, object] = {}
    with judged_panel.seat(browser, has_touch=True, reduced_motion="reduce") as seat:
        for url in PAGES[part::PARTS]:
            # From narrow to wide: a chart shrinks a moment after its page.
            seat.page.set_viewport_size({"width": WIDTHS[0], "height": 800})
            settled(seat.page, url)
            seat.page.evaluate(THINNED)
            for width in WIDTHS:
                found |= {f"{url} at {width}, {k}": v for k, v in _at_width(seat.page, width)}
    assert found == {}


def _at_width(page: Page, width: int) -> Iterator[tuple[str, object]]:
    """Yield the errors of an open page at a width, light and dark."""
    page.set_viewport_size({"width": width, "height": 800})
    if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
        yield "sideways", wide
    if broken := page.evaluate(BROKEN_WORDS):
        yield "broken words", broken
    schemes: tuple[tuple[Literal["light", "dark"], dict[str, object]], ...]
    schemes = (("light", RULES), ("dark", COLORS))
    for scheme, rules in schemes:
        page.emulate_media(color_scheme=scheme)
        if wrong := found_by_axe(page, rules):
            yield scheme, wrong


def test_on_a_small_desktop_no_button_and_no_number_is_cut_off(
    browser: Browser, judged_panel: Panel
) -> None:
    tables = {
        "/triage/": "Season audits", f"/dates/{FAULTY}/": "Entities",
        "/backfills/new/?start=2021-11-01&end=2021-11-30&what=everything": "Plan by processor",
    }  # fmt: skip
    found = {}
    with judged_panel.seat(browser, viewport={"width": 1280, "height": 800}) as seat:
        for url, caption in tables.items():
            settled(seat.page, url)
            table = seat.page.locator(
                ".table-wrap", has=seat.page.locator("caption", has_text=caption)
            ).first
            if over := table.evaluate("place => place.scrollWidth - place.clientWidth"):
                found[url] = over
            if (width := seat.page.evaluate("document.documentElement.scrollWidth")) > 1280:
                found[f"{url} is wide"] = width
    assert found == {}


def test_a_viewer_reads_every_page_and_starts_nothing(
    browser: Browser, judged_panel: Panel
) -> None:
    with judged_panel.seat(browser, "vera") as seat:
        page = seat.page
        for url in (
            "/",
            "/jobs/1/",
            "/jobs/1/retry/",
            "/triage/1/",
            f"/dates/{FAULTY}/",
            "/system/",
        ):
            settled(page, url)
        settled(page, "/backfills/new/?start=2021-11-01&end=2021-11-30&what=all&reason=x")
        assert page.locator("#start-button").count() == 0
        assert "operators only" in page.locator("#preview").inner_text().lower()


def test_by_keyboard_alone_from_the_grid_to_a_player(browser: Browser, judged_panel: Panel) -> None:
    with judged_panel.seat(browser) as seat:
        page, keys = seat.page, seat.page.keyboard
        settled(page, "/")
        keys.press("?")
        assert page.locator("#keys").is_visible()
        keys.press("Escape")
        page.locator("[data-grid] [tabindex='0']").focus()
        for key in ("End", "ArrowLeft", "ArrowDown", "ArrowDown", "ArrowUp", "Home"):
            keys.press(key)
        assert page.evaluate("document.activeElement.id").startswith("cell-PSZA-")
        for _ in range(20):
            keys.press("ArrowRight")
        keys.press("Enter")
        page.wait_for_url(re.compile(r"/runs/\d+/"))  # in the drawer
        page.locator("#drawer[open]").wait_for()
        keys.press("Escape")
        page.locator("#drawer:not([open])").wait_for(state="hidden")
        keys.press("g")
        keys.press("t")
        page.wait_for_url("**/triage/")
        page.locator("main a[href^='/triage/']").first.focus()
        keys.press("Enter")
        page.wait_for_url(re.compile(r"/triage/(\d+/|\?)"))


def test_guide_search_answers_while_typing(browser: Browser, judged_panel: Panel) -> None:
    with judged_panel.seat(browser) as seat:
        page = seat.page
        settled(page, "/guide/")
        page.keyboard.press("/")
        page.keyboard.type("canary", delay=30)
        page.locator("#results mark").first.wait_for()
        assert page.url.endswith("/guide/?q=canary")
        assert page.evaluate("document.activeElement.id") == "guide-q"
        page.keyboard.type("zzz", delay=30)
        page.get_by_role("heading", name="No results for “canaryzzz”").wait_for()
        # The fragment of an old address stays with its redirect.
        page.goto("/guide/brake/#stalled")
        assert page.url.endswith("/guide/jobs/#stalled")


def test_what_comes_from_data_is_shown_as_text(browser: Browser, judged_panel: Panel) -> None:
    hostile = "<img src=x onerror=document.title='broken'><script>document.title='broken'</script>"
    with judged_panel.seat(browser) as seat:
        settled(seat.page, "/backfills/new/")
        seat.page.locator("#new-reason").fill(hostile)
        seat.page.locator("#new-exclude").fill(hostile)
        seat.page.wait_for_load_state("networkidle")
        seat.page.goto("/triage/1/")
        seat.page.locator("textarea").first.fill(hostile)
        seat.page.get_by_role("button", name="Acknowledge").click()
        seat.page.wait_for_load_state("networkidle")
        assert hostile in seat.page.locator("main").inner_text()
        assert "broken" not in seat.page.title()


def test_the_charts_script_is_loaded_only_where_there_is_a_chart(
    browser: Browser, judged_panel: Panel
) -> None:
    with judged_panel.seat(browser) as seat:
        asked: list[str] = []
        seat.page.on("request", lambda request: asked.append(request.url))
        for url in ("/jobs/", "/triage/", f"/coverage/?season={YEAR}"):
            settled(seat.page, url)
        assert not [url for url in asked if "plotly" in url]
        settled(seat.page, "/rates/")
        assert [url for url in asked if "plotly-basic" in url]
