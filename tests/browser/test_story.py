"""Whole workflow in a browser: start a backfill, find a failure, drill down, fix it, retry."""

from __future__ import annotations

import os
import re
import signal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.panel import Panel, log_in

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]

ENDED = re.compile("succeeded|failed")
SLOW = 90_000  # milliseconds: two months of five processors on a busy machine
LATE = "2021-12-15"  # its file came late


def choose(page: Page, start: str, end: str, reason: str) -> None:
    """Fill in the form, which updates the preview."""
    page.goto("/backfills/new/")
    page.locator("#new-start").fill(start)
    page.locator("#new-end").fill(end)
    page.locator("#new-reason").fill(reason)
    page.locator("#new-brake").uncheck()  # bugs of the season would pause the job
    page.locator("#new-canary").uncheck()


def started(page: Page) -> str:
    """Start the previewed backfill and return the URL of its job."""
    button = page.locator("#start-button")
    expect(button).to_be_enabled()
    button.click()
    page.wait_for_url(re.compile(r"/jobs/\d+/$"))
    return page.url


def state(page: Page) -> str:
    """Return the state of the job on its page."""
    return page.locator("h1 .state").inner_text()


def test_a_backfill_from_the_form_to_the_last_failure_that_a_retry_heals(
    browser: Browser, loaded_panel: Panel
) -> None:
    with loaded_panel.seat(browser) as seat:
        page = seat.page
        choose(page, "2021-11-02", "2021-12-19", "to see what is wrong")
        page.locator("#new-skip_preflight").check()
        expect(page.locator("#preview")).to_contain_text("will run")
        job = started(page)

        # The open page shows the end and the audit.
        expect(page.locator("h1 .state")).to_have_text(ENDED, timeout=SLOW)
        expect(page.locator("#next")).to_contain_text("no rows in any Phase 3 table", timeout=SLOW)
        expect(page.locator("#cell-PCF-2021-11-27")).to_have_class(re.compile("s-failed"))

        # The failed cell links to its error.
        page.goto("/")
        expect(page.locator("section[aria-labelledby='findings-title']")).to_contain_text(
            "Phase 3 rows missing"
        )
        page.locator("#cell-PCF-2021-11-27").click()
        expect(page.locator("#drawer")).to_contain_text("no row")

        # Down to one player.
        page.goto(f"/dates/{LATE}/PDC/")
        page.get_by_role("searchbox").or_(page.locator("[data-search]")).first.fill("ins")
        page.locator("tbody a").first.click()
        expect(page.locator("main, dialog[open]").last).to_contain_text("games")

        # Load the late file, then preview and start the retry.
        done = loaded_panel.stack.installation.verb(
            "load_phase3",
            str(loaded_panel.stack.installation.var / "simulated" / "season_2021_late"),
        )
        assert done.returncode == 0, done.stderr
        page.goto(f"{job}retry/")
        page.locator("#plan #id_reason").fill("the file has come", timeout=SLOW)
        label = page.locator("label[for=retry-overwrites]").inner_text()
        page.locator("#retry-overwrites").fill(label.split()[0])
        page.get_by_role("button", name=re.compile("Retry .* run")).click()
        page.wait_for_url(re.compile(r"/jobs/\d+/$"))
        assert page.url != job
        expect(page.locator("h1 .state")).to_have_text(ENDED, timeout=SLOW)


def test_many_dates_and_a_session_that_ends_meanwhile_lose_nothing_that_was_typed(
    browser: Browser, loaded_panel: Panel
) -> None:
    # Too long for a URL.
    dates = 12 * "".join(f"2022-01-{day:02}\n2022-02-{day:02}\n" for day in range(2, 20))
    with loaded_panel.seat(browser, "olga") as seat:
        page = seat.page
        page.goto("/backfills/new/")
        page.get_by_label("List", exact=True).check()
        page.locator("#new-dates").fill(dates)
        page.locator("#new-reason").fill("many dates")
        expect(page.locator("#start-button")).to_contain_text("dates")

        page.context.clear_cookies(name="sessionid")
        page.locator("#new-reason").fill("typed after the session")
        expect(page.locator("#alerts")).to_contain_text("You are logged out")
        assert page.locator("#new-dates").input_value().split() == dates.split()
        with page.context.expect_page() as opened:
            page.get_by_role("link", name="Log in again").click()
        log_in(opened.value, "olga", loaded_panel.passwords["olga"])
        page.locator("#new-processors_0").uncheck()
        expect(page.locator("#alerts")).to_be_empty()
        expect(page.locator("#start-button")).to_be_enabled()
        assert page.locator("#new-reason").input_value() == "typed after the session"
        seat.wrong[:] = [said for said in seat.wrong if "401" not in said]


def test_pause_and_cancel_in_the_middle_in_two_browsers(
    browser: Browser, loaded_panel: Panel
) -> None:
    with loaded_panel.seat(browser) as one, loaded_panel.seat(browser, "olga") as other:
        page, watching = one.page, other.page
        choose(page, "2022-01-01", "2022-04-10", "to be stopped")
        page.locator("#new-batch_size").fill("2")
        job = started(page)
        watching.goto(job)
        page.get_by_role("link", name="Pause").or_(
            page.get_by_role("button", name="Pause")
        ).first.click()
        page.locator("dialog[open]").get_by_role("button", name="Pause").click()
        expect(page.locator("h1 .state")).to_have_text(re.compile("paus"))
        expect(watching.locator("h1 .state")).to_have_text(re.compile("paused"), timeout=SLOW)

        watching.get_by_role("link", name="Cancel").or_(
            watching.get_by_role("button", name="Cancel")
        ).first.click()
        dialog = watching.locator("dialog[open]")
        expect(dialog).to_contain_text("will be dropped")
        dialog.get_by_role("button", name=re.compile("^Cancel job")).click()
        expect(watching.locator("h1 .state")).to_have_text(re.compile("cancelled"), timeout=SLOW)
        expect(page.locator("h1 .state")).to_have_text(re.compile("cancelled"), timeout=SLOW)


def test_a_restart_of_the_panel_is_not_noticed_by_an_open_page(
    browser: Browser, loaded_panel: Panel
) -> None:
    with loaded_panel.seat(browser) as seat:
        page = seat.page
        choose(page, "2022-02-01", "2022-03-15", "while the panel restarts")
        started(page)
        for pid in loaded_panel.stack.pids("web"):
            os.kill(pid, signal.SIGKILL)
        expect(page.locator("h1 .state")).to_have_text(ENDED, timeout=SLOW)
        expect(page.locator("#lost")).to_be_hidden()
        seat.wrong.clear()  # requests during the restart
