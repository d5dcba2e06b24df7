"""The ward under load: a server of its own with devices that stream, and the options that all load benches share."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient

from benchmarks.devices import RATE_HZ
from benchmarks.figures import load_now
from benchmarks.process import START_S, Process, Server, cores

SETTLE_S = 3.0
HISTORY_S = 30.0
"""What the devices have recorded already, so that a page that joins gets a full window."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What every load bench is given: its options, and the server's core (None: the machine has only one)."""

    options: argparse.Namespace
    core: int | None
    folder: Path

    @asynccontextmanager
    async def ward(self, rooms: int | None = None) -> AsyncIterator[Server]:
        """A server with devices that stream until it ends, once all their rooms are live."""
        n = rooms or self.options.rooms
        with self.server() as server, self.devices(server.url, n) as devices:
            await self.all_live(server, devices, n)
            yield server

    async def all_live(self, server: Server, devices: Process, rooms: int) -> None:
        """Wait until every device streams and what it had recorded before has come."""
        history = int(HISTORY_S * self.options.rate)
        async with asyncio.timeout(START_S):
            while True:
                server.check()
                devices.check()
                answer = await AsyncHTTPClient().fetch(f"{server.url}/api/v1/rooms", request_timeout=START_S)
                live = [r for r in json.loads(answer.body) if r["state"] == "live"]
                if sum(r["samples_received"] > history for r in live) == rooms:
                    return
                await asyncio.sleep(0.1)

    async def settle(self) -> None:
        """Let pass what a start or a burst of joins leaves to do."""
        await asyncio.sleep(self.options.settle)

    def server(self, port: int | None = None) -> Server:
        """A server, not yet started, on the bench's core."""
        interval_ms = str(round(1000 / self.options.pushes))
        environment = {"MONITOR_PUSH_INTERVAL_MS": interval_ms, "MONITOR_LOG_LEVEL": "WARNING"}
        return Server(self.folder, core=self.core, port=port, **environment)

    def devices(self, url: str, rooms: int) -> Process:
        """The devices' process, not yet started."""
        command = [sys.executable, "-P", "-m", "benchmarks.devices", url, "--rooms", str(rooms)]
        return Process([*command, "--rate", str(self.options.rate), "--history", str(HISTORY_S)])


async def read_metrics(server: Server) -> dict[str, float]:
    """What `/metrics` says, by name and labels."""
    text = (await AsyncHTTPClient().fetch(f"{server.url}/metrics")).body.decode()
    pairs = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def ward_options(name: str, about: str | None, *, rooms: int | None = 32) -> argparse.ArgumentParser:
    """The parser of a load bench, with what they all have; `rooms` None is a bench that chooses them itself."""
    parser = argparse.ArgumentParser(prog=f"./monitor bench {name}", description=about)
    if rooms is not None:
        parser.add_argument("--rooms", type=int, default=rooms, help=f"rooms whose devices stream (default {rooms})")
    parser.add_argument("--pushes", type=float, default=10.0, help="pushes per second (default 10)")
    parser.add_argument("--rate", type=float, default=RATE_HZ, help="samples per second of a device (default 25)")
    parser.add_argument("--settle", type=float, default=SETTLE_S, help="s of quiet before figures count (default 3)")
    return parser


def run(bench: Callable[[Bench], Awaitable[int]], options: argparse.Namespace, name: str) -> int:
    """Run a bench with the server on one core and the load on the others; gives the exit code."""
    core, others = cores()
    before = os.sched_getaffinity(0) if others else set()
    place = "a core of its own" if core is not None else "the same cores as the load"
    given = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in vars(options).items())
    print(f"{name}: {given}; server on {place}; {load_now()}", flush=True)
    try:
        if others:
            os.sched_setaffinity(0, others)
        with tempfile.TemporaryDirectory(prefix="breathwatch-bench-") as folder:
            code = asyncio.run(_awaited(bench(Bench(options, core, Path(folder)))))
    finally:
        if before:
            os.sched_setaffinity(0, before)
    print(f"  {load_now()}", flush=True)
    return code


async def _awaited(result: Awaitable[int]) -> int:
    return await result
