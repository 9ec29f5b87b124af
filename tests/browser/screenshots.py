"""Screenshots of every page, light and dark, on a desktop and on a phone, into docs/screenshots/:
`bin/screenshots`.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import django

PAGES = {
    "home": "/",
    "new": "/backfills/new/?start=2022-01-01&end=2022-01-31&reason=January",
    "jobs": "/jobs/",
    "job": "/jobs/1/",
    "retry": "/jobs/1/retry/",
    "triage": "/triage/",
    "finding": "/triage/1/",
    "date": "/dates/2021-11-19/",
    "entities": "/dates/2021-11-19/PSZA/",
    "rates": "/rates/?by=date",
    "coverage": "/coverage/",
    "runs": "/runs/",
    "queries": "/queries/",
    "query": "/queries/failure-rates/?start=2021-11-15&end=2021-11-21",
    "players": "/players/",
    "guide": "/guide/",
    "topic": "/guide/season/",
    "system": "/system/",
    "tokens": "/system/tokens/",
    "api": "/api/docs",
}
MADE_OF = {
    "story": ("/dates/2021-11-19/PSZA/?category=INSUFFICIENT_DATA", "tbody a"),
    "player": ("/players/?q=an", "main li a"),
}


def main(into: Path) -> None:
    """Start a demo and take every screenshot."""
    from playwright.sync_api import sync_playwright

    from tests import programs
    from tests.browser.panel import DESKTOP, PHONE, QUIET, running
    from tests.system.installation import Installation
    from tests.webapp.demo import made_once

    into.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as scratch, sync_playwright() as playwright:
        var = Path(scratch) / "var"
        shutil.copytree(made_once().folder, var)
        browser = playwright.chromium.launch(
            executable_path=programs.ensure("chromium"), args=[*QUIET, "--no-sandbox"]
        )
        with running(Installation(var)) as panel:
            for theme in ("light", "dark"):
                for form, size in (("desktop", DESKTOP), ("phone", PHONE)):
                    with panel.seat(browser, color_scheme=theme, viewport=size) as seat:
                        for name, url in PAGES.items():
                            seat.page.goto(url)
                            seat.page.wait_for_load_state("networkidle")
                            seat.page.screenshot(path=into / f"{name}-{theme}-{form}.png")
                        for name, (url, link) in MADE_OF.items():
                            seat.page.goto(url)
                            seat.page.locator(link).first.click()
                            seat.page.wait_for_load_state("networkidle")
                            seat.page.screenshot(path=into / f"{name}-{theme}-{form}.png")
    print(f"{len(list(into.glob('*.png')))} screenshots in {into}")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
    django.setup()
    main(Path(sys.argv[1]))
