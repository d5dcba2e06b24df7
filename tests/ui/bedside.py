"""Bedside devices for the page tests: real links in their own thread, since Playwright keeps this one's loop."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from monitor_app.bedside.device import BedsideDevice
from monitor_app.bedside.link import LinkTiming
from tests.app.raw_device import breathing

RATE_HZ = 25
CHUNK = 3
QUICK = LinkTiming(first_wait_s=0.1, longest_wait_s=0.5)
Signal = Callable[[int, int], NDArray[np.float32]]
"""Flow and pressure of `n` samples from index `first`."""


def breaths(first: int, n: int) -> NDArray[np.float32]:
    """Quiet breathing, 15 a minute."""
    return breathing(n, RATE_HZ, first)


class Device:
    """One bed's device: it breathes in real time until it is told otherwise."""

    def __init__(
        self,
        server: str,
        room: int,
        *,
        signal: Signal = breaths,
        name: str = "test device",
        stream: str | None = None,
        history: int = 0,
        pressure: Callable[[float], None] | None = None,
    ) -> None:
        self.room = room
        self.signal = signal
        self.sent = 0
        self.history = history
        self.speaking = True
        self.applied_at: float | None = None
        self.began_at: float | None = None
        self.silent_at: float | None = None
        self._pressure = pressure or (lambda _pressure: None)
        self.link = BedsideDevice(
            server,
            room,
            stream_id=stream or uuid.uuid4().hex,
            sampling_rate_hz=RATE_HZ,
            start_time=time.time() - history / RATE_HZ,
            device_name=name,
            set_pressure=self._set_pressure,
            timing=QUICK,
        )

    def _set_pressure(self, pressure: float) -> None:
        self._pressure(pressure)
        self.applied_at = time.time()

    def silence(self) -> None:
        """Say nothing more; the connection stays."""
        self.speaking = False
        self.silent_at = time.time()

    async def run(self) -> None:
        """Be a device until cancelled: what time has passed is what is sent."""
        link = asyncio.create_task(self.link.run())
        try:
            await self.link.welcome()
            self.began_at = time.time()
            begin = time.monotonic() - self.history / RATE_HZ
            while True:
                due = int((time.monotonic() - begin) * RATE_HZ)
                if self.speaking and due - self.sent >= CHUNK:
                    self.link.send(self.sent, self.signal(self.sent, due - self.sent))
                    self.sent = due
                await asyncio.sleep(0.04)
        finally:
            link.cancel()
            await asyncio.gather(link, return_exceptions=True)


class Bedside:
    """A thread with an event loop in which devices live; ends them all at its own end."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bedside")
        self._running: dict[Device, Future[Any]] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for device in list(self._running):
            self.remove(device)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self, device: Device) -> Device:
        """Let a device stream."""
        self._running[device] = self.do(device.run())
        return device

    def remove(self, device: Device) -> None:
        """Take a device away, connection and all."""
        running = self._running.pop(device)
        running.cancel()
        self.do(asyncio.sleep(0.1)).result(timeout=5)

    def do(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Run something among the devices."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)
