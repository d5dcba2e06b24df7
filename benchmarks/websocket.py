"""A lean WebSocket client for load: parses only what a server sends, and stamps what it hears as it arrives."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FINAL = 0x80
GOING_AWAY = (1001).to_bytes(2, "big")


class LoadSocket(asyncio.Protocol):
    """One connection; each whole message goes to `on_message(data, received_at)`, epoch seconds, as it is read.

    Its frames are masked with zeros, which the RFC allows and which costs nothing.

    Parameters
    ----------
    on_message : callable
        Takes the messages.
    on_read : callable or None
        Is offered what one read gave, where nothing before it is incomplete; True where it took it, and then nobody
        looks into its frames. With hundreds of pages that get the same bytes this is what keeps the client lean.
    """

    def __init__(
        self, on_message: Callable[[bytes, float], None], on_read: Callable[[bytes, float], bool] | None = None
    ) -> None:
        self.on_message = on_message
        self._on_read = on_read
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.upgraded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.bytes_received = 0
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._fragments = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        """Tell both who wait."""
        why = str(error or "the server closed the connection")
        if not self.closed.done():
            self.closed.set_result(why)
        if not self.upgraded.done():
            self.upgraded.set_exception(ConnectionError(why))

    def data_received(self, data: bytes) -> None:
        """Take whole frames out of what came."""
        now = time.time()
        self.bytes_received += len(data)
        if self._on_read is not None and self._is_between_messages and self._on_read(data, now):
            return
        self._buffer += data
        if not self.upgraded.done() and not self._upgrade():
            return
        while (frame := self._next_frame()) is not None:
            self._take(*frame, now)

    def send(self, data: str | bytes) -> None:
        """Send a message; nothing where the connection is gone."""
        if isinstance(data, str):
            self._write(TEXT, data.encode())
        else:
            self._write(BINARY, data)

    def pause(self) -> None:
        """Read no more, as a browser that hangs."""
        assert self._transport is not None
        self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        assert self._transport is not None
        self._transport.resume_reading()

    def say_goodbye(self) -> None:
        """End the connection as a browser does whose page is closed; the server's answer ends it."""
        self._write(CLOSE, GOING_AWAY)

    def close(self) -> None:
        """End the connection without a word, as a browser whose machine is switched off."""
        if self._transport is not None:
            self._transport.abort()

    @property
    def _is_between_messages(self) -> bool:
        return not self._buffer and not self._fragments and self.upgraded.done()

    def _upgrade(self) -> bool:
        head, found, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        if not found:
            return False
        status = head.split(b"\r\n", 1)[0].decode()
        if " 101 " not in status + " ":
            self.upgraded.set_exception(ConnectionError(f"no WebSocket: {status}"))
            return False
        self._buffer = bytearray(rest)
        self.upgraded.set_result(None)
        return True

    def _next_frame(self) -> tuple[int, bytes] | None:
        found = _frame_in(self._buffer, 0)
        if found is None:
            return None
        start, end = found
        first, payload = self._buffer[0], bytes(self._buffer[start:end])
        del self._buffer[:end]
        return first, payload

    def _take(self, first: int, payload: bytes, now: float) -> None:
        opcode = first & 0x0F
        if opcode == PING:
            self._write(PONG, payload)
        elif opcode == CLOSE:
            self._write(CLOSE, payload)
            self.close()
        elif opcode in (CONTINUATION, TEXT, BINARY):
            self._fragments += payload
            if first & FINAL:
                whole, self._fragments = bytes(self._fragments), bytearray()
                self.on_message(whole, now)

    def _write(self, opcode: int, payload: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        n = len(payload)
        if n < 126:
            head = bytes((FINAL | opcode, 0x80 | n))
        elif n < 1 << 16:
            head = bytes((FINAL | opcode, 0x80 | 126)) + n.to_bytes(2, "big")
        else:
            head = bytes((FINAL | opcode, 0x80 | 127)) + n.to_bytes(8, "big")
        self._transport.write(head + bytes(4) + payload)


def _frame_in(data: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """Where the payload of a server's frame begins and ends; None where the frame is not whole."""
    if len(data) < at + 2:
        return None
    length, start = data[at + 1] & 0x7F, at + 2
    if length >= 126:
        start += 2 if length == 126 else 8
        if len(data) < start:
            return None
        length = int.from_bytes(data[at + 2 : start], "big")
    return None if len(data) < start + length else (start, start + length)


def whole_messages(data: bytes) -> list[bytes] | None:
    """The text messages that `data` holds, if it is made of nothing else; None otherwise."""
    found: list[bytes] = []
    at = 0
    while at < len(data):
        frame = _frame_in(data, at)
        if frame is None or data[at] != FINAL | TEXT:
            return None
        found.append(data[slice(*frame)])
        at = frame[1]
    return found


async def connect(
    url: str,
    on_message: Callable[[bytes, float], None],
    on_read: Callable[[bytes, float], bool] | None = None,
    *,
    subprotocols: tuple[str, ...] = (),
    receive_buffer: int | None = None,
    headers: dict[str, str] | None = None,
) -> LoadSocket:
    """Open a connection to a ws:// address; ConnectionError or another OSError where there is none.

    A small `receive_buffer` (bytes) lets a server feel soon that nobody reads.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "localhost", parts.port or 80
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    given = {
        "Host": parts.netloc,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Origin": f"http://{parts.netloc}",
        **({"Sec-WebSocket-Protocol": ", ".join(subprotocols)} if subprotocols else {}),
        **(headers or {}),
    }
    loop = asyncio.get_running_loop()
    plug = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else asyncio leaves Nagle on
    plug.setblocking(False)
    try:
        if receive_buffer is not None:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await loop.sock_connect(plug, (host, port))
        transport, protocol = await loop.create_connection(lambda: LoadSocket(on_message, on_read), sock=plug)
    except BaseException:
        plug.close()
        raise
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
    transport.write("\r\n".join(lines).encode())
    try:
        await protocol.upgraded
    except BaseException:
        transport.abort()
        raise
    return protocol
