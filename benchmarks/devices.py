"""Devices for load: `python -m benchmarks.devices URL --rooms N --seconds S` streams in real time, then says goodbye.

Each sample depends on its room and index alone, so that whoever sees it can tell whether it is the right one.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import time
import uuid
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.continuity import ExpectedSamples
from monitor_app.bedside.device import BedsideDevice

FIRST_ROOM = 101
RATE_HZ = 25.0
WALL_RATE_HZ = 25.0
ROOM_RATE_HZ = 100.0
"""Pages average faster devices down to these."""
FRAME_S = 0.2
PERIOD_S = 120
PAUSE_S = 18


@cache
def one_period(rate_hz: float) -> NDArray[np.float32]:
    """Flow and pressure, shape (n_samples, 2): quiet breathing, and a pause of 18 s, every two minutes."""
    t = np.arange(int(PERIOD_S * rate_hz)) / rate_hz
    phase = t % 4.0
    inspiration = 30 * np.sin(np.pi * phase / 1.6)
    expiration = -25 * np.exp(-(phase - 1.6) / 0.5) * (1 - np.exp(-(phase - 1.6) / 0.08))
    flow = np.where(phase < 1.6, inspiration, expiration)
    flow[t >= PERIOD_S - PAUSE_S] = 0.0
    return np.column_stack((flow, 9 - 0.02 * flow)).astype(np.float32)


def samples(room: int, first: int, n: int, rate_hz: float = RATE_HZ) -> NDArray[np.float32]:
    """Samples of a room from an index on; rooms differ by their place in the period."""
    period = one_period(rate_hz)
    return period.take(np.arange(first, first + n) + 371 * room, axis=0, mode="wrap")


@cache
def _shown(rate_hz: float, stride: int, phase: int) -> tuple[list[int], list[int]]:
    """A whole period as a page shows it that draws the means of `stride` samples, from the sample `phase` on."""
    means = np.roll(one_period(rate_hz), -phase, axis=0).astype(float).reshape(-1, stride, 2).mean(axis=1)
    flow, pressure = np.rint(means * (10, 100)).astype(int).T.tolist()
    return flow, pressure


def shown_samples(
    room: int, first: int, n: int, *, rate_hz: float = RATE_HZ, limit_hz: float = WALL_RATE_HZ
) -> tuple[list[int], list[int]]:
    """Flow in 0.1 L/min and pressure in 0.01 cmH2O that a page must show of a room, which draws up to `limit_hz`."""
    stride = max(1, math.ceil(rate_hz / limit_hz))
    start, phase = divmod(first * stride + 371 * room, stride)
    flow, pressure = _shown(rate_hz, stride, phase)
    places = [at % len(flow) for at in range(start, start + n)]
    return [flow[at] for at in places], [pressure[at] for at in places]


@cache
def shown_on(path: str, rate_hz: float = RATE_HZ) -> ExpectedSamples:
    """What the wall (flow only) or a room's page must show; the same object each time, so that pages compare equal."""

    def on_wall(room: int, first: int, n: int) -> tuple[list[int], list[int]]:
        return shown_samples(room, first, n, rate_hz=rate_hz)[0], []

    return on_wall if path == "/wall" else partial(shown_samples, rate_hz=rate_hz, limit_hz=ROOM_RATE_HZ)


def device(server: str, room: int, rate_hz: float = RATE_HZ, history_s: float = 0.0) -> BedsideDevice:
    """A device of these samples, not yet running, that has recorded for `history_s` already."""
    stream_id = f"bench-{room}-{uuid.uuid4().hex[:8]}"
    start_time = time.time() - history_s
    return BedsideDevice(
        server, room, stream_id=stream_id, sampling_rate_hz=rate_hz, start_time=start_time, device_name="load"
    )


async def stream_live(
    server: str,
    place: int,
    rooms: int,
    seconds: float,
    rate_hz: float,
    *,
    history_s: float = 0.0,
    frame_s: float = FRAME_S,
) -> None:
    """One room in real time, its frames between those of the other rooms; what it has recorded before comes at once."""
    room = FIRST_ROOM + place
    bedside = device(server, room, rate_hz, history_s)
    link = asyncio.create_task(bedside.run())
    await bedside.welcome()
    before = sent = int(history_s * rate_hz)
    if before:
        bedside.send(0, samples(room, 0, before, rate_hz))
    start = time.monotonic() + frame_s * place / rooms
    for number in range(1, int(seconds / frame_s) + 1):
        await asyncio.sleep(start + number * frame_s - time.monotonic())
        until = before + int(number * frame_s * rate_hz)
        bedside.send(sent, samples(room, sent, until - sent, rate_hz))
        sent = until
    await bedside.finish()
    await link


async def stream_fast(bedside: BedsideDevice, first: int, n: int, frame: int) -> None:
    """Samples of a room as fast as they are acknowledged."""
    room = bedside.room
    for at in range(first, first + n, frame):
        bedside.send(at, samples(room, at, min(frame, first + n - at)))
        await bedside.backlog_at_most(4 * frame)
    await bedside.backlog_at_most(0)


def main() -> None:
    """Run as the load's own process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("server")
    parser.add_argument("--rooms", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--rate", type=float, default=RATE_HZ)
    parser.add_argument("--history", type=float, default=0.0, help="s recorded before, which come at once")
    parser.add_argument("--frame", type=float, default=FRAME_S, help="s of signal in each frame")
    given = parser.parse_args()

    async def all_rooms() -> None:
        how = (given.rooms, given.seconds, given.rate)
        also = {"history_s": given.history, "frame_s": given.frame}
        await asyncio.gather(*(stream_live(given.server, place, *how, **also) for place in range(given.rooms)))

    asyncio.run(all_rooms())


if __name__ == "__main__":
    main()
