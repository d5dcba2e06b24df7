"""Pushes to many browsers: latency, lost and doubled samples, and what each costs, beside a bare broadcast."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bokeh_client import LoopLag, PageClient
from benchmarks.devices import FIRST_ROOM, RATE_HZ, shown_flow
from benchmarks.figures import load_now, quantiles_ms, show
from benchmarks.process import Process, Server, cores, free_port, wait_for_page
from benchmarks.websocket import LoadSocket, connect

JOINING_AT_ONCE = 5
SETTLE_S = 3.0
LAG_SHARE = 0.25
"""A client whose own loop is late by more than this share of the p99 it measures is part of what it measures."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a way of pushing cost."""

    latencies_s: list[float]
    cpu_share: float
    ms_per_push: float

    def show(self, name: str) -> None:
        """Print it."""
        p50, p99, most = quantiles_ms(self.latencies_s)
        show(f"{name}: latency", f"p50 {p50:.1f}  p99 {p99:.1f}  max {most:.1f} ms")
        show(f"{name}: CPU", f"{100 * self.cpu_share:.1f} % of a core, {self.ms_per_push:.3f} ms per browser and push")


def main(arguments: list[str]) -> int:
    """`./monitor bench push`."""
    parser = argparse.ArgumentParser(prog="./monitor bench push", description=__doc__)
    parser.add_argument("--rooms", type=int, default=16)
    parser.add_argument("--browsers", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to measure")
    parser.add_argument("--page", choices=("wall", "room"), default="wall")
    parser.add_argument("--pushes", type=float, default=5.0, help="pushes per second (default 5)")
    parser.add_argument("--rate", type=float, default=RATE_HZ, help="samples per second of each device (default 25)")
    given = parser.parse_args(arguments)
    core, others = cores()
    before = os.sched_getaffinity(0) if others else set()
    try:
        if others:
            os.sched_setaffinity(0, others)
        return asyncio.run(_bench(given, core))
    finally:
        if before:
            os.sched_setaffinity(0, before)


async def _bench(given: argparse.Namespace, core: int | None) -> int:
    print(
        f"push: {given.rooms} rooms at {given.rate:g} Hz, {given.browsers} browsers on /{given.page}, "
        f"{given.pushes:g} pushes/s, {given.seconds:g} s; {load_now()}; "
        f"server on {'a core of its own' if core is not None else 'the same cores as the load'}",
        flush=True,
    )
    with tempfile.TemporaryDirectory(prefix="breathwatch-bench-") as folder:
        ours, faults, contents = await _product(given, core, Path(folder))
        yardsticks = {}
        for name, options in (("bare write_message", []), ("bare, framed once", ["--framed"])):
            yardsticks[name] = await _broadcast(given, core, Path(folder), contents, options)
    for name, cost in yardsticks.items():
        cost.show(name)
        if cost.ms_per_push > 0:
            show("ratio", f"{ours.ms_per_push / cost.ms_per_push:.1f} times the CPU of {name}")
    print(f"  {load_now()}")
    return 1 if faults.total() or not ours.latencies_s else 0


async def _product(given: argparse.Namespace, core: int | None, folder: Path) -> tuple[Cost, Counter[str], list[bytes]]:
    interval_ms = round(1000 / given.pushes)
    devices = [sys.executable, "-P", "-m", "benchmarks.devices"]
    options = ["--rooms", str(given.rooms), "--rate", str(given.rate)]
    with (
        Server(folder, core=core, MONITOR_PUSH_INTERVAL_MS=str(interval_ms), MONITOR_LOG_LEVEL="WARNING") as server,
        Process([*devices, server.url, *options]) as bedside,
    ):
        await asyncio.sleep(SETTLE_S)
        idle_s = min(10.0, given.seconds / 3)
        cpu = server.cpu_s()
        await asyncio.sleep(idle_s)
        idle_share = (server.cpu_s() - cpu) / idle_s
        pages = _pages(given, server.url)
        cpu, begun = server.cpu_s(), time.monotonic()
        for at in range(0, len(pages), JOINING_AT_ONCE):
            await asyncio.gather(*(page.join() for page in pages[at : at + JOINING_AT_ONCE]))
        joining_s = server.cpu_s() - cpu - idle_share * (time.monotonic() - begun)
        await asyncio.sleep(SETTLE_S)
        lag, own = LoopLag(), time.process_time()
        for page in pages:
            page.measuring = True
        pages[0].keep = True
        cpu, begun = server.cpu_s(), time.monotonic()
        await asyncio.sleep(given.seconds)
        elapsed_s = time.monotonic() - begun
        share = (server.cpu_s() - cpu) / elapsed_s
        for page in pages:
            page.measuring = False
        late, own_share = lag.stop(), (time.process_time() - own) / elapsed_s
        bedside.check()
        for page in pages:
            page.leave()
    pushes = sum(page.pushes for page in pages)
    cost = Cost(
        [latency for page in pages for latency in page.latencies_s],
        share,
        1000 * (share - idle_share) * elapsed_s / max(1, pushes),
    )
    cost.show("ours")
    show("server without browsers", f"{100 * idle_share:.1f} % of a core")
    joined = [page.joined_s or 0.0 for page in pages]
    show(
        "joining",
        f"median {quantiles_ms(joined)[0]:.0f} ms to the first push, {1000 * joining_s / len(pages):.0f} ms CPU each",
    )
    sizes = [size for page in pages for size in page.push_sizes]
    expected = given.pushes * elapsed_s * len(pages)
    show(
        "pushes",
        f"{pushes} ({100 * pushes / expected:.1f} % of the wanted), {sum(sizes) / max(1, len(sizes)):.0f} bytes each",
    )
    faults: Counter[str] = sum((page.continuity.faults for page in pages), Counter())
    checked = sum(page.continuity.samples for page in pages)
    names = ("gaps", "doubles", "wrong", "pulses", "orphans")
    show("samples checked", f"{checked}; " + ", ".join(f"{name} {faults[name]}" for name in names))
    missing = sum(page.continuity.rooms < (given.rooms if given.page == "wall" else 1) for page in pages)
    if missing:
        faults["rooms"] += missing
        show("NOT ALL ROOMS SHOWN", f"on {missing} of {len(pages)} pages")
    _show_client(late, own_share, cost.latencies_s)
    return cost, faults, pages[0].kept


def _pages(given: argparse.Namespace, url: str) -> list[PageClient]:
    def expected(room: int, first: int, n: int) -> list[int]:
        return shown_flow(room, first, n, given.rate)

    averaged = given.rate > (25 if given.page == "wall" else 100)
    return [
        PageClient(
            url,
            "/wall" if given.page == "wall" else f"/room?room={FIRST_ROOM + k % given.rooms}",
            expected=None if averaged else expected,
        )
        for k in range(given.browsers)
    ]


def _show_client(late_s: list[float], own_share: float, latencies_s: list[float]) -> None:
    _, p99, most = quantiles_ms(late_s)
    show("this client", f"{100 * own_share:.0f} % of a core, its loop late by p99 {p99:.1f}, max {most:.1f} ms")
    if own_share > 0.8 or p99 > max(5.0, LAG_SHARE * quantiles_ms(latencies_s)[1]):
        print("  THE CLIENT ITSELF IS A BOTTLENECK: the latencies above are partly its own")


async def _broadcast(
    given: argparse.Namespace, core: int | None, folder: Path, contents: list[bytes], options: list[str]
) -> Cost:
    """The same bytes to as many listeners at the same rate, from a bare server on the same core."""
    file = folder / "contents.json"
    file.write_text(json.dumps([content.decode() for content in contents]))
    port, seconds = free_port(), max(1.0, given.seconds / 4)
    latencies_s: list[float] = []
    measuring = False

    def take(message: bytes, received_at: float) -> None:
        if measuring and message.startswith(b'{"msgid"'):
            latencies_s.append(received_at - json.loads(message)["sent"])

    command = [sys.executable, "-P", "-m", "benchmarks.broadcast", str(port), str(round(1000 / given.pushes))]
    with Process([*command, str(file), *options], core=core) as server:
        await asyncio.to_thread(wait_for_page, server, f"http://127.0.0.1:{port}/liveness")
        listeners: list[LoadSocket] = [await connect(f"ws://127.0.0.1:{port}/", take) for _ in range(given.browsers)]
        await asyncio.sleep(0.5)
        measuring, cpu = True, server.cpu_s()
        await asyncio.sleep(seconds)
        used_s, measuring = server.cpu_s() - cpu, False
        for listener in listeners:
            listener.close()
    return Cost(latencies_s, used_s / seconds, 1000 * used_s / max(1, len(latencies_s)))
