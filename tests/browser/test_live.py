"""Open pages in a browser: current within two seconds, also after a restart of the web process."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.panel import Panel, Seat
from tests.browser.test_story import choose, started

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]

SOON = 6_000  # milliseconds; two seconds on an idle machine (bench/browsers.py)
BACK = 5_000  # milliseconds from the first response after a restart to every open page
SLOW = 90_000


@pytest.fixture
def seats(browser: Browser, loaded_panel: Panel) -> Iterator[dict[str, Seat]]:
    """Return an open page of every kind, each in a window of its own."""
    urls = {
        "home": "/",
        "jobs": "/jobs/",
        "triage": "/triage/",
        "runs": "/runs/",
        "date": "/dates/2021-11-19/",
        "coverage": "/coverage/",
        "rates": "/rates/",
        "players": "/players/",
        "system": "/system/",
        "new": "/backfills/new/",
    }
    with ExitStack() as stack:
        found = {}
        for name, url in urls.items():
            found[name] = stack.enter_context(loaded_panel.seat(browser))
            found[name].page.goto(url)
        yield found


@pytest.fixture
def pages(seats: dict[str, Seat]) -> dict[str, Page]:
    return {name: seat.page for name, seat in seats.items()}


def test_open_pages_follow_a_job_from_its_start_to_its_audit(
    browser: Browser, loaded_panel: Panel, pages: dict[str, Page]
) -> None:
    with loaded_panel.seat(browser) as seat:
        choose(seat.page, "2021-11-02", "2021-11-21", "to watch it")
        seat.page.locator("#new-skip_preflight").check()
        pages["new"].locator("#new-reason").fill("typed before the job")
        pages["new"].locator("#new-reason").focus()
        began = time.monotonic()
        job = started(seat.page)
        number = job.rstrip("/").rpartition("/")[2]
        expect(pages["jobs"].locator(f"#job-{number}")).to_be_visible(timeout=SOON)
        expect(pages["home"].locator("#active")).to_contain_text(f"Job {number}", timeout=SOON)
        for page in pages.values():
            expect(page.locator("#nav-jobs")).to_have_text("1", timeout=SOON)
        assert time.monotonic() - began < SLOW
        expect(seat.page).to_have_title(re.compile(rf"▶ \d+ % · Job {number}|[✓✖] Job {number}"))
        expect(seat.page.locator("#job-state .state")).to_have_text(
            re.compile("succeeded|failed"), timeout=SLOW
        )
        for page in pages.values():
            expect(page.locator("#nav-jobs")).to_be_hidden(timeout=SOON)
        expect(seat.page).to_have_title(re.compile(rf"[✓✖] Job {number}"), timeout=SOON)
        expect(seat.page.locator("#groups")).not_to_contain_text("No current errors", timeout=SOON)
        expect(seat.page.locator("#legend")).to_contain_text("bugs", timeout=SOON)
        expect(pages["runs"].locator("#runs")).to_contain_text("PSZA", timeout=SOON)
        expect(pages["coverage"].locator("#tables")).to_be_visible()
        expect(pages["triage"].locator("#season-audits")).to_contain_text("in ", timeout=SLOW)
        for name in ("home", "triage"):
            expect(pages[name].locator("#nav-findings")).to_be_visible(timeout=SOON)
        # Input and focus stay.
        expect(pages["new"].locator("#new-reason")).to_have_value("typed before the job")
        expect(pages["new"].locator("#new-reason")).to_be_focused()


def test_every_page_is_live_again_after_the_web_process_is_killed(
    loaded_panel: Panel, pages: dict[str, Page], seats: dict[str, Seat]
) -> None:
    for page in pages.values():
        page.evaluate("window.loadedOnce = true")
        page.evaluate(
            "document.addEventListener('live:answer', () => { window.answeredAt = Date.now(); })"
        )
    for process in loaded_panel.stack.processes():
        if "backcourt web" in " ".join(process.cmdline()):
            process.kill()
    _wait_for(loaded_panel)
    back = 1000 * time.time()
    try:
        for page in pages.values():
            assert _answered_after(page, back) - back < BACK
            expect(page.locator("#lost")).to_be_hidden(timeout=BACK)
            assert page.evaluate("window.loadedOnce")
    finally:
        for seat in seats.values():
            seat.wrong.clear()  # requests without a server


def _answered_after(page: Page, moment: float) -> float:
    """Wait for an answer to a poll after a moment; return its time. Both in milliseconds."""
    deadline = time.monotonic() + SLOW / 1000
    while time.monotonic() < deadline:
        answered: float = page.evaluate("window.answeredAt ?? 0")
        if answered > moment:
            return answered
        page.wait_for_timeout(100)
    raise AssertionError(f"{page.url} is not live again")


def _wait_for(panel: Panel) -> None:
    """Wait until the web process answers."""
    deadline = time.monotonic() + SLOW / 1000
    while time.monotonic() < deadline:
        with suppress(OSError), urlopen(f"{panel.url}/healthz", timeout=2):
            return
        time.sleep(0.05)
    raise AssertionError("the web process did not return")


def test_a_swap_keeps_focus_selection_and_open_sections(
    browser: Browser, judged_panel: Panel
) -> None:
    with judged_panel.seat(browser) as seat:
        page = seat.page
        page.goto("/triage/")
        note = page.locator("#findings [name=note]").first
        note.fill("typed")
        box = page.locator("#findings input[type=checkbox]").first
        box.check()
        box.focus()
        page.evaluate(
            """() => { const list = document.querySelector("#findings");
                list.dataset.live = "0".repeat(16);
                list.querySelector(".finding-text a").textContent = "an older text";
                getSelection().selectAllChildren(list.querySelector(".finding-kind h2")); }"""
        )
        selected = page.evaluate("getSelection().toString()")
        expect(page.locator("#findings .finding-text a").first).not_to_have_text(
            "an older text", timeout=SOON
        )
        assert page.evaluate("getSelection().toString()") == selected != ""
        expect(box).to_be_checked()
        expect(box).to_be_focused()
        expect(note).to_have_value("typed")
