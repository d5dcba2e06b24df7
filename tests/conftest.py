"""Fixtures for all tests: a real browser that refuses the outside world and fails the test on any fault of a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from cpap_core import warm_up
from tests import browser as chromium

UI_TESTS = Path(__file__).parent / "ui"
LOCAL_SCHEMES = {"about", "blob", "data"}


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile the kernels once, before several processes and servers would each do it at the same time."""
    if not hasattr(session.config, "workerinput"):
        warm_up()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `ui` what lies in tests/ui or uses the browser, so that nobody has to think of it."""
    for item in items:
        if UI_TESTS in item.path.parents or "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.ui)


class PageFaults:
    """What went wrong in the pages of one test: console errors, uncaught exceptions, requests beyond loopback."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._expected: list[re.Pattern[str]] = []

    def expect(self, pattern: str) -> None:
        """Let faults pass that match the pattern, such as a lost server's refused connections."""
        self._expected.append(re.compile(pattern))

    def unexpected(self) -> list[str]:
        """Return the faults that no pattern lets pass."""
        return [fault for fault in self.seen if not any(pattern.search(fault) for pattern in self._expected)]

    def watch(self, page: Page) -> None:
        """Record this page's faults from now on."""
        page.on("console", lambda message: message.type == "error" and self.seen.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.seen.append(f"uncaught: {error}"))
        page.on("request", lambda request: self._outside(request.url))
        page.on("websocket", lambda socket: self._outside(socket.url))

    def _outside(self, url: str) -> None:
        if not is_loopback(url):
            self.seen.append(f"outside: {url}")


def is_loopback(url: str) -> bool:
    """Say whether a request for this address stays on this machine."""
    parts = urlsplit(url)
    if parts.scheme in LOCAL_SCHEMES or f".{parts.hostname}".endswith(".localhost"):
        return True
    try:
        return ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium, once for all tests; each page has a context, and so a profile, of its own.

    While it lives, Playwright's event loop runs in this thread: `asyncio.run` needs another one here.
    """
    try:
        path = chromium.find()
    except chromium.NoBrowserError as problem:
        pytest.fail(str(problem), pytrace=False)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=chromium.FLAGS)
        try:
            yield running
        finally:
            running.close()


@pytest.fixture
def page_faults() -> Iterator[PageFaults]:
    """The faults of this test's pages; any that it did not `expect` fails it."""
    faults = PageFaults()
    yield faults
    unexpected = faults.unexpected()
    if unexpected:
        pytest.fail("The page had faults:\n" + "\n".join(unexpected), pytrace=False)


@pytest.fixture
def new_page(browser: Browser, page_faults: PageFaults) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a page as another person would: own window, own cookies, own storage.

    Its keyword arguments are those of Playwright's `new_context`, such as `viewport`.
    """
    contexts = []

    def open_page(**options: object) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1920, "height": 1080}, **options})
        contexts.append(context)
        page = context.new_page()
        page_faults.watch(page)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """One page of 1920 x 1080 in a window of its own."""
    return new_page()
