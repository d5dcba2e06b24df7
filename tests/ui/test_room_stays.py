"""Stays and marks on a room's page: admission, transfer, discharge, correction, moments (F5, F50, F51)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.app.live_server import LiveServer
from tests.ui.bedside import RATE_HZ, Bedside, Device
from tests.ui.conftest import PAYLOADS, Diary
from tests.ui.people import admit

FITS = (Path(__file__).parent / "fits.js").read_text()
HAIRLINES = """(rgb) => probe.all('.plot-stage canvas[aria-hidden], .night canvas').map((canvas) => {
  const { width, height } = canvas;
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
  let lines = 0;
  for (let x = 0; x < width; x++) {
    let same = 0;
    for (let y = 0; y < height; y++) if (rgb.every((value, i) => data[4 * (y * width + x) + i] === value)) same += 1;
    if (same > 0.75 * height) lines += 1;
  }
  return lines;
})"""
SECONDARY = [0x8C, 0x9A, 0xAB]
"""The colour of a mark's hairline, of the dark theme."""


def open_room(page: Page, ward: LiveServer, number: int) -> None:
    """Open a room's page, and wait until Panel has taken in what the page mounted: a click in that moment is lost."""
    page.goto(f"{ward.url}/room?room={number}")
    page.wait_for_function("document.querySelector('[data-breathwatch]') === null")


def stay(page: Page) -> None:
    """Open what there is to do with the patient."""
    page.get_by_role("button", name="Stay", exact=True).click()


@pytest.mark.holds("F50.1")
def test_who_runs_unidentified_is_admitted_in_place_and_the_trace_goes_on(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary], numbers: Iterator[int]
) -> None:
    """One form, by keyboard; `007` is 7; the wall tells the name by push."""
    number = next(numbers)
    bedside.start(Device(ward.url, number, history=10 * RATE_HZ))
    room, wall = diary_page(f"{ward.url}/room?room={number}"), diary_page(f"{ward.url}/wall")
    room.until(lambda seen: seen["pill"].startswith("Live"))
    wall.until(lambda seen: seen["tiles"][str(number)]["name"] == "Unidentified")
    page = room.page
    before = room.page.evaluate("(number) => probe.samples(number).first", number)
    page.get_by_role("button", name="Admit patient").click()
    expect(page.get_by_label("Medical record number").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").first).to_have_text("Missing Patient Medical Record Number")
    page.keyboard.type(f"00{910000 + number}")
    page.keyboard.press("Tab")
    page.keyboard.type(PAYLOADS[0])
    page.keyboard.press("Enter")
    expect(page.locator(".room-name")).to_have_text(PAYLOADS[0])
    expect(page.locator(".room-meta")).to_contain_text(f"MRN {910000 + number}")
    expect(page.locator(".stay-panel")).to_be_hidden()
    wall.until(lambda seen: seen["tiles"][str(number)]["name"] == PAYLOADS[0])
    assert page.evaluate("(number) => probe.samples(number).first", number) == before
    assert page.evaluate("window.owned") is None


@pytest.mark.holds("F5.2")
def test_one_who_is_elsewhere_is_refused_in_words_on_the_page(
    ward: LiveServer, page: Page, numbers: Iterator[int]
) -> None:
    taken, free = next(numbers), next(numbers)
    admit(ward, taken, 920000 + taken)
    open_room(page, ward, free)
    form = page.locator(".welcome form")
    form.get_by_label("Medical record number").fill(str(920000 + taken))
    form.get_by_role("button", name="Admit").click()
    expect(form.get_by_role("alert").last).to_have_text(f"MRN {920000 + taken} is already assigned to Room {taken}")
    expect(form.get_by_label("Medical record number")).to_have_value(str(920000 + taken))
    form.get_by_label("Medical record number").fill(str(920000 + free))
    form.get_by_role("button", name="Admit").click()
    expect(page.locator(".room-name")).to_have_text(f"MRN {920000 + free}")


@pytest.mark.holds("F50.2")
def test_a_patient_moves_to_another_room(ward: LiveServer, page: Page, numbers: Iterator[int]) -> None:
    here, there, taken = next(numbers), next(numbers), next(numbers)
    admit(ward, here, 930000 + here, "Garber, Samuel")
    admit(ward, taken, 930000 + taken)
    open_room(page, ward, here)
    stay(page)
    to = page.get_by_label("Move to room")
    move = page.get_by_role("button", name="Move", exact=True)
    move.click()
    expect(page.get_by_role("alert").filter(visible=True)).to_have_text("Missing Room Number")
    to.fill(str(taken))
    move.click()
    words = f"Room {taken} has another patient: discharge MRN {930000 + taken} first"
    expect(page.get_by_role("alert").filter(visible=True)).to_have_text(words)
    to.fill(str(there))
    move.click()
    expect(page.locator(".outcome")).to_contain_text(f"The patient was moved to room {there}.")
    page.get_by_role("link", name=f"Go to room {there}").click()
    expect(page.locator(".room-name")).to_have_text("Garber, Samuel")


@pytest.mark.holds("F50.3", "F50.5", "F21.1")
def test_a_discharge_is_asked_twice_takes_the_tile_and_says_what_next(
    ward: LiveServer, diary_page: Callable[..., Diary], numbers: Iterator[int]
) -> None:
    number = next(numbers)
    admit(ward, number, 940000 + number, "Hoshino, Takumi")
    wall, room = diary_page(f"{ward.url}/wall"), diary_page(f"{ward.url}/room?room={number}")
    wall.until(lambda seen: str(number) in seen["tiles"])
    page = room.page
    stay(page)
    page.get_by_role("button", name="Discharge", exact=True).click()
    page.get_by_role("button", name="Keep").click()
    page.get_by_role("button", name="Discharge", exact=True).click()
    expect(page.locator(".room-name")).to_have_text("Hoshino, Takumi")
    assert str(number) in wall.now["tiles"]
    page.get_by_role("button", name="Yes, discharge").click()
    expect(page.locator(".welcome")).to_contain_text(f"Room {number} is empty")
    expect(page.locator(".outcome")).to_contain_text("The patient was discharged. What was recorded is kept.")
    expect(page.get_by_role("link", name="Back to the wall").last).to_be_visible()
    assert "Hoshino" not in page.evaluate("document.body.innerHTML + document.title")
    wall.until(lambda seen: str(number) not in seen["tiles"])
    form = page.locator(".welcome form")
    form.get_by_label("Medical record number").fill(str(950000 + number))
    form.get_by_role("button", name="Admit").click()
    expect(page.locator(".room-name")).to_have_text(f"MRN {950000 + number}")


def test_a_device_that_goes_on_after_a_discharge_is_for_the_next_patient(
    ward: LiveServer, bedside: Bedside, page: Page, numbers: Iterator[int]
) -> None:
    """F50: it begins another stay, and the page asks whose it is."""
    number = next(numbers)
    admit(ward, number, 960000 + number, "Ivanova, Nadja")
    bedside.start(Device(ward.url, number, history=5 * RATE_HZ))
    open_room(page, ward, number)
    page.locator(".live-pill[data-kind=live]").wait_for()
    stay(page)
    page.get_by_role("button", name="Discharge", exact=True).click()
    page.get_by_role("button", name="Yes, discharge").click()
    expect(page.locator(".stay-words")).to_contain_text("The device goes on: admit the next patient here.")
    page.keyboard.type(str(970000 + number))
    page.keyboard.press("Enter")
    expect(page.locator(".room-name")).to_have_text(f"MRN {970000 + number}")


@pytest.mark.holds("F50.4")
def test_a_wrong_mrn_and_name_are_put_right(ward: LiveServer, page: Page, numbers: Iterator[int]) -> None:
    number = next(numbers)
    admit(ward, number, 980000 + number, "Jansn, Rud")
    open_room(page, ward, number)
    stay(page)
    panel = page.locator(".stay-known form").first
    expect(panel.get_by_label("Medical record number")).to_have_value(str(980000 + number))
    panel.get_by_label("Medical record number").fill("12x")
    panel.get_by_role("button", name="Save correction").click()
    expect(panel.get_by_role("alert").first).to_contain_text("is a whole number")
    panel.get_by_label("Medical record number").fill(str(990000 + number))
    panel.get_by_label("Patient name").fill("Jansen, Ruud")
    panel.get_by_role("button", name="Save correction").click()
    expect(page.locator(".room-name")).to_have_text("Jansen, Ruud")
    expect(page.locator(".room-meta")).to_contain_text(f"MRN {990000 + number}")


@pytest.mark.holds("F51.1", "F51.2", "F13.1")
def test_moments_are_marked_in_two_clicks_and_stand_on_traces_night_and_list(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary], numbers: Iterator[int]
) -> None:
    number = next(numbers)
    bedside.start(Device(ward.url, number, history=70 * RATE_HZ))
    room = diary_page(f"{ward.url}/room?room={number}")
    room.until(lambda seen: seen["pill"].startswith("Live"))
    page = room.page
    expect(page.locator(".night-empty")).to_be_hidden()
    assert page.evaluate(HAIRLINES, SECONDARY) == [0, 0, 0]
    texts = page.locator(".event-text")
    for at, name in enumerate(("Lights off", "Mask refit", "Lights on")):
        page.get_by_role("button", name="Mark", exact=True).click()
        page.get_by_role("button", name=name).click()
        expect(texts).to_have_count(at + 1)
        page.wait_for_timeout(300)
    page.get_by_role("button", name="Mark", exact=True).click()
    page.get_by_label("Note").fill(PAYLOADS[1])
    page.keyboard.press("Enter")
    expect(texts).to_have_text([PAYLOADS[1], "Lights on", "Mask refit", "Lights off"])
    expect(page.locator(".event-detail").first).to_have_text("room page")
    page.wait_for_timeout(400)
    flow, pressure, night = page.evaluate(HAIRLINES, SECONDARY)
    assert (flow, pressure) == (4, 4)
    assert night >= 1
    assert page.evaluate("window.owned") is None


def test_a_note_needs_words_and_escape_leaves_the_menu(ward: LiveServer, page: Page, numbers: Iterator[int]) -> None:
    """F51: the error stands under the field; the way back is the button."""
    number = next(numbers)
    admit(ward, number, 890000 + number)
    open_room(page, ward, number)
    mark = page.get_by_role("button", name="Mark", exact=True)
    mark.click()
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_role("alert").filter(visible=True)).to_have_text("Write what happened.")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Note")).to_be_hidden()
    expect(mark).to_be_focused()


def test_what_opens_on_the_rooms_page_fits(ward: LiveServer, page: Page, numbers: Iterator[int]) -> None:
    """LOOK: the forms and the menu of marks, at every size."""
    number = next(numbers)
    admit(ward, number, 880000 + number, f"Wolfeschlegel{'stein' * 20}")
    open_room(page, ward, number)
    page.get_by_role("button", name="Mark", exact=True).click()
    faults = {}
    for width, height in ((1920, 1080), (1366, 768), (1024, 768)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(400)
        faults[f"marks {width}"] = page.evaluate(FITS)
    page.keyboard.press("Escape")
    stay(page)
    page.get_by_role("button", name="Discharge", exact=True).click()
    for width, height in ((1920, 1080), (1366, 768), (1024, 768)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(400)
        panel = FITS.replace("() =>", "(panel) =>", 1).replace("walk(document)", "walk(panel)")
        faults[f"stay {width}"] = page.locator(".stay-panel").evaluate(panel)
    assert not any(faults.values()), faults
