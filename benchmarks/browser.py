"""A live page in Chromium without a GPU: share of its main thread, painting, time until live, bytes, heap."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser

from benchmarks.chromium import MeasuredPage, Work, running
from benchmarks.devices import FIRST_ROOM
from benchmarks.figures import Requirements, load_now, show
from benchmarks.process import START_S, Process, Server, cores

FRAME_S = 0.1
"""Devices send as often as the server pushes here, so that each push has something new for every room."""
HISTORY_S = 30.0
"""What the devices have recorded already, so that a page that joins gets a full window."""
SETTLE_S = 3.0
HEAP_BOUND_MB = 15.0
GROWTH_BOUND_MB = 0.5
"""What the heap may gain from the first third of the readings to the last; it holds the same 30 s all the time."""
BUSY_LOAD = 2.5


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is required of a page; None where nothing is."""

    main_thread: float
    skeleton_ms: float | None
    live_ms: float | None
    initial_kb: float | None


def bounds(page: str, rooms: int) -> Bounds:
    """The requirements on the wall of up to 16 rooms and of up to 64, and on a room's page."""
    if page == "room":
        return Bounds(0.15, None, None, None)
    return Bounds(0.08, 400, 1000, 40) if rooms <= 16 else Bounds(0.12, 400, 1000, 130)


def main(arguments: list[str]) -> int:
    """`./monitor bench browser`."""
    parser = argparse.ArgumentParser(prog="./monitor bench browser", description=__doc__)
    parser.add_argument("--rooms", type=int, default=16)
    parser.add_argument("--page", choices=("wall", "room"), default="wall")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to watch the main thread (default 20)")
    parser.add_argument("--minutes", type=float, default=0.0, help="how long to watch the heap, a reading each minute")
    parser.add_argument("--pushes", type=float, default=10.0, help="pushes per second (default 10)")
    parser.add_argument("--opens", type=int, default=3, help="how often to open the page; the median counts")
    parser.add_argument("--viewport", type=_viewport, default=(1920, 1080), metavar="WxH")
    given = parser.parse_args(arguments)
    core, others = cores()
    before = os.sched_getaffinity(0) if others else set()
    try:
        if others:
            os.sched_setaffinity(0, others)  # Chromium inherits it
        return _bench(given, core)
    finally:
        if before:
            os.sched_setaffinity(0, before)


def _viewport(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


def _bench(given: argparse.Namespace, core: int | None) -> int:
    width, height = given.viewport
    rate_hz = 25 if given.page == "wall" else 100
    print(
        f"browser: /{given.page}, {given.rooms} rooms at {rate_hz} Hz, {given.pushes:g} pushes/s, {width}x{height}; "
        f"{load_now()}; server and devices on {'another core than' if core is not None else 'the cores of'} Chromium",
        flush=True,
    )
    options = [
        "--rooms",
        str(given.rooms),
        "--rate",
        str(rate_hz),
        "--frame",
        str(FRAME_S),
        "--history",
        str(HISTORY_S),
    ]
    settings = {"MONITOR_PUSH_INTERVAL_MS": str(round(1000 / given.pushes)), "MONITOR_LOG_LEVEL": "WARNING"}
    required = Requirements()
    with (
        tempfile.TemporaryDirectory(prefix="breathwatch-bench-") as folder,
        Server(Path(folder), core=core, **settings) as server,
        running() as browser,
    ):
        url = f"{server.url}/wall" if given.page == "wall" else f"{server.url}/room?room={FIRST_ROOM}"
        idle = _idle(browser, given, url)
        devices = [sys.executable, "-P", "-m", "benchmarks.devices", server.url, *options]
        with Process(devices, core=core) as bedside:
            _await_all(server, bedside, given.rooms, int(HISTORY_S * rate_hz))
            page = _open(browser, given, url, required)
            page.page.wait_for_timeout(SETTLE_S * 1000)
            _show_work(page.work(given.seconds), idle, bounds(given.page, given.rooms), required)
            _show_heap(_heap(page, given.minutes), required)
            bedside.check()
            page.close()
    print(f"  {load_now()}")
    if os.getloadavg()[0] > BUSY_LOAD:
        print("  THE MACHINE IS BUSY: times of the wall clock count what stood in the way; compare processor times")
    return required.exit_code


def _await_all(server: Server, bedside: Process, rooms: int, samples: int) -> None:
    """Wait until every device streams and what it had recorded before has come."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        bedside.check()
        with urllib.request.urlopen(f"{server.url}/api/v1/rooms", timeout=START_S) as answer:
            if sum((room["samples_received"] or 0) > samples for room in json.load(answer)) == rooms:
                return
        time.sleep(0.1)
    raise TimeoutError(f"not all of {rooms} rooms streamed within {START_S:g} s")


def _idle(browser: Browser, given: argparse.Namespace, url: str) -> Work:
    """The same page while no device has come: pushes arrive and say nothing."""
    page = MeasuredPage(browser, given.viewport)
    page.open(url, live=False)
    page.page.wait_for_timeout(SETTLE_S * 1000)
    work = page.work(max(1.0, given.seconds / 4))
    page.close()
    return work


def _open(browser: Browser, given: argparse.Namespace, url: str, required: Requirements) -> MeasuredPage:
    """Open the page as somebody new, as often as wanted; gives the last one."""
    wanted = bounds(given.page, given.rooms)
    times, pages = [], []
    for _ in range(max(1, given.opens)):
        if pages:
            pages.pop().close()
        pages.append(MeasuredPage(browser, given.viewport))
        times.append(pages[0].open(url))
    page = pages[0]
    for name, key, bound in (
        ("skeleton", "skeletonMs", wanted.skeleton_ms),
        ("live", "liveMs", wanted.live_ms),
    ):
        taken = [at[key] if at[key] is not None else float("inf") for at in times]
        _judge(required, f"{name}, after the navigation", float(np.median(taken)), bound, "ms")
    _judge(required, "pushed until live", page.received["pushes"] / 1000, wanted.initial_kb, "kB")
    show("page, scripts and font", f"{page.received['files'] / 1000:.0f} kB with an empty cache")
    return page


def _judge(required: Requirements, what: str, figure: float, bound: float | None, unit: str) -> None:
    """Hold a figure to its bound, or show it where there is none."""
    if bound is None:
        show(what, f"{figure:.4g} {unit}")
    else:
        required.at_most(what, figure, bound, unit)


def _show_work(work: Work, idle: Work, wanted: Bounds, required: Requirements) -> None:
    required.at_most("main thread", 100 * work.share, 100 * wanted.main_thread, "%")
    show("", ", ".join(f"{name} {100 * share:.2f} %" for name, share in work.parts.items()))
    show(
        "its own processor time",
        f"{100 * work.own_share:.2f} %, {work.own_share / idle.own_share:.1f} times an idle page's",
    )
    frames = np.asarray(work.frame_ms or [float("nan")])
    show(
        "our painting",
        f"{len(work.frame_ms)} frames, median {np.median(frames):.2f}  p99 {np.percentile(frames, 99):.2f} ms",
    )
    longest = max(work.long_task_ms, default=0.0)
    show("tasks over 50 ms", f"{len(work.long_task_ms)}" + (f", longest {longest:.0f} ms" if longest else ""))


def _heap(page: MeasuredPage, minutes: float) -> list[float]:
    """The heap now and after each minute, in MB."""
    readings = [page.heap_mb()]
    for minute in range(1, int(minutes) + 1):
        page.page.wait_for_timeout(60_000)
        readings.append(page.heap_mb())
        show(f"heap after {minute} min", f"{readings[-1]:.2f} MB")
    return readings


def _show_heap(readings: list[float], required: Requirements) -> None:
    required.at_most("heap", max(readings), HEAP_BOUND_MB, "MB")
    third = len(readings) // 3
    if third:
        gained = max(readings[-third:]) - max(readings[:third])
        required.at_most("heap gained", gained, GROWTH_BOUND_MB, "MB")
