"""What every page's document has in common."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bokeh.application import Application
from bokeh.application.application import SessionContext
from bokeh.document import Document
from bokeh.resources import Resources

from monitor_app.entry import Desk
from monitor_app.push import Broadcaster, Handler, LiveFeed, Site, Tell, attach_live, attach_requests
from monitor_app.records import Records
from monitor_app.ward import Change, Ward

from .handler import Page, core_script

BETWEEN_DISCARDS_S = 0.005


@dataclass(frozen=True, slots=True)
class PageContext:
    """What a page function needs of the server."""

    ward: Ward
    site: Site
    prefix: str
    push_interval_ms: int
    broadcaster: Broadcaster | None
    records: Records
    desk: Desk


class PageApplication(Application):
    """Discards the sessions of a burst of leavers one by one, so that no push waits for all of them."""

    async def on_session_destroyed(self, session_context: SessionContext) -> None:
        """Run the hooks, then let the event loop do other work."""
        await super().on_session_destroyed(session_context)
        await asyncio.sleep(BETWEEN_DISCARDS_S)


def leave_connecting(doc: Document) -> None:
    """Leave connections to our own module: it finds a lost server again without half-read messages, and says so."""
    doc.config.reconnect_session = False
    doc.config.notify_connection_status = False


def go_live(doc: Document, context: PageContext, room: int | None = None) -> None:
    """Push the wall, or one room, to a document's browser: by broadcast, or the plain way where that cannot be."""
    if context.broadcaster is not None:
        context.broadcaster.attach(doc, room)
    else:
        attach_live(doc, LiveFeed(context.ward, context.site, room), interval_ms=context.push_interval_ms)


NO_ROOM = 0
"""Pushes of this room are the heartbeat and the site's name alone: what a page that shows no live room needs."""


def open_worked_page(
    doc: Document, context: PageContext, on_request: Handler, on_change: Callable[[Change], None] | None = None
) -> Tell:
    """Give a document what a page that is worked on has: a heartbeat, requests and news; `on_change` hears of the ward.

    Gives what tells the page some news.
    """
    leave_connecting(doc)
    tell = attach_requests(doc, on_request)
    if on_change is not None:
        unsubscribe = context.ward.changes.subscribe(on_change)
        doc.on_session_destroyed(lambda _session: unsubscribe())
    go_live(doc, context, NO_ROOM)
    return tell


def worked_page(view: str, title: str) -> Callable[[PageContext, Resources], Page]:
    """The page of such a view: of all that Bokeh has it needs the core alone."""

    def page(context: PageContext, _resources: Resources) -> Page:
        given = {"title": f"{title} · {context.site.lab_name}"}
        return Page(view, context.prefix, core_script(context.prefix), lambda _arguments: given)

    return page


def resumes(doc: Document) -> bool:
    """Whether a page that is open already asks for a new session: it has what draws, and needs the data alone."""
    return argument(doc, "resume") is not None


def argument(doc: Document, name: str) -> str | None:
    """A query argument of the page's address."""
    session = doc.session_context
    request = session.request if session else None
    values = request.arguments.get(name, []) if request else []
    return values[0].decode(errors="replace") if values else None
