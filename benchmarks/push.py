"""Pushes to many browsers: latency, lost and doubled samples, and what each costs beside two yardsticks."""

from __future__ import annotations

import argparse

from benchmarks import yardsticks
from benchmarks.crowd import MOST_WAITED, Crowd, Measured, open_pages, share_of_core
from benchmarks.figures import Requirements, quantiles_ms, show
from benchmarks.process import Server
from benchmarks.ward import Bench, run, ward_options

MOST_P99_MS = {"walls": 100.0, "mixed": 150.0}
MOST_SHARE = 25.0
MOST_MS_PER_PUSH = 0.045
TIMES_BELOW_PLAIN = 250.0
TIMES_BROADCAST = 2.0
ENOUGH_BROWSERS = 200
"""With fewer, the one encoding of each push weighs on each browser, and the costs are shown but required of nobody."""
FIND_STEP_S = 10.0
TRIES = 2
"""A hiccup of the machine is not yet the limit."""


def main(arguments: list[str]) -> int:
    """`./monitor bench push`."""
    parser = ward_options("push", __doc__)
    parser.add_argument("--browsers", type=int, default=500, help="pages of the wall (default 500)")
    parser.add_argument("--rooms-pages", type=int, default=0, help="pages of single rooms besides (default 0)")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to measure (default 60)")
    parser.add_argument("--plain", type=int, default=2, help="browsers of the plain way (default 2; 0: leave it out)")
    parser.add_argument(
        "--find-most", action="store_true", help="find the largest number of walls with p99 under 150 ms instead"
    )
    parser.add_argument("--step", type=int, default=100, help="walls added at a time by --find-most (default 100)")
    parser.add_argument("--most", type=int, default=1500, help="walls at which --find-most ends (default 1500)")
    options = parser.parse_args(arguments)
    if options.browsers + options.rooms_pages < 1:
        parser.error("--browsers and --rooms-pages: there must be a page to measure, got 0 of both")
    return run(_find_most if options.find_most else _bench, options, "push")


async def _bench(bench: Bench) -> int:
    given, required = bench.options, Requirements()
    async with bench.ward() as server:
        crowd, share_without = await _joined(bench, server)
        ours = await crowd.measure(given.seconds, server, keep=True)
        crowd.leave()
    ours.show_latency("ours")
    _show_pushes(given, ours, len(crowd.pages))
    faults = crowd.show_faults(given.rooms)
    ours.show_conditions()
    ms = ours.ms_per_push(share_without)
    show("server without browsers", f"{100 * share_without:.1f} % of a core")
    required.at_most("ours: p99", ours.p99_ms, MOST_P99_MS["mixed" if given.rooms_pages else "walls"], "ms")
    required.at_most("faults of the samples checked", faults.total(), 0)
    if not given.rooms_pages:
        required.at_most("ours: server's CPU", 100 * ours.share, MOST_SHARE, "% of a core")
        await _compare(bench, ms, crowd.pages[0].kept, required)
    else:
        show("ours: server's CPU", f"{100 * ours.share:.1f} % of a core, {ms:.3f} ms for each browser and push")
    return required.exit_code


async def _joined(bench: Bench, server: Server) -> tuple[Crowd, float]:
    """The crowd, once all are live; and the server's share of a core before it came."""
    given = bench.options
    await bench.settle()
    share_without = await share_of_core(server, min(10.0, max(1.0, given.seconds / 3)))
    crowd = Crowd(open_pages(server.url, given.browsers, given.rooms_pages, given.rooms, given.rate))
    await crowd.join()
    joined = [page.joined_s or 0.0 for page in crowd.pages]
    show("joining", f"median {quantiles_ms(joined)[0]:.0f} ms to the first push, {len(joined)} pages")
    await bench.settle()
    return crowd, share_without


def _show_pushes(given: argparse.Namespace, ours: Measured, pages: int) -> None:
    wanted = given.pushes * ours.elapsed_s * pages
    size = ours.push_bytes / max(1, ours.pushes)
    show("pushes", f"{ours.pushes} ({100 * ours.pushes / wanted:.1f} % of the wanted), {size:.0f} bytes each")


async def _compare(bench: Bench, ms: float, contents: list[bytes], required: Requirements) -> None:
    """Hold what a push costs to the bound, and to the yardsticks that are measured in the same run."""
    given = bench.options
    seconds = max(1.0, given.seconds / 4)
    written = await yardsticks.broadcast(bench, contents, given.browsers, seconds, framed=False)
    framed = await yardsticks.broadcast(bench, contents, given.browsers, seconds, framed=True)
    written.show("bare write_message")
    framed.show("bare, framed once")
    show("ratio", f"{ms / written.ms_per_push:.2f} times the CPU of bare write_message")
    ratios = {"bare, framed once": ms / framed.ms_per_push}
    if given.plain:
        plain = await yardsticks.plain(bench, given.plain, seconds)
        plain.show("the plain way")
        ratios["the plain way"] = plain.ms_per_push / ms
    if given.browsers < ENOUGH_BROWSERS:
        show("ours: CPU", f"{ms:.3f} ms for each browser and push; required with {ENOUGH_BROWSERS} browsers or more")
        for name, ratio in ratios.items():
            show("ratio", f"{ratio:.2f} {'times below' if 'plain' in name else 'times the CPU of'} {name}")
        return
    required.at_most("ours: CPU per browser and push", ms, MOST_MS_PER_PUSH, "ms")
    required.at_most("times bare, framed once", ratios["bare, framed once"], TIMES_BROADCAST)
    if given.plain:
        required.at_least("times below the plain way", ratios["the plain way"], TIMES_BELOW_PLAIN)


async def _find_most(bench: Bench) -> int:
    """Add walls until p99 reaches the bound or the client is the bottleneck; faults are what makes it fail."""
    given, required, most = bench.options, Requirements(), 0
    bound_ms = MOST_P99_MS["mixed"]
    async with bench.ward() as server:
        await bench.settle()
        crowd = Crowd([])
        while len(crowd.pages) < given.most:
            more = Crowd(
                open_pages(server.url, min(given.step, given.most - len(crowd.pages)), 0, given.rooms, given.rate)
            )
            await more.join()
            crowd.pages += more.pages
            await bench.settle()
            for _ in range(TRIES):
                found = await crowd.measure(min(FIND_STEP_S, given.seconds), server)
                _show_step(len(crowd.pages), found)
                if found.p99_ms < bound_ms:
                    most = len(crowd.pages)
                    break
            if most < len(crowd.pages):
                break
        crowd.leave()
    show("most walls with p99 under 150 ms", f"{most}{' or more' if most >= given.most else ''}")
    required.at_most("faults of the samples checked", crowd.show_faults(given.rooms).total(), 0)
    return required.exit_code


def _show_step(walls: int, found: Measured) -> None:
    p50 = quantiles_ms(found.latencies_s)[0]
    limited = ", THE CLIENT ITSELF IS A BOTTLENECK" if found.client.is_bottleneck(found.latencies_s) else ""
    if found.waited > MOST_WAITED:
        limited += f", OTHERS HAD THE SERVER'S CORE {100 * found.waited:.1f} %"
    cores = f"server {100 * found.share:.0f} %, client {100 * found.client.share:.0f} % of a core"
    show(f"{walls} walls", f"p50 {p50:.0f}  p99 {found.p99_ms:.0f} ms, {cores}{limited}")
