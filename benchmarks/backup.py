"""`./monitor bench backup`: how long a backup of a large store takes, and whether acknowledgements wait for it."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
import uuid
from pathlib import Path

import numpy as np
from tornado.websocket import websocket_connect

from benchmarks import devices
from benchmarks.figures import load_now, quantiles_ms, show
from benchmarks.process import Process, Server
from monitor_app.config import DATA_FILE
from store import Store

RATE_HZ = 100.0
SAMPLES_AT_ONCE = 1_000_000
BYTES_OF_A_SAMPLE = 8
CHANNELS = [{"name": "flow", "unit": "L/min"}, {"name": "airway_pressure", "unit": "cmH2O"}]
FRAME_S = 0.2
SETTLE_S, QUIET_S = 3.0, 15.0


def fill(path: Path, size_bytes: float) -> None:
    """Make a store of that size: a stay that has ended, of a faster device."""
    with Store(path) as store:
        stay = store.begin_stay(1, None, 0.0).result()
        recording = store.begin_recording(stay.id, "old", "bench", RATE_HZ, CHANNELS, 0.0).result()
        values = np.random.default_rng(1).normal(size=SAMPLES_AT_ONCE).astype(np.float32)
        first = 0
        while first * BYTES_OF_A_SAMPLE < size_bytes:
            first = store.append_samples(recording.id, first, values, values, time.time()).result()
        store.end_recording(recording.id, time.time()).result()
        store.end_stay(stay.id, time.time()).result()


class Bed:
    """One device, which notes how long each acknowledgement took."""

    def __init__(self, url: str, room: int) -> None:
        self.address = f"{url.replace('http', 'ws', 1)}/ingest/rooms/{room}"
        self.room = room
        self.acks_s: list[tuple[float, float]] = []
        self._sent_at: dict[int, float] = {}

    async def stream(self) -> None:
        """Send in real time until cancelled."""
        socket = await websocket_connect(self.address)
        hello = {"type": "hello", "protocol": 1, "stream_id": uuid.uuid4().hex, "device": "bench"}
        more = {"sampling_rate_hz": devices.RATE_HZ, "channels": CHANNELS, "start_time": time.time()}
        await socket.write_message(json.dumps(hello | more))
        listening = asyncio.create_task(self._listen(socket))
        step = int(devices.RATE_HZ * FRAME_S)
        try:
            for first in range(0, sys.maxsize, step):
                values = devices.samples(self.room, first, step).astype("<f4")
                header = first.to_bytes(8, "little") + step.to_bytes(4, "little")
                self._sent_at[first + step] = time.monotonic()
                await socket.write_message(header + values.tobytes(), binary=True)
                await asyncio.sleep(FRAME_S)
        finally:
            listening.cancel()
            socket.close()

    async def _listen(self, socket: object) -> None:
        while message := await socket.read_message():  # type: ignore[attr-defined]
            said = json.loads(message)
            if said["type"] == "ack":
                now = time.monotonic()
                for stop in [stop for stop in self._sent_at if stop <= said["next_sample"]]:
                    sent_at = self._sent_at.pop(stop)
                    self.acks_s.append((sent_at, now - sent_at))


async def measure(options: argparse.Namespace, folder: Path) -> None:
    """Stream for a while in quiet, then through a backup."""
    fill(folder / "data" / DATA_FILE, options.gb * 1e9)
    show("store", f"{(folder / 'data' / DATA_FILE).stat().st_size / 1e9:.2f} GB, {load_now()}")
    with Server(folder / "data", MONITOR_LOG_LEVEL="WARNING") as server:
        beds = [Bed(server.url, 101 + at) for at in range(options.rooms)]
        running = [asyncio.create_task(bed.stream()) for bed in beds]
        await asyncio.sleep(SETTLE_S)
        begun = time.monotonic()
        await asyncio.sleep(QUIET_S)
        quiet = [took for bed in beds for at, took in bed.acks_s if at >= begun]
        begun = time.monotonic()
        command = [sys.executable, "-P", "-m", "monitor_app.cli", "backup", str(folder / "backup.sqlite")]
        with Process([*command, "--data", str(folder / "data")]) as backup:
            await asyncio.to_thread(backup.popen.wait)
            took_s = time.monotonic() - begun
            if backup.popen.returncode:
                backup.check()
        during = [took for bed in beds for at, took in bed.acks_s if at >= begun]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        log = (folder / "data" / f"{DATA_FILE}-wal").stat().st_size
    show("backup, checked and on disk", f"{took_s:.1f} s")
    for label, acks in (("acknowledgements in quiet", quiet), ("acknowledgements during the backup", during)):
        median, p99, most = quantiles_ms(acks)
        show(label, f"median {median:.0f} ms, p99 {p99:.0f} ms, max {most:.0f} ms of {len(acks)}")
    show("write-ahead log after it", f"{log / 1e6:.1f} MB")
    begun = time.monotonic()
    raw = folder / "raw"
    await asyncio.to_thread(shutil.copyfile, folder / "backup.sqlite", raw)
    with raw.open("rb") as file:
        await asyncio.to_thread(os.fsync, file.fileno())
    show("a bare copy of the same size", f"{time.monotonic() - begun:.1f} s, {load_now()}")


def main(arguments: list[str]) -> int:
    """Run it; gives the exit code."""
    parser = argparse.ArgumentParser(prog="./monitor bench backup", description=__doc__)
    parser.add_argument("--gb", type=float, default=1.0, help="size of the store in GB (default 1)")
    parser.add_argument("--rooms", type=int, default=16, help="rooms whose devices stream meanwhile (default 16)")
    parser.add_argument("--folder", help="where to measure: its disk counts (default the system's temporary folder)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="breathwatch-bench-", dir=options.folder) as folder:
        asyncio.run(measure(options, Path(folder)))
    return 0
