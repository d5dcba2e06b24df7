"""Waiting for the disk: never longer than whoever asked can wait."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import TypeVar

from .errors import StoreBusy

T = TypeVar("T")

DISK_S = 5.0
"""How long a device or a person waits for the disk before being told to try again later."""


async def on_disk(future: Future[T]) -> T:
    """Wait for a write.

    Raises
    ------
    StoreBusy
        The disk has not answered in 5 s; the write is still queued and will be done.
    """
    try:
        return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), DISK_S)
    except TimeoutError:
        raise StoreBusy("the disk does not answer; try again later") from None
