"""A room's dialog over the wall: pictures, numbers, earlier records, the pressure (F16 to F26)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.app.live_server import LiveServer
from tests.conftest import PageFaults
from tests.ui.bedside import RATE_HZ, Bedside, Device
from tests.ui.conftest import PAYLOADS, Diary
from tests.ui.people import admit, discharge, measure, picture

FITS = (Path(__file__).parent / "fits.js").read_text()
NO_TRACE = """([name, mrn, address]) => {
  const said = [document.title, ...[...document.querySelectorAll('dialog, dialog *')].flatMap((el) =>
    [el.textContent, el.shownText, ...[...el.attributes].map(({ value }) => value)])].join(' ');
  return fetch(address).then(() => 'its picture is kept', () =>
    said.includes(name) ? 'its name' : said.includes(mrn) ? 'its MRN' : 'nothing');
}"""


def sheet_of(page: Page, room: int) -> Locator:
    """Open a room's dialog on the wall."""
    page.get_by_role("button", name=f"Room {room}: pictures and pressure").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


def picture_of(pane: Locator) -> list[int]:
    """The shade of the picture that is shown."""
    image = pane.locator("img")
    expect(image).to_be_visible()
    read = """async (image) => { await image.decode(); const canvas = document.createElement('canvas');
      canvas.width = canvas.height = 1; const ink = canvas.getContext('2d'); ink.drawImage(image, 0, 0);
      return [...ink.getImageData(0, 0, 1, 1).data].slice(0, 3) }"""
    return list(image.evaluate(read))


@pytest.mark.holds("F16.2", "F17.1", "F24.1", "F25.1")
def test_a_tile_opens_the_latest_picture_which_keeps_updating(
    ward: LiveServer, page: Page, numbers: Iterator[int]
) -> None:
    room = next(numbers)
    measure(ward, room, 900000 + room, name="Abara, Joy", pressure=8, rate=14.25, apneas=1, image=picture(10))
    page.goto(f"{ward.url}/wall")
    dialog = sheet_of(page, room)
    expect(dialog.locator(".sheet-head")).to_contain_text(f"Abara, JoyMRN {900000 + room}")
    assert picture_of(dialog) == [10, 90, 120]
    figures = dialog.locator(".numbers .figure")
    expect(figures).to_have_text(["8", "14.25", "1", re.compile(r"^\d\d:\d\d$")])
    expect(dialog).to_contain_text("received, not live")
    expect(dialog).to_contain_text("Nothing earlier is stored.")

    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    measure(ward, room, 900000 + room, pressure=11, rate=15.5, apneas=2, image=picture(200))
    expect(figures.nth(0)).to_have_text("11")
    expect(dialog.locator(".is-apneas")).to_contain_text("2of 3 in all")
    expect(dialog.locator(".is-apneas.many")).to_be_visible()
    expect(dialog.locator(".records button")).to_have_count(1)
    assert picture_of(dialog) == [200, 90, 120]
    assert [url for url in asked if "/flow.png" not in url and not url.startswith("blob:")] == []


@pytest.mark.holds("F18.1", "F25.2", "F25.3")
def test_an_earlier_one_opens_beside_it_and_done_closes_both(
    ward: LiveServer, page: Page, numbers: Iterator[int]
) -> None:
    """By keyboard alone, from the tile and back to it; Escape does the same as Done."""
    room = next(numbers)
    for shade in (10, 120, 230):
        measure(ward, room, 900000 + room, apneas=shade // 100, image=picture(shade))
    page.goto(f"{ward.url}/wall")
    more = page.get_by_role("button", name=f"Room {room}: pictures and pressure")
    more.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Done")).to_be_focused()
    earlier = dialog.locator(".records button").nth(1)
    earlier.focus()
    page.keyboard.press("Enter")
    expect(earlier).to_have_attribute("aria-pressed", "true")
    panes = dialog.locator(".picture")
    assert [picture_of(pane)[0] for pane in panes.all()] == [230, 10]
    one, other = (panes.nth(at).bounding_box() for at in (0, 1))
    assert one and other
    assert (one["y"], one["x"] + one["width"] <= other["x"]) == (other["y"], True)
    dialog.get_by_role("button", name="Done").focus()
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(more).to_be_focused()
    expect(page.locator("dialog img")).to_have_count(0)

    page.keyboard.press("Enter")
    for _ in range(20):  # the focus stays inside
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(more).to_be_focused()


@pytest.mark.holds("F19.1")
def test_either_picture_is_saved_in_one_click(ward: LiveServer, page: Page, numbers: Iterator[int]) -> None:
    room = next(numbers)
    for shade in (30, 160):
        measure(ward, room, 900000 + room, image=picture(shade))
    page.goto(f"{ward.url}/wall")
    dialog = sheet_of(page, room)
    dialog.locator(".records button").click()
    for at, shade in enumerate((160, 30)):
        picture_of(dialog.locator(".picture").nth(at))
        with page.expect_download() as saved:
            dialog.locator(".picture").nth(at).get_by_role("button", name="Save picture").click()
        assert saved.value.path().read_bytes() == picture(shade)
        assert re.fullmatch(rf"flow-{900000 + room}-\d{{4}}-\d\d-\d\d-\d{{4}}\.png", saved.value.suggested_filename)


@pytest.mark.holds("F19.1", "F25.1")
def test_a_live_rooms_picture_is_its_trace_and_is_saved_too(
    ward: LiveServer, bedside: Bedside, page: Page, numbers: Iterator[int]
) -> None:
    room = next(numbers)
    bedside.start(Device(ward.url, room, history=20 * RATE_HZ))
    page.goto(f"{ward.url}/wall")
    page.locator(".tile:not(.old)", has_text=str(room)).wait_for()
    dialog = sheet_of(page, room)
    expect(dialog).to_contain_text("received, live")
    drawn = "() => { const c = document.querySelector('dialog .plot-stage canvas:last-of-type'); return c.toDataURL() }"
    page.wait_for_timeout(400)
    before = page.evaluate(drawn)
    page.wait_for_timeout(700)
    assert page.evaluate(drawn) != before
    with page.expect_download() as saved:
        dialog.get_by_role("button", name="Save picture").click()
    assert saved.value.path().read_bytes().startswith(b"\x89PNG")


@pytest.mark.holds("F21.1")
def test_nothing_of_a_patient_remains_for_the_next(
    ward: LiveServer, page: Page, numbers: Iterator[int], page_faults: PageFaults
) -> None:
    """Neither when another room is chosen, nor when another patient comes while the dialog is open."""
    page_faults.expect("ERR_FILE_NOT_FOUND")  # the test asks for the pictures that were forgotten
    first, second = next(numbers), next(numbers)
    measure(ward, first, 7100000 + first, name="Vanishing, Vera", image=picture(1))
    measure(ward, first, 7100000 + first, name="Vanishing, Vera", image=picture(2))
    measure(ward, second, 7200000 + second, name="Brandt, Karl", image=picture(3))
    page.goto(f"{ward.url}/wall")
    dialog = sheet_of(page, first)
    dialog.locator(".records button").click()
    picture_of(dialog.locator(".picture").nth(1))
    gone = ["Vanishing", str(7100000 + first), dialog.locator("img").nth(1).get_attribute("src")]
    page.keyboard.press("Escape")
    dialog = sheet_of(page, second)
    picture_of(dialog)
    assert page.evaluate(NO_TRACE, gone) == "nothing"

    gone = ["Brandt", str(7200000 + second), dialog.locator("img").get_attribute("src")]
    discharge(ward, second)
    expect(dialog).to_contain_text("Nobody is admitted here")
    expect(dialog).to_contain_text("Admit the next patient on the room page.")
    assert page.evaluate(NO_TRACE, gone) == "nothing"
    admit(ward, second, 7300000 + second, "Castillo, Maria")
    expect(dialog).to_contain_text("Castillo, Maria")
    assert page.evaluate(NO_TRACE, gone) == "nothing"


@pytest.mark.holds("F20.1", "F20.2", "F22.1", "F26.1")
def test_a_pressure_from_the_tile_is_on_the_rooms_page_by_push_alone(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary], numbers: Iterator[int]
) -> None:
    room = next(numbers)
    bedside.start(Device(ward.url, room, history=10 * RATE_HZ))
    station, bed = diary_page(f"{ward.url}/wall"), diary_page(f"{ward.url}/room?room={room}")
    bed.until(lambda seen: seen["pill"].startswith("Live"))
    dialog = sheet_of(station.page, room)
    expect(dialog).to_contain_text("received, live")
    asked: list[str] = []
    for diary in (station, bed):
        diary.page.on("request", lambda request: asked.append(request.url))
    dialog.get_by_label("Set pressure").fill("12")
    dialog.get_by_role("button", name="Send to room").click()
    expect(dialog.locator(".fate").first).to_contain_text("✓ Applied: 12 cmH₂O")
    said = bed.until(lambda seen: seen["fate"].startswith("✓ Applied: 12 cmH₂O"))["fate"]
    assert said.endswith(", by wall")
    dialog.get_by_label("Set pressure").fill("26")
    dialog.get_by_role("button", name="Send to room").click()
    expect(dialog.get_by_role("alert")).to_have_text("Enter a whole number from 4 to 25 cmH₂O.")
    assert asked == []


@pytest.mark.holds("F23.1", "F23.2", "F23.5", "F42.2")
def test_a_tile_without_a_device_shows_what_was_measured_with_its_time(
    ward: LiveServer, page: Page, numbers: Iterator[int]
) -> None:
    """2, 0, 1 gives latest 1, total 3; the numbers are not bright, and the time says when."""
    room = next(numbers)
    for apneas in (2, 0, 1):
        measure(ward, room, 900000 + room, name="Eriksen, Liv", pressure=10, rate=12.5, apneas=apneas)
    page.goto(f"{ward.url}/wall")
    tile = page.locator(".tile", has=page.locator(".tile-room", has_text=str(room)))
    expect(tile.locator(".tile-name")).to_have_text("Eriksen, Liv")
    expect(tile.locator(".tile-pressure .figure")).to_have_text("10")
    expect(tile.locator(".is-rate .figure")).to_have_text("12.5")
    expect(tile.locator(".is-apneas dd")).to_have_text("1of 3")
    expect(tile.locator(".is-apneas")).not_to_have_class(re.compile("many"))
    expect(tile.locator(".note")).to_have_text(re.compile(r"^Measured \d\d:\d\d, not live$"))
    expect(tile).to_have_class(re.compile(r"\bold\b.*\bmeasured\b"))
    measure(ward, room, 900000 + room, apneas=2)
    expect(tile.locator(".is-apneas.many dd")).to_have_text("2of 5")


@pytest.mark.holds("F13.1")
def test_nothing_typed_runs_in_the_dialog(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary], numbers: Iterator[int]
) -> None:
    room = next(numbers)
    measure(ward, room, 900000 + room, name=PAYLOADS[0], image=picture(4))
    measure(ward, room, 900000 + room, name=PAYLOADS[0], image=picture(5))
    bedside.start(Device(ward.url, room, name=PAYLOADS[1], history=5 * RATE_HZ))
    wall = diary_page(f"{ward.url}/wall")
    dialog = sheet_of(wall.page, room)
    expect(dialog.locator(".room-name")).to_have_text(PAYLOADS[0])
    dialog.locator(".records button").first.click()
    picture_of(dialog.locator(".picture").nth(1))
    assert wall.page.evaluate("window.owned") is None
    assert wall.page.evaluate("probe.all('.bw img:not(.picture-image), .bw script, .bw svg, .bw iframe').length") == 0


def test_the_dialog_fits(ward: LiveServer, page: Page, numbers: Iterator[int]) -> None:
    """LOOK: nothing scrolls, is cut off or lies over another, at the wall's and at a tablet's size."""
    room = next(numbers)
    for at in range(12):
        measure(ward, room, 900000 + room, name=f"Wolfeschlegel{'stein' * 20}", apneas=at, image=picture(at))
    page.goto(f"{ward.url}/wall")
    dialog = sheet_of(page, room)
    dialog.locator(".records button").nth(3).click()
    picture_of(dialog.locator(".picture").nth(1))
    faults = {}
    for width, height in ((1920, 1080), (1366, 768), (1024, 768)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(400)
        found = page.evaluate(FITS.replace("walk(document)", "walk(document.querySelector('dialog'))"))
        faults[width] = [fault for fault in found if not fault.startswith("trace of")]
    assert faults == {1920: [], 1366: [], 1024: []}
