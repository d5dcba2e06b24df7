"""Every private name of Bokeh and tornado that sending the same bytes to many sessions needs, in one place.

The public way to change a model encodes a message for each session. Here a message is encoded and framed once and its
bytes are written to each connection's stream. `check` proves at start that the names are there and that the bytes are
those Bokeh itself would send; where it fails, the plain way serves.
"""

from __future__ import annotations

import json
import socket
import struct
from types import SimpleNamespace
from typing import Any

from bokeh.core.types import ID
from bokeh.document import Document
from bokeh.models import ColumnDataSource
from bokeh.protocol import Protocol
from bokeh.server.connection import ServerConnection
from bokeh.server.session import ServerSession
from bokeh.server.views.ws import WSHandler
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream, SSLIOStream, StreamClosedError
from tornado.locks import Lock

SEND_BUFFER_BYTES = 64 * 1024
"""Kernel's part of a connection's backlog; without a bound it hides seconds."""
MOST_WAITING_BYTES = 32 * 1024
"""Our part: a connection with more than this unsent has stopped reading."""
TEXT_FRAME = 0x81


class WireError(Exception):
    """What the encode-once way relies on is not there."""


def live_source(model_id: str, name: str, data: dict[str, Any]) -> ColumnDataSource:
    """A source with the same id in every document (`Model(id=...)` is refused)."""
    source = ColumnDataSource.__new__(ColumnDataSource, id=model_id)
    source.__init__(name=name, tags=[name], data=data)
    return source


def message(model_id: str, data: dict[str, Any], number: int) -> bytes:
    """A PATCH-DOC that replaces a source's data, as the three WebSocket text frames a server sends."""
    header = {"msgid": f"live-{number}", "msgtype": "PATCH-DOC", "num_buffers": 0}
    return b"".join(frame(part) for part in (json.dumps(header), "{}", content(model_id, data)))


def content(model_id: str, data: dict[str, Any]) -> str:
    """The content of that PATCH-DOC."""
    changed = {
        "kind": "ColumnDataChanged",
        "model": {"id": model_id},
        "attr": "data",
        "data": {"type": "map", "entries": [[name, as_written(column)] for name, column in data.items()]},
        "cols": None,
    }
    return json.dumps({"events": [changed]}, separators=(",", ":"), allow_nan=False)


def as_written(value: Any) -> Any:
    """Dictionaries as Bokeh writes them; lists of numbers, which are most of a push, are not searched."""
    if isinstance(value, dict):
        return {"type": "map", "entries": [[key, as_written(item)] for key, item in value.items()]}
    if isinstance(value, list) and value and not isinstance(value[-1], (int, float)):
        return [as_written(item) for item in value]
    return value


def frame(text: str) -> bytes:
    """One unmasked, final text frame (RFC 6455, 5.2)."""
    payload = text.encode()
    if len(payload) < 126:
        return struct.pack("!BB", TEXT_FRAME, len(payload)) + payload
    if len(payload) < 1 << 16:
        return struct.pack("!BBH", TEXT_FRAME, 126, len(payload)) + payload
    return struct.pack("!BBQ", TEXT_FRAME, 127, len(payload)) + payload


class Wire:
    """The stream of one browser's connection.

    Whole messages go straight to the socket while nothing waits: 4 us each on a quiet machine, where tornado's own
    write, with its buffer, its future and its event, takes 8.
    """

    __slots__ = ("_handler", "_lock", "_send", "_stream", "_waiting")

    def __init__(self, connection: ServerConnection) -> None:
        handler: WSHandler = connection._socket
        if handler.ws_connection is None or handler.ws_connection.stream.closed():
            raise StreamClosedError
        self._handler = handler
        self._stream: IOStream = handler.ws_connection.stream
        self._stream.set_nodelay(True)  # tornado ends it with the handshake, and a delayed acknowledgement costs 40 ms
        self._stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._waiting = self._stream._write_buffer
        self._lock = handler.write_lock._block
        # Bytes of an encrypted stream are its own to write.
        self._send = _nothing_sent if isinstance(self._stream, SSLIOStream) else self._stream.socket.send

    @property
    def is_open(self) -> bool:
        """Whether the connection still is."""
        return self._handler.ws_connection is not None and not self._stream.closed()

    @property
    def waiting_bytes(self) -> int:
        """What the kernel has not taken yet."""
        return len(self._waiting)

    @property
    def is_clear(self) -> bool:
        """Whether all that was sent is out, so that a snapshot is worth sending."""
        return len(self._waiting) == 0

    def send(self, frames: bytes) -> bool:
        """Write whole messages; False where it is closed, another is half-way out, or too much waits already."""
        waiting = len(self._waiting)
        if self._lock._value == 0 or waiting > MOST_WAITING_BYTES or self._stream._closed:
            return False
        if waiting == 0:
            try:
                sent = self._send(frames)
            except BlockingIOError:
                sent = 0
            except OSError:
                self._stream.close()
                return False
            if sent == len(frames):
                return True
            frames = frames[sent:]
        self._stream.write(frames).add_done_callback(_retrieve)
        return True

    def drop(self) -> None:
        """End the connection without waiting for what is unsent."""
        self._stream.close()


def connections(session: ServerSession) -> list[ServerConnection]:
    """The browsers of a session: one, but for a moment at a reconnection."""
    return list(session._subscribed_connections)


def check() -> None:
    """Prove that all of this holds with the versions at hand.

    Raises
    ------
    WireError
        Says what is missing or different.
    """
    sample: dict[str, Any] = {
        "kind": ["delta"],
        "waves": [[[101, 1, 0, 1.5, "!abc", ""]]],
        "rooms": [[{"room": 101, "conditions": [{"kind": "no_breath"}], "tidal_volume_ml": None}]],
        "site": [{"a": None}],
    }
    events: list[Any] = []
    doc = Document()
    source = live_source("breathwatch-check", "check", {})
    doc.add_root(source)
    doc.on_change(events.append)
    source.data = sample
    theirs = json.loads(Protocol().create("PATCH-DOC", events).content_json)
    if source.id != "breathwatch-check" or theirs != json.loads(content(source.id, sample)):
        raise WireError(f"Bokeh now writes a changed source as {json.dumps(theirs)[:300]}")
    if not hasattr(Lock(), "_block") or not hasattr(Lock()._block, "_value"):
        raise WireError("tornado's Lock no longer tells whether it is held")
    names: tuple[tuple[type, str], ...] = ((ServerSession, "connection_count"), (WSHandler, "write_message"))
    for holder, name in (*names, (IOStream, "write"), (IOStream, "closed")):
        if not hasattr(holder, name):
            raise WireError(f"{holder.__name__} has no {name}")
    _check_writing()


def _check_writing() -> None:
    """Send a message from a session's connection to a socket, by the names that `Wire` uses."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        handler = SimpleNamespace(write_lock=Lock(), ws_connection=SimpleNamespace(stream=_LocalStream(ours)))
        stream = handler.ws_connection.stream
        try:
            session = ServerSession(ID("breathwatch-check"), Document(), io_loop=IOLoop.current())
            connection = ServerConnection(Protocol(), handler, None, session)
            (found,) = connections(session)
            wire = Wire(found)
            sent = found is connection and wire.is_open and wire.is_clear and wire.send(b"whole")
            if not sent or theirs.recv(16) != b"whole":
                raise WireError("what is written to a connection's stream does not come out of its socket")
            session.destroy()
        except (AttributeError, TypeError, ValueError) as error:
            raise WireError(f"Bokeh or tornado keeps its connections in another way: {error}") from error
        finally:
            stream.close()
        if wire.is_open or wire.send(b"late"):
            raise WireError("a closed connection is not known as closed")


class _LocalStream(IOStream):
    def set_nodelay(self, value: bool) -> None:
        """Local sockets have no such delay."""


def _nothing_sent(_frames: bytes) -> int:
    return 0


def _retrieve(future: Any) -> None:
    if not future.cancelled():
        future.exception()
