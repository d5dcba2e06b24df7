"""A device's way to the server: the address, the connection, and the two ways in which it may not come about."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClientConnection, WebSocketError, websocket_connect


class LinkRefusedError(Exception):
    """The server will not take this device, and trying again would not help."""


class LinkLostError(Exception):
    """The connection ended, or did not come about; after `wait_s` (None: the usual) it is tried again."""

    def __init__(self, why: str, wait_s: float | None = None) -> None:
        super().__init__(why)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class LinkTiming:
    """How patient a link is, in s; the defaults notice a dead server in 4 s and a new one within 5 s."""

    connect_s: float = 5.0
    welcome_s: float = 10.0
    heartbeat_s: float = 1.0
    silence_s: float = 4.0
    first_wait_s: float = 0.2
    longest_wait_s: float = 5.0
    room_taken_wait_s: float = 3.0


def ingest_url(server: str, room: int) -> str:
    """The WebSocket address of a room; `server` is http(s):// or ws(s):// with an optional path before the pages."""
    parts = urlsplit(server)
    scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(parts.scheme)
    if scheme is None or not parts.netloc:
        raise ValueError(
            f"A server's address begins with http://, https://, ws:// or wss:// and a host: got {server!r}"
        )
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}/ingest/rooms/{room}"


async def connect(url: str, token: str | None, timeout_s: float) -> WebSocketClientConnection:
    """Open a connection; raise LinkLostError where waiting may help, LinkRefusedError where it will not."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        return await websocket_connect(
            HTTPRequest(url, headers=headers, connect_timeout=timeout_s, request_timeout=timeout_s)
        )
    except HTTPClientError as error:
        if error.code in (401, 403):
            raise LinkRefusedError(
                f"{url} does not permit this device (HTTP {error.code}): set MONITOR_TOKEN"
            ) from error
        if 300 <= error.code < 500 and error.code not in (408, 409, 425, 429):
            raise LinkRefusedError(f"{url} is no ingest address: it answers HTTP {error.code}") from error
        trouble = "cannot be reached" if error.code == 599 else f"is not ready (HTTP {error.code})"
        raise LinkLostError(f"the server {trouble}") from error
    except ssl.SSLCertVerificationError as error:
        raise LinkRefusedError(f"{url}: its certificate cannot be verified: {error.verify_message}") from error
    except (OSError, StreamClosedError, WebSocketError) as error:
        raise LinkLostError("the server cannot be reached") from error


class Heard:
    """When the server was last heard."""

    def __init__(self) -> None:
        self._at = time.monotonic()

    def now(self, data: bytes = b"") -> None:
        self._at = time.monotonic()

    def seconds_ago(self) -> float:
        return time.monotonic() - self._at


def hang_up(connection: WebSocketClientConnection) -> None:
    """Close a connection and its socket at once; by itself a client waits 5 s for the server to close first."""
    stream = getattr(connection.protocol, "stream", None)
    connection.close()
    if stream is not None:
        stream.close()
