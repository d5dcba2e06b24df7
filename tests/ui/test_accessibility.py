"""axe-core finds no serious or critical fault on any page, dark or light, with rooms of every kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.app.live_server import LiveServer
from tests.ui.accessibility import faults
from tests.ui.bedside import RATE_HZ, Bedside, Device
from tests.ui.conftest import Diary

PAGES = ("/wall", "/room?room={room}", "/room", "/room?room=9999", "/patients", "/review", "/review?recording=1")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_grave(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary], numbers: Iterator[int], scheme: str
) -> None:
    room = next(numbers)
    bedside.start(Device(ward.url, room, history=20 * RATE_HZ))
    found: dict[str, Any] = {}
    for address in PAGES:
        page = diary_page(ward.url + address.format(room=room)).page
        page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", scheme)
        page.wait_for_timeout(1500)
        if found_here := faults(page):
            found[address] = found_here
    assert found == {}
