"""Data that is not live never looks live: a silent device, a stopped server, a dead one (F42, CLINICAL)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.app.live_server import LiveServer
from tests.app.raw_device import RawDevice, hello
from tests.ui.bedside import RATE_HZ, Bedside, Device, breaths
from tests.ui.conftest import Diary
from tests.ui.loss import GREY_WITHIN_S, SLACK_S, WATCHDOG_S, live, no_number


@pytest.mark.holds("F42.1", "F42.2")
def test_a_silent_device_greys_its_tile_and_no_other(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary], numbers: Iterator[int]
) -> None:
    """F42: stale 2 s after the last sample, silent after 5 s with a band in words, and back with the next samples."""
    silent, other = next(numbers), next(numbers)
    device = bedside.start(Device(ward.url, silent, history=15 * RATE_HZ))
    bedside.start(Device(ward.url, other, history=15 * RATE_HZ))
    wall = diary_page(f"{ward.url}/wall")
    room = diary_page(f"{ward.url}/room?room={silent}")
    mine, theirs = str(silent), str(other)
    wall.until(lambda seen: seen["tiles"][mine]["figures"][0] != "--" and seen["tiles"][theirs]["figures"][0] != "--")
    room.until(live)
    device.silence()
    assert device.silent_at is not None
    since = device.silent_at
    for diary, grey in ((wall, lambda seen: seen["tiles"][mine]["grey"]), (room, lambda seen: seen["grey"])):
        at = diary.first(grey, since=since)
        assert 1.4 < at - since < GREY_WITHIN_S
    at = wall.first(lambda seen: seen["tiles"][mine]["band"].startswith("!! Device silent"), since=since)
    assert at - since < 5.0 + WATCHDOG_S + SLACK_S
    room.until(lambda seen: seen["bands"][0].startswith("!! Device silent") and no_number(seen))
    stale = [seen["tiles"] for at, seen in wall.entries if at > since + GREY_WITHIN_S]
    assert stale
    assert all(tiles[mine]["grey"] and set(tiles[mine]["figures"]) == {"--"} for tiles in stale)
    assert all(not tiles[theirs]["grey"] and tiles[theirs]["figures"][0] != "--" for tiles in stale)
    assert all("old" in tiles[mine]["note"] or "silent" in tiles[mine]["band"] for tiles in stale)
    device.speaking = True
    back = time.time()
    assert wall.first(lambda seen: not seen["tiles"][mine]["grey"], since=back) - back < 1.0
    assert room.until(live)["bands"] == []


@pytest.mark.parametrize("waking", ["window.focus", "window.pageshow", "document.resume", "document.visibilitychange"])
def test_a_page_that_slept_knows_at_once(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary], waking: str
) -> None:
    """A page whose timers stood still looks at its clock on waking, and shows nothing old as current."""
    wall = diary_page(f"{ward.url}/wall")
    wall.page.wait_for_timeout(800)
    answer = wall.page.evaluate(
        """([target, name]) => new Promise((done) => {
            const real = Date.now;
            Date.now = () => real() + 60_000;  // the computer slept for a minute: performance.now() stood still
            self[target].dispatchEvent(new Event(name));
            const at_once = probe.seen();
            Date.now = real;
            done(at_once);
        })""",
        waking.split("."),
    )
    assert answer["grey"]
    assert any("Server lost 1 min" in band or "Server lost 60 s" in band for band in answer["bands"])


@pytest.mark.holds("F42.2")
def test_what_is_not_live_says_why(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary], numbers: Iterator[int]
) -> None:
    """Admitted and waiting, refused, waiting for a breath, ended: each state in words, and no alarm without a cause."""
    wall = diary_page(f"{ward.url}/wall")
    admitted = wall.until(lambda seen: seen["tiles"]["211"]["note"])["tiles"]["211"]
    assert (admitted["note"], admitted["band"], admitted["name"]) == ("Waiting for the device", "", "Abara, Ada")
    room = diary_page(f"{ward.url}/room?room=211")
    room.until(lambda seen: "/ingest/rooms/211" in seen["note"])
    quiet, nonsense, over = (next(numbers) for _ in range(3))
    bedside.start(Device(ward.url, quiet, signal=lambda first, n: 0 * breaths(first, n)))
    bedside.do(_refused(ward.url, nonsense)).result(timeout=10)
    ended = bedside.start(Device(ward.url, over, history=15 * RATE_HZ))
    wall.until(lambda seen: "first breath" in seen["tiles"][str(quiet)]["note"])
    refused = wall.until(lambda seen: "Device refused: " in seen["tiles"][str(nonsense)]["note"])
    assert refused["tiles"][str(nonsense)]["name"] == "Empty"
    wall.until(lambda seen: seen["tiles"][str(over)]["figures"][0] != "--")
    ended.speaking = False
    bedside.do(ended.link.finish()).result(timeout=10)
    wall.until(lambda seen: seen["tiles"][str(over)]["note"].startswith("The device ended its recording"))
    wall.page.wait_for_timeout(600)
    tile = wall.now["tiles"][str(over)]
    assert (tile["band"], set(tile["figures"]), tile["pressure"]) == ("", {"--"}, "--")
    room.page.goto(f"{ward.url}/room?room={nonsense}")
    expect(room.page.locator(".welcome-problem")).to_contain_text("Device refused: sampling_rate_hz is 0")


def test_flow_of_the_wrong_sign_is_said_calmly(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary], numbers: Iterator[int]
) -> None:
    """Somebody swapped the channel's sign: wall and room page remark on it, and nothing is an alarm for that."""
    number = next(numbers)
    bedside.start(Device(ward.url, number, signal=lambda first, n: breaths(first, n) * [-1, 1], history=400 * RATE_HZ))
    said = "Flow looks inverted: check its sign"
    wall = diary_page(f"{ward.url}/wall")
    tile = wall.until(lambda seen: seen["tiles"][str(number)]["note"])["tiles"][str(number)]
    assert (tile["note"], tile["band"], tile["grey"]) == (said, "", False)
    room = diary_page(f"{ward.url}/room?room={number}")
    seen = room.until(lambda seen: seen["note"] == said)
    assert (seen["bands"], seen["grey"]) == ([], False)


async def _refused(url: str, number: int) -> None:
    async with RawDevice(url, number) as device:
        await device.say(hello("nonsense", sampling_rate_hz=0))
        await device.hear_type("error")
