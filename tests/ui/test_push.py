"""What is new comes by push: every browser shows the same, within a second, and asks for nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Request, WebSocket

from tests.app.live_server import LiveServer
from tests.ui.bedside import RATE_HZ, Bedside, Device, breaths
from tests.ui.conftest import Diary

WATCHED_S = 60


@pytest.mark.holds("F40.2")
def test_watched_for_a_minute_the_pages_ask_for_nothing(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary], numbers: Iterator[int]
) -> None:
    """F40: a page that was loaded has its WebSocket and makes no request at all; two walls show the same."""
    rooms = [next(numbers) for _ in range(4)]
    devices = [bedside.start(Device(ward.url, room, history=20 * RATE_HZ)) for room in rooms]
    walls = [diary_page(f"{ward.url}/wall"), diary_page(f"{ward.url}/wall")]
    room = diary_page(f"{ward.url}/room?room={rooms[0]}")
    for diary in (*walls, room):
        diary.until(lambda seen: seen["pill"].startswith("Live"))
    room.page.wait_for_timeout(1500)
    asked: list[str] = []
    for diary in (*walls, room):
        diary.page.on("request", lambda request: asked.append(_told(request)))
        diary.page.on("websocket", lambda socket: asked.append(_opened(socket)))
        diary.page.evaluate("performance.clearResourceTimings()")
    for passed in range(WATCHED_S):
        room.page.wait_for_timeout(1000)
        if passed == 15:
            raise_pressure(ward, rooms[1], 11)
        if passed == 30:
            devices[2].silence()
    assert asked == []
    for diary in (*walls, room):
        assert diary.page.evaluate("performance.getEntriesByType('resource').length") == 0
    _show_the_same(walls[0].entries, walls[1].entries, {str(number) for number in rooms})
    assert walls[0].now["tiles"][str(rooms[1])]["pressure"] == "11"
    assert walls[0].now["tiles"][str(rooms[2])]["grey"]


def raise_pressure(ward: LiveServer, number: int, pressure: int) -> None:
    """Command a pressure as a program would."""
    body, key = {"pressure_cmh2o": pressure}, f"{number} {pressure}"
    assert ward.post(f"/api/v1/rooms/{number}/pressure", body, Idempotency_Key=key)[0] == 202


def _told(request: Request) -> str:
    return f"{request.method} {request.url}"


def _opened(socket: WebSocket) -> str:
    return f"socket {socket.url}"


def _show_the_same(one: list[Any], other: list[Any], rooms: set[str]) -> None:
    """Whatever one page shows, the other shows within a second before or after."""
    for mine, theirs in ((one, other), (other, one)):
        begin, end = max(mine[0][0], theirs[0][0]) + 2, min(mine[-1][0], theirs[-1][0]) - 2
        for room in rooms:
            spans = _spans(theirs, room)
            for at, value in _spans(mine, room):
                if begin < at < end:
                    around = pairwise([*spans, (end + 9, None)])
                    near = [v for (since, v), (until, _) in around if since < at + 1 and until > at - 1]
                    assert value in near, f"room {room} at {at}: {value}, the other page {near}"


def _spans(entries: list[Any], room: str) -> list[tuple[float, Any]]:
    found: list[tuple[float, Any]] = []
    for at, seen in entries:
        tile = seen["tiles"].get(room)
        value = tile and (tile["name"], tile["pressure"], tile["figures"], tile["total"], tile["grey"])
        if not found or found[-1][1] != value:
            found.append((at, value))
    return found


@pytest.mark.holds("F16.1", "F24.1")
def test_a_new_room_appears_within_a_second(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary], numbers: Iterator[int]
) -> None:
    """F24: pages that were open before the room existed show it when it comes, the wall and its own."""
    number = next(numbers)
    wall = diary_page(f"{ward.url}/wall")
    room = diary_page(f"{ward.url}/room?room={number}")
    room.page.get_by_text(f"Nothing has come from room {number} yet").wait_for()
    wall.page.wait_for_timeout(1500)
    device = bedside.start(Device(ward.url, number))
    tile = str(number)
    seen_at = wall.first(lambda seen: tile in seen["tiles"])
    alive_at = room.first(lambda seen: seen["pill"].startswith("Live"))
    assert device.began_at is not None
    assert seen_at - device.began_at < 1.0
    assert alive_at - device.began_at < 1.0
    assert wall.now["tiles"][tile]["name"] == "Unidentified"
    wall.until(lambda seen: "first breath" in seen["tiles"][tile]["note"] or seen["tiles"][tile]["figures"][0] != "--")


@pytest.mark.holds("F24.1")
def test_a_changed_value_appears_within_a_second(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary], numbers: Iterator[int]
) -> None:
    """F24: from the device's own change of the pressure to the number on the wall."""
    number = next(numbers)
    device = bedside.start(Device(ward.url, number))
    wall = diary_page(f"{ward.url}/wall")
    wall.until(lambda seen: str(number) in seen["tiles"])
    for pressure in (9, 12):
        raise_pressure(ward, number, pressure)
        wall.wait(lambda: device.applied_at, 5)
        assert device.applied_at is not None
        shown = wall.first(partial(shows_pressure, number, pressure))
        assert shown - device.applied_at < 1.0
        device.applied_at = None


def shows_pressure(number: int, pressure: int, seen: dict[str, Any]) -> bool:
    """Whether the room's tile shows the pressure."""
    return bool(seen["tiles"][str(number)]["pressure"] == str(pressure))


def pause(first: int, n: int) -> np.ndarray:
    """Breathing for 20 s, then none."""
    values = breaths(first, n)
    values[np.arange(first, first + n) >= 20 * RATE_HZ, 0] = 0.0
    return values


@pytest.mark.holds("F41.1", "F41.3")
@pytest.mark.parametrize(("history_s", "mark", "priority"), [(29, "!! ", "medium"), (39, "!!! ", "high")])
def test_an_apnea_is_known_while_it_lasts(
    ward: LiveServer,
    bedside: Bedside,
    diary_page: Callable[..., Diary],
    numbers: Iterator[int],
    history_s: int,
    mark: str,
    priority: str,
) -> None:
    """F41: the alarm in words, marks and counting seconds; no rate, tidal volume or minute ventilation meanwhile."""
    number = next(numbers)
    room = diary_page(f"{ward.url}/room?room={number}")
    bedside.start(Device(ward.url, number, signal=pause, history=history_s * RATE_HZ))
    wall = diary_page(f"{ward.url}/wall")
    seen = wall.until(lambda seen: seen["tiles"].get(str(number), {}).get("band", "").startswith(f"{mark}No breath"))
    tile = seen["tiles"][str(number)]
    assert tile["figures"][:2] == ["--", "--"]
    assert tile["figures"][3] != "--"
    assert room.until(lambda seen: seen["bands"])["bands"][0].startswith(f"{mark}No breath")
    assert f"{mark}1 {priority}" in wall.page.locator(".bar-right").inner_text() or priority == "medium"
    first, second = (_count(room, mark) for _ in range(2))
    assert second > first
    assert room.page.locator(".numbers").inner_text().count("--") == 3
    assert room.page.locator(".event-list li").first.inner_text().startswith(tuple("012"))
    room.page.get_by_text("Apnea, in progress").wait_for()


def _count(room: Diary, mark: str) -> int:
    room.page.wait_for_timeout(1100)
    band = room.now["bands"][0]
    return int(band.removeprefix(f"{mark}No breath ").split(" s")[0])
