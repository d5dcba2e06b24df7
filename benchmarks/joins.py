"""A burst of browsers after a restart, ten that leave at once, and the event loop's pauses once all is quiet."""

from __future__ import annotations

import asyncio
import random
import time

from benchmarks.bokeh_client import PageClient
from benchmarks.crowd import Crowd, Measured, open_pages, share_of_core
from benchmarks.figures import Requirements, quantiles_ms, show
from benchmarks.process import Server, free_port
from benchmarks.ward import Bench, read_metrics, run, ward_options

LIVE_WITHIN_S = 12.0
MOST_PAUSE_MS = 50.0
MOST_WALL_MS, MOST_ROOM_MS = 12.0, 45.0
AGAIN_S = 1.0
LEAVING = 10
PAUSE = "breathwatch_loop_pause_max_seconds"
"""The server's own figure, of the last ten minutes."""
PAUSE_MINUTES = 10.0


def main(arguments: list[str]) -> int:
    """`./monitor bench joins`."""
    parser = ward_options("joins", __doc__)
    parser.add_argument("--browsers", type=int, default=200, help="pages in all (default 200)")
    parser.add_argument("--rooms-pages", type=int, default=50, help="of which pages of single rooms (default 50)")
    parser.add_argument("--within", type=float, default=10.0, help="s within which they connect (default 10)")
    parser.add_argument("--alone", type=int, default=60, help="pages of each kind that join one by one (default 60)")
    parser.add_argument("--discarded", type=float, default=40.0, help="s to watch after some left (default 40)")
    parser.add_argument("--quiet-minutes", type=float, default=10.0, help="how long to watch for pauses (default 10)")
    options = parser.parse_args(arguments)
    if not 0 <= options.rooms_pages < options.browsers - LEAVING:
        parser.error(
            f"--browsers {options.browsers}: must be more than --rooms-pages {options.rooms_pages} "
            f"and the {LEAVING} that leave"
        )
    return run(_bench, options, "joins")


async def _bench(bench: Bench) -> int:
    given, required, port = bench.options, Requirements(), free_port()
    first, second = bench.server(port), bench.server(port)
    with first, bench.devices(first.url, given.rooms) as devices:
        await bench.all_live(first, devices, given.rooms)
        await _one_by_one(bench, first, required)
        await asyncio.to_thread(first.kill)
        with second:
            crowd = await _burst(bench, second, required)
            await bench.settle()
            await _some_leave(bench, second, crowd, required)
            await _quiet(bench, second, crowd, required)
            crowd.leave()
    required.at_most("faults of the samples checked", crowd.show_faults(given.rooms).total(), 0)
    return required.exit_code


async def _one_by_one(bench: Bench, server: Server, required: Requirements) -> None:
    """What a join costs the server, where its page's broadcast runs already."""
    given = bench.options
    for name, bound_ms, (walls, rooms) in (("wall", MOST_WALL_MS, (1, 0)), ("room page", MOST_ROOM_MS, (0, 1))):
        watching = Crowd(open_pages(server.url, walls, rooms, given.rooms, given.rate))
        await watching.join()
        await bench.settle()
        before = await share_of_core(server, max(1.0, given.settle))
        joining = [open_pages(server.url, walls, rooms, given.rooms, given.rate)[0] for _ in range(given.alone)]
        cpu, begun = server.cpu_s(), time.monotonic()
        for page in joining:
            await page.join()
        used_s, elapsed_s = server.cpu_s() - cpu, time.monotonic() - begun
        after = await share_of_core(server, max(1.0, given.settle))
        Crowd([*joining, *watching.pages]).leave()
        joined_ms = quantiles_ms([page.joined_s or 0.0 for page in joining])
        show(f"{name}, one by one", f"median {joined_ms[0]:.0f}, max {joined_ms[2]:.0f} ms to the first push")
        ms = 1000 * (used_s - elapsed_s * (before + after) / 2) / given.alone
        required.at_most(f"CPU of joining, {name}", ms, bound_ms, "ms")
        await asyncio.sleep(given.discarded)


async def _burst(bench: Bench, server: Server, required: Requirements) -> Crowd:
    """All connect within some seconds of the restart, at random; one that is refused tries again."""
    given, chance = bench.options, random.Random(5)
    walls = given.browsers - given.rooms_pages
    crowd = Crowd(open_pages(server.url, walls, given.rooms_pages, given.rooms, given.rate))
    refused = 0

    async def come(page: PageClient, at_s: float) -> float:
        nonlocal refused
        await asyncio.sleep(at_s)
        while True:
            try:
                await page.join()
                return time.monotonic() - begun
            except (OSError, TimeoutError):
                refused += 1
                await asyncio.sleep(AGAIN_S)

    cpu, waited, begun = server.cpu_s(), server.waited_s(), time.monotonic()
    live_s = await asyncio.gather(*(come(page, chance.uniform(0, given.within)) for page in crowd.pages))
    used_s, waited_s = server.cpu_s() - cpu, server.waited_s() - waited
    joined_ms = quantiles_ms([page.joined_s or 0.0 for page in crowd.pages])
    show("burst", f"each live in median {joined_ms[0]:.0f}, p99 {joined_ms[1]:.0f}, max {joined_ms[2]:.0f} ms")
    show("burst, server's CPU", f"{used_s:.1f} s with all it does, {1000 * used_s / len(live_s):.0f} ms for each page")
    show("burst, others had the server's core", f"{waited_s:.1f} s")
    required.at_most("burst, refused", refused, 0)
    required.at_most("burst, last live", max(live_s), LIVE_WITHIN_S, "s")
    return crowd


async def _some_leave(bench: Bench, server: Server, crowd: Crowd, required: Requirements) -> None:
    """Ten leave at once, walls and rooms; watched until the server has discarded their sessions."""
    given = bench.options
    leaving = Crowd([*crowd.pages[-LEAVING // 2 :], *crowd.pages[1 : 1 + LEAVING // 2]])
    staying = Crowd([page for page in crowd.pages if page not in leaving.pages])
    asyncio.get_running_loop().call_later(min(1.0, given.discarded / 4), leaving.leave)
    before = await read_metrics(server)
    found = await staying.measure(given.discarded, server)
    crowd.pages = staying.pages
    _show_pauses(f"{LEAVING} left at once: longest delay", staying, found, bench, required)
    await _hold_pause(server, before, given.discarded / 60, required)


async def _quiet(bench: Bench, server: Server, crowd: Crowd, required: Requirements) -> None:
    """Nobody comes or goes."""
    given = bench.options
    before = await read_metrics(server)
    found = await crowd.measure(60 * given.quiet_minutes, server)
    found.show_latency("in quiet")
    _show_pauses("in quiet: longest pause", crowd, found, bench, required)
    await _hold_pause(server, before, given.quiet_minutes, required)


async def _hold_pause(server: Server, before: dict[str, float], minutes: float, required: Requirements) -> None:
    """The server's own figures; its longest pause counts where it cannot be from before these minutes."""
    told = await read_metrics(server)
    for name, value in sorted(told.items()):
        if "pause" in name or "_gc_" in name:
            show(f"  {name.removeprefix('breathwatch_')}", f"{value:g} (before {before.get(name, float('nan')):g})")
    pause_ms = 1000 * told.get(PAUSE, float("nan"))
    if minutes >= PAUSE_MINUTES or pause_ms <= MOST_PAUSE_MS or told.get(PAUSE) != before.get(PAUSE):
        required.at_most("  the server's own figure", pause_ms, MOST_PAUSE_MS, "ms")
    else:
        show("  the server's own figure", f"{pause_ms:.0f} ms, which may be from before: not judged")


def _show_pauses(what: str, crowd: Crowd, found: Measured, bench: Bench, required: Requirements) -> None:
    """How much longer than the interval two pushes were apart; of that the client's own lateness is no delay."""
    walls = [page for page in crowd.pages if page.path == "/wall"]
    longest_ms = 1000 * max(page.longest_gap_s for page in walls)
    found.show_conditions()
    required.at_most(what, longest_ms - 1000 / bench.options.pushes, MOST_PAUSE_MS, "ms")
