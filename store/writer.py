"""The one thread that writes: it commits whatever has gathered, and loses nothing when the disk refuses."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypedDict, TypeVar

from store.database import Database
from store.errors import StoreBehind, StoreClosed, StoreUnusable

logger = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_RETRY_S = 0.05
LAST_RETRY_S = 2.0
RETRY_WHILE_CLOSING_S = 0.1
STALLED_AFTER_S = 5.0
"""A write that waits longer than this makes the store unhealthy, even if no error was reported: the disk hangs."""

ITEM_OVERHEAD_BYTES = 512
"""What a queued write costs besides its samples."""

# The primary result codes that accuse the statement or its values; all others accuse disk, file or memory.
_ITEM_FAULTS = {
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_TOOBIG,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_RANGE,
}


class Health(TypedDict):
    """How the writer is; latencies in s from the queueing of a commit's oldest write until it was on disk."""

    ok: bool
    queued_items: int
    queued_bytes: int
    oldest_waiting_s: float
    last_error: str | None
    last_error_at: float | None
    last_commit_at: float | None
    commits: int
    commit_s: float | None
    commit_latency_p50_s: float | None
    commit_latency_p99_s: float | None


@dataclass(slots=True)
class _Write:
    operation: Callable[[Database], Any]
    cost_bytes: int
    queued_at: float
    future: Future[Any]


@dataclass(slots=True)
class _Outcome:
    value: Any = None
    error: Exception | None = None


class Writer:
    """Drains a bounded queue of operations into the database, in order, a commit for whatever has gathered.

    Parameters
    ----------
    db : Database
        The connection; used by the writer's thread only from here on.
    verify : callable
        Called before each commit; raises when the file under the connection is no longer the data file.
    max_bytes, max_items : int
        Bounds of the queue. A write in the commit under way counts until it is on disk.
    gather_s : float
        How long the oldest write may wait for company, in s.
    """

    def __init__(
        self, db: Database, *, verify: Callable[[], None], max_bytes: int, max_items: int, gather_s: float
    ) -> None:
        self._db = db
        self._verify = verify
        self._max_bytes = max_bytes
        self._max_items = max_items
        self._gather_s = gather_s
        self._changed = threading.Condition()
        self._queue: deque[_Write] = deque()
        self._waiting_items = 0
        self._waiting_bytes = 0
        self._oldest_at: float | None = None
        self._closing = False
        self._abandoned = False
        self._error: str | None = None
        self._last_error: str | None = None
        self._last_error_at: float | None = None
        self._last_commit_at: float | None = None
        self._commits = 0
        self._commit_s: float | None = None
        self._latencies_s: deque[float] = deque(maxlen=512)
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, operation: Callable[[Database], T], payload_bytes: int = 0) -> Future[T]:
        """Queue an operation; the future has its result once it is on disk. It cannot be cancelled.

        Raises
        ------
        StoreBehind
            The queue is full.
        StoreClosed
            The store was closed.
        """
        future: Future[T] = Future()
        # A cancelled write would be a hole in what follows it, so a caller that gives up waiting does not cancel it.
        future.set_running_or_notify_cancel()
        write = _Write(operation, payload_bytes + ITEM_OVERHEAD_BYTES, time.monotonic(), future)
        with self._changed:
            if self._closing:
                raise StoreClosed("The store is closed: nothing can be written any more")
            # One write larger than the whole bound is taken when it is alone, else it could never be.
            full = self._waiting_bytes + write.cost_bytes > self._max_bytes and self._waiting_items > 0
            if full or self._waiting_items >= self._max_items:
                raise StoreBehind(
                    f"{self._waiting_items} writes ({self._waiting_bytes} bytes) wait for the disk, the bound is "
                    f"{self._max_items} writes or {self._max_bytes} bytes: keep the data and try again"
                )
            self._waiting_items += 1
            self._waiting_bytes += write.cost_bytes
            if self._oldest_at is None:
                self._oldest_at = write.queued_at
            self._queue.append(write)
            if len(self._queue) == 1:
                self._changed.notify_all()
        return future

    def health(self) -> Health:
        """Give the writer's state, from any thread."""
        with self._changed:
            latencies = sorted(self._latencies_s)
            oldest_waiting_s = 0.0 if self._oldest_at is None else time.monotonic() - self._oldest_at
            alive = self._thread.is_alive() and not self._closing
            return Health(
                ok=alive and self._error is None and oldest_waiting_s < STALLED_AFTER_S,
                queued_items=self._waiting_items,
                queued_bytes=self._waiting_bytes,
                oldest_waiting_s=oldest_waiting_s,
                last_error=self._last_error,
                last_error_at=self._last_error_at,
                last_commit_at=self._last_commit_at,
                commits=self._commits,
                commit_s=self._commit_s,
                commit_latency_p50_s=latencies[len(latencies) // 2] if latencies else None,
                commit_latency_p99_s=latencies[len(latencies) * 99 // 100] if latencies else None,
            )

    def close(self, timeout_s: float) -> bool:
        """Take no more, write what is queued, and say whether all of it came to disk in time."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            with self._changed:
                self._abandoned = True
                self._changed.notify_all()
            self._db.conn.interrupt()
            self._thread.join(1.0)
        return not self._abandoned

    @property
    def stopped(self) -> bool:
        """Whether the thread has ended, so that the connection may be closed."""
        return not self._thread.is_alive()

    def _run(self) -> None:
        while batch := self._take():
            if self._abandoned or not self._store(batch):
                self._give_up(batch)
                return

    def _take(self) -> list[_Write]:
        """Wait for writes and take all there are; an empty list means closed and drained."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing)
            if not self._queue:
                return []
            left_s = self._queue[0].queued_at + self._gather_s - time.monotonic()
            if left_s > 0:
                self._changed.wait_for(lambda: self._closing, left_s)
            batch = list(self._queue)
            self._queue.clear()
            return batch

    def _store(self, batch: list[_Write]) -> bool:
        """Commit the batch, however often it takes; False when the store was closed before that."""
        retry_s = FIRST_RETRY_S
        while True:
            started = time.monotonic()
            try:
                outcomes = self._attempt(batch)
            except Exception as error:
                self._note_failure(error, len(batch))
                with self._changed:
                    # Woken early by close(), or by the first write of a new batch: one try more does no harm.
                    self._changed.wait(RETRY_WHILE_CLOSING_S if self._closing else retry_s)
                    if self._abandoned:
                        return False
                retry_s = min(2 * retry_s, LAST_RETRY_S)
                continue
            self._note_commit(batch, time.monotonic() - started)
            for write, outcome in zip(batch, outcomes, strict=True):
                if outcome.error is None:
                    write.future.set_result(outcome.value)
                else:
                    write.future.set_exception(outcome.error)
            return True

    def _attempt(self, batch: list[_Write]) -> list[_Outcome]:
        """Do all of the batch in one transaction; a write at fault is undone alone and its error is its outcome."""
        self._verify()
        outcomes = []
        with self._db.atomic():
            for write in batch:
                try:
                    with self._db.atomic():
                        outcomes.append(_Outcome(value=write.operation(self._db)))
                except Exception as error:
                    if not _is_item_fault(error) or not self._db.conn.in_transaction:
                        raise
                    outcomes.append(_Outcome(error=error))
        return outcomes

    def _note_commit(self, batch: list[_Write], commit_s: float) -> None:
        now = time.monotonic()
        with self._changed:
            recovered, self._error = self._error is not None, None
            self._waiting_items -= len(batch)
            self._waiting_bytes -= sum(write.cost_bytes for write in batch)
            self._oldest_at = self._queue[0].queued_at if self._queue else None
            self._last_commit_at = time.time()
            self._commits += 1
            self._commit_s = commit_s
            self._latencies_s.append(now - batch[0].queued_at)
        if recovered:
            logger.info("The store writes again")

    def _note_failure(self, error: Exception, n_writes: int) -> None:
        text = str(error) or type(error).__name__
        with self._changed:
            is_new, self._error = self._error != text, text
            self._last_error, self._last_error_at = text, time.time()
        if is_new:
            logger.error("The store cannot write (%s): %d writes are kept and tried again", text, n_writes)

    def _give_up(self, batch: list[_Write]) -> None:
        """Fail what never came to disk, so that nobody acknowledges it or waits for ever."""
        with self._changed:
            lost = batch + list(self._queue)
            self._queue.clear()
            reason = self._error
        logger.error("The store was closed with %d writes that never came to disk (%s)", len(lost), reason)
        for write in lost:
            write.future.set_exception(StoreClosed(f"The store was closed before this was on disk: {reason}"))


def _is_item_fault(error: Exception) -> bool:
    """Whether an error is the single write's own, rather than the disk's or the file's."""
    if isinstance(error, StoreUnusable | OSError | MemoryError):
        return False
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        return code is None or (code & 0xFF) in _ITEM_FAULTS
    return True
