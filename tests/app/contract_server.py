"""The server's side of the ingest contract in its plainest form, with the faults a real one may have."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler

from monitor_app.bedside.link import LinkTiming

QUICK = LinkTiming(
    connect_s=1,
    welcome_s=1,
    heartbeat_s=0.1,
    silence_s=0.5,
    first_wait_s=0.02,
    longest_wait_s=0.1,
    room_taken_wait_s=0.05,
)
"""A link's patience in tests."""


class ContractServer:
    """Keeps what arrives by stream; the switches make it misbehave."""

    def __init__(self) -> None:
        self.hellos: list[dict[str, Any]] = []
        self.tokens: list[str | None] = []
        self.frame_sizes: list[int] = []
        self.stored: dict[str, dict[int, tuple[float, ...]]] = {}
        self.next_sample: dict[str, int] = {}
        self.duplicates = 0
        self.answers: list[dict[str, Any]] = []
        self.ended: list[str] = []
        self.withhold_acks = False
        self.lose_unacknowledged = False
        self.hearing = asyncio.Event()
        self.hearing.set()
        self.refuse: tuple[int, str] | None = None
        self.refuse_times = 0
        self.http_status: int | None = None
        self.connections: set[_Ingest] = set()
        self.port = 0
        self._http: HTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/lab"

    def start(self) -> None:
        self.loop = asyncio.get_running_loop()
        sockets = bind_sockets(self.port, "127.0.0.1", family=socket.AF_INET)
        self.port = sockets[0].getsockname()[1]
        self._http = HTTPServer(Application([(r"/lab/ingest/rooms/(\d+)", _Ingest, {"owner": self})]))
        self._http.add_sockets(sockets)

    async def stop(self) -> None:
        """Die as by `kill -9`: the connections break without a word."""
        assert self._http is not None
        self._http.stop()
        self.kill_connections()
        await self._http.close_all_connections()

    def kill_connections(self) -> None:
        for connection in list(self.connections):
            connection.break_off()

    def tell(self, message: dict[str, Any]) -> None:
        for connection in self.connections:
            connection.write_message(json.dumps(message))

    def values(self, stream_id: str) -> np.ndarray:
        """All that is stored of a stream, of shape (n_samples, n_channels); what is missing is NaN."""
        rows = self.stored[stream_id]
        out = np.full((max(rows) + 1, len(next(iter(rows.values())))), np.nan, np.float32)
        for index, row in rows.items():
            out[index] = row
        return out


class _Ingest(WebSocketHandler):
    def initialize(self, owner: ContractServer) -> None:
        self.owner = owner
        self.stream = ""
        self.channels = 0

    async def prepare(self) -> None:
        if self.owner.http_status:
            self.send_error(self.owner.http_status)

    def open(self, room: str) -> None:
        self.owner.connections.add(self)
        self.owner.tokens.append(self.request.headers.get("Authorization"))

    def on_close(self) -> None:
        self.owner.connections.discard(self)

    def break_off(self) -> None:
        # None where the other end has hung up a moment ago.
        if self.ws_connection is not None:
            self.ws_connection.stream.close()  # type: ignore[attr-defined]

    async def on_message(self, message: str | bytes) -> None:
        owner = self.owner
        await owner.hearing.wait()
        if isinstance(message, bytes):
            self._frame(message)
            return
        said = json.loads(message)
        if said["type"] == "hello":
            owner.hellos.append(said)
            if owner.refuse and owner.refuse_times:
                owner.refuse_times -= 1
                code, words = owner.refuse
                self.write_message(json.dumps({"type": "error", "message": words}))
                self.close(code)
                return
            self.stream, self.channels = said["stream_id"], len(said["channels"])
            owner.stored.setdefault(self.stream, {})
            self._tell_next("welcome")
        elif said["type"] == "end":
            owner.ended.append(self.stream)
            self.close(1000)
        else:
            owner.answers.append(said)

    def _frame(self, frame: bytes) -> None:
        owner = self.owner
        owner.frame_sizes.append(len(frame))
        first, n = struct.unpack_from("<QI", frame)
        rows = np.frombuffer(frame, "<f4", offset=12).reshape(n, self.channels)
        if owner.lose_unacknowledged and owner.withhold_acks:
            return
        for index, row in enumerate(rows, first):
            if index < owner.next_sample.get(self.stream, 0):
                owner.duplicates += 1
            else:
                owner.stored[self.stream][index] = tuple(row)
        owner.next_sample[self.stream] = max(owner.next_sample.get(self.stream, 0), first + n)
        if not owner.withhold_acks:
            self._tell_next("ack")

    def _tell_next(self, kind: str) -> None:
        self.write_message(json.dumps({"type": kind, "next_sample": self.owner.next_sample.get(self.stream, 0)}))


@asynccontextmanager
async def contract_server() -> AsyncIterator[ContractServer]:
    """A running ContractServer."""
    server = ContractServer()
    server.start()
    try:
        yield server
    finally:
        await server.stop()
        await asyncio.sleep(0.01)
