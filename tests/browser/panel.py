"""Backcourt as `bin/up` runs it, and a logged-in browser."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, Page

from tests.system.installation import Installation
from tests.system.stack import QUICK, Stack

DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
FIRST_LOGIN = re.compile(r"log in as (\S+) with password (\S+)")
NEW_PASSWORD = re.compile(r"password:? (\S+)")
QUIET = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def free_address() -> str:
    """Return a local address with a free port."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return f"127.0.0.1:{found.getsockname()[1]}"


@dataclass
class Seat:
    """Page in its own browser context, with the errors that occurred in it."""

    page: Page
    wrong: list[str] = field(default_factory=list)

    def watch(self) -> Seat:
        """Record console errors, failed requests and error responses."""
        self.page.on(
            "console",
            lambda m: (
                m.type in ("error", "warning") and self.wrong.append(f"{m.text} at {self.page.url}")
            ),
        )
        self.page.on("pageerror", lambda e: self.wrong.append(f"{e} at {self.page.url}"))
        self.page.on("requestfailed", self._failed)
        self.page.on(
            "response", lambda r: r.status >= 400 and self.wrong.append(f"{r.status} {r.url}")
        )
        return self

    def _failed(self, request: object) -> None:
        # Leaving a page aborts its requests.
        if "ERR_ABORTED" not in str(getattr(request, "failure", "")):
            self.wrong.append(f"{request} failed: {getattr(request, 'failure', '')}")


@dataclass
class Panel:
    """Running installation, with the password of each user."""

    stack: Stack
    address: str
    passwords: dict[str, str]

    @property
    def url(self) -> str:
        """Base URL of the panel."""
        return f"http://{self.address}"

    def add(self, name: str, role: str) -> None:
        """Create a user with the command line."""
        made = self.stack.installation.verb("user", name, "--role", role)
        assert made.returncode == 0, made.stderr
        found = NEW_PASSWORD.search(made.stdout)
        assert found, made.stdout
        self.passwords[name] = found[1]

    @contextmanager
    def seat(self, browser: Browser, name: str = "operator", **context: object) -> Iterator[Seat]:
        """Yield a logged-in browser; fail at the end if errors occurred in it."""
        made: BrowserContext = browser.new_context(
            **{"base_url": self.url, "viewport": DESKTOP, **context}
        )  # type: ignore[arg-type]
        made.set_default_timeout(20_000)
        seat = Seat(made.new_page()).watch()
        log_in(seat.page, name, self.passwords[name])
        yield seat
        made.close()
        assert seat.wrong == [], seat.wrong


def log_in(page: Page, name: str, password: str) -> None:
    """Log in through the form."""
    page.goto("/login/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(lambda url: "/login" not in url)


@contextmanager
def running(installation: Installation) -> Iterator[Panel]:
    """Start the installation, and stop it at the end."""
    address = free_address()
    front = installation.start(
        "up", "--no-demo", WEB_ADDRESS=address, AUDIT_AFTER_JOBS="true", **QUICK
    )
    stack = Stack.of(installation, front)
    said = stack.wait_until_ready()
    found = FIRST_LOGIN.search(said)
    assert found, said
    try:
        yield Panel(stack, address, {found[1]: found[2]})
    except BaseException:
        print(stack.logs())
        stack.kill_all()
        raise
    ended = stack.stop()
    assert (ended.returncode, ended.stderr) == (0, ""), ended
