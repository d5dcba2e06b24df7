"""What pushes are compared with in the same run: a bare broadcast of the same bytes, and the plain way."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from array import array
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from benchmarks.bokeh_client import BokehPage
from benchmarks.crowd import JOINING_AT_ONCE
from benchmarks.figures import quantiles_ms, show
from benchmarks.process import Process, free_port, wait_for_page
from benchmarks.ward import Bench
from benchmarks.websocket import LoadSocket, connect, whole_messages


@dataclass(frozen=True, slots=True)
class Cost:
    """What a yardstick cost; latencies are in s from sending to receipt, none where it does not say when it sent."""

    ms_per_push: float
    share: float
    pushes_per_s: float
    latencies_s: array[float]

    def show(self, name: str) -> None:
        """Print it."""
        if self.latencies_s:
            p50, p99, most = quantiles_ms(self.latencies_s)
            show(f"{name}: latency", f"p50 {p50:.1f}  p99 {p99:.1f}  max {most:.1f} ms")
        show(
            f"{name}: CPU",
            f"{100 * self.share:.1f} % of a core, {self.ms_per_push:.3f} ms for each browser and push "
            f"({self.pushes_per_s:.1f} pushes/s to each)",
        )


async def broadcast(bench: Bench, contents: list[bytes], browsers: int, seconds: float, *, framed: bool) -> Cost:
    """The same bytes to as many listeners at the same rate, from a bare tornado server on the same core."""
    file = bench.folder / "contents.json"
    file.write_text(json.dumps([content.decode() for content in contents]))
    port = free_port()
    latencies_s = array("d")
    measuring = False

    def take(part: bytes, received_at: float) -> None:
        if measuring and part.startswith(b'{"msgid"'):
            latencies_s.append(received_at - json.loads(part)["sent"])

    def take_read(data: bytes, received_at: float) -> bool:
        sent = _sent(data)
        if sent is not None and measuring:
            latencies_s.append(received_at - sent)
        return sent is not None

    command = [sys.executable, "-P", "-m", "benchmarks.broadcast", str(port), str(round(1000 / bench.options.pushes))]
    with Process([*command, str(file), *(["--framed"] if framed else [])], core=bench.core) as server:
        await asyncio.to_thread(wait_for_page, server, f"http://127.0.0.1:{port}/liveness")
        listeners: list[LoadSocket] = [
            await connect(f"ws://127.0.0.1:{port}/", take, take_read) for _ in range(browsers)
        ]
        await asyncio.sleep(0.5)
        measuring, cpu, begun = True, server.cpu_s(), time.monotonic()
        await asyncio.sleep(seconds)
        used_s, elapsed_s, measuring = server.cpu_s() - cpu, time.monotonic() - begun, False
        for listener in listeners:
            listener.close()
    n = max(1, len(latencies_s))
    return Cost(1000 * used_s / n, used_s / elapsed_s, n / elapsed_s / browsers, latencies_s)


@lru_cache(maxsize=256)
def _sent(data: bytes) -> float | None:
    """When the broadcast sent what one read gave, if that is exactly one message."""
    parts = whole_messages(data)
    if parts is None or len(parts) != 3:
        return None
    sent: float = json.loads(parts[0])["sent"]
    return sent


class PlainPage(BokehPage):
    """A page of the plain way, which gets a patch for each room and push."""

    def __init__(self, server: str, path: str, **how: Any) -> None:
        super().__init__(server, path, **how)
        self.patches = 0

    def _patched(self, content: bytes, received_at: float) -> None:
        self.patches += 1


async def plain(bench: Bench, browsers: int, seconds: float) -> Cost:
    """The same rooms to a few browsers, from a bare Bokeh application on the same core."""
    given, port = bench.options, free_port()
    command = [sys.executable, "-P", "-m", "benchmarks.plain", str(port), str(round(1000 / given.pushes))]
    with Process([*command, "--rooms", str(given.rooms), "--rate", str(given.rate)], core=bench.core) as server:
        url = f"http://127.0.0.1:{port}"
        await asyncio.to_thread(wait_for_page, server, f"{url}/static/js/bokeh.min.js")
        pages = [PlainPage(url, "/wall") for _ in range(browsers)]
        for at in range(0, browsers, JOINING_AT_ONCE):
            await asyncio.gather(*(page.open() for page in pages[at : at + JOINING_AT_ONCE]))
        await bench.settle()
        for page in pages:
            page.patches = 0
        cpu, begun = server.cpu_s(), time.monotonic()
        await asyncio.sleep(seconds)
        used_s, elapsed_s = server.cpu_s() - cpu, time.monotonic() - begun
        for page in pages:
            page.leave()
    n = max(1.0, sum(page.patches for page in pages) / given.rooms)
    return Cost(1000 * used_s / n, used_s / elapsed_s, n / elapsed_s / browsers, array("d"))
