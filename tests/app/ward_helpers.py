"""A ward on a real store, with a clock that the test moves and links that remember what they were told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np

from monitor_app.ward import Room, StreamSpec, Trace, Ward
from store import Store
from tests.app.raw_device import breathing

FLOW_AND_PRESSURE = (("flow", "L/min"), ("airway_pressure", "cmH2O"))


class Clock:
    """Epoch seconds that stand still until they are moved."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now
        self.stepped = 0.0

    def __call__(self) -> float:
        """Now."""
        return self.now + self.stepped

    def monotonic(self) -> float:
        """Seconds that never step."""
        return self.now - 1_799_999_000.0

    def step(self, seconds: float) -> None:
        """Somebody sets the server's clock."""
        self.stepped += seconds


class Link:
    """The ward's way back to a device, as the device would hear it."""

    def __init__(self, *, alive: bool = True) -> None:
        self.alive = alive
        self.heard: list[dict[str, Any]] = []
        self.closed: int | None = None

    def send(self, message: dict[str, Any]) -> bool:
        """Remember a message."""
        if self.alive:
            self.heard.append(message)
        return self.alive

    def close(self, code: int, reason: str) -> None:
        """Remember the close code."""
        self.closed = code

    def last(self, kind: str) -> dict[str, Any] | None:
        """The newest message of a type."""
        return next((m for m in reversed(self.heard) if m["type"] == kind), None)


@asynccontextmanager
async def open_ward(folder: Path, clock: Clock | None = None, **store_options: Any) -> AsyncIterator[Ward]:
    """A started ward; its store is closed afterwards."""
    with Store(folder / "ward.sqlite", **store_options) as store:
        clock = clock or Clock()
        ward = Ward(store, clock=clock, monotonic=clock.monotonic)
        await ward.start()
        yield ward
        await asyncio.sleep(0.01)


def spec(stream_id: str, rate_hz: float = 25.0, channels: Any = FLOW_AND_PRESSURE) -> StreamSpec:
    """A stream of the tests' device."""
    return StreamSpec(stream_id, "test device", rate_hz, channels, 1_700_000_000.0)


def feed_breathing(ward: Ward, room: Room, trace: Trace, seconds: float) -> None:
    """Quiet breathing for so long from where the trace is."""
    rate = trace.spec.sampling_rate_hz
    values = breathing(round(seconds * rate), rate, trace.detected_next)
    ward.streams.feed(room, trace, trace.detected_next, values[:, 0].copy(), values[:, 1].copy())


def feed_pause(ward: Ward, room: Room, trace: Trace, seconds: float) -> None:
    """No flow for so long, but the sensor's noise."""
    n = round(seconds * trace.spec.sampling_rate_hz)
    noise = np.random.default_rng(trace.detected_next).normal(0, 0.1, n).astype(np.float32)
    ward.streams.feed(room, trace, trace.detected_next, noise, np.full(n, 9, np.float32))


def in_ward(folder: Path, story: Callable[[Ward, Clock], Awaitable[None]], **options: Any) -> None:
    """Run a story in a ward of its own."""

    async def run() -> None:
        clock = Clock()
        async with open_ward(folder, clock, **options) as ward:
            await story(ward, clock)

    asyncio.run(run())
