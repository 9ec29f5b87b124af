"""Drawer of a run: by mouse and keyboard, with its own address; its log while the step runs."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.panel import DESKTOP, PHONE, Panel
from tests.browser.test_every_page import COLORS, RULES, found_by_axe

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]

RUN = re.compile(r"/runs/\d+/$")
SLOW = 90_000  # milliseconds


def test_a_run_opens_by_keyboard_and_mouse_and_back_closes_it(
    browser: Browser, judged_panel: Panel
) -> None:
    with judged_panel.seat(browser) as seat:
        page, keys = seat.page, seat.page.keyboard
        page.goto("/runs/?processor=PSZA")
        page.evaluate("window.sameDocument = true")
        link = page.locator("tbody a[href^='/runs/']").nth(2)
        target = link.get_attribute("href")
        drawer = page.locator("#drawer")
        link.focus()
        keys.press("Enter")
        expect(drawer).to_be_visible()
        expect(drawer).to_contain_text("Duration")
        expect(drawer.locator(".run-log")).to_contain_text("attempt 1")
        assert page.url.endswith(str(target))
        keys.press("Escape")
        expect(drawer).to_be_hidden()
        page.wait_for_url("**/runs/?processor=PSZA")
        assert page.evaluate("document.activeElement.getAttribute('href')") == target

        link.click()
        expect(drawer.locator(".run-log")).to_contain_text("query of")
        drawer.get_by_placeholder("Search log").fill("history")
        expect(drawer.locator(".run-log")).not_to_contain_text("query of")
        expect(drawer.locator(".run-log")).to_contain_text("run history in")
        page.go_back()
        expect(drawer).to_be_hidden()
        page.go_forward()
        expect(drawer.locator(".run-log")).to_contain_text("query of")
        drawer.get_by_role("button", name="Close").click()
        expect(drawer).to_be_hidden()
        page.wait_for_url("**/runs/?processor=PSZA")
        assert page.evaluate("window.sameDocument")
        assert page.locator("tbody tr").count() > 2

        # Reload loses nothing: the address of the drawer is a page.
        link.click()
        expect(drawer.locator(".run-log")).to_contain_text("query of")
        page.reload()
        expect(page.locator("main .run-log")).to_contain_text("query of")
        expect(drawer).to_be_hidden()
        page.go_back()
        page.wait_for_url("**/runs/?processor=PSZA")
        expect(page.locator("h1")).to_have_text("Runs")

        # From a drawer to another run, and back to the page in one step.
        page.goto("/jobs/1/")
        cell = page.locator("#grid a.cell[href^='/runs/']").first
        cell.click()
        expect(drawer).to_be_visible()
        page.locator("#drawer .drawer-head").click(position={"x": 2, "y": 2})
        expect(drawer).to_be_visible()
        page.mouse.click(20, 400)  # its backdrop
        expect(drawer).to_be_hidden()
        page.wait_for_url("**/jobs/1/")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_drawer_and_the_page_are_accessible(
    browser: Browser, judged_panel: Panel, viewport: dict[str, int]
) -> None:
    with judged_panel.seat(browser, viewport=viewport) as seat:
        page = seat.page
        page.goto("/runs/?state=failed")
        page.locator("tbody a[href^='/runs/']").first.click()
        expect(page.locator("#drawer")).to_contain_text("Retry: nothing to retry")
        assert found_by_axe(page, RULES) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        page.goto(page.url)
        expect(page.locator("main")).to_contain_text("Retry: nothing to retry")
        page.emulate_media(color_scheme="dark")
        page.reload()
        assert found_by_axe(page, COLORS) == []


def test_the_log_of_a_running_step_grows_in_the_open_drawer(
    browser: Browser, loaded_panel: Panel
) -> None:
    with loaded_panel.seat(browser) as seat:
        page = seat.page
        page.goto("/backfills/new/?start=2021-10-19&end=2022-04-10&what=everything")
        page.locator("#new-reason").fill("to read its log")
        page.locator("#new-brake").uncheck()
        page.locator("#new-canary").uncheck()
        page.locator("#new-skip_preflight").check()
        page.locator("#new-batch_size").fill("200")
        expect(page.locator("#start-button")).to_be_enabled()
        page.locator("#start-button").click()
        page.wait_for_url(re.compile(r"/jobs/\d+/$"))
        number = page.url.rstrip("/").rpartition("/")[2]
        links = page.locator("tbody a[href^='/runs/']")
        for _ in range(120):  # the list does not follow the job
            page.goto(f"/runs/?job={number}&state=running")
            if links.count():
                break
            page.wait_for_timeout(250)
        page.evaluate("window.sameDocument = true")
        links.last.click()
        log = page.locator("#drawer .run-log")
        expect(log).to_contain_text("attempt 1")
        expect(log).not_to_contain_text("complete in")
        expect(log).to_contain_text(re.compile(r"complete.* in \d"), timeout=SLOW)
        expect(page.locator("#drawer")).to_contain_text("entities", timeout=SLOW)
        expect(page.locator("#drawer [hx-trigger='every 1s']")).to_have_count(0)
        assert page.evaluate("window.sameDocument")
        assert RUN.search(page.url)
