"""Pages that stall and come back, among many that only watch: no gap and no double on any, and nobody held up."""

from __future__ import annotations

import asyncio
import random
import time

from benchmarks.bokeh_client import PageClient
from benchmarks.crowd import Crowd, open_pages
from benchmarks.figures import Requirements, quantiles_ms, show
from benchmarks.ward import Bench, read_metrics, run, ward_options

MOST_P99_MS = 100.0
RESUMES_WITHIN_S = 2.0
SHORT_STALL_S, LONG_STALL_S = (0.2, 20.0), (45.0, 60.0)
"""A long one is beyond the server's patience: the page is dropped, and comes back as a reload does."""
LONG_SHARE = 0.2
WATCH_S = (0.5, 8.0)
AWAY_S = (0.0, 5.0)
SMALL_BUFFER = 4096
"""Bytes that the kernel takes for a page that stalls, so that the server soon feels it."""


def main(arguments: list[str]) -> int:
    """`./monitor bench churn`."""
    parser = ward_options("churn", __doc__)
    parser.add_argument("--browsers", type=int, default=200, help="pages in all (default 200)")
    parser.add_argument("--rooms-pages", type=int, default=40, help="of which pages of single rooms (default 40)")
    parser.add_argument("--stalling", type=int, default=10, help="of which stop reading at random (default 10)")
    parser.add_argument("--reconnecting", type=int, default=10, help="of which lose their socket (default 10)")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (default 10)")
    options = parser.parse_args(arguments)
    if options.stalling + options.reconnecting + options.rooms_pages >= options.browsers:
        parser.error(
            f"--browsers {options.browsers}: there must be more pages than --stalling {options.stalling}, "
            f"--reconnecting {options.reconnecting} and --rooms-pages {options.rooms_pages} together"
        )
    return run(_bench, options, "churn")


class Troubled:
    """Pages that give trouble until told to end, and how long each took to be live again, in s."""

    def __init__(self, pages: list[PageClient], seed: int) -> None:
        self.pages, self.random = pages, random.Random(seed)
        self.resumed_s: list[float] = []
        self.stalls = self.drops = self.reconnections = 0
        self.problems: list[str] = []

    async def stall(self, page: PageClient, until: float) -> None:
        """Stop reading for random times; where the server has dropped the page meanwhile, open it again."""
        while (now := time.monotonic()) < until:
            bounds = LONG_STALL_S if self.random.random() < LONG_SHARE else SHORT_STALL_S
            stall_s = min(self.random.uniform(*bounds), until - now)
            assert page.socket is not None
            page.socket.pause()
            await asyncio.sleep(stall_s)
            page.socket.resume()
            self.stalls += 1
            await asyncio.sleep(self.random.uniform(*WATCH_S))
            if page.socket.closed.done():
                self.drops += 1
                await self._open_again(page)

    async def reconnect(self, page: PageClient, until: float) -> None:
        """Lose the socket at random times, and open the page again."""
        while time.monotonic() < until:
            await asyncio.sleep(self.random.uniform(*WATCH_S))
            page.leave()
            await asyncio.sleep(self.random.uniform(*AWAY_S))
            self.reconnections += 1
            await self._open_again(page)

    async def _open_again(self, page: PageClient) -> None:
        try:
            await page.join()
            self.resumed_s.append(page.joined_s or 0.0)
        except (OSError, TimeoutError) as error:
            self.problems.append(f"{page.path} did not come back: {error!r}")


async def _bench(bench: Bench) -> int:
    given, required = bench.options, Requirements()
    troubled_n = given.stalling + given.reconnecting
    async with bench.ward() as server:
        troubled = Troubled(
            open_pages(server.url, troubled_n, 0, given.rooms, given.rate, receive_buffer=SMALL_BUFFER), seed=3
        )
        walls = given.browsers - given.rooms_pages - troubled_n
        others = Crowd(open_pages(server.url, walls, given.rooms_pages, given.rooms, given.rate))
        everybody = Crowd([*others.pages, *troubled.pages])
        await everybody.join()
        await bench.settle()
        until = time.monotonic() + 60 * given.minutes
        trouble = [
            asyncio.create_task((troubled.stall if k < given.stalling else troubled.reconnect)(page, until))
            for k, page in enumerate(troubled.pages)
        ]
        found = await others.measure(60 * given.minutes, server)
        await asyncio.gather(*trouble)
        await bench.settle()
        told = await read_metrics(server)
        late = [page for page in everybody.pages if time.time() - (page.last_push_at or 0.0) > RESUMES_WITHIN_S]
        everybody.leave()
    show("stalls, of which ended dropped", f"{troubled.stalls}, {troubled.drops}")
    show("lost sockets", f"{troubled.reconnections}")
    show("snapshots to pages that lagged", f"{told.get('breathwatch_push_catch_ups_total', float('nan')):.0f}")
    show("pages dropped by the server", f"{told.get('breathwatch_push_dropped_total', float('nan')):.0f}")
    found.show_latency("the others")
    faults = everybody.show_faults(given.rooms)
    for problem in troubled.problems[:5]:
        print(f"  {problem}")
    found.show_conditions()
    show("server's CPU", f"{100 * found.share:.1f} % of a core")
    resumed_ms = quantiles_ms(troubled.resumed_s)
    show("live again", f"median {resumed_ms[0]:.0f}, max {resumed_ms[2]:.0f} ms after opening")
    required.at_most("faults of the samples checked", faults.total(), 0)
    required.at_most("pages without pushes at the end", len(late) + len(troubled.problems), 0)
    required.at_most("p99 of the others", found.p99_ms, MOST_P99_MS, "ms")
    required.at_most("longest until data resumed", resumed_ms[2] / 1000, RESUMES_WITHIN_S, "s")
    return required.exit_code
