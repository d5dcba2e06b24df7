"""The browser fixture itself: a fault of a page must not go unseen, and nothing may leave this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page

from tests.conftest import PageFaults


class _Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><link rel=icon href=data:,><title>blank</title>")

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def blank() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Blank) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_a_page_without_faults_loads_from_loopback(page: Page, page_faults: PageFaults, blank: str) -> None:
    page.goto(blank)
    assert page.title() == "blank"
    assert page_faults.seen == []


def test_console_errors_and_exceptions_are_recorded(page: Page, page_faults: PageFaults, blank: str) -> None:
    page_faults.expect("spilled|broke")
    page.goto(blank)
    page.evaluate("console.error('spilled'); setTimeout(() => { throw new Error('broke') })")
    page.wait_for_timeout(200)
    assert [fault.split(":")[0] for fault in page_faults.seen] == ["console", "uncaught"]
    assert page_faults.unexpected() == []


@pytest.mark.parametrize("address", ["http://example.com/", "http://192.0.2.1/", "ws://example.com/"])
def test_requests_beyond_loopback_are_refused_and_recorded(
    page: Page, page_faults: PageFaults, blank: str, address: str
) -> None:
    page_faults.expect("ERR_NAME_NOT_RESOLVED|outside: ")
    page.goto(blank)
    reached = page.evaluate(
        """address => new Promise(done => {
            if (address.startsWith("ws")) {
                const socket = new WebSocket(address)
                socket.onopen = () => done(true)
                socket.onerror = () => done(false)
            } else {
                fetch(address, {mode: "no-cors"}).then(() => done(true), () => done(false))
            }
        })""",
        address,
    )
    assert reached is False
    assert f"outside: {address}" in page_faults.seen


def test_two_pages_share_nothing(new_page: Callable[..., Page], blank: str) -> None:
    first, second = new_page(), new_page(viewport={"width": 800, "height": 600})
    for each in (first, second):
        each.goto(blank)
    first.evaluate("localStorage.setItem('who', 'first')")
    assert second.evaluate("localStorage.getItem('who')") is None
    assert second.viewport_size == {"width": 800, "height": 600}
