"""Does the server grow? Rooms stream recording time as fast as it is acknowledged, while pages watch."""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient

from benchmarks.bokeh_client import PageClient
from benchmarks.devices import FIRST_ROOM, RATE_HZ, device, stream_fast
from benchmarks.figures import load_now, show
from benchmarks.process import Server, cores

MOST_GROWTH_MB = 20.0
STEP_MIN = 5.0


def main(arguments: list[str]) -> int:
    """`./monitor bench memory`."""
    parser = argparse.ArgumentParser(prog="./monitor bench memory", description=__doc__)
    parser.add_argument("--rooms", type=int, default=16)
    parser.add_argument("--minutes", type=float, default=60.0, help="recording time of each room")
    parser.add_argument("--warm-up", type=float, default=5.0, help="recording time before growth counts, in minutes")
    parser.add_argument("--browsers", type=int, default=2, help="pages that watch: the wall and rooms by turns")
    parser.add_argument("--frame", type=float, default=0.4, help="length of a device's frame, in s")
    return asyncio.run(_bench(parser.parse_args(arguments)))


async def _bench(given: argparse.Namespace) -> int:
    print(
        f"memory: {given.rooms} rooms, {given.minutes:g} min of recording at {RATE_HZ:g} Hz, "
        f"{given.browsers} pages; {load_now()}"
    )
    with (
        tempfile.TemporaryDirectory(prefix="breathwatch-bench-") as folder,
        Server(Path(folder), core=cores()[0], MONITOR_LOG_LEVEL="WARNING") as server,
    ):
        bedsides = [device(server.url, FIRST_ROOM + place) for place in range(given.rooms)]
        links = [asyncio.create_task(bedside.run()) for bedside in bedsides]
        await asyncio.gather(*(bedside.welcome() for bedside in bedsides))
        pages = [
            PageClient(server.url, "/wall" if k % 2 == 0 else f"/room?room={FIRST_ROOM + k % given.rooms}")
            for k in range(given.browsers)
        ]
        for page in pages:
            await page.join()
        begun, cpu = time.monotonic(), server.cpu_s()
        frame = max(1, int(given.frame * RATE_HZ))
        warm_mb, done = 0.0, 0.0
        for until in _steps(given.warm_up, given.minutes):
            first, n = int(done * 60 * RATE_HZ), int((until - done) * 60 * RATE_HZ)
            await asyncio.gather(*(stream_fast(bedside, first, n, frame) for bedside in bedsides))
            done = until
            now_mb = server.resident_mb()
            warm_mb = warm_mb or now_mb
            show(f"after {done:5.1f} min", f"{now_mb:6.1f} MB ({now_mb - warm_mb:+.1f} since warm-up)")
        elapsed_s, used_s = time.monotonic() - begun, server.cpu_s() - cpu
        speed = given.rooms * given.minutes * 60 / elapsed_s
        show("speed", f"{speed:.0f} s of signal per second, {elapsed_s:.0f} s in all, {used_s:.0f} s of CPU")
        await asyncio.gather(*(bedside.finish() for bedside in bedsides), *links)
        listed = json.loads((await AsyncHTTPClient().fetch(f"{server.url}/api/v1/rooms")).body)
        missing = given.rooms * int(given.minutes * 60 * RATE_HZ) - sum(room["samples_received"] for room in listed)
        for page in pages:
            page.leave()
    growth_mb = now_mb - warm_mb
    met = growth_mb < MOST_GROWTH_MB and missing == 0
    show("samples", f"{missing} missing; {sum(room['apnea_count'] for room in listed)} apneas found")
    show("growth", f"{growth_mb:.1f} MB, {'within' if growth_mb < MOST_GROWTH_MB else 'BEYOND'} {MOST_GROWTH_MB:g} MB")
    return 0 if met else 1


def _steps(warm_up: float, minutes: float) -> list[float]:
    steps = [min(warm_up, minutes)]
    while steps[-1] < minutes:
        steps.append(min(steps[-1] + STEP_MIN, minutes))
    return steps
