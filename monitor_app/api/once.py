"""A command is done once, however often a client that heard no answer sends it: `Idempotency-Key`."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from .problems import Problem

T = TypeVar("T")

KEPT = 10_000
"""Keys that are remembered, the newest; pressures, measurements and marks are remembered on disk as well."""


class Once(Generic[T]):
    """Remembers what was answered to each key."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._answers: OrderedDict[str, tuple[bytes, asyncio.Future[T]]] = OrderedDict()

    async def run(self, key: str, digest: bytes, do: Callable[[], Awaitable[T]]) -> T:
        """Do it and give its answer; the same key again gives that answer. What failed was not done, and may be again.

        The digest tells one request from another.

        Raises
        ------
        Problem
            The key was given with another request.
        """
        while known := self._answers.get(key):
            if known[0] != digest:
                raise Problem(422, f"Idempotency-Key {key!r} was given before, with another request: use a new key")
            try:
                return await asyncio.shield(known[1])
            except asyncio.CancelledError:
                if not known[1].cancelled():
                    raise
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._answers[key] = digest, answer
        try:
            answer.set_result(await do())
        except BaseException:
            # Whoever waits for it tries it anew.
            del self._answers[key]
            answer.cancel()
            raise
        while len(self._answers) > self._kept:
            self._answers.popitem(last=False)
        return answer.result()
