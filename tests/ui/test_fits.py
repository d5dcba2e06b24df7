"""Nothing scrolls, is cut off, lies over another or is too small, on any screen and with any number of rooms."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.app.live_server import ROOT, free_port, wait_for
from tests.conftest import PageFaults

HERE = Path(__file__).parent
FITS = (HERE / "fits.js").read_text()
SCREENS = [(1920, 1080), (1366, 768), (1024, 768), (2560, 1440)]
TOKENS = (ROOT / "assets/css/tokens.css").read_text()


@pytest.fixture
def harness() -> Iterator[Callable[[int], str]]:
    """Starts a server of invented rooms in every state, among them long and hostile names."""
    running: list[subprocess.Popen[bytes]] = []

    def start(rooms: int) -> str:
        port = free_port()
        command = [sys.executable, str(HERE / "harness/serve.py"), "--rooms", str(rooms), "--port", str(port)]
        running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return f"http://127.0.0.1:{port}"

    yield start
    for process in running:
        process.terminate()
        process.wait(timeout=10)


def open_when_up(page: Page, url: str) -> None:
    """Open a page of a server that is just starting."""

    def there() -> bool:
        try:
            page.goto(url)
        except Exception:
            return False
        return True

    wait_for(there, 60, "the harness")


# Of each grid the fewest and the most rooms; the tests of the others would only say the same again.
@pytest.mark.parametrize("rooms", [1, 2, 3, 5, 7, 12, 13, 16, 24, 25, 40, 41, 64])
def test_the_wall_fits(harness: Callable[[int], str], page: Page, page_faults: PageFaults, rooms: int) -> None:
    """LOOK: 1 to 64 rooms without scrolling, nothing under 13 px, no text cut off or over another."""
    page_faults.expect("ERR_CONNECTION_REFUSED")
    open_when_up(page, f"{harness(rooms)}/wall")
    page.wait_for_function("count => document.querySelectorAll('.tile').length === count", arg=rooms)
    page.wait_for_timeout(6500 if rooms == 16 else 1200)  # the silent room's band comes after 5 s
    faults = {}
    for width, height in SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(450)
        faults[f"{width}x{height}"] = page.evaluate(FITS)
    assert not any(faults.values()), faults


def test_no_row_of_the_wall_stands_empty(harness: Callable[[int], str], page: Page, page_faults: PageFaults) -> None:
    """LOOK: no empty boxes; eight rooms are two rows of four, and on a screen that stands upright three of three."""
    page_faults.expect("ERR_CONNECTION_REFUSED")
    open_when_up(page, f"{harness(8)}/wall")
    page.wait_for_function("document.querySelectorAll('.tile').length === 8")
    for width, height in ((1920, 1080), (1080, 1920)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(450)
        tiles = [tile.bounding_box() for tile in page.locator(".tile").all()]
        lowest = max(box["y"] + box["height"] for box in tiles if box is not None)
        assert height - 40 < lowest <= height, (width, height, lowest)


def test_the_room_page_fits(harness: Callable[[int], str], page: Page, page_faults: PageFaults) -> None:
    """LOOK: everything a technician needs without scrolling, targets of 44 px; rooms with every kind of trouble."""
    page_faults.expect("ERR_CONNECTION_REFUSED")
    url = harness(16)
    faults = {}
    for room in (104, 107, 111, 112, 114, 115):
        open_when_up(page, f"{url}/room?room={room}")
        page.locator(".room-body, .welcome").locator("visible=true").first.wait_for()
        for width, height in SCREENS:
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(350)
            faults[f"{room} at {width}x{height}"] = page.evaluate(FITS)
    assert not any(faults.values()), {where: what for where, what in faults.items() if what}


def tokens(light: bool) -> dict[str, str]:
    """The colours of a theme."""
    blocks = re.findall(r"\{([^}]*)\}", TOKENS)
    found = [dict(re.findall(r"--([\w-]+): (#\w{6});", block)) for block in blocks]
    return found[0] | found[1] if light else found[0]


def luminance(color: str) -> float:
    """Relative luminance by WCAG 2."""
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast by WCAG 2."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_text_has_contrast(theme: str) -> None:
    """WCAG AA: 4.5 for text on every ground it is written on, in both themes; traces 3."""
    color = tokens(theme == "light")
    texts = [
        (text, ground) for text in ("text", "secondary", "faint", "pressure", "flow") for ground in ("ground", "tile")
    ]
    texts += [("text", "raised"), ("text", "span"), ("flow", "flow-ground"), ("on-pressure", "pressure")]
    texts += [
        (f"on-alarm-{priority}{rest}", f"alarm-{priority}{rest}")
        for priority, rest in (("high", ""), ("high", "-rest"), ("medium", ""), ("medium", "-rest"), ("low", ""))
    ]
    poor = {pair: round(contrast(color[pair[0]], color[pair[1]]), 2) for pair in texts}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 4.5} == {}
    assert contrast(color["alarm-high"], color["tile"]) >= 3
