"""F8, F9, F12, F14: recordings in the admission form, from the choice to the picture, in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.app.live_server import LiveServer, wait_for
from tests.app.raw_device import breathing as quiet_breathing
from tests.core.recordings import breathing, signal, write_edf
from tests.ui.entry_page import RECORDINGS, EntryPage

ROWS = "".join(f"{at / 50:.2f},5000,5001,4990,1,2,3\n" for at in range(2000))


@pytest.fixture(scope="module")
def small_limit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that takes 1 MB."""
    with LiveServer(tmp_path_factory.mktemp("small") / "data", MONITOR_MAX_UPLOAD_MB="1") as running:
        yield running


@pytest.fixture
def entry(small_limit: LiveServer, page: Page) -> EntryPage:
    """A form of it."""
    return EntryPage(page, small_limit)


def no_file_left(server: LiveServer) -> None:
    """Nothing lies where uploads are kept, after a moment."""
    wait_for(lambda: list((server.data / "uploads").iterdir()) == [], 5, "the files to be gone")


def figure(entry: EntryPage, key: str) -> str:
    return entry.card(key).locator(".figure").inner_text()


@pytest.mark.holds("F8.2", "F9.1", "F9.2", "F9.3")
def test_the_numbers_and_the_flow_of_a_recording(entry: EntryPage) -> None:
    for key in ("rate", "apneas"):
        expect(entry.card(key).locator(".figure")).to_have_text("Not measured")
    expect(entry.page.locator(".flow-empty")).to_be_visible()
    entry.sample("calm")
    assert (figure(entry, "rate"), figure(entry, "apneas")) == ("14.50", "0")
    quiet = entry.card("rate").locator(".figure").evaluate("(el) => getComputedStyle(el).color")
    color = "(el) => getComputedStyle(el).color"
    assert entry.card("apneas").locator(".figure").evaluate(color) == quiet
    entry.sample("apneas")
    assert (figure(entry, "rate"), figure(entry, "apneas")) == ("10.80", "3")
    red = entry.card("apneas").locator(".figure").evaluate(color)
    assert red == "rgb(255, 90, 95)"
    mark = "(el) => getComputedStyle(el, '::before').content"
    assert entry.card("apneas").locator(".figure").evaluate(mark) == '"▲"'
    expect(entry.card("apneas")).to_contain_text("High: 2 or more")
    expect(entry.card("leak")).to_contain_text("3.73L")
    expect(entry.card("length")).to_contain_text("2 min 30 s")
    canvas = entry.page.locator(".flow-stage canvas")
    expect(canvas).to_have_attribute("aria-label", "Flow in L/min over 150 s: 27 breaths, 3 apneas")
    assert entry.ink() > 1500


@pytest.mark.holds("F9.1")
def test_mean_pressure_is_shown_where_there_is_one_and_a_wrong_sign_is_said(entry: EntryPage, tmp_path: Path) -> None:
    values = quiet_breathing(900 * 25)
    flow = signal(-values[:, 0] / 60, 25.0)
    pressure = signal(values[:, 1], 25.0, label="Press.40ms", unit="cmH2O", bounds=(0, 40))
    expect(entry.card("pressure")).to_be_hidden()
    entry.choose(write_edf(tmp_path / "with pressure.edf", flow, pressure))
    expect(entry.status).to_have_text("✓ with pressure.edf")
    expect(entry.card("pressure")).to_have_text(f"Mean pressure{values[:, 1].mean():.1f}cmH₂O")
    expect(entry.card("rate")).to_contain_text("flow looks inverted: breathing in must be positive")
    entry.choose(write_edf(tmp_path / "flow alone.edf", flow))
    expect(entry.status).to_have_text("✓ flow alone.edf")
    expect(entry.card("pressure")).to_be_hidden()
    entry.sample("calm")
    expect(entry.card("pressure")).to_contain_text("cmH₂O")


@pytest.mark.holds("F9.1")
def test_the_flow_is_seen_from_the_whole_to_single_breaths(entry: EntryPage) -> None:
    entry.sample("apneas")
    plot = "document.querySelector('.flow-plot')"
    stage = entry.page.locator(".flow-stage")
    whole = entry.ink()
    stage.hover(position={"x": 400, "y": 200})
    entry.page.mouse.wheel(0, -2000)
    assert entry.ink() != whole
    expect(entry.page.locator(".flow-head .panel-title")).to_contain_text(" s")
    stage.focus()
    for key in ("+", "ArrowRight", "ArrowLeft", "-"):
        before = entry.ink()
        stage.press(key)
        assert entry.ink() != before, key
    stage.press("0")
    assert entry.ink() == whole
    entry.page.get_by_role("button", name="Show less time").click()
    assert entry.ink() != whole
    entry.page.get_by_role("button", name="Show the whole recording").click()
    assert entry.ink() == whole
    assert entry.page.evaluate(f"{plot} !== null")


@pytest.mark.holds("F8.1", "F8.3")
def test_a_file_of_each_kind_and_the_same_one_again(entry: EntryPage, small_limit: LiveServer, tmp_path: Path) -> None:
    night = write_edf(tmp_path / "night.edf", signal(breathing([2.0, 6.0, 10.0], 14.0, 25.0) / 60, 25.0))
    for path, breaths in ((RECORDINGS / "calm.txt", 29), (night, 3)):
        entry.choose(path)
        expect(entry.status).to_have_text(f"✓ {path.name}")
        expect(entry.card("rate")).to_contain_text(f"{breaths} breaths")
    analysed = small_limit.log.count("Starting analysis of")
    entry.choose(night)
    expect(entry.status).to_have_text("This file has already been loaded")
    copied = tmp_path / "copy.csv"
    copied.write_bytes((RECORDINGS / "calm.txt").read_bytes())
    entry.choose(copied)
    expect(entry.card("rate")).to_contain_text("29 breaths")
    expect(entry.status).to_have_text("This file has already been loaded")
    assert small_limit.log.count("Starting analysis of") == analysed
    no_file_left(small_limit)


@pytest.mark.holds("F12.2", "F14.1")
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("big.txt", b"1,2,3,4,5,6,7\n" * 90_000, "big.txt has 1.2 MB; a recording may have 1 MB at most"),
        ("photo.png", b"\x89PNG", "photo.png is no recording: choose a file named .txt, .csv or .edf"),
        ("photo.edf", b"\x89PNG" + bytes(300), "photo.edf: neither text nor EDF"),
        ("empty.txt", b"", "empty.txt: the file is empty"),
        ("night.edf", b"0       " + b"1" * 90, "night.edf: damaged or no EDF file"),
    ],
)
def test_a_bad_file_is_said_in_words_and_the_form_goes_on(
    entry: EntryPage, small_limit: LiveServer, name: str, content: bytes, words: str
) -> None:
    entry.fill(name="Ada")
    entry.choose({"name": name, "mimeType": "application/octet-stream", "buffer": content})
    expect(entry.status).to_contain_text(f"✕ {words}")
    expect(entry.field("name")).to_have_value("Ada")
    entry.sample("calm")
    no_file_left(small_limit)


@pytest.mark.holds("F36.2")
def test_what_was_skipped_is_shown_by_its_line(entry: EntryPage) -> None:
    entry.sample("bad-rows")
    rows = entry.page.locator(".entry-rejected")
    expect(rows.get_by_role("heading")).to_have_text("5 rows could not be used")
    expect(rows.locator("li").first).to_have_text("Line 702venturi 1 p2 is missing")
    expect(rows.locator("li")).to_have_count(5)
    entry.sample("calm")
    expect(rows).to_be_hidden()


def test_a_recording_without_a_breath_says_so(entry: EntryPage) -> None:
    entry.choose({"name": "flat.txt", "mimeType": "text/plain", "buffer": ROWS.encode()})
    expect(entry.card("rate")).to_contain_text("no breath found")
    assert figure(entry, "apneas") == "0"


@pytest.mark.holds("F14.2", "F11.2")
@pytest.mark.parametrize("how", ["leaves", "resets"])
def test_who_leaves_or_resets_in_mid_upload_leaves_nothing(
    small_limit: LiveServer, new_page: Callable[..., Page], how: str
) -> None:
    entry = EntryPage(new_page(), small_limit)
    devtools = entry.page.context.new_cdp_session(entry.page)
    devtools.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 100_000}
    devtools.send("Network.emulateNetworkConditions", slow)
    entry.choose({"name": "slow.txt", "mimeType": "text/plain", "buffer": ROWS.encode() * 12})
    expect(entry.page.locator("progress")).to_be_visible()
    expect(entry.status).to_contain_text("Sending slow.txt: ")
    folder = small_limit.data / "uploads"
    wait_for(lambda: any(path.stat().st_size > 1000 for path in folder.iterdir()), 10, "the upload to begin")
    if how == "leaves":
        entry.page.goto("about:blank")
    else:
        entry.reset()
        expect(entry.page.locator("progress")).to_be_hidden()
    no_file_left(small_limit)
    if how == "resets":
        entry.page.wait_for_timeout(500)
        expect(entry.card("rate").locator(".figure")).to_have_text("Not measured")
        devtools.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
        entry.sample("calm")


def test_a_recording_can_be_dropped_onto_the_form(entry: EntryPage) -> None:
    """JOURNEYS, the evening."""
    entry.page.evaluate(
        """(text) => {
          const data = new DataTransfer();
          data.items.add(new File([text], "dropped.txt"));
          document.querySelector(".entry-form").dispatchEvent(
            new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        (RECORDINGS / "calm.txt").read_text(),
    )
    expect(entry.status).to_have_text("✓ dropped.txt")
