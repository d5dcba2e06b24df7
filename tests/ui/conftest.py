"""A ward for the pages: a real server, real device links, and pages that keep a diary of what they show."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from store import Store
from tests.app.live_server import LiveServer, wait_for
from tests.app.troubled_server import TroubledServer
from tests.conftest import PageFaults
from tests.ui.bedside import Bedside
from tests.ui.harness.panel_page import PanelServer
from tests.ui.proxy import Proxy

# What has to be quick is measured where it is said; elsewhere a busy machine is no fault of a page.
expect.set_options(timeout=20_000)

PROBE = (Path(__file__).parent / "probe.js").read_text()
PAYLOADS = [
    "<img src=x onerror=window.owned=1>",
    "<script>window.owned=1</script>",
    "\"'><svg onload=window.owned=1>",
    "**bold** [link](javascript:window.owned=1) {{7*7}} ${7*7} </script><!--",
]
LAB_NAME = f"Lab {PAYLOADS[0]}"
PATIENTS = {201 + at: payload for at, payload in enumerate(PAYLOADS)} | {211: "Abara, Ada", 212: "Brandt, Karl"}
SERVER_GONE = r"ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_TIMED_OUT|WebSocket connection to"
SERVER_GONE += r"|Failed to connect to Bokeh server|Failed to repull session"


@pytest.fixture(scope="session")
def ward_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The server of `ward`, once for all tests."""
    data = tmp_path_factory.mktemp("ward") / "data"
    admit(data, *((number, 204000 + number, name) for number, name in PATIENTS.items()))
    with LiveServer(data, MONITOR_LAB_NAME=LAB_NAME) as running:
        yield running


@pytest.fixture
def ward(ward_server: LiveServer) -> Iterator[LiveServer]:
    """A server for the tests that do not stop it; each takes rooms of its own, or one of the patients'.

    Afterwards they are free again: on a wall of all tests' rooms a tile would be too small for its words.
    """
    yield ward_server
    for room in ward_server.rooms():
        if room not in PATIENTS:
            ward_server.post(f"/api/v1/rooms/{room}/discharge", {}, **{"Idempotency-Key": uuid.uuid4().hex})


@pytest.fixture
def bedside() -> Iterator[Bedside]:
    """Where this test's devices live."""
    with Bedside() as running:
        yield running


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    """Numbers of rooms that no other test has."""
    return count(301)


@pytest.fixture
def diary_page(new_page: Callable[..., Page]) -> Callable[..., Diary]:
    """A page with a diary, opened at an address."""

    def open_page(url: str, **options: Any) -> Diary:
        page = new_page(**options)
        page.add_init_script(PROBE)
        page.goto(url)
        return Diary(page)

    return open_page


class Diary:
    """A page and what it has shown, with the times at which that changed, in epoch s."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @property
    def now(self) -> dict[str, Any]:
        """What is seen now."""
        return dict(self.page.evaluate("probe.seen()"))

    @property
    def entries(self) -> list[tuple[float, dict[str, Any]]]:
        """All entries since the page was loaded last."""
        return [(at, seen) for at, seen in self.page.evaluate("probe.log")]

    def first(self, what: Callable[[dict[str, Any]], Any], *, since: float = 0.0, within_s: float = 10.0) -> float:
        """When something was first seen, of what was seen at or after a time."""

        def look() -> float | None:
            return next((at for at, seen in self.entries if at >= since and _holds(what, seen)), None)

        try:
            return float(self.wait(look, within_s))
        except AssertionError as error:
            raise AssertionError(f"not seen; the page shows {json.dumps(self.now)}") from error

    def until(self, what: Callable[[dict[str, Any]], Any], within_s: float = 10.0) -> dict[str, Any]:
        """Wait until the page shows something; gives what it shows."""

        def look() -> dict[str, Any] | None:
            seen = self.now
            return seen if _holds(what, seen) else None

        try:
            return dict(self.wait(look, within_s))
        except AssertionError as error:
            raise AssertionError(f"not shown; the page shows {json.dumps(self.now)}") from error

    def wait(self, look: Callable[[], Any], within_s: float) -> Any:
        """Wait for a condition while the page's events are served; a page that is being reloaded is asked again."""

        def patient() -> Any:
            self.page.wait_for_timeout(30)
            try:
                return look()
            except Exception as error:
                if "Execution context was destroyed" in str(error) or "probe is not defined" in str(error):
                    return None
                raise

        return wait_for(patient, within_s, "the page")


def _holds(what: Callable[[dict[str, Any]], Any], seen: dict[str, Any]) -> bool:
    """Whether it is seen; a tile or band that is not there yet does not show it."""
    try:
        return bool(what(seen))
    except (KeyError, IndexError):
        return False


@pytest.fixture
def network(bedside: Bedside) -> Iterator[Proxy]:
    """A network that can fail; the test says to which port it leads."""
    with Proxy(bedside) as proxy:
        yield proxy


@pytest.fixture
def troubled(tmp_path: Path, page_faults: PageFaults) -> Iterator[Callable[..., TroubledServer]]:
    """Start a server that can be troubled from outside, with settings; its pages may complain."""
    page_faults.expect(SERVER_GONE)
    started: list[TroubledServer] = []

    def start(**environment: str) -> TroubledServer:
        started.append(TroubledServer(tmp_path / "data", **environment))
        started[-1].start()
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def a_server(tmp_path: Path, page_faults: PageFaults) -> Iterator[LiveServer]:
    """A server that the test may stop; its pages may complain that they do not reach it."""
    page_faults.expect(SERVER_GONE)
    server = LiveServer(tmp_path / "data")
    yield server
    server.stop()


@pytest.fixture
def panel_server(tmp_path: Path) -> Iterator[PanelServer]:
    """A server with a Panel page of somebody else's."""
    with PanelServer(tmp_path / "data") as running:
        yield running


def admit(data: Path, *patients: tuple[int, int, str]) -> None:
    """Put patients into rooms of a store before its server starts: room, MRN and name of each."""
    data.mkdir(parents=True, exist_ok=True)
    with Store(data / "breathwatch.sqlite") as store:
        for room, mrn, name in patients:
            store.upsert_patient(mrn, name).result(timeout=10)
            store.begin_stay(room, mrn, 1_700_000_000.0).result(timeout=10)


def seconds(text: str) -> int:
    """The first number of seconds in words."""
    found = re.search(r"(\d+) s\b", text)
    assert found, text
    return int(found[1])
