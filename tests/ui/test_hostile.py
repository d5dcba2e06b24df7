"""Text that people type, or devices say, is never interpreted as HTML or script anywhere (F13)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.app.live_server import LiveServer
from tests.ui.bedside import RATE_HZ, Bedside, Device
from tests.ui.conftest import LAB_NAME, PATIENTS, PAYLOADS, Diary
from tests.ui.test_command import command


@pytest.mark.holds("F13.1")
def test_nothing_that_is_typed_runs(ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary]) -> None:
    """F13: as a patient's name, a device's name, its stream, its reason to refuse, and the page's own query."""
    rooms = {payload: number for number, payload in PATIENTS.items() if payload in PAYLOADS}

    def refusing(payload: str) -> Callable[[float], None]:
        def refuse(_pressure: float) -> None:
            raise ValueError(payload)

        return refuse

    for payload, number in rooms.items():
        bedside.start(
            Device(
                ward.url,
                number,
                name=payload,
                stream=f"{payload}{number}",
                history=10 * RATE_HZ,
                pressure=refusing(payload),
            )
        )
    wall = diary_page(f"{ward.url}/wall")
    seen = wall.until(lambda seen: all(seen["tiles"][str(number)]["figures"][0] != "--" for number in rooms.values()))
    assert [seen["tiles"][str(number)]["name"] for number in rooms.values()] == list(rooms)
    assert wall.page.locator("h1").inner_text() == LAB_NAME
    _nothing_ran(wall)
    room = diary_page("about:blank")
    for payload, number in rooms.items():
        room.page.goto(f"{ward.url}/room?room={number}")
        room.until(lambda seen: seen["pill"].startswith("Live"))
        assert room.page.locator(".room-name").inner_text() == payload
        assert payload in room.page.locator(".room-meta").inner_text()
        command(room.page, 9)
        assert payload in room.until(lambda seen: "Refused" in seen["fate"])["fate"]
        _nothing_ran(room)
    for query in ("?room=<script>window.owned=1</script>", "?room=101%22%3E%3Csvg/onload=window.owned=1%3E"):
        room.page.goto(f"{ward.url}/room{query}")
        room.page.wait_for_timeout(500)
        _nothing_ran(room)


def _nothing_ran(diary: Diary) -> None:
    assert diary.page.evaluate("window.owned") is None
    assert diary.page.evaluate("probe.all('.bw img, .bw script, .bw svg, .bw b[onclick], .bw iframe').length") == 0
