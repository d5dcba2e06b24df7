"""What a page costs that joins: bytes until it is live, and how long each step takes."""

from __future__ import annotations

import asyncio

import numpy as np

from benchmarks.bokeh_client import PageClient
from benchmarks.crowd import Crowd, open_pages
from benchmarks.figures import Requirements, show
from benchmarks.ward import Bench, run, ward_options

MOST_KB = {16: 40.0, 64: 130.0}
LIVE_WITHIN_S = 1.0


def main(arguments: list[str]) -> int:
    """`./monitor bench initial`."""
    parser = ward_options("initial", __doc__, rooms=None)
    parser.add_argument("--sizes", type=int, nargs="+", default=[16, 64], help="wards to try, in rooms (default 16 64)")
    parser.add_argument("--repeat", type=int, default=20, help="pages of each kind, one by one (default 20)")
    return run(_bench, parser.parse_args(arguments), "initial")


async def _bench(bench: Bench) -> int:
    given, required = bench.options, Requirements()
    for rooms in given.sizes:
        async with bench.ward(rooms) as server:
            await bench.settle()
            walls = Crowd(open_pages(server.url, given.repeat, 0, rooms, given.rate))
            one_room = Crowd(open_pages(server.url, 0, given.repeat, rooms, given.rate))
            for page in (*walls.pages, *one_room.pages):
                await page.join()
                await asyncio.sleep(0.1)  # alone, as a page is that somebody opens
            everybody = Crowd([*walls.pages, *one_room.pages])
            everybody.leave()
        _show(f"wall of {rooms} rooms", walls.pages)
        _show(f"room page of {rooms} rooms", one_room.pages)
        faults = everybody.show_faults(rooms)
        required.at_most("faults of the samples checked", faults.total(), 0)
        kb = max(page.joined_bytes for page in walls.pages) / 1000
        if rooms in MOST_KB:
            required.at_most(f"initial data, wall of {rooms}", kb, MOST_KB[rooms], "kB")
        live_s = float(np.median([page.joined_s or 0.0 for page in walls.pages]))
        required.at_most(f"live, wall of {rooms}", live_s, LIVE_WITHIN_S, "s")
    return required.exit_code


def _show(name: str, pages: list[PageClient]) -> None:
    html_kb = np.median([page.page_bytes for page in pages]) / 1000
    socket_kb = np.median([page.joined_bytes - page.page_bytes for page in pages]) / 1000
    show(name, f"{html_kb + socket_kb:.1f} kB until live: page {html_kb:.1f}, socket {socket_kb:.1f}")
    fetch_ms = 1000 * float(np.median([page.page_s for page in pages]))
    live_ms = 1000 * float(np.median([page.joined_s or 0.0 for page in pages]))
    show("  fetch of the page, first push", f"{fetch_ms:.0f} ms, {live_ms:.0f} ms from the beginning (median)")
