"""Fix of a lost partition in a browser, from the finding to its close."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.panel import Panel, running
from tests.system.installation import Installation
from tests.webapp.demo import Demo

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("browser")]

SLOW = 90_000  # milliseconds: runs and their audit on a busy machine
LOST = "2021-12-10"


@pytest.fixture(scope="module")
def fixed_panel(demo_files: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Panel]:
    """Panel with two audited months, which the test changes."""
    var = tmp_path_factory.mktemp("fixed") / "var"
    shutil.copytree(demo_files.folder, var)
    with running(Installation(var)) as panel:
        panel.add("olga", "operator")
        yield panel


def open_fix(page: Page, kind: str) -> None:
    """Open the finding of a kind from the list."""
    page.goto(f"/triage/?kind={kind}")
    page.locator("#findings").get_by_role("link", name=re.compile("^Fix")).first.click()
    expect(page.locator("#fix")).to_be_visible()


def press_fix(page: Page) -> None:
    """Confirm what is overwritten, start the runs, and come back."""
    url, steps = page.url, page.locator("#fix")
    if typed := re.search(r"Type ([\d,]+) to confirm", steps.inner_text()):
        page.locator("#fix-overwrites").fill(typed[1])
    steps.get_by_role("button", name=re.compile("^Fix .* run")).click()
    page.wait_for_url(re.compile(r"/jobs/\d+/$"))
    page.goto(url)


def test_a_lost_partition_is_rerun_with_everything_that_reads_it(
    browser: Browser, fixed_panel: Panel
) -> None:
    installation = fixed_panel.stack.installation
    output = installation.var / "warehouse" / "nba_precompute" / "player_shot_zone_analysis"
    (lost,) = output.glob(f"*{LOST}*")
    shutil.rmtree(lost)
    done = installation.verb("triage")
    assert "lost partition" in done.stdout
    with fixed_panel.seat(browser, "olga") as seat:
        page = seat.page
        open_fix(page, "lost partition")
        expect(page.locator("#fix")).to_contain_text(f"4 runs of PSZA, PCF, PDC, ML, {LOST}")
        press_fix(page)
        expect(page.locator("#fix")).to_contain_text("The evidence is gone", timeout=SLOW)
