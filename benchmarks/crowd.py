"""Many pages that join, are measured, and leave; and whether the client that plays them is itself the bottleneck."""

from __future__ import annotations

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from benchmarks.bokeh_client import PageClient
from benchmarks.devices import FIRST_ROOM, RATE_HZ, shown_on
from benchmarks.figures import quantiles_ms, show
from benchmarks.process import Process

JOINING_AT_ONCE = 5
LAG_STEP_S = 0.01
LAG_SHARE = 0.25
"""A client whose own loop is late by more than this share of the p99 it measures is part of what it measures."""
MOST_OWN_SHARE = 0.8
MOST_WAITED = 0.02
MOST_NOTES = 10
FAULTS = ("gaps", "doubles", "wrong", "pulses", "orphans")


class ClientLoad:
    """What this process does to its own measurements: its share of a core, and how late its event loop is."""

    def __init__(self) -> None:
        self.late_s: list[float] = []
        self.share = 0.0
        self._begun, self._cpu = time.monotonic(), time.process_time()
        self._task = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_STEP_S
            await asyncio.sleep(LAG_STEP_S)
            self.late_s.append(loop.time() - due)

    def stop(self) -> ClientLoad:
        """End the watch."""
        self._task.cancel()
        self.share = (time.process_time() - self._cpu) / max(1e-9, time.monotonic() - self._begun)
        return self

    def is_bottleneck(self, latencies_s: Sequence[float] | NDArray[np.float64]) -> bool:
        """Whether what was measured is partly this client's own."""
        late_p99 = quantiles_ms(self.late_s)[1]
        return self.share > MOST_OWN_SHARE or late_p99 > max(5.0, LAG_SHARE * quantiles_ms(latencies_s)[1])

    def show(self, latencies_s: Sequence[float] | NDArray[np.float64]) -> None:
        """Print it, and the warning where there is reason."""
        _, p99, most = quantiles_ms(self.late_s)
        show("this client", f"{100 * self.share:.0f} % of a core, its loop late by p99 {p99:.1f}, max {most:.1f} ms")
        if self.is_bottleneck(latencies_s):
            print("  THE CLIENT ITSELF IS A BOTTLENECK: the latencies above are partly its own", flush=True)


@dataclass(frozen=True, slots=True)
class Measured:
    """What some time with a crowd of pages gave; its latencies are in s, its shares are the server's of one core.

    It `waited` for that core while others had it.
    """

    latencies_s: NDArray[np.float64]
    share: float
    pushes: int
    push_bytes: int
    elapsed_s: float
    client: ClientLoad
    waited: float = 0.0

    @property
    def p99_ms(self) -> float:
        """99th percentile of the latencies."""
        return quantiles_ms(self.latencies_s)[1]

    def ms_per_push(self, share_without: float) -> float:
        """Server's CPU for each page and push, in ms, without what it does with nobody there."""
        return 1000 * (self.share - share_without) * self.elapsed_s / max(1, self.pushes)

    def show_conditions(self) -> None:
        """Print what, other than the server, is in these figures."""
        self.client.show(self.latencies_s)
        if self.waited > MOST_WAITED:
            print(
                f"  THE MACHINE IS BUSY: others had the server's core {100 * self.waited:.1f} % of the time", flush=True
            )

    def show_latency(self, name: str) -> None:
        """Print the latencies."""
        p50, p99, most = quantiles_ms(self.latencies_s)
        show(f"{name}: latency", f"p50 {p50:.1f}  p99 {p99:.1f}  max {most:.1f} ms")


class Crowd:
    """Pages that are handled together."""

    def __init__(self, pages: list[PageClient]) -> None:
        self.pages = pages

    async def join(self) -> None:
        """Open all pages, a few at once."""
        for at in range(0, len(self.pages), JOINING_AT_ONCE):
            await asyncio.gather(*(page.join() for page in self.pages[at : at + JOINING_AT_ONCE]))

    def leave(self) -> None:
        """Close all pages."""
        for page in self.pages:
            page.leave()

    async def measure(self, seconds: float, server: Process, *, keep: bool = False) -> Measured:
        """Count latencies, pushes and the server's CPU for a while; `keep` the contents of the first page's pushes."""
        gc.collect()
        gc.freeze()  # this process' collections would sit in the latencies
        for page in self.pages:
            del page.latencies_s[:]
            page.pushes = page.push_bytes = 0
            page.longest_gap_s = 0.0
            page.measuring = True
        self.pages[0].keep = keep
        client, cpu, waited, begun = ClientLoad(), server.cpu_s(), server.waited_s(), time.monotonic()
        await asyncio.sleep(seconds)
        elapsed_s = time.monotonic() - begun
        share = (server.cpu_s() - cpu) / elapsed_s
        client.stop()
        for page in self.pages:
            page.measuring = page.keep = False
        server.check()
        return Measured(
            np.fromiter(chain.from_iterable(page.latencies_s for page in self.pages), dtype=float),
            share,
            sum(page.pushes for page in self.pages),
            sum(page.push_bytes for page in self.pages),
            elapsed_s,
            client,
            (server.waited_s() - waited) / elapsed_s,
        )

    def faults(self, rooms: int) -> Counter[str]:
        """What is wrong with all that the pages heard; `rooms` is how many the wall must show."""
        faults: Counter[str] = sum((page.continuity.faults for page in self.pages), Counter())
        missing = sum(page.continuity.rooms < (rooms if page.path == "/wall" else 1) for page in self.pages)
        return faults + Counter({"pages without all rooms": missing})

    def show_faults(self, rooms: int) -> Counter[str]:
        """Print and give what is wrong."""
        faults = self.faults(rooms)
        counts = ", ".join(f"{name} {faults[name]}" for name in (*FAULTS, *sorted(set(faults) - set(FAULTS))))
        show("samples checked", f"{sum(page.continuity.samples for page in self.pages)}; {counts}")
        for note in list(chain.from_iterable(page.fault_notes for page in self.pages))[:MOST_NOTES]:
            print(f"    {note}")
        return faults


def open_pages(
    url: str, walls: int, room_pages: int, rooms: int, rate_hz: float = RATE_HZ, receive_buffer: int | None = None
) -> list[PageClient]:
    """Pages not yet joined, walls first and the rooms by turns; each sample is checked."""
    paths = ["/wall"] * walls + [f"/room?room={FIRST_ROOM + k % rooms}" for k in range(room_pages)]
    return [
        PageClient(url, path, expected=shown_on(path.partition("?")[0], rate_hz), receive_buffer=receive_buffer)
        for path in paths
    ]


async def share_of_core(server: Process, seconds: float) -> float:
    """What the server uses of one core, while nothing changes."""
    cpu, begun = server.cpu_s(), time.monotonic()
    await asyncio.sleep(seconds)
    return (server.cpu_s() - cpu) / (time.monotonic() - begun)
