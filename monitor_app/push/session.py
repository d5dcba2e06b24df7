"""The plain way to push: a Bokeh periodic callback in each session, public names only."""

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

FIRST_SNAPSHOTS = 3

Request = dict[str, Any]
Answer = str | dict[str, Any] | None
Handler = Callable[[Request], Awaitable[Answer]]
"""Carries a page's request out; gives the error in words, the answer's fields, or None where nothing is said."""

Tell = Callable[[str, dict[str, Any]], None]
"""Tells a page some news, of a kind and with fields, without being asked."""


def attach_live(doc: Document, feed: LiveFeed, *, interval_ms: int) -> ColumnDataSource:
    """Put a live source in a document and push to it until its session ends.

    A page begins with the snapshot that comes with it. Since it may be older than the newest push by the time the page
    has read it, the first pushes after a connection are snapshots too, and so is the first one after the page says that
    it is ready, or that it lost its socket and is back. Nothing is made for a session that nobody is connected to.
    """
    source = ColumnDataSource(name=SOURCE_NAME, tags=[SOURCE_NAME], data=feed.snapshot())
    doc.add_root(source)
    snapshots_due = FIRST_SNAPSHOTS

    def push() -> None:
        nonlocal snapshots_due
        if not _is_connected(doc):
            snapshots_due = FIRST_SNAPSHOTS
        elif snapshots_due:
            snapshots_due -= 1
            source.data = feed.snapshot()
        else:
            source.data = feed.delta()

    def begin_anew(_event: Any) -> None:
        nonlocal snapshots_due
        snapshots_due = 0
        source.data = feed.snapshot()

    doc.on_event("document_ready", begin_anew)
    doc.on_event("client_reconnected", begin_anew)
    doc.add_periodic_callback(push, interval_ms)
    return source


def _is_connected(doc: Document) -> bool:
    """Whether anybody reads; a notebook's document has no session to ask."""
    session = getattr(doc.session_context, "session", None)
    return session is None or session.connection_count > 0


def attach_requests(doc: Document, on_request: Handler) -> Tell:
    """A page's requests come as the data of one source, answers and news go back as that of another; none is broadcast.

    What is told is for this page alone, and nothing is told once its session has ended.
    """
    requests = ColumnDataSource(name=REQUESTS_NAME, tags=[REQUESTS_NAME], data={"request": []})
    replies = ColumnDataSource(name=REPLIES_NAME, tags=[REPLIES_NAME], data={"reply": []})
    doc.add_root(requests)
    doc.add_root(replies)
    running: set[asyncio.Task[None]] = set()

    def say(reply: dict[str, Any]) -> None:
        if doc.session_context is None or not doc.session_context.destroyed:
            doc.add_next_tick_callback(lambda: setattr(replies, "data", {"reply": [reply]}))

    async def carry_out(request: Request) -> None:
        try:
            answer = await on_request(request)
        except Exception:
            log.exception("A page's request failed")
            answer = "The server failed on this; nothing was sent. It is in the server's log"
        if isinstance(answer, str):
            answer = {"ok": False, "message": answer}
        if answer is not None:
            say({"ok": True, **answer, "request_id": request.get("request_id")})

    def take(_attr: str, _old: Any, new: Any) -> None:
        for given in new.get("request", []):
            request = json.loads(given) if isinstance(given, str) else given
            if isinstance(request, dict):
                task = asyncio.get_running_loop().create_task(carry_out(request))
                running.add(task)
                task.add_done_callback(running.discard)

    requests.on_change("data", take)
    return lambda kind, news: say({**news, "news": kind})
