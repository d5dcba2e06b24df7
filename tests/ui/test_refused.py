"""A page that the server does not let in is never blank: it says what to set, and lives once that is set (F12)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.app.live_server import LiveServer, wait_for
from tests.conftest import PageFaults
from tests.ui.bedside import RATE_HZ, Bedside, Device
from tests.ui.conftest import Diary
from tests.ui.loss import live, says
from tests.ui.proxy import Proxy

HISTORY = 15 * RATE_HZ
SOON_S = 20
SCREENS = [(1920, 1080), (1366, 768), (1024, 768)]


def restart_with(server: LiveServer, allowed: str) -> None:
    """What the operator does."""
    server.stop()
    server.environment["MONITOR_ALLOWED_ORIGINS"] = allowed
    server.start()


@pytest.mark.holds("F12.1")
def test_a_page_whose_origin_is_refused_says_what_to_set(
    a_server: LiveServer,
    network: Proxy,
    bedside: Bedside,
    diary_page: Callable[..., Diary],
    page_faults: PageFaults,
) -> None:
    """Behind a proxy the page comes and its socket does not: wall and room say so, and the log does, in one line."""
    page_faults.expect("status of 403|status of 502")
    a_server.start()
    bedside.start(Device(a_server.url, 101, history=HISTORY))
    network.to_port, network.gives_its_own_host = a_server.port, True
    pages = [diary_page(f"{network.url}{path}") for path in ("/wall", "/room?room=101")]
    setting = f"MONITOR_ALLOWED_ORIGINS=127.0.0.1:{network.port}"
    for diary in pages:
        seen = diary.until(says(f"On the server, set {setting} and restart it."))
        assert f"This server does not let pages of 127.0.0.1:{network.port} in." in seen["bands"][0]
        assert seen["pill"] == "Not let in"
        assert all(figure == "--" for figure in seen["figures"])
        for width, height in SCREENS:
            diary.page.set_viewport_size({"width": width, "height": height})
            for part in diary.page.locator(".page-band.refusal .band-text, .page-band.refusal .band-aside").all():
                fits = "el => el.scrollWidth <= el.clientWidth && el.getBoundingClientRect().right <= innerWidth"
                assert part.evaluate(fits), f"cut off at {width}"
    wait_for(lambda: setting in a_server.log, 5, "the log")
    restart_with(a_server, setting.partition("=")[2])
    for diary in pages:
        diary.until(lambda seen: live(seen) and seen["bands"] == [], SOON_S)


@pytest.mark.holds("F12.1")
def test_a_browser_under_a_foreign_name_gets_a_page_of_words_that_becomes_the_wall(
    a_server: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary], page_faults: PageFaults
) -> None:
    """The name is refused before anything is read; a wall that nobody touches comes back by itself."""
    page_faults.expect("status of 403|status of 502")
    a_server.start()
    bedside.start(Device(a_server.url, 101, history=HISTORY))
    diary = diary_page(f"http://wall.localhost:{a_server.port}/wall")
    page = diary.page
    expect(page.get_by_role("heading", name="Not let in")).to_be_visible()
    setting = f"MONITOR_ALLOWED_ORIGINS=wall.localhost:{a_server.port}"
    expect(page.locator(".remedy")).to_have_text(f"On the server, set {setting} and restart it.")
    for width, height in SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"scrolls at {width}"
    restart_with(a_server, setting.partition("=")[2])
    diary.until(live, SOON_S)
