"""What is older than the lab keeps it goes, hour by hour, in steps so small that no acknowledgement waits for them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from math import inf

from store import Store, StoreError
from store.retention import HELD, TRIMMED_AT

log = logging.getLogger(__name__)

DAY_S = 24 * 3600.0
EVERY_S = 3600.0
SOON_S = 60.0
"""After this a run is tried again that the store had no time for."""

STEP_S = 600.0
"""The clock differs by more than this from what has passed since it was looked at last: somebody set it."""

REST_FOR_WORK = 2.0
"""A pause as many times as long as the write before it: two thirds of the time belong to the devices."""

LEAST_PAUSE_S = 0.02
SHRINK_ABOVE, SHRINK_TO = 0.5, 0.1
"""Free pages are used again; the file is made smaller only where most of it is free, as when the lab keeps less."""

LEAST_FREE_BYTES = 64 << 20


class ClockWatch:
    """Whether the clock is one to remove data by: it must agree with the newest sample, or have run for a day since.

    Somebody who sets the clock a year ahead has a day to notice, before everything is older than the retention.
    """

    def __init__(self, epoch_s: float, monotonic_s: float, newest_received_at: float | None) -> None:
        self._offset_s = epoch_s - monotonic_s
        agrees = newest_received_at is None or -STEP_S <= epoch_s - newest_received_at <= DAY_S
        self._steady_from_s = -inf if agrees else monotonic_s

    def left_s(self, epoch_s: float, monotonic_s: float) -> float:
        """Seconds until the clock may be trusted, 0 where it is."""
        if abs(epoch_s - monotonic_s - self._offset_s) > STEP_S:
            self._steady_from_s = monotonic_s
        self._offset_s = epoch_s - monotonic_s
        return max(0.0, self._steady_from_s + DAY_S - monotonic_s)


class Retention:
    """Removes samples and breaths that were received longer ago than so many days; events and commands stay.

    Parameters
    ----------
    store : Store
        What it keeps in bounds.
    days : float
        How long samples are kept; 0 keeps everything.
    clock, monotonic : callable
        Give epoch seconds, and seconds that never step.
    """

    def __init__(
        self,
        store: Store,
        days: float,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._days = days
        self._clock = clock
        self._monotonic = monotonic
        self._watch: ClockWatch | None = None

    async def run(self) -> None:
        """Look now and each hour, until cancelled."""
        while self._days > 0:
            wait_s = EVERY_S
            try:
                if not await self.once():
                    wait_s = SOON_S
            except StoreError as error:
                log.warning("Retention: %s; tried again in %.0f s", error, SOON_S)
                wait_s = SOON_S
            except Exception:
                # Nothing that goes wrong here may end it for good: the disk would fill in months.
                log.exception("Retention failed; tried again in an hour")
            await asyncio.sleep(wait_s)

    async def once(self) -> bool:
        """Remove all that is due; False where the store has other worries."""
        if not self._store.health()["ok"]:
            return False
        newest = await asyncio.to_thread(self._store.newest_received_at)
        if newest is None or await self._is_held(newest):
            return True
        # Age is counted from the newest sample where that is older: a silent ward keeps what it has.
        before = min(self._clock(), newest) - self._days * DAY_S
        samples = 0
        for recording_id in await asyncio.to_thread(self._store.received_before, before):
            samples += await self._trim(recording_id, before)
        if samples:
            log.info("Retention: removed %d samples older than %g days", samples, self._days)
        await self._shrink()
        await asyncio.wrap_future(self._store.set_meta(TRIMMED_AT, repr(self._clock())))
        return True

    async def _is_held(self, newest: float) -> bool:
        """Whether nothing may go since the clock was set; says so in the log and to `/metrics`."""
        epoch_s, monotonic_s = self._clock(), self._monotonic()
        if self._watch is None:
            self._watch = ClockWatch(epoch_s, monotonic_s, newest)
        left_s = self._watch.left_s(epoch_s, monotonic_s)
        if left_s > 0:
            log.warning(
                "Retention: the clock was set, or differs by %.0f s from the newest sample's: nothing is removed "
                "for another %.1f h; check the clock",
                epoch_s - newest,
                left_s / 3600,
            )
        is_held = left_s > 0
        if is_held != (self._store.meta(HELD) == "1"):
            await asyncio.wrap_future(self._store.set_meta(HELD, str(int(is_held))))
        return is_held

    async def _trim(self, recording_id: int, before: float) -> int:
        samples, is_more = 0, True
        while is_more:
            started = time.monotonic()
            trimmed = await asyncio.wrap_future(self._store.trim(recording_id, before))
            samples, is_more = samples + trimmed.samples, trimmed.is_more
            await _rest(time.monotonic() - started)
        return samples

    async def _shrink(self) -> None:
        space = await asyncio.to_thread(self._store.space)
        free, page_bytes = space["free_bytes"], space["page_bytes"]
        if free < max(LEAST_FREE_BYTES, SHRINK_ABOVE * space["file_bytes"]):
            return
        used = space["file_bytes"] - free
        while free > SHRINK_TO * used:
            started, before = time.monotonic(), free
            free = page_bytes * await asyncio.wrap_future(self._store.release())
            if free >= before:
                return
            await _rest(time.monotonic() - started)
        log.info("Retention: the data file shrank by %d MiB", (space["free_bytes"] - free) >> 20)


async def _rest(worked_s: float) -> None:
    await asyncio.sleep(max(LEAST_PAUSE_S, REST_FOR_WORK * worked_s))
