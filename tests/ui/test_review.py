"""The review in a real browser: a night from afar to one breath, from event to event, two nights side by side."""

from __future__ import annotations

import csv
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from benchmarks.nights import StoredNight, put_night
from store import Store
from tests.app.live_server import LiveServer, wait_for
from tests.conftest import PageFaults
from tests.ui.accessibility import faults
from tests.ui.bedside import RATE_HZ, Bedside, Device
from tests.ui.conftest import PAYLOADS, SERVER_GONE
from tests.ui.test_fits import FITS, SCREENS

START = 1_795_300_000.0
HOLE_S = (1800.0, 2100.0)
RANGE = "document.querySelector('.bw').breathwatch.review.views[{view}].figures.range"


class Nights:
    """A server with stored nights, and which they are."""

    def __init__(self, server: LiveServer, earlier: StoredNight, later: StoredNight, hostile: StoredNight) -> None:
        self.server, self.earlier, self.later, self.hostile = server, earlier, later, hostile

    def url(self, query: str) -> str:
        """The review's address."""
        return f"{self.server.url}/review?{query}"


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    """A night of an hour with a hole and a mark, an earlier one of the same patient, and one of hostile words."""
    data = tmp_path_factory.mktemp("review") / "data"
    data.mkdir()
    with Store(data / "breathwatch.sqlite") as store:
        earlier = put_night(store, room=101, mrn=7, name="Abara, Ada", hours=0.4, seed=2, start_time=START - 86400)
        later = put_night(
            store, room=103, mrn=7, hours=1, seed=4, start_time=START, hole_s=HOLE_S, marks=((900.0, "mask refit"),)
        )
        hostile = put_night(
            store,
            room=104,
            mrn=8,
            name=PAYLOADS[0],
            hours=0.1,
            seed=5,
            start_time=START,
            device=PAYLOADS[2],
            marks=tuple((60.0 * at, payload) for at, payload in enumerate(PAYLOADS)),
        )
    with LiveServer(data, MONITOR_TIME_ZONE="Europe/Oslo") as server:
        yield Nights(server, earlier, later, hostile)


def open_night(page: Page, url: str, views: int = 1) -> None:
    """Open a review and wait until its signals are drawn."""
    page.goto(url)
    drawn(page, views)


def drawn(page: Page, views: int = 1) -> None:
    """Wait until all views show what is visible of them."""
    page.wait_for_function(
        """(wanted) => {
          const views = document.querySelector('.bw')?.breathwatch?.review?.views ?? [];
          return views.length === wanted && views.every((view) => view.drawn !== null && !view.asking);
        }""",
        arg=views,
        timeout=60_000,
    )


def visible(page: Page, view: int = 0) -> tuple[float, float]:
    """The visible range in recording time, in s."""
    start, end = page.evaluate(f"(({{start, end}}) => [start, end])({RANGE.format(view=view)})")
    return start, end


def source(page: Page, name: str, view: int = 0) -> dict[str, list[Any]]:
    """What a figure of the page shows."""
    return dict(
        page.evaluate(
            f"""(name) => Object.fromEntries(
              Object.entries(document.querySelector('.bw').breathwatch.review.views[{view}].figures.sources[name].data)
                .map(([key, values]) => [key, [...values]]))""",
            name,
        )
    )


@pytest.mark.holds("F51.2", "F40.2")
def test_a_night_stands_on_one_screen_and_the_wheel_goes_to_one_breath(nights: Nights, page: Page) -> None:
    """Pressure, rate, leak, events and marks; then zoomed in, in finer steps, without a request by HTTP."""
    open_night(page, nights.url(f"recording={nights.later.recording_id}"))
    start, end = visible(page)
    assert start <= 0 and end >= 3600
    whole = source(page, "flow")
    assert 400 < len(whole["x"]) < 12_000
    assert not [x for x, y in zip(whole["x"], whole["y"], strict=True) if 1830 < x < 2070 and y == y], (
        "the hole is empty"
    )
    assert len(source(page, "rate")["x"]) > 100 and len(source(page, "leak")["x"]) > 100
    assert source(page, "spans")["left"] == pytest.approx(nights.later.events, abs=0.01)
    assert source(page, "lines")["x"] == [900.0]
    assert source(page, "marks")["text"] == ["mask refit"]
    assert max(source(page, "set")["y"]) == 9
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    box = page.locator(".night-stage").nth(1).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 64 + (box["width"] - 80) / 2, box["y"] + box["height"] / 2)
    under = sum(visible(page)) / 2
    for _ in range(60):
        page.mouse.wheel(0, -120)
        page.wait_for_timeout(15)
        if visible(page)[1] - visible(page)[0] < 5:
            break
    drawn(page)
    start, end = visible(page)
    assert end - start < 5
    assert start - 10 < under < end + 10
    steps = source(page, "flow")["x"]
    assert steps[1] - steps[0] == pytest.approx(0.04, abs=1e-6), "every sample is drawn"
    for _ in range(80):
        page.mouse.wheel(0, 240)
    drawn(page)
    assert visible(page)[1] - visible(page)[0] >= 3600
    assert fetched == []


def test_the_keyboard_goes_through_the_night(nights: Nights, page: Page) -> None:
    """`n` and `p` from event to event, arrows pan, + and - zoom, Home is the whole night."""
    open_night(page, nights.url("mrn=7"))
    events = nights.later.events
    page.evaluate(f"{RANGE.format(view=0)}.setv({{start: 0, end: 20}})")
    seen = []
    for key in ("n", "n", "p"):
        before = visible(page)
        page.keyboard.press(key)
        wait_for(lambda before=before: page.wait_for_timeout(20) or visible(page) != before, 5, "a jump")
        seen.append(sum(visible(page)) / 2)
    later = [onset for onset in events if onset > 10.5]
    assert seen == pytest.approx([later[0], later[1], later[0]], abs=0.6)
    start, end = visible(page)
    page.keyboard.press("ArrowRight")
    assert visible(page)[0] == pytest.approx(start + (end - start) / 4)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("+")
    assert visible(page)[1] - visible(page)[0] == pytest.approx((end - start) / 2)
    page.keyboard.press("-")
    page.keyboard.press("-")
    assert visible(page)[1] - visible(page)[0] == pytest.approx(2 * (end - start), rel=0.01)
    page.keyboard.press("Home")
    assert visible(page)[1] - visible(page)[0] > 3600
    page.keyboard.press("p")
    for _ in range(len(events) + 1):
        page.keyboard.press("n")
    expect(page.locator(".night-note")).to_have_text("There is no later event.")
    page.locator(".review-aside .event-button", has_text="mask refit").click()
    assert sum(visible(page)) / 2 == pytest.approx(900, abs=0.1)


@pytest.mark.holds("F18.1")
def test_an_earlier_night_opens_beside_the_latest(nights: Nights, page: Page) -> None:
    """By its timestamp, with the same vertical scales; the address says so, and taking it away leaves the latest."""
    open_night(page, nights.url("mrn=7"))
    choose = page.get_by_label("Beside it")
    choose.select_option("2026-11-20 23:26, 24 min")
    drawn(page, 2)
    assert page.locator(".night-when").all_text_contents() == [
        "2026-11-21 23:26 to 00:26 · 1 h 00 min",
        "2026-11-20 23:26 to 23:50 · 24 min",
    ]
    scales = [
        page.evaluate(
            f"""Object.values(document.querySelector('.bw').breathwatch.review.views[{view}].figures.plots)
              .map(({{y_range: {{start, end}}}}) => [start, end])"""
        )
        for view in (0, 1)
    ]
    assert scales[0] == scales[1]
    assert f"beside={nights.earlier.recording_id}" in page.url
    page.reload()
    drawn(page, 2)
    page.locator(".night-view").nth(1).click(position={"x": 5, "y": 5})
    before = visible(page, 0)
    page.keyboard.press("+")
    assert visible(page, 0) == before
    assert visible(page, 1)[1] - visible(page, 1)[0] < 800
    page.get_by_label("Beside it").select_option("Nothing")
    drawn(page, 1)
    assert "beside" not in page.url


@pytest.mark.holds("F19.1", "F51.3")
def test_picture_and_table_are_one_click_each(nights: Nights, page: Page, tmp_path: Path) -> None:
    open_night(page, nights.url(f"recording={nights.later.recording_id}&beside={nights.earlier.recording_id}"), 2)
    with page.expect_download() as saving:
        page.get_by_role("button", name="Save picture").click()
    saving.value.save_as(tmp_path / "night.png")
    assert saving.value.suggested_filename == "mrn7-202611212326.png"
    picture = (tmp_path / "night.png").read_bytes()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", picture[16:24])
    assert width > 1600 and height > 700
    page.evaluate(f"{RANGE.format(view=0)}.setv({{start: 890, end: 910}})")
    page.locator(".night-view").nth(0).focus()
    rows = {}
    for name in ("CSV, visible", "CSV, whole"):
        with page.expect_download() as saving:
            page.get_by_role("link", name=name).click()
        saving.value.save_as(tmp_path / "night.csv")
        with (tmp_path / "night.csv").open(newline="") as table:
            rows[name] = list(csv.DictReader(table))
    assert saving.value.suggested_filename == "mrn7-20261121-232640.csv"
    assert [float(rows["CSV, visible"][at]["recording_time_s"]) for at in (0, -1)] == [890.0, 910.0]
    assert [row["mark"] for row in rows["CSV, visible"] if row["mark"]] == ["mask refit"]
    assert len(rows["CSV, whole"]) == 25 * 3300


@pytest.mark.holds("F13.1")
def test_words_are_never_markup(nights: Nights, page: Page) -> None:
    """In names, devices and marks, on the list, in the figures and in the picture."""
    page.goto(nights.url(""))
    expect(page.locator(".recording-who", has_text="<img")).to_have_text(PAYLOADS[0])
    expect(page.locator(".recording-device", has_text="svg")).to_have_text(PAYLOADS[2])
    page.locator(".recording-row", has_text="<img").click()
    drawn(page)
    expect(page.locator(".night-who")).to_have_text(PAYLOADS[0])
    expect(page.locator(".review-aside .event-text", has_text="<script>")).to_have_text(PAYLOADS[1])
    with page.expect_download():
        page.get_by_role("button", name="Save picture").click()
    assert page.evaluate("window.owned") is None


def test_recordings_are_found_as_one_types(nights: Nights, page: Page) -> None:
    page.goto(nights.url(""))
    expect(page.locator(".recording-row")).to_have_count(3)
    assert page.locator(".recording-row time").all_text_contents() == [
        "2026-11-21 23:26",
        "2026-11-21 23:26",
        "2026-11-20 23:26",
    ]
    page.get_by_label("Find a recording").fill("ada")
    expect(page.locator(".recording-row")).to_have_count(2)
    page.get_by_label("Find a recording").fill("nobody")
    expect(page.locator(".recording-said")).to_contain_text("No recording fits “nobody”")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("recording=abc", "Recording must be a whole number from 1 on: got 'abc'"),
        ("recording=999", "There is no recording 999"),
        ("mrn=999", "Nothing is recorded of a patient with MRN 999"),
        (f"recording={PAYLOADS[0]}", "Recording must be a whole number"),
    ],
)
def test_an_address_that_leads_nowhere_says_so(nights: Nights, page: Page, query: str, words: str) -> None:
    page.goto(nights.url(query))
    expect(page.locator(".welcome")).to_contain_text(words)
    page.get_by_role("link", name="Choose a recording").click()
    expect(page.locator(".recording-row")).to_have_count(3)


def test_the_page_fits_and_axe_finds_nothing_grave(nights: Nights, page: Page) -> None:
    """No scrolling, nothing cut off, targets of 44 px, on every screen; dark and light."""
    found: dict[str, Any] = {}
    both = f"recording={nights.later.recording_id}&beside={nights.earlier.recording_id}"
    for query, views in (("mrn=7", 1), (both, 2), ("", 0), ("recording=999", 0)):
        page.goto(nights.url(query))
        if views:
            drawn(page, views)
        else:
            page.locator(".recording-row, .welcome").locator("visible=true").first.wait_for()
        for width, height in SCREENS:
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(500)
            if ill := page.evaluate(FITS):
                found[f"{query} at {width}x{height}"] = ill
        page.set_viewport_size({"width": 1366, "height": 768})
        for theme in ("dark", "light"):
            page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
            page.wait_for_timeout(600)
            if ill := faults(page):
                found[f"{query}, {theme}"] = ill
    assert found == {}


def test_after_a_loss_it_is_back_with_its_zoom(tmp_path: Path, page: Page, page_faults: PageFaults) -> None:
    """What was drawn stays while the server is away; then it goes on, where it was, without a reload."""
    page_faults.expect(SERVER_GONE)
    data = tmp_path / "data"
    data.mkdir()
    with Store(data / "breathwatch.sqlite") as store:
        night = put_night(store, room=101, mrn=7, name="Abara, Ada", hours=0.3, start_time=START)
    with LiveServer(data) as server:
        open_night(page, f"{server.url}/review?recording={night.recording_id}")
        page.evaluate(f"window.kept = true; {RANGE.format(view=0)}.setv({{start: 300, end: 400}})")
        drawn(page)
        server.stop()
        expect(page.locator(".page-band")).to_be_visible(timeout=15_000)
        page.keyboard.press("ArrowRight")
        expect(page.locator(".night-note")).to_be_visible()
        assert len(source(page, "flow")["x"]) > 100
        server.start()
        expect(page.locator(".page-band")).to_be_hidden(timeout=30_000)
        drawn(page)
        expect(page.locator(".night-note")).to_be_hidden()
        assert visible(page) == (325, 425)
        shown = source(page, "flow")["x"]
        assert shown[0] < 326 and shown[-1] > 424
        assert page.evaluate("window.kept") is True


def test_what_is_sought_before_the_labs_clock_is_known_is_found(
    ward: LiveServer, bedside: Bedside, page: Page, numbers: Iterator[int]
) -> None:
    """The field is there before the first push, which says the time zone."""
    room = next(numbers)
    bedside.start(Device(ward.url, room, history=20 * RATE_HZ, name=f"device of {room}"))
    held: list[tuple[WebSocketRoute, list[str | bytes]]] = []
    is_held = True

    def give(socket: WebSocketRoute, message: list[str | bytes]) -> None:
        for part in message:
            socket.send(part)

    def hold(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        parts: list[str | bytes] = []

        def pass_on(part: str | bytes) -> None:
            parts.append(part)
            if len(parts) < 3:
                return
            message, parts[:] = parts[:], []
            if is_held and "time_zone" in str(message[2]):
                held.append((socket, message))
            else:
                give(socket, message)

        server.on_message(pass_on)

    page.route_web_socket(re.compile("/review/ws"), hold)
    page.goto(f"{ward.url}/review")
    page.get_by_label("Find a recording").fill(f"device of {room}")
    page.wait_for_timeout(2000)
    is_held = False
    assert held
    for socket, message in held:
        give(socket, message)
    expect(page.locator(".recording-row")).to_have_count(1)


@pytest.mark.holds("F51.2")
def test_a_recording_that_runs_is_reviewed_up_to_now(
    ward: LiveServer, bedside: Bedside, page: Page, numbers: Iterator[int]
) -> None:
    """It says so; what came since is taken in when it is asked for, and a mark comes by push."""
    room = next(numbers)
    bedside.start(Device(ward.url, room, history=60 * RATE_HZ, name=f"device of {room}"))
    page.goto(f"{ward.url}/review")
    page.get_by_label("Find a recording").fill(f"device of {room}")
    page.locator(".recording-row").first.click()
    drawn(page)
    expect(page.locator(".night-state")).to_contain_text("still running, reviewed up to")
    before = visible(page)[1]
    page.wait_for_timeout(1500)
    assert visible(page)[1] == before
    page.get_by_role("button", name="Show newest").click()
    wait_for(lambda: page.wait_for_timeout(30) or visible(page)[1] > before + 1, 10, "the newest samples")
    note = {"kind": "note", "text": "asked for water"}
    assert ward.post(f"/api/v1/rooms/{room}/marks", note, Idempotency_Key=f"review-{room}")[0] == 201
    expect(page.locator(".review-aside .event-text", has_text="asked for water")).to_be_visible(timeout=5000)
