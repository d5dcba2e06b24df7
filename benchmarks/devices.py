"""Devices for load: `python -m benchmarks.devices URL --rooms N --seconds S` streams in real time, then says goodbye.

Each sample depends on its room and index alone, so that whoever sees it can tell whether it is the right one.
"""

from __future__ import annotations

import argparse
import asyncio
import time
import uuid
from functools import cache

import numpy as np
from numpy.typing import NDArray

from monitor_app.bedside.device import BedsideDevice

FIRST_ROOM = 101
RATE_HZ = 25.0
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
def _shown(rate_hz: float) -> list[int]:
    whole: list[int] = np.rint(one_period(rate_hz)[:, 0].astype(float) * 10).astype(int).tolist()
    return whole


def shown_flow(room: int, first: int, n: int, rate_hz: float = RATE_HZ) -> list[int]:
    """The flow that a page must show of these samples, in 0.1 L/min; for pages that do not average."""
    shown = _shown(rate_hz)
    return [shown[(at + 371 * room) % len(shown)] for at in range(first, first + n)]


def device(server: str, room: int, rate_hz: float = RATE_HZ) -> BedsideDevice:
    """A device of these samples, not yet running."""
    stream_id = f"bench-{room}-{uuid.uuid4().hex[:8]}"
    return BedsideDevice(
        server, room, stream_id=stream_id, sampling_rate_hz=rate_hz, start_time=time.time(), device_name="load"
    )


async def stream_live(
    server: str, place: int, rooms: int, seconds: float, rate_hz: float, frame_s: float = FRAME_S
) -> None:
    """One room in real time, its frames between those of the other rooms."""
    room = FIRST_ROOM + place
    bedside = device(server, room, rate_hz)
    link = asyncio.create_task(bedside.run())
    await bedside.welcome()
    start, sent = time.monotonic() + frame_s * place / rooms, 0
    for number in range(1, int(seconds / frame_s) + 1):
        await asyncio.sleep(start + number * frame_s - time.monotonic())
        until = int(number * frame_s * rate_hz)
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
    parser.add_argument("--frame", type=float, default=FRAME_S, help="s of signal in each frame")
    given = parser.parse_args()

    async def all_rooms() -> None:
        await asyncio.gather(
            *(
                stream_live(given.server, k, given.rooms, given.seconds, given.rate, given.frame)
                for k in range(given.rooms)
            )
        )

    asyncio.run(all_rooms())


if __name__ == "__main__":
    main()
