"""F1 to F7, F10, F11, F13, F15: the admission form in real browsers."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.app.live_server import LiveServer, wait_for
from tests.ui.accessibility import faults
from tests.ui.conftest import PAYLOADS
from tests.ui.entry_page import RECORDINGS, EntryPage
from tests.ui.test_fits import FITS, SCREENS
from tests.ui.test_push import raise_pressure

Opener = Callable[[], EntryPage]


@pytest.fixture
def open_entry(ward: LiveServer, new_page: Callable[..., Page]) -> Opener:
    """Opens the form as another person would."""
    return lambda: EntryPage(new_page(), ward)


@pytest.fixture
def patient(numbers: Iterator[int]) -> dict[str, str]:
    """A room that nobody is in, and an MRN that is nowhere."""
    room = next(numbers)
    return {"mrn": f"{500_000 + room}", "room": f"{room}"}


@pytest.mark.holds("F1.1", "F1.2", "F4.1", "F6.1", "F7.1", "F15.2")
def test_the_evening_one_form_and_one_button(ward: LiveServer, open_entry: Opener, patient: dict[str, str]) -> None:
    """JOURNEYS, the evening: admitted by MRN and room; then locked, and name and pressure can still change."""
    entry = open_entry()
    entry.fill(mrn=f"00{patient['mrn']}", room=patient["room"], name="Garber, Samuel", born="1970-05-17")
    before = entry.values()
    entry.send()
    expect(entry.outcome).to_have_text(re.compile(rf"✓ Admitted to room {patient['room']}, \d\d:\d\d:\d\d"))
    assert entry.values() == before
    for name in ("mrn", "room"):
        expect(entry.field(name)).to_be_visible()
        expect(entry.field(name)).not_to_be_editable()
    for name in ("name", "pressure", "born"):
        expect(entry.field(name)).to_be_editable()
    number = int(patient["room"])
    assert (ward.rooms()[number]["mrn"], ward.rooms()[number]["patient_name"]) == (
        int(patient["mrn"]),
        "Garber, Samuel",
    )
    entry.fill(name="Garber, Sam")
    entry.send()
    expect(entry.outcome).to_contain_text(f"✓ Sent to room {number}")
    assert ward.rooms()[number]["patient_name"] == "Garber, Sam"
    entry.page.get_by_role("link", name=f"Open room {number}").click()
    expect(entry.page.locator(".room-name")).to_have_text("Garber, Sam")


@pytest.mark.holds("F2.2", "F2.3", "F3.1")
def test_what_is_wrong_stands_beside_the_field_and_nothing_is_sent(
    ward: LiveServer, open_entry: Opener, patient: dict[str, str]
) -> None:
    entry = open_entry()
    entry.send()
    expect(entry.error("mrn")).to_have_text("Missing Patient Medical Record Number")
    expect(entry.error("room")).to_be_hidden()
    expect(entry.field("mrn")).to_be_focused()
    entry.fill(mrn=patient["mrn"])
    entry.send()
    expect(entry.error("room")).to_have_text("Missing Room Number")
    entry.fill(room=patient["room"])
    for text, words in (
        ("3", "CPAP Pressure is not between 4 and 25"),
        ("26", "CPAP Pressure is not between 4 and 25"),
        ("ten", "CPAP pressure is not an integer"),
        ("9.5", "CPAP pressure is not an integer"),
    ):
        entry.fill(pressure=text)
        entry.send()
        expect(entry.error("pressure")).to_have_text(words)
        expect(entry.outcome).to_have_text("Nothing was sent.")
    entry.fill(pressure="abc")
    entry.field("pressure").press("Tab")
    expect(entry.error("pressure")).to_have_text("CPAP pressure is not an integer")
    assert int(patient["room"]) not in ward.rooms()
    entry.fill(pressure="")
    entry.field("room").press("Enter")
    expect(entry.outcome).to_contain_text("✓ Admitted")


@pytest.mark.holds("F2.3")
def test_the_button_stays_under_the_pointer_while_what_is_wrong_appears(
    open_entry: Opener, patient: dict[str, str]
) -> None:
    entry = open_entry()
    entry.fill(**patient, pressure="99")
    button = entry.page.locator(".entry-form button.primary").bounding_box()
    assert button is not None
    mouse = entry.page.mouse
    mouse.move(button["x"] + button["width"] / 2, button["y"] + 3)
    mouse.down()  # the field is left, and looked at
    entry.page.wait_for_timeout(500)
    mouse.up()
    expect(entry.error("pressure")).to_have_text("CPAP Pressure is not between 4 and 25")
    expect(entry.outcome).to_have_text("Nothing was sent.")


@pytest.mark.holds("F2.3")
def test_what_was_wrong_with_a_text_is_not_said_of_the_next(
    ward: LiveServer, open_entry: Opener, patient: dict[str, str]
) -> None:
    entry = open_entry()
    entry.fill(**patient, pressure="99")
    ward.signal(signal.SIGSTOP)
    try:
        entry.send()
        entry.fill(pressure="9")
    finally:
        ward.signal(signal.SIGCONT)
    expect(entry.outcome).to_have_text("Nothing was sent.")
    expect(entry.error("pressure")).to_be_hidden()
    entry.send()
    expect(entry.outcome).to_contain_text("✓ Admitted")


@pytest.mark.holds("F5.2", "F22.1")
def test_a_taken_room_or_mrn_is_said_and_who_is_there_leaves_only_by_word(
    ward: LiveServer, open_entry: Opener, patient: dict[str, str], numbers: Iterator[int]
) -> None:
    first, second = open_entry(), open_entry()
    first.fill(**patient, name="Abara, Ada")
    first.send()
    expect(first.outcome).to_contain_text("✓ Admitted")
    free = next(numbers)
    second.fill(mrn=patient["mrn"], room=str(free))
    second.send()
    expect(second.outcome).to_have_text(f"✕ MRN {patient['mrn']} is already assigned to Room {patient['room']}")
    other = str(500_000 + free)
    second.fill(mrn=other, room=patient["room"])
    second.send()
    expect(second.outcome).to_have_text(
        f"✕ Room {patient['room']} has another patient: discharge MRN {patient['mrn']} first"
    )
    question = second.page.locator(".entry-question")
    expect(question).to_contain_text(f"Abara, Ada, MRN {patient['mrn']}, leaves room {patient['room']}")
    second.page.get_by_role("button", name="Cancel").click()
    expect(question).to_be_hidden()
    assert ward.rooms()[int(patient["room"])]["mrn"] == int(patient["mrn"])
    second.send()
    second.page.get_by_role("button", name=f"Discharge MRN {patient['mrn']} and admit").click()
    expect(second.outcome).to_contain_text("✓ Admitted")
    assert ward.rooms()[int(patient["room"])]["mrn"] == int(other)
    expect(first.outcome).to_have_text(f"MRN {patient['mrn']} is no longer in Room {patient['room']}")


@pytest.mark.holds("F10.1", "F10.2", "F10.3")
def test_a_pressure_commanded_elsewhere_comes_by_push(
    ward: LiveServer, open_entry: Opener, patient: dict[str, str]
) -> None:
    entry = open_entry()
    entry.fill(**patient, pressure="9")
    entry.sample("apneas")
    entry.send()
    expect(entry.outcome).to_contain_text("measurement recorded")
    asked: list[str] = []
    entry.page.on("request", lambda request: asked.append(request.url))
    entry.page.evaluate("performance.clearResourceTimings()")
    raise_pressure(ward, int(patient["room"]), 12)
    expect(entry.field("pressure")).to_have_value("12")
    expect(entry.page.locator(".entry-commanded")).to_have_text(
        re.compile(r"12 cmH₂O commanded by API at \d\d:\d\d:\d\d, not delivered yet")
    )
    assert asked == []
    assert entry.page.evaluate("performance.getEntriesByType('resource').length") == 0
    entry.send()
    expect(entry.outcome).to_contain_text("measurement recorded")
    assert ward.rooms()[int(patient["room"])]["pressure_cmh2o"] == 12
    assert ward.rooms()[int(patient["room"])]["total_apnea_count"] == 6


@pytest.mark.holds("F11.1", "F11.2")
def test_reset_clears_everything_and_the_next_patient_gets_nothing_of_it(
    ward: LiveServer, open_entry: Opener, patient: dict[str, str], numbers: Iterator[int]
) -> None:
    entry = open_entry()
    entry.fill(**patient, name="Garber, Samuel", pressure="9", born="1970-05-17")
    entry.sample("apneas")
    entry.send()
    expect(entry.outcome).to_contain_text("measurement recorded")
    raise_pressure(ward, int(patient["room"]), 12)
    expect(entry.field("pressure")).to_have_value("12")
    entry.reset()
    assert set(entry.values().values()) == {""}
    for name in ("mrn", "room"):
        expect(entry.field(name)).to_be_editable()
    for key in ("rate", "apneas"):
        expect(entry.card(key).locator(".figure")).to_have_text("Not measured")
    expect(entry.outcome).to_have_text("")
    expect(entry.page.locator(".entry-commanded")).to_be_hidden()
    raise_pressure(ward, int(patient["room"]), 13)
    free = next(numbers)
    entry.fill(mrn=str(500_000 + free), room=str(free), pressure="8")
    entry.send()
    expect(entry.outcome).to_contain_text(f"✓ Admitted to room {free}")
    expect(entry.outcome).not_to_contain_text("measurement")
    shown = ward.rooms()[free]
    assert (shown["patient_name"], shown["total_apnea_count"]) == (None, 0)
    expect(entry.field("pressure")).to_have_value("8")


@pytest.mark.holds("F13.1")
@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_that_is_typed_runs(open_entry: Opener, patient: dict[str, str], payload: str) -> None:
    entry = open_entry()
    entry.fill(name=payload, mrn=payload[:30], room=payload[:30], pressure=payload[:30])
    entry.choose(
        {"name": f"{payload.replace('/', '')}.txt", "mimeType": "text/plain", "buffer": b"no recording\n" * 20}
    )
    expect(entry.status).to_contain_text("none of the first 20 lines has 7 values")
    entry.send()
    expect(entry.error("mrn")).to_be_visible()
    entry.fill(mrn=patient["mrn"], room=patient["room"], pressure="")
    entry.send()
    expect(entry.outcome).to_contain_text("✓ Admitted")
    entry.page.reload()
    entry.wait_until_connected()
    entry.fill(mrn=f"9{patient['mrn']}", room=patient["room"])
    entry.send()
    expect(entry.page.locator(".entry-question")).to_contain_text(payload)
    assert entry.page.evaluate("window.owned") is None
    assert entry.page.locator(".bw img, .bw script, .bw svg, .bw iframe").count() == 0


@pytest.mark.holds("F15.1")
def test_two_tabs_hold_two_forms(open_entry: Opener, patient: dict[str, str]) -> None:
    entry = open_entry()
    entry.fill(**patient, name="Ada")
    tab = entry.page.context.new_page()
    other = EntryPage.__new__(EntryPage)
    other.page = tab
    tab.goto(entry.page.url)
    other.wait_until_connected()
    assert set(other.values().values()) == {""}
    entry.sample("apneas")
    expect(other.card("rate").locator(".figure")).to_have_text("Not measured")
    entry.send()
    expect(entry.outcome).to_contain_text("✓ Admitted")
    for name in ("mrn", "room"):
        expect(other.field(name)).to_be_editable()
    other.sample("calm")
    expect(entry.card("apneas").locator(".figure")).to_have_text("3")


def test_the_keyboard_is_enough_and_axe_finds_nothing(open_entry: Opener, patient: dict[str, str]) -> None:
    entry = open_entry()
    page = entry.page
    expect(entry.field("name")).to_be_focused()
    for text in ("Abara, Ada", patient["mrn"], patient["room"], "9"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    assert faults(page) == []
    entry.sample("bad-rows")
    seen = "(el) => getComputedStyle(el).outlineStyle"
    entry.field("mrn").focus()
    assert page.locator(".entry-box", has=entry.field("mrn")).evaluate(seen) == "solid"
    for control in ("button.primary", ".entry-samples", ".flow-stage", ".entry-rows"):
        page.keyboard.press("Tab")
        page.locator(control).focus()
        assert page.locator(control).evaluate(seen) != "none", control
    entry.field("pressure").press("Enter")
    expect(entry.outcome).to_contain_text("measurement recorded")
    assert faults(page) == []
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    page.wait_for_timeout(200)
    assert faults(page) == []


def test_the_form_fits(open_entry: Opener, patient: dict[str, str], ward: LiveServer) -> None:
    """LOOK: empty, with what is wrong, with a recording, and when sent; on every screen."""
    entry = open_entry()
    found = {}

    def look(when: str) -> None:
        for width, height in SCREENS:
            entry.page.set_viewport_size({"width": width, "height": height})
            entry.page.wait_for_timeout(200)
            if here := entry.page.evaluate(FITS):
                found[f"{when} at {width}x{height}"] = here

    look("empty")
    entry.fill(name="A very long name of somebody who has many names, one after the other", pressure="99")
    entry.send()
    expect(entry.error("pressure")).to_be_visible()
    look("wrong")
    entry.fill(**patient, pressure="9")
    entry.sample("bad-rows")
    entry.send()
    expect(entry.outcome).to_contain_text("measurement recorded")
    raise_pressure(ward, int(patient["room"]), 12)
    expect(entry.field("pressure")).to_have_value("12")
    look("sent")
    assert found == {}


@pytest.mark.holds("F14.1")
def test_a_lost_server_takes_nothing_of_what_was_typed(a_server: LiveServer, page: Page) -> None:
    """Killed and started again: the page says so, keeps all, and the lock and the recording hold."""
    a_server.start()
    entry = EntryPage(page, a_server)
    entry.fill(mrn="7", room="101", name="Ada", pressure="9")
    entry.choose(RECORDINGS / "apneas.txt")
    expect(entry.status).to_have_text("✓ apneas.txt")
    entry.send()
    expect(entry.outcome).to_contain_text("measurement recorded")
    entry.fill(name="Ada Abara", pressure="10")
    kept = entry.values()
    a_server.signal(signal.SIGKILL)
    expect(page.locator(".page-band").first).to_contain_text("Server lost", timeout=10_000)
    entry.send()
    expect(entry.outcome).to_contain_text("✕ The server is lost: nothing was sent")
    a_server.start()
    expect(page.locator(".live-pill")).to_have_text("Connected", timeout=20_000)
    assert entry.values() == kept
    expect(entry.field("mrn")).not_to_be_editable()
    expect(entry.status).to_have_text("✓ apneas.txt")
    wait_for(lambda: entry.card("apneas").locator(".figure").inner_text() == "3", 5, "the result")
    time.sleep(0.5)
    entry.send()
    expect(entry.outcome).to_contain_text("measurement recorded")
    assert a_server.rooms()[101]["patient_name"] == "Ada Abara"
    assert a_server.rooms()[101]["total_apnea_count"] == 6
