"""The pressure command on a room's page: two clicks, and its fate in words (F20)."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.app.live_server import LiveServer
from tests.ui.bedside import RATE_HZ, Bedside, Device
from tests.ui.conftest import Diary


def command(page: Page, pressure: int) -> None:
    """Type a pressure and send it."""
    page.get_by_label("Set pressure").fill(str(pressure))
    page.get_by_role("button", name="Send to room").click()


@pytest.mark.holds("F20.1", "F20.2", "F22.1")
def test_two_clicks_raise_the_pressure_and_every_page_tells(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary], numbers: Iterator[int]
) -> None:
    """F20, F22: plus and send; commanded, delivered, applied with the time, on this page and on another's."""
    number = next(numbers)
    gone: list[float] = []

    def slowly(pressure: float) -> None:
        gone.append(pressure)
        if len(gone) > 1:
            time.sleep(0.6)  # between delivered and applied, so that the page shows both

    device = bedside.start(Device(ward.url, number, pressure=slowly))
    pages = [diary_page(f"{ward.url}/room?room={number}") for _ in range(2)]
    mine, other = pages
    mine.until(lambda seen: seen["pill"].startswith("Live"))
    other.until(lambda seen: seen["pill"].startswith("Live"))
    command(mine.page, 9)
    mine.until(lambda seen: seen["fate"].startswith("✓ Applied: 9 cmH₂O at "))
    device.applied_at = None
    sent_at = time.time()
    mine.page.get_by_role("button", name="Raise by 1 cmH₂O").click()
    mine.page.get_by_role("button", name="Send to room").click()
    for diary in pages:
        delivered = diary.first(lambda seen: seen["fate"].startswith("Delivered to the device: 10"), since=sent_at)
        applied = diary.first(lambda seen: seen["fate"].startswith("✓ Applied: 10"), since=sent_at)
        assert device.applied_at is not None
        assert delivered < applied < device.applied_at + 1.0
        expect(diary.page.locator(".is-pressure dt")).to_have_text("pressure, set 10")
        expect(diary.page.get_by_label("Set pressure")).to_have_value("10")
        assert "Before: 9 cmH₂O, applied at " in diary.page.locator(".command").inner_text()
    assert gone == [9.0, 10.0]


@pytest.mark.holds("F20.2")
def test_a_refusal_says_why_and_what_holds(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary], numbers: Iterator[int]
) -> None:
    """F20: the device's reason, and which pressure stays."""
    number = next(numbers)

    def refuse(pressure: float) -> None:
        if pressure > 9:
            raise ValueError("the blower is too warm")

    bedside.start(Device(ward.url, number, pressure=refuse))
    room = diary_page(f"{ward.url}/room?room={number}")
    room.until(lambda seen: seen["pill"].startswith("Live"))
    command(room.page, 9)
    room.until(lambda seen: seen["fate"].startswith("✓ Applied: 9"))
    command(room.page, 12)
    seen = room.until(lambda seen: "Refused" in seen["fate"])
    assert seen["fate"] == "✕ Refused by the device: the blower is too warm. The pressure stays at 9 cmH₂O."
    expect(room.page.get_by_label("Set pressure")).to_have_value("9")


def test_an_absent_device_is_waited_for_and_a_later_command_replaces_the_first(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary]
) -> None:
    """F20: commanded, not delivered, in words; the newest reaches the device when it comes."""
    room = diary_page(f"{ward.url}/room?room=212")
    room.until(lambda seen: seen["note"])
    command(room.page, 8)
    seen = room.until(lambda seen: seen["fate"].startswith("Commanded: 8"))
    assert "It waits for the device" in seen["fate"]
    command(room.page, 11)
    room.until(lambda seen: seen["fate"].startswith("Commanded: 11"))
    expect(room.page.locator(".command")).to_contain_text("Before: 8 cmH₂O, replaced, commanded at ")
    taken: list[float] = []
    bedside.start(Device(ward.url, 212, pressure=taken.append))
    room.until(lambda seen: seen["fate"].startswith("✓ Applied: 11"))
    assert taken == [11.0]


def test_above_the_maximum_it_asks_for_a_reason_and_again(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary], numbers: Iterator[int]
) -> None:
    """CLINICAL, titration: above the age's maximum a command needs a reason and a second confirmation."""
    number = next(numbers)
    taken: list[float] = []
    bedside.start(Device(ward.url, number, pressure=taken.append))
    room = diary_page(f"{ward.url}/room?room={number}")
    room.until(lambda seen: seen["pill"].startswith("Live"))
    command(room.page, 21)
    expect(room.page.locator(".confirmation")).to_contain_text("21 cmH₂O is above the usual maximum of 20")
    confirm = room.page.get_by_role("button", name="Confirm 21 cmH₂O")
    confirm.click()
    expect(room.page.get_by_role("alert")).to_contain_text("Give a reason")
    assert taken == []
    room.page.get_by_label("Reason").fill("events persist at 20, physician asked")
    confirm.click()
    room.until(lambda seen: seen["fate"].startswith("✓ Applied: 21"))
    assert taken == [21.0]


@pytest.mark.holds("F2.2", "F2.3")
def test_nonsense_is_not_sent(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary], numbers: Iterator[int]
) -> None:
    """F20: 4 to 25 and whole; the field says so, and no command leaves."""
    number = next(numbers)
    taken: list[float] = []
    bedside.start(Device(ward.url, number, pressure=taken.append))
    room = diary_page(f"{ward.url}/room?room={number}")
    room.until(lambda seen: seen["pill"].startswith("Live"))
    for wrong in ("3", "26", "", "9.5", "-9", "1e1"):
        room.page.get_by_label("Set pressure").fill(wrong)
        room.page.get_by_role("button", name="Send to room").click()
        expect(room.page.get_by_role("alert")).to_have_text("Enter a whole number from 4 to 25 cmH₂O.")
    room.page.wait_for_timeout(500)
    assert taken == []
    expect(room.page.locator(".fate").first).to_have_text("No pressure commanded yet.")


@pytest.mark.holds("F20.1")
def test_no_number_stands_ready_that_nobody_commanded(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary], numbers: Iterator[int]
) -> None:
    """The set pressure is not known: a stray click sends nothing, and the steps begin near what the mask has."""
    number = next(numbers)
    taken: list[float] = []
    bedside.start(Device(ward.url, number, history=15 * RATE_HZ, pressure=taken.append))
    room = diary_page(f"{ward.url}/room?room={number}")
    room.until(lambda seen: seen["pill"].startswith("Live"))
    measured = room.page.locator(".is-pressure .figure")
    expect(measured).not_to_have_text("--")
    field = room.page.get_by_label("Set pressure")
    expect(field).to_have_value("")
    room.page.get_by_role("button", name="Send to room").click()
    expect(room.page.get_by_role("alert")).to_have_text("Enter a whole number from 4 to 25 cmH₂O.")
    room.page.get_by_role("button", name="Raise by 1 cmH₂O").click()
    assert abs(int(field.input_value()) - float(measured.inner_text())) <= 2
    assert taken == []


@pytest.mark.holds("F23.1")
def test_a_tile_shows_what_the_mask_has_until_a_pressure_is_set(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary], numbers: Iterator[int]
) -> None:
    """Read from 4 m, "--" beside a trace that moves would look like a fault."""
    number = next(numbers)
    bedside.start(Device(ward.url, number, history=15 * RATE_HZ, pressure=lambda _wanted: None))
    wall = diary_page(f"{ward.url}/wall").page
    tile = wall.locator(".tile", has=wall.locator(".tile-room", has_text=str(number)))
    expect(tile.locator(".tile-pressure")).to_have_text(re.compile(r"^\d+cmH₂O mask$"))
    tile.locator(".tile-more").click()
    cell = wall.locator(".sheet .is-pressure")
    expect(cell).to_have_text(re.compile(r"^\d+cmH₂Opressure in the mask$"))
    wall.get_by_role("button", name="Done").click()
    room = diary_page(f"{ward.url}/room?room={number}")
    room.until(lambda seen: seen["pill"].startswith("Live"))
    command(room.page, 9)
    expect(tile.locator(".tile-pressure")).to_have_text("9cmH₂O")


def test_a_command_that_was_held_up_is_not_carried_out(
    a_server: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary]
) -> None:
    """Sent to a server that hung: the page says that nobody answers, and what it sent does not come into force."""
    a_server.start()
    applied: list[float] = []
    bedside.start(Device(a_server.url, 101, history=15 * RATE_HZ, pressure=applied.append))
    room = diary_page(f"{a_server.url}/room?room=101")
    room.until(lambda seen: seen["pill"].startswith("Live"))
    command(room.page, 9)
    room.until(lambda seen: seen["fate"].startswith("✓ Applied: 9"))
    a_server.signal(signal.SIGSTOP)
    command(room.page, 14)
    room.until(lambda seen: seen["fate"].startswith("✕ The server has not answered"))
    room.page.wait_for_timeout(1500)
    a_server.signal(signal.SIGCONT)
    room.until(lambda seen: seen["fate"].startswith("✕ Not sent: it came ") and "s late" in seen["fate"])
    room.until(lambda seen: seen["pill"].startswith("Live"))
    command(room.page, 10)
    room.until(lambda seen: seen["fate"].startswith("✓ Applied: 10"))
    assert applied == [9.0, 10.0]
