"""However the server is lost, every page says so by its own clock, and finds it again by itself (F42, CLINICAL)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.app.live_server import LiveServer
from tests.app.troubled_server import TROUBLE_LPM, TroubledServer
from tests.ui.bedside import RATE_HZ, Bedside, Device, breaths
from tests.ui.conftest import Diary
from tests.ui.loss import ALARM_WITHIN_S, GREY_WITHIN_S, MARK, heal, live, lose, no_number, says
from tests.ui.proxy import Proxy


def two_pages(url: str, diary_page: Callable[..., Diary]) -> list[Diary]:
    """The wall and a room page, live and marked, so that a reload would be noticed."""
    pages = [diary_page(f"{url}/wall"), diary_page(f"{url}/room?room=101")]
    for diary in pages:
        diary.until(live)
        diary.page.evaluate(MARK)
    return pages


@pytest.mark.holds("F42.2")
def test_a_stopped_and_a_killed_server(
    a_server: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary]
) -> None:
    """SIGSTOP and SIGCONT, SIGKILL and a restart."""
    a_server.start()
    for room in (101, 102):
        bedside.start(Device(a_server.url, room, history=15 * RATE_HZ))
    pages = two_pages(a_server.url, diary_page)
    lose(pages, lambda: a_server.signal(signal.SIGSTOP))
    a_server.signal(signal.SIGCONT)
    heal(pages)
    lose(pages, lambda: a_server.signal(signal.SIGKILL))
    a_server.start()
    heal(pages)


def test_a_network_that_is_gone_and_an_event_loop_that_is_blocked(
    troubled: Callable[..., TroubledServer], network: Proxy, bedside: Bedside, diary_page: Callable[..., Diary]
) -> None:
    """A pulled cable: no socket closes, and nothing comes. A loop busy with something else. Every socket dropped."""
    server = troubled(MONITOR_ALLOWED_ORIGINS=f"127.0.0.1:{network.port}")
    network.to_port = server.port
    for room in (101, 102):
        bedside.start(Device(server.url, room, history=15 * RATE_HZ))
    pages = two_pages(network.url, diary_page)
    lose(pages, network.stall)
    opened = network.sockets
    network.flow()
    heal(pages)
    assert network.sockets == opened, "the old sockets spoke again, and new ones were opened all the same"
    lose(pages, server.block)
    heal(pages)
    lose(pages, network.shut)
    network.open()
    heal(pages)


def breaking(first: int, n: int) -> NDArray[np.float32]:
    """Breathing for 18 s, then the value that breaks the detector."""
    values = breaths(first, n)
    values[np.arange(first, first + n) == 18 * RATE_HZ, 0] = TROUBLE_LPM
    return values


def test_a_detector_that_raises(
    troubled: Callable[..., TroubledServer], bedside: Bedside, diary_page: Callable[..., Diary]
) -> None:
    """Its room is faulted, in words and colour; the others go on."""
    server = troubled()
    bedside.start(Device(server.url, 102, history=15 * RATE_HZ))
    wall = diary_page(f"{server.url}/wall")
    room = diary_page(f"{server.url}/room?room=101")
    broken = Device(server.url, 101, signal=breaking, history=15 * RATE_HZ)
    bedside.start(broken)
    wall.until(lambda seen: seen["tiles"]["101"]["figures"][0] != "--")
    room.until(live)
    wall.wait(lambda: broken.sent > 18 * RATE_HZ, 10)
    raised_at = time.time()
    greys = (lambda seen: seen["tiles"]["101"]["grey"], lambda seen: seen["grey"] and no_number(seen))
    bands = (lambda seen: seen["tiles"]["101"]["band"], lambda seen: seen["bands"][0])
    for diary, grey, band in zip((wall, room), greys, bands, strict=True):
        assert diary.first(grey, since=raised_at - 1) - raised_at < GREY_WITHIN_S
        alarmed = diary.first(lambda seen, band=band: band(seen).startswith("!! "), since=raised_at - 1)
        assert alarmed - raised_at < ALARM_WITHIN_S
    seen = wall.now["tiles"]
    assert seen["101"]["band"].startswith("!! Detector failed")
    assert (seen["102"]["grey"], seen["102"]["band"]) == (False, "")
    assert seen["102"]["figures"][0] != "--"


def test_a_tab_that_slept_while_the_server_was_lost(
    a_server: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary]
) -> None:
    """Asleep it can show nothing; within 2 s of waking no old number stands there as current, and it heals."""
    a_server.start()
    for room in (101, 102):
        bedside.start(Device(a_server.url, room, history=15 * RATE_HZ))
    pages = two_pages(a_server.url, diary_page)
    browser = pages[0].page.context.browser
    assert browser is not None
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    renderers = [process["id"] for process in processes if process["type"] == "renderer"]
    for renderer in renderers:
        os.kill(renderer, signal.SIGSTOP)
    asleep_at = time.time()
    a_server.signal(signal.SIGSTOP)
    time.sleep(6)
    woken_at = time.time()
    for renderer in renderers:
        os.kill(renderer, signal.SIGCONT)
    for diary in pages:
        assert diary.first(no_number, since=woken_at) - woken_at < 2.0
        assert diary.first(says("!! Server lost"), since=woken_at) - woken_at < 2.0
        assert not [at for at, _ in diary.entries if asleep_at + 0.5 < at < woken_at], "the tab did not sleep"
    a_server.signal(signal.SIGCONT)
    heal(pages)
