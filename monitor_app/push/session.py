"""The plain way to push: a Bokeh periodic callback in each session, public names only; notebooks use it too."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from bokeh.document import Document
from bokeh.models import ColumnDataSource

from .feed import LiveFeed

log = logging.getLogger(__name__)

SOURCE_NAME = "breathwatch-live"
REQUESTS_NAME = "breathwatch-requests"
REPLIES_NAME = "breathwatch-replies"

Request = dict[str, Any]
Handler = Callable[[Request], Awaitable[str | None]]
"""Carries a page's request out; gives the error in words, or None."""


def attach_live(
    doc: Document, feed: LiveFeed, *, interval_ms: int, on_request: Handler | None = None
) -> ColumnDataSource:
    """Put a live source in a document and push to it until its session ends.

    The page begins with the snapshot that comes with it. Deltas start when the page says that it is ready; a page that
    lost its socket and came back gets a snapshot again.
    """
    source = ColumnDataSource(name=SOURCE_NAME, tags=[SOURCE_NAME], data=feed.snapshot())
    doc.add_root(source)
    ready = False

    def push() -> None:
        if ready:
            source.data = feed.delta()

    def start(_event: Any) -> None:
        nonlocal ready
        # What was embedded in the page may be older than the last push: begin anew, once.
        source.data = feed.snapshot()
        ready = True

    doc.on_event("document_ready", start)
    doc.on_event("client_reconnected", start)
    doc.add_periodic_callback(push, interval_ms)
    if on_request is not None:
        _attach_requests(doc, on_request)
    return source


def _attach_requests(doc: Document, on_request: Handler) -> None:
    """A page's requests come as the data of one source, errors go back as that of another; none is broadcast."""
    requests = ColumnDataSource(name=REQUESTS_NAME, tags=[REQUESTS_NAME], data={"request": []})
    replies = ColumnDataSource(name=REPLIES_NAME, tags=[REPLIES_NAME], data={"reply": []})
    doc.add_root(requests)
    doc.add_root(replies)
    running: set[asyncio.Task[None]] = set()

    async def carry_out(request: Request) -> None:
        try:
            error = await on_request(request)
        except Exception:
            log.exception("A page's request failed")
            error = "The server failed on this; nothing was sent. It is in the server's log"
        if error is not None:
            answer = {"request_id": request.get("request_id"), "ok": False, "message": error}
            doc.add_next_tick_callback(lambda: setattr(replies, "data", {"reply": [answer]}))

    def take(_attr: str, _old: Any, new: Any) -> None:
        for given in new.get("request", []):
            request = json.loads(given) if isinstance(given, str) else given
            if isinstance(request, dict):
                task = asyncio.get_running_loop().create_task(carry_out(request))
                running.add(task)
                task.add_done_callback(running.discard)

    requests.on_change("data", take)
