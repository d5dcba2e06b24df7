"""A real server in a process of its own, for tests that stop it, kill it and start it again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
START_S = 90.0
"""The first start on a machine compiles the kernels."""

HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}
"""Headers that begin a WebSocket."""


class LiveServer:
    """`./monitor serve` on a free port over a data folder."""

    module = "monitor_app.cli"

    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = environment
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start, and wait until it answers."""
        command = [
            sys.executable,
            "-m",
            self.module,
            "serve",
            "--port",
            str(self.port),
            "--data",
            str(self.data),
        ]
        log = (self.data.parent / "server.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env={**os.environ, "MONITOR_TIME_ZONE": "UTC", **self.environment},
            )
        wait_for(self.is_up, START_S, "the server to answer")
        return self

    def is_up(self) -> bool:
        """Whether it answers."""
        assert self.process is not None
        assert self.process.poll() is None, "the server ended: " + (self.data.parent / "server.log").read_text()[-2000:]
        try:
            return self.get(self.environment.get("MONITOR_PREFIX", "").rstrip("/") + "/liveness")[0] == 200
        except OSError:
            return False

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; after SIGKILL the process is gone when this returns."""
        assert self.process is not None
        self.process.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            self.process.wait(timeout=20)

    def stop(self) -> None:
        """End it, whatever state it is in."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of a GET."""
        return _fetch(urllib.request.Request(self.url + path))

    def post(self, path: str, body: Any, **headers: str) -> tuple[int, Any]:
        """Status and JSON of a POST."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        status, answer = _fetch(urllib.request.Request(self.url + path, data, given))
        return status, json.loads(answer) if answer else None

    def rooms(self) -> dict[int, dict[str, Any]]:
        """`GET /api/v1/rooms` by room."""
        return {room["room"]: room for room in json.loads(self.get("/api/v1/rooms")[1])}

    @property
    def log(self) -> str:
        """What it has written."""
        return (self.data.parent / "server.log").read_text()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _fetch(request: urllib.request.Request) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], Any], within_s: float, what: str) -> Any:
    """Wait for a condition; its value, or a failure that says what did not come."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"waited {within_s:g} s for {what}")
