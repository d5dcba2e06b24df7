"""The ward's way to the disk: what waits, what is acknowledged, and what happens when the store is behind."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from cpap_core.types import Samples
from store import Store, StoreBehind

from .room import Room
from .trace import Found, Trace

log = logging.getLogger(__name__)

TRY_LATER = 1013
"""WebSocket close code `try again later`: the device reconnects and sends again what the disk does not have."""

CAUGHT_UP_ITEMS, CAUGHT_UP_BYTES = 1000, 1 << 20
"""Below these the queue has room for what the devices send again."""


class Recorder:
    """Hands samples and findings to the store without ever waiting for it on the event loop."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handover = threading.Lock()
        self._handed_over: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self._waiting: dict[int, list[asyncio.Future[int]]] = {}

    def start(self) -> None:
        """Run acknowledgements on the running loop."""
        self._loop = asyncio.get_running_loop()

    def samples(self, room: Room, trace: Trace, first: int, flow: Samples, pressure: Samples | None, at: float) -> None:
        """Queue what the queue has not taken yet; where it is full the acknowledgement is withheld (Restart)."""
        end = first + flow.shape[0]
        if end <= trace.queued_next:
            if end <= trace.stored_next:
                self._acknowledge(trace)
            return
        if trace.is_missing_some and first > trace.queued_next:
            # Samples are missing between the queue and these; the device sends them again once there is room.
            self._recover(trace)
            return
        trace.is_missing_some = False
        skip = max(0, trace.queued_next - first)
        try:
            future = self.store.append_samples(
                trace.recording_id, first + skip, flow[skip:], None if pressure is None else pressure[skip:], at
            )
        except StoreBehind as error:
            log.error("Room %s: %s; acknowledgements are withheld, the live view goes on", room.number, error)
            trace.is_missing_some = True
            return
        trace.queued_next = end
        future.add_done_callback(lambda done: self._call(self._stored, room, trace, done))

    def found(self, trace: Trace, found: list[Found]) -> None:
        """Queue breaths and events; a full queue loses nothing, since a restart finds them again in the samples."""
        try:
            for first_breath, output in found:
                if output.breaths:
                    self.watch(self.store.put_breaths(trace.recording_id, first_breath, output.breaths))
                for opened in output.opened:
                    self.watch(self.store.put_event(trace.recording_id, opened))
                for closed in output.events:
                    self.watch(self.store.put_event(trace.recording_id, closed))
        except StoreBehind as error:
            log.warning("Recording %s: %s; its events will be found again from its samples", trace.recording_id, error)

    def watch(self, future: Future[Any]) -> None:
        """Log a write that failed, since nobody waits for it."""
        future.add_done_callback(_log_failure)

    async def stored(self, trace: Trace) -> int:
        """Wait until all that was queued of a recording is on disk; gives the next sample."""
        if trace.stored_next < trace.queued_next:
            waiter: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            waiters = self._waiting.setdefault(trace.recording_id, [])
            waiters.append(waiter)
            try:
                await waiter
            finally:
                # Who gives up leaves: a disk that hangs all night must not collect those who asked.
                if waiter in waiters:
                    waiters.remove(waiter)
                if not waiters and self._waiting.get(trace.recording_id) is waiters:
                    del self._waiting[trace.recording_id]
        return trace.stored_next

    def _call(self, function: Callable[..., None], *args: Any) -> None:
        """Run something on the event loop, from the writer's thread; all of a commit by waking the loop once."""
        assert self._loop is not None
        with self._handover:
            self._handed_over.append((function, args))
            wake = len(self._handed_over) == 1
        if wake and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._run_handed_over)

    def _run_handed_over(self) -> None:
        with self._handover:
            calls, self._handed_over = self._handed_over, []
        for function, args in calls:
            try:
                function(*args)
            except Exception:
                log.exception("What follows a commit failed")

    def _stored(self, room: Room, trace: Trace, done: Future[int]) -> None:
        error = done.exception()
        if error is not None:
            log.error("Room %s: samples could not be stored: %s", room.number, error)
            room.problem = f"Some samples could not be stored: {error}"
            return
        trace.stored_next = max(trace.stored_next, done.result())
        self._acknowledge(trace)
        if trace.stored_next >= trace.queued_next:
            for waiter in self._waiting.pop(trace.recording_id, []):
                if not waiter.done():
                    waiter.set_result(trace.stored_next)

    def _acknowledge(self, trace: Trace) -> None:
        if trace.link is not None:
            trace.link.send({"type": "ack", "next_sample": trace.stored_next})

    def _recover(self, trace: Trace) -> None:
        """Once the queue has drained, let the device come again and send what is missing."""
        health = self.store.health()
        has_room = health["queued_items"] < CAUGHT_UP_ITEMS and health["queued_bytes"] < CAUGHT_UP_BYTES
        if health["ok"] and has_room and trace.link is not None:
            trace.link.close(TRY_LATER, "the store has caught up: send again what was not acknowledged")


def _log_failure(done: Future[Any]) -> None:
    if (error := done.exception()) is not None:
        log.error("A write failed: %s", error)
