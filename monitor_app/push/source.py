"""The seam between a view and what it shows: a source of pushes, wherever they come from.

A view neither knows nor cares whether its pushes are made beside it, come from a server on another machine, or are a
recording that is played: it opens a stream of its source, and shows what the stream gives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from .feed import LiveFeed, Shown, Site

Push = dict[str, list[Any]]
"""Columns of length one; see `feed.py`."""

Take = Callable[[Push], None]
"""Takes each push, on the event loop."""

ANYWHERE = Site("Breathwatch", "", open_access=False)
"""What a view says of its place where it is told nothing."""


class Stream(Protocol):
    """Pushes to one view, from when it was opened until it is closed; the first is a snapshot."""

    def begin_anew(self) -> None:
        """Give a snapshot next: somebody joined, or missed some."""

    def ask(self, request: dict[str, Any]) -> None:
        """Do what a person asks for at the view; a live stream takes no requests."""

    def close(self) -> None:
        """Push no more, and let go of whatever made the pushes."""


@runtime_checkable
class Source(Protocol):
    """What a view can show.

    Attributes
    ----------
    base : str
        Address that the view's links begin with; empty is the place it is shown at.
    is_recorded : bool
        What it gives is no live signal, and must not look like one.
    """

    base: str
    is_recorded: bool

    def open(self, room: int | None, take: Take) -> Stream:
        """Begin to push one room, or with None all; on the running event loop."""


class Ticking:
    """A task that does something again and again, for those who push."""

    def __init__(self, act: Callable[[], None], interval_s: float) -> None:
        self._act, self._interval_s = act, interval_s
        self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """Do it no more."""
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            self._act()
            await asyncio.sleep(self._interval_s)


class WardSource:
    """A ward in the same process, pushed the plain way: for views inside other people's Panel pages.

    Parameters
    ----------
    ward : Ward
        Whose rooms are shown.
    site : Site, optional
        What the view says of the place.
    base : str
        Path prefix of the server, for links.
    interval_ms : int
        Time between two pushes.
    """

    is_recorded = False

    def __init__(self, ward: Shown, site: Site | None = None, *, base: str = "", interval_ms: int = 200) -> None:
        self.ward, self.site, self.base = ward, site or ANYWHERE, base
        self.interval_s = interval_ms / 1000

    def open(self, room: int | None, take: Take) -> Stream:
        """Begin to push."""
        return _WardStream(LiveFeed(self.ward, self.site, room), take, self.interval_s)


class _WardStream:
    def __init__(self, feed: LiveFeed, take: Take, interval_s: float) -> None:
        self._feed, self._take = feed, take
        self._is_new = True
        self._ticking = Ticking(self._push, interval_s)

    def begin_anew(self) -> None:
        self._is_new = True

    def ask(self, request: dict[str, Any]) -> None:
        """Live data takes no requests."""

    def close(self) -> None:
        self._ticking.stop()

    def _push(self) -> None:
        push = self._feed.snapshot() if self._is_new else self._feed.delta()
        self._is_new = False
        self._take(push)
