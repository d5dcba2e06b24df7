"""How the server is reached: names, prefixes, addresses, and settings that make no sense."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.bokeh_client import BokehPage, PageClient
from tests.app.live_server import HANDSHAKE, ROOT, LiveServer, wait_for


def ask(server: LiveServer, path: str, host: str, method: str = "GET", **headers: str) -> int:
    """Status of a request under a host name."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, path, headers={"Host": host, **headers})
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/wall", "/room?room=1", "/api/v1/rooms", "/health", "/liveness", "/ingest/rooms/1"])
def test_a_foreign_name_gets_nothing(server: LiveServer, path: str) -> None:
    """A page that had its own name resolved to this machine must neither read names nor command."""
    assert ask(server, path, f"evil.example:{server.port}") == 403
    assert ask(server, path, f"localhost:{server.port}") != 403


def test_a_foreign_page_commands_no_pressure(server: LiveServer) -> None:
    """A browser tells where a page came from: not ours, not taken."""
    headers = {"Origin": "http://evil.example", "Idempotency-Key": "k", "Content-Type": "application/json"}
    assert ask(server, "/api/v1/rooms/1/pressure", f"127.0.0.1:{server.port}", "POST", **headers) == 403


@pytest.mark.holds("F32.1")
def test_health_liveness_and_metrics(server: LiveServer) -> None:
    """F32, and what a watcher scrapes."""
    status, body = server.get("/health")
    assert (status, json.loads(body)["status"]) == (200, "healthy")
    assert json.loads(body)["push"]["ok"]
    assert server.get("/liveness") == (200, b"ok\n")
    metrics = server.get("/metrics")[1]
    assert b"breathwatch_store_commits_total" in metrics
    assert b"breathwatch_push_encode_once 1" in metrics


@pytest.mark.holds("F13.1", "F14.1")
@pytest.mark.parametrize("room", ["", "?room=", "?room=<script>alert(1)</script>", "?room=007", "?room=1099511627776"])
def test_a_room_page_for_anything(server: LiveServer, room: str) -> None:
    """Whatever the address says, a page comes and nothing of it is markup."""
    status, body = server.get(f"/room{room}".replace("<", "%3C").replace(">", "%3E"))
    assert status == 200
    assert b"<script>alert" not in body


@pytest.mark.parametrize("path", ["/wall", "/room?room=101"])
def test_a_page_that_sends_too_much_is_hung_up_on(server: LiveServer, path: str) -> None:
    """20 MB, which Bokeh would take, hold up the event loop, and with it every other page and every device, for 4 s."""

    async def send() -> None:
        page = BokehPage(server.url, path)
        await page.open()
        page._say("PATCH-DOC", {"events": [], "more": "x" * 200_000})
        assert page.socket is not None
        await asyncio.wait_for(page.socket.closed, 5)

    asyncio.run(send())


@pytest.mark.parametrize("path", ["/wall/autoload.js", "/room/autoload.js?bokeh-autoload-element=x", "/room/metadata"])
def test_no_fetch_makes_a_session(server: LiveServer, path: str) -> None:
    """Whoever fetches and never connects leaves nothing behind: pages begin their session with their WebSocket."""
    before = sessions(server)
    for _ in range(5):
        assert server.get(path)[0] == 404
        assert server.get("/wall")[0] == server.get("/room?room=1")[0] == 200
    assert sessions(server) <= before


@pytest.mark.parametrize("path", ["/wall", "/room?room=1"])
def test_a_page_that_closed_leaves_nothing(server: LiveServer, path: str) -> None:
    """A page that comes back begins a new session, so the old one goes within seconds."""

    async def come_and_go() -> None:
        pages = [PageClient(server.url, path) for _ in range(3)]
        for page in pages:
            await page.join()
        assert sessions(server) >= 3
        for page in pages:
            page.leave()

    asyncio.run(come_and_go())
    wait_for(lambda: sessions(server) == 0, 8, "the sessions to go")


@pytest.mark.parametrize("path", ["/wall", "/room", "/review", "/entry", "/patients"])
def test_a_page_that_is_left_as_it_opens_leaves_nothing(server: LiveServer, path: str) -> None:
    """Its session is still being built when the connection ends; Bokeh would keep it, and push to it, for good."""
    for _ in range(3):
        token = re.search(r'"token":\s*"([^"]+)"', server.get(f"{path}?room=1")[1].decode())
        assert token is not None
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        protocol = {"Sec-WebSocket-Protocol": f"bokeh, {token[1]}", "Origin": server.url}
        connection.request("GET", f"{path}/ws?room=1", headers=HANDSHAKE | protocol)
        connection.close()

    async def come_and_go() -> None:
        # One that comes after them is there after them.
        page = PageClient(server.url, "/wall")
        await page.join()
        page.leave()

    asyncio.run(come_and_go())
    wait_for(lambda: sessions(server) == 0, 8, "the sessions to go")


def sessions(server: LiveServer) -> int:
    """How many sessions of pages the server has."""
    text = server.get("/metrics")[1].decode()
    return sum(int(line.split()[-1]) for line in text.splitlines() if line.startswith("breathwatch_sessions{"))


@pytest.mark.parametrize("path", ["/assets/fonts/../templates/live_page.html", "/assets/fonts/..%2f..%2fREADME.md"])
def test_assets_stay_in_their_folder(server: LiveServer, path: str) -> None:
    """No file but those meant to be served."""
    assert ask(server, path, "localhost") in (403, 404)


@pytest.mark.holds("F12.1")
def test_the_prefix_of_a_proxy(tmp_path: Path) -> None:
    """F12: everything answers under the prefix, given with or without its last slash."""
    with LiveServer(tmp_path / "data", MONITOR_PREFIX="/sleep/") as server:
        for path in ("/wall", "/room?room=1", "/api/v1/rooms", "/health", "/assets/live.js", "/assets/live.css"):
            assert server.get("/sleep" + path)[0] == 200
        assert b"/sleep/assets/live.js" in server.get("/sleep/wall")[1]


@pytest.mark.holds("F12.1")
@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["--host", "0.0.0.0"], {}, "no accounts yet"),
        (["--host", "::1"], {}, "IPv6"),
        (["--port", "http"], {}, "no whole number"),
        (["--port", "70000"], {}, "between 0 and 65535"),
        ([], {"MONITOR_PUSH_INTERVAL_MS": "1"}, "between 50 and 400"),
        ([], {"MONITOR_TIME_ZONE": "Mars/Olympus"}, "IANA"),
        ([], {"MONITOR_PREFIX": "/mon(itor"}, "plain words"),
        ([], {"MONITOR_LOG_LEVEL": "LOUD"}, "WARNING"),
        (["--data", "/proc/nowhere"], {}, "cannot be made"),
    ],
)
def test_settings_that_make_no_sense(arguments: list[str], environment: dict[str, str], words: str) -> None:
    """F12: one line that names the setting, the value and the bound; no traceback."""
    command = [sys.executable, "-m", "monitor_app.cli", "serve", *arguments]
    env = {"PATH": "/usr/bin:/bin", **environment}
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_in_use_is_one_line(server: LiveServer, tmp_path: Path) -> None:
    """Two servers on one port: the second says what to do."""
    command = [sys.executable, "-m", "monitor_app.cli", "serve", "--port", str(server.port), "--data", str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert "choose another --port" in ended.stderr
    assert "Traceback" not in ended.stderr
