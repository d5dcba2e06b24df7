"""The review of a stored night: opening it and zooming into it on the server, and in Chromium until it is drawn."""

from __future__ import annotations

import argparse
import gc
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.chromium import running
from benchmarks.figures import Requirements, load_now, quantiles_ms, show
from benchmarks.nights import put_night
from benchmarks.process import Server
from monitor_app.records import export, review
from monitor_app.records.night import Nights
from store import Store

OPEN_BOUND_MS = 2000.0
ZOOM_BOUND_MS = 200.0
PIECES = 2100
"""What a page of 1920 pixels asks for, its margins on both sides counted."""
ZOOM_STEPS = 40


def main(arguments: list[str]) -> int:
    """`./monitor bench review`."""
    parser = argparse.ArgumentParser(prog="./monitor bench review", description=__doc__)
    parser.add_argument("--hours", type=float, default=8.0, help="length of the night (default 8)")
    parser.add_argument("--rate", type=float, default=25.0, help="sampling rate in Hz (default 25)")
    parser.add_argument("--opens", type=int, default=5, help="how often to open it; the median counts (default 5)")
    parser.add_argument("--no-browser", action="store_true", help="only what the server does")
    given = parser.parse_args(arguments)
    print(f"review: a night of {given.hours:g} h at {given.rate:g} Hz; {load_now()}", flush=True)
    required = Requirements()
    with tempfile.TemporaryDirectory(prefix="breathwatch-bench-") as folder:
        data = Path(folder) / "data"
        data.mkdir()
        with Store(data / "breathwatch.sqlite") as store:
            night = put_night(store, room=101, mrn=204118, name="Bench", hours=given.hours, rate_hz=given.rate)
            _on_the_server(store, night.recording_id, given, required)
        if not given.no_browser:
            _in_chromium(data, night.recording_id, given, required)
    print(f"  {load_now()}")
    return required.exit_code


def _on_the_server(store: Store, recording: int, given: argparse.Namespace, required: Requirements) -> None:
    """What one open and each zoom costs in a thread of the server, and what it sends."""
    length_s = given.hours * 3600
    opens, cpu, sent = [], [], 0
    for _ in range(max(1, given.opens)):
        before, used = time.perf_counter(), time.thread_time()
        nights = Nights()
        found = review.open_recording(store, recording, time.time())
        first = review.window(store, nights, recording, 0, length_s, PIECES)
        opens.append(time.perf_counter() - before)
        cpu.append(time.thread_time() - used)
        sent = _bytes(found) + _bytes(first)
    required.at_most("opening it", float(np.median(opens)) * 1000, OPEN_BOUND_MS, "ms")
    show(
        "", f"processor {np.median(cpu) * 1000:.0f} ms, sends {sent / 1000:.0f} kB, keeps {nights.n_bytes / 1e6:.1f} MB"
    )
    times, sizes = [], []
    span_s, middle_s = length_s, 0.37 * length_s
    for _ in range(ZOOM_STEPS):
        before = time.perf_counter()
        found = review.window(store, nights, recording, middle_s - span_s / 2, middle_s + span_s / 2, PIECES)
        times.append(time.perf_counter() - before)
        sizes.append(_bytes(found))
        span_s = max(2.0, span_s * 0.8)
    median, _, longest = quantiles_ms(times)
    required.at_most("the slowest zoom", longest, ZOOM_BOUND_MS, "ms")
    show("", f"median {median:.1f} ms, sends {np.median(sizes) / 1000:.0f} kB, at most {max(sizes) / 1000:.0f} kB")
    waited = _waited(lambda: Nights().get(store, recording))
    show("another thread waits while it is opened", f"{waited * 1000:.1f} ms at most")
    before = time.thread_time()
    rows = sum(text.count("\n") for text in export.rows(store, recording, UTC, 0, length_s))
    show("the whole night as CSV", f"processor {time.thread_time() - before:.1f} s, {rows - 1} rows")


def _waited(work: Callable[[], Any]) -> float:
    """How long a thread that sleeps 1 ms at a time waited for its turn at most, in s."""
    done = threading.Event()
    worst = 0.0

    def run() -> None:
        work()
        done.set()

    # The server collects garbage in quiet moments only (`upkeep/`); one collection here would be the figure.
    gc.collect()
    gc.disable()
    thread = threading.Thread(target=run)
    thread.start()
    while not done.is_set():
        before = time.perf_counter()
        time.sleep(0.001)
        worst = max(worst, time.perf_counter() - before - 0.001)
    thread.join()
    gc.enable()
    return worst


def _in_chromium(data: Path, recording: int, given: argparse.Namespace, required: Requirements) -> None:
    """From the navigation until a night is drawn, and from a zoom until its own data is."""
    drawn = """() => {
      const view = document.querySelector('.bw')?.breathwatch?.review?.views?.[0];
      return Boolean(view && view.drawn !== null && !view.asking);
    }"""
    zoom = """async () => {
      const view = document.querySelector('.bw').breathwatch.review.views[0];
      const begin = performance.now();
      view.figures.zoom(0.8);
      while (view.asking) await new Promise((done) => setTimeout(done, 2));
      return performance.now() - begin;
    }"""
    with Server(data, MONITOR_LOG_LEVEL="WARNING") as server, running() as browser:
        opens, zooms = [], []
        for _ in range(max(1, given.opens)):
            page = browser.new_page(viewport={"width": 1920, "height": 1080})
            before = time.perf_counter()
            page.goto(f"{server.url}/review?recording={recording}")
            page.wait_for_function(drawn, polling=10)
            opens.append(time.perf_counter() - before)
            zooms += [float(page.evaluate(zoom)) for _ in range(20)]
            page.close()
        required.at_most("in Chromium, navigation to drawn", float(np.median(opens)) * 1000, OPEN_BOUND_MS, "ms")
        show("in Chromium, a zoom until its data is", f"median {np.median(zooms):.0f} ms, slowest {max(zooms):.0f} ms")
    if os.getloadavg()[0] > 2.5:
        print("  THE MACHINE IS BUSY: times of the wall clock count what stood in the way")


def _bytes(found: dict[str, Any]) -> int:
    return len(json.dumps(found, separators=(",", ":")))
