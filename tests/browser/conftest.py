"""Fixtures: a real browser and a running installation."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.panel import QUIET, Panel, running
from tests.programs import FindProgram
from tests.system.installation import Installation
from tests.webapp.demo import Demo


@pytest.fixture(scope="session")
def browser(program: FindProgram) -> Iterator[Browser]:
    """Headless Chromium."""
    sandbox = ("--no-sandbox",) if os.getuid() == 0 else ()
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=program("chromium"), args=[*QUIET, *sandbox]
        )


@pytest.fixture(scope="module")
def judged_panel(demo_files: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Panel]:
    """Panel with two months of faults, run and audited; tests do not change them."""
    var = tmp_path_factory.mktemp("judged") / "var"
    shutil.copytree(demo_files.folder, var)
    with running(Installation(var)) as panel:
        panel.add("vera", "viewer")
        panel.add("ada", "admin")
        yield panel


@pytest.fixture(scope="module")
def loaded_panel(demo_files: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Panel]:
    """Panel with a season of faults and no runs."""
    var = tmp_path_factory.mktemp("loaded") / "var"
    shutil.copytree(demo_files.loaded, var)
    with running(Installation(var)) as panel:
        panel.add("olga", "operator")
        panel.add("vera", "viewer")
        yield panel
