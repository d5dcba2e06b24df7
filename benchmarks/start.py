"""How long until the first page: from nothing, and after a restart that rebuilds long stays from a full store."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from benchmarks.devices import FIRST_ROOM, RATE_HZ, samples
from benchmarks.figures import load_now, show
from benchmarks.process import ROOT, Process, free_port, wait_for_page
from store import Store

WANTED_S = 5.0
LARGEST = 6
STRETCH_S = 600
PIECES = """
import asyncio, sys, time
t = [time.perf_counter()]
def lap(name):
    t.append(time.perf_counter()); print(f"{name}={t[-1] - t[-2]:.3f}", flush=True)
from monitor_app import server; lap("imports")
from cpap_core.detector import warm_up
from monitor_app.ward import Ward
from store import Store
warm_up(); lap("kernels from cache")
store = Store(sys.argv[1]); lap("open the store")
ward = Ward(store); asyncio.run(ward.start()); lap("rebuild the stays")
store.close(); lap("write again what was found")
"""


def main(arguments: list[str]) -> int:
    """`./monitor bench start`."""
    parser = argparse.ArgumentParser(prog="./monitor bench start", description=__doc__)
    parser.add_argument("--rooms", type=int, default=16, help="rooms of the demo, and open stays of the restart")
    parser.add_argument("--hours", type=float, default=8.0, help="length of each open stay")
    parser.add_argument("--repeat", type=int, default=3, help="starts of each kind; 0: only their pieces")
    given = parser.parse_args(arguments)
    print(f"start: {given.rooms} rooms; {load_now()}", flush=True)
    starts = [_first_page_s("demo", "--rooms", str(given.rooms)) for _ in range(given.repeat)]
    show("demo, to the first page", _seconds(starts))
    _show_imports()
    with tempfile.TemporaryDirectory(prefix="breathwatch-bench-") as folder:
        data = Path(folder)
        _fill(data / "breathwatch.sqlite", given.rooms, given.hours)
        _pieces(data / "breathwatch.sqlite")  # stores the breaths of these samples, as a server does while it listens
        again = [_first_page_s("serve", "--data", folder) for _ in range(given.repeat)]
        show(f"serve, {given.rooms} stays of {given.hours:g} h", _seconds(again))
        for name, seconds in _pieces(data / "breathwatch.sqlite"):
            show(f"  {name}", f"{seconds} s")
    print(f"  {load_now()}")
    return 0 if _quick(starts) and _quick(again) else 1


def _quick(times: list[float]) -> bool:
    """Whether the best is quick enough: the first may compile, and the machine may have been busy."""
    return min(times, default=0.0) < WANTED_S


def _seconds(times: list[float]) -> str:
    verdict = "" if _quick(times) else f"   SLOWER than {WANTED_S:g} s"
    return "  ".join(f"{seconds:.2f}" for seconds in times) + " s" + verdict


def _first_page_s(*command: str) -> float:
    """From the command to the whole page of the wall, as a new process."""
    port = free_port()
    begun = time.monotonic()
    with Process([*_monitor(), *command, "--port", str(port)], MONITOR_LOG_LEVEL="WARNING") as process:
        wait_for_page(process, f"http://127.0.0.1:{port}/wall")
        return time.monotonic() - begun


def _monitor() -> list[str]:
    """`./monitor` where it made this environment; else what it becomes, so that a bench never sets anything up."""
    made_here = (Path(sys.prefix) / "breathwatch-setup.txt").exists() and Path(sys.prefix) == ROOT / ".venv"
    return [str(ROOT / "monitor")] if made_here else [sys.executable, "-P", "-m", "monitor_app.cli"]


def _show_imports() -> None:
    """Time of the largest packages' own modules, which all in all is slower while it is measured."""
    command = [sys.executable, "-X", "importtime", "-c", "import monitor_app.demo"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stderr
    own: Counter[str] = Counter()
    for self_us, name in re.findall(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", told, re.MULTILINE):
        own[name.partition(".")[0]] += int(self_us)
    largest = ", ".join(f"{name} {us / 1e6:.2f}" for name, us in own.most_common(LARGEST))
    show("imports", f"{own.total() / 1e6:.2f} s: {largest}")


def _pieces(path: Path) -> list[tuple[str, str]]:
    """What a start spends its time on: names and seconds."""
    command = [sys.executable, "-P", "-c", PIECES, str(path)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return re.findall(r"^(.+)=([\d.]+)$", told, re.MULTILINE)


def _fill(path: Path, rooms: int, hours: float) -> None:
    """A store as a night of `rooms` devices leaves it when the server is killed."""
    begun, start = time.monotonic(), time.time() - hours * 3600
    n = int(hours * 3600 * RATE_HZ)
    stretch = int(STRETCH_S * RATE_HZ)
    with Store(path) as store:
        for room in range(FIRST_ROOM, FIRST_ROOM + rooms):
            stay = store.begin_stay(room, None, start).result()
            channels = [{"name": "flow", "unit": "L/min"}, {"name": "airway_pressure", "unit": "cmH2O"}]
            recording = store.begin_recording(stay.id, f"night-{room}", "load", RATE_HZ, channels, start).result()
            written: Future[Any] | None = None
            for first in range(0, n, stretch):
                values = samples(room, first, min(stretch, n - first))
                written = store.append_samples(recording.id, first, values[:, 0], values[:, 1], start + first / RATE_HZ)
            if written is not None:
                written.result()
    show("filled a store", f"{path.stat().st_size / 1e6:.0f} MB in {time.monotonic() - begun:.1f} s")
