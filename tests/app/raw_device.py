"""A device that says exactly what a test wants, sense or nonsense."""

from __future__ import annotations

import asyncio
import json
import struct
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, websocket_connect

HEADER = struct.Struct("<QI")
ANSWER_S = 10.0


def hello(stream: str, /, **changed: Any) -> dict[str, Any]:
    """A hello that makes sense, but for what is changed."""
    return {
        "type": "hello",
        "protocol": 1,
        "stream_id": stream,
        "device": "test device",
        "sampling_rate_hz": 25,
        "channels": [{"name": "flow", "unit": "L/min"}, {"name": "airway_pressure", "unit": "cmH2O"}],
        "start_time": 1_700_000_000.0,
        **changed,
    }


def frame(first: int, values: ArrayLike) -> bytes:
    """A binary frame of values of shape (n_samples, n_channels)."""
    table = np.asarray(values, "<f4")
    return HEADER.pack(first, len(table)) + table.tobytes()


def breathing(n_samples: int, rate_hz: float = 25.0, first: int = 0) -> np.ndarray:
    """Flow and pressure of quiet breathing, 15 breaths a minute; each sample depends on its index alone."""
    t = (first + np.arange(n_samples)) / rate_hz
    phase = t % 4.0
    inspiration = 30 * np.sin(np.pi * phase / 1.6)
    expiration = -25 * np.exp(-(phase - 1.6) / 0.5) * (1 - np.exp(-(phase - 1.6) / 0.08))
    flow = np.where(phase < 1.6, inspiration, expiration)
    return np.column_stack((flow, 9 - 0.02 * flow)).astype(np.float32)


class RawDevice:
    """One WebSocket connection to a room, for an asyncio test."""

    def __init__(self, url: str, room: int | str) -> None:
        self.url = f"{url.replace('http', 'ws', 1)}/ingest/rooms/{room}"
        self.connection: WebSocketClientConnection

    async def __aenter__(self) -> Self:
        self.connection = await websocket_connect(self.url)
        return self

    async def __aexit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        stream = getattr(self.connection.protocol, "stream", None)
        self.connection.close()
        await asyncio.sleep(0.01)
        if stream is not None:
            stream.close()  # a client waits for the server to close first; a test's loop ends before
        await asyncio.sleep(0)

    async def say(self, message: dict[str, Any] | str | bytes) -> None:
        """Send a message: a dictionary as JSON, bytes as a binary frame."""
        if isinstance(message, dict):
            message = json.dumps(message)
        with suppress(WebSocketClosedError):  # the server may have read enough before all was sent
            await self.connection.write_message(message, binary=isinstance(message, bytes))

    async def hear(self) -> dict[str, Any] | None:
        """The next message; None when the server has closed."""
        message = await asyncio.wait_for(self.connection.read_message(), ANSWER_S)
        return None if message is None else json.loads(message)

    async def hear_type(self, kind: str) -> dict[str, Any]:
        """The next message of a type, passing over others."""
        while (message := await self.hear()) is not None:
            if message["type"] == kind:
                return message
        raise AssertionError(f"the server closed with {self.closed} before a message {kind!r}")

    async def hear_ack(self, next_sample: int) -> None:
        """Wait until everything before `next_sample` is acknowledged."""
        while (await self.hear_type("ack"))["next_sample"] < next_sample:
            pass

    async def greet(self, stream: str, **changed: Any) -> int:
        """Say hello; gives the welcome's next sample."""
        await self.say(hello(stream, **changed))
        return int((await self.hear_type("welcome"))["next_sample"])

    @property
    def closed(self) -> int | None:
        """The close code."""
        return self.connection.close_code
