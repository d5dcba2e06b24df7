"""Queries of the store in threads of their own, so that no push waits for the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from store import Store

from .night import Nights

T = TypeVar("T")

THREADS = 2


class Records:
    """Runs queries of a store off the event loop.

    Parameters
    ----------
    store : Store
        What is asked.

    Attributes
    ----------
    nights : Nights
        What a review made ready to be looked at.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.nights = Nights()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="records")
        # A month takes seconds to be made ready: who asks for a patient does not wait behind it.
        self._night_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="nights")

    async def ask(self, query: Callable[[Store], T]) -> T:
        """Run a query in a thread and give what it gives."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, query, self.store)

    async def look(self, query: Callable[[Store, Nights], T]) -> T:
        """Run a query of a stored night in another thread, since the first look at one may take long."""
        return await asyncio.get_running_loop().run_in_executor(self._night_threads, query, self.store, self.nights)

    def close(self) -> None:
        """Take no more queries."""
        self._night_threads.shutdown(wait=False, cancel_futures=True)
        self._threads.shutdown(wait=False, cancel_futures=True)
