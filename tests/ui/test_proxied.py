"""Behind TLS, a path prefix and a real web server, run from the files that are shipped: everything lives (F12)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from urllib.request import HTTPErrorProcessor, build_opener

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests import proxies
from tests.app.live_server import LiveServer
from tests.app.raw_device import breathing, frame, hello
from tests.conftest import PageFaults
from tests.ui.bedside import RATE_HZ, Bedside, Device
from tests.ui.conftest import SERVER_GONE, Diary
from tests.ui.front import Caddy, Front, Nginx
from tests.ui.loss import MARK, heal, live, says

HISTORY = 15 * RATE_HZ
SOON_S = 20


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((Nginx, "nginx"), id="nginx"),
        pytest.param((Caddy, "caddy"), id="caddy", marks=pytest.mark.soak),
    ],
)
def front(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Front, LiveServer]]:
    """A real server behind a real web server."""
    kind, name = request.param
    try:
        proxies.find_or_install(name, "openssl")
    except proxies.NoProxyError as problem:
        pytest.fail(str(problem), pytrace=False)
    folder = tmp_path_factory.mktemp(name)
    server = LiveServer(folder / "data", MONITOR_PREFIX="/monitor")
    before: Front = kind(folder / "front", server.port)
    server.environment["MONITOR_ALLOWED_ORIGINS"] = f"https://localhost:{before.port}"
    with server, before:
        yield before, server


def open_pages(front: Front, diary_page: Callable[..., Diary], room: int) -> tuple[Diary, Diary]:
    """The wall, and a room's page."""
    pages = [diary_page(f"{front.url}{path}", ignore_https_errors=True) for path in ("/wall", f"/room?room={room}")]
    return pages[0], pages[1]


@pytest.mark.holds("F12.1")
def test_wall_and_room_are_live_and_a_command_arrives(
    front: tuple[Front, LiveServer], bedside: Bedside, diary_page: Callable[..., Diary]
) -> None:
    """The whole way: pages and scripts under the prefix, pushes by a WebSocket over TLS, a pressure to the device."""
    before, server = front
    device = bedside.start(Device(f"{server.url}/monitor", 101, history=HISTORY))
    sockets: list[str] = []
    wall, room = open_pages(before, diary_page, 101)
    wall.page.on("websocket", lambda socket: sockets.append(socket.url))
    wall.page.reload()
    for diary in (wall, room):
        diary.until(live)
    assert sockets[0].startswith(f"wss://localhost:{before.port}/monitor/wall/ws")
    room.page.get_by_label("Set pressure").fill("9")
    room.page.get_by_role("button", name="Send to room").click()
    room.until(lambda seen: seen["fate"].startswith("✓ Applied: 9"))
    assert device.applied_at is not None
    wall.until(lambda seen: seen["tiles"]["101"]["pressure"] == "9")
    wall.page.locator("a.tile, .tile a").first.click()
    room.page.wait_for_url(f"{before.url}/room?room=101")


@pytest.mark.holds("F12.1")
def test_pages_find_back_after_the_proxy_and_the_server_ended(
    front: tuple[Front, LiveServer], bedside: Bedside, diary_page: Callable[..., Diary], page_faults: PageFaults
) -> None:
    """Without a reload, whichever of the two was gone; the proxy's own error page is waited out."""
    page_faults.expect(rf"{SERVER_GONE}|status of 502|ERR_CONNECTION_CLOSED|ERR_NETWORK_CHANGED")
    before, server = front
    bedside.start(Device(f"{server.url}/monitor", 102, history=HISTORY))
    pages = open_pages(before, diary_page, 102)
    for diary in pages:
        diary.until(live)
        diary.page.evaluate(MARK)
    for end, begin in ((before.stop, before.start), (server.stop, server.start)):
        end()
        for diary in pages:
            diary.until(says("Server lost"), SOON_S)
        begin()
        for diary in pages:
            diary.until(live, SOON_S)
        heal(list(pages))


@pytest.mark.holds("F12.1")
def test_a_device_streams_through_the_proxy(front: tuple[Front, LiveServer]) -> None:
    """Its WebSocket over TLS, and what is acknowledged."""
    before, server = front

    async def stream() -> None:
        address = f"{before.url.replace('https', 'wss', 1)}/ingest/rooms/103"
        # The certificate is this test's own, which nobody vouches for.
        device = await websocket_connect(HTTPRequest(address, validate_cert=False))
        await device.write_message(json.dumps(hello("through the proxy")))
        assert json.loads(await device.read_message() or "") == {"type": "welcome", "next_sample": 0}
        await device.write_message(frame(0, breathing(250)), binary=True)
        said: dict[str, object] = {}
        while said.get("type") != "ack":
            said = json.loads(await asyncio.wait_for(device.read_message(), 10) or "")
        assert said["next_sample"] == 250
        device.close()

    # Playwright's event loop lives in this thread.
    with Bedside() as elsewhere:
        elsewhere.do(stream()).result(timeout=30)
    assert json.loads(server.get("/monitor/api/v1/rooms")[1])[-1]["room"] == 103


def test_addresses_without_their_slash_or_their_tls_lead_on(front: tuple[Front, LiveServer]) -> None:
    """What people type."""
    before, _server = front
    if not isinstance(before, Nginx):
        pytest.skip("Caddy's own way to https is switched off here, since it takes port 80")

    class Told(HTTPErrorProcessor):
        def http_response(self, request: object, response: object) -> object:  # type: ignore[override]
            return response

    answer = build_opener(Told).open(f"http://localhost:{before.plain_port}/monitor/wall", timeout=10)
    assert (answer.status, answer.headers["Location"]) == (308, f"{before.url}/wall")
    answer.close()
