"""The wall: every room in one display; on a bare Bokeh document that is quick to join, and in any Panel page."""

from __future__ import annotations

from typing import Any

from bokeh.document import Document
from bokeh.resources import Resources
from panel.viewable import Viewer

from monitor_app import assets
from monitor_app.push import Source, attach_requests

from .handler import Page, core_script
from .history import HistoryWatch
from .live import LiveComponent, size
from .orders import carry_out
from .page import PageContext, go_live, leave_connecting

HEIGHT_PX = 620
"""In a notebook's cell, which has no height of its own."""


class LiveWall(LiveComponent):
    """The live module inside Panel: all rooms."""

    _esm = assets.live_js(panel=True) + '\nexport const render = (args) => renderLive(args, "wall");\n'


class Wall(Viewer):
    """All rooms of a ward, live wherever Panel shows it: in a notebook, or in a page beside other panels.

    Parameters
    ----------
    shown : Lab or Source
        Whose rooms are shown: a running server from `connect`.
    height : int or None
        In px; None takes the height of what it is put in.
    """

    def __init__(self, shown: Source, *, height: int | None = HEIGHT_PX, **params: Any) -> None:
        if not isinstance(shown, Source) or shown.is_recorded:
            raise TypeError(f"a wall shows a running server from connect(), not a {type(shown).__name__}")
        super().__init__(**params)
        self._live = LiveWall(shown, **size(height))

    def __panel__(self) -> LiveWall:
        """The component that draws."""
        return self._live

    def close(self) -> None:
        """End the stream of pushes, if one is open."""
        self._live.end_stream()


def wall_document(doc: Document, context: PageContext) -> None:
    """Fill a document with the wall (F23), and with what its tiles' dialog asks for (F25, F26)."""
    leave_connecting(doc)

    async def on_request(request: dict[str, Any]) -> str | dict[str, Any] | None:
        if request.get("type") == "history":
            return await history.open(request.get("room"))
        if request.get("type") == "history_closed":
            history.close()
            return {}
        return await carry_out(context.ward, request, by="wall")

    history = HistoryWatch(context.ward, context.records, attach_requests(doc, on_request))
    doc.on_session_destroyed(lambda _session: history.close())
    go_live(doc, context)


def wall_page(context: PageContext, _resources: Resources) -> Page:
    """The page of the wall: of all that Bokeh has it needs the core alone."""
    title = f"Wall · {context.site.lab_name}"
    return Page("wall", context.prefix, core_script(context.prefix), lambda _arguments: {"title": title})
