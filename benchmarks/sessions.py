"""Does the server keep what is gone? Thousands of pages open and close, some killed, some that stall and vanish."""

from __future__ import annotations

import argparse
import asyncio
import random

from benchmarks.bokeh_client import PageClient
from benchmarks.crowd import JOINING_AT_ONCE, open_pages
from benchmarks.figures import Requirements, show
from benchmarks.process import Server
from benchmarks.ward import Bench, read_metrics, run, ward_options

MOST_GROWTH = 10.0
DISCARDED_S = 40.0
"""By then the server has discarded what nobody is connected to: it looks every 17 s and waits for 15 s."""
STALLED_S = (1.0, 50.0)
WAYS = ("goodbye", "killed", "stalled")
SMALL_BUFFER = 4096


def main(arguments: list[str]) -> int:
    """`./monitor bench sessions`."""
    parser = ward_options("sessions", __doc__, rooms=16)
    parser.add_argument("--sessions", type=int, default=2000, help="pages in all (default 2000)")
    parser.add_argument("--reference", type=int, default=200, help="pages after which growth counts (default 200)")
    parser.add_argument("--rooms-share", type=float, default=0.4, help="share of room pages (default 0.4)")
    parser.add_argument(
        "--discarded", type=float, default=DISCARDED_S, help="s until the server has let go (default 40)"
    )
    options = parser.parse_args(arguments)
    if not 0 < options.reference < options.sessions:
        parser.error(f"--reference {options.reference}: must be from 1 to --sessions - 1, {options.sessions - 1}")
    return run(_bench, options, "sessions")


async def _bench(bench: Bench) -> int:
    given, required = bench.options, Requirements()
    async with bench.ward() as server:
        await bench.settle()
        show("before the first page", f"{server.resident_mb():.1f} MB")
        visitors = Visitors(given, server)
        await visitors.come_and_go(given.reference)
        reference_mb = await _at_rest(given, server, given.reference)
        while visitors.count < given.sessions:
            await visitors.come_and_go(min(given.sessions, visitors.count + 5 * given.reference))
            now_mb = await _at_rest(given, server, visitors.count)
        left = (await read_metrics(server)).get("breathwatch_push_browsers", float("nan"))
    show("ended by", ", ".join(f"{way} {visitors.ended[way]}" for way in WAYS))
    growth = 100 * (now_mb - reference_mb) / reference_mb
    required.at_most(f"growth since {given.reference} sessions", growth, MOST_GROWTH, "%")
    required.at_most("browsers that the server still counts", left, 0)
    required.at_most("faults of the samples checked", visitors.faults, 0)
    return required.exit_code


async def _at_rest(given: argparse.Namespace, server: Server, sessions: int) -> float:
    await asyncio.sleep(given.discarded)
    now_mb = server.resident_mb()
    show(f"after {sessions} sessions", f"{now_mb:.1f} MB")
    return now_mb


class Visitors:
    """Pages that open a few at once and end in one of several ways."""

    def __init__(self, given: argparse.Namespace, server: Server) -> None:
        self.given, self.server = given, server
        self.count = self.faults = 0
        self.ended = dict.fromkeys(WAYS, 0)
        self._random = random.Random(7)

    async def come_and_go(self, until: int) -> None:
        """Open and close pages until so many have been there in all, and none is left."""
        async with asyncio.TaskGroup() as stalled:
            while self.count < until:
                batch = [self._page() for _ in range(min(JOINING_AT_ONCE, until - self.count))]
                await asyncio.gather(*(page.join() for page in batch))
                for page in batch:
                    way = WAYS[self.count % len(WAYS)]
                    self.ended[way] += 1
                    self.count += 1
                    self.faults += page.continuity.faults.total()
                    if way == "goodbye":
                        page.leave_politely()
                    elif way == "killed":
                        page.leave()
                    else:
                        stalled.create_task(self._vanish(page))

    async def _vanish(self, page: PageClient) -> None:
        assert page.socket is not None
        page.socket.pause()
        await asyncio.sleep(min(self._random.uniform(*STALLED_S), 1.2 * self.given.discarded))
        page.leave()

    def _page(self) -> PageClient:
        rooms = int(self._random.random() < self.given.rooms_share)
        given = self.given
        return open_pages(self.server.url, 1 - rooms, rooms, given.rooms, given.rate, receive_buffer=SMALL_BUFFER)[0]
