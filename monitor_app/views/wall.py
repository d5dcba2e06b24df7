"""The wall: every room in one display; on a bare Bokeh document that is quick to join, and in any Panel page."""

from __future__ import annotations

from typing import Any

from bokeh.document import Document
from bokeh.resources import Resources
from panel.viewable import Viewer

from monitor_app import assets
from monitor_app.push import Site, attach_requests
from monitor_app.ward import Ward

from .handler import Page, core_script
from .history import HistoryWatch
from .live import ANYWHERE, LiveComponent, OwnSource
from .orders import carry_out
from .page import PageContext, go_live, leave_connecting


class LiveWall(LiveComponent):
    """The live module inside Panel: all rooms."""

    _esm = assets.live_js(panel=True) + '\nexport const render = (args) => renderLive(args, "wall");\n'


class Wall(Viewer):
    """All rooms of a ward, live wherever Panel shows it: in a page, beside other panels.

    Parameters
    ----------
    ward : Ward
        Whose rooms are shown.
    site : Site, optional
        What the wall says of the place.
    base : str
        Path prefix of the server, for the links to the rooms.
    interval_ms : int
        Time between two pushes.
    """

    def __init__(
        self, ward: Ward, site: Site | None = None, *, base: str = "", interval_ms: int = 200, **params: Any
    ) -> None:
        super().__init__(**params)
        own = OwnSource(ward, site or ANYWHERE, interval_ms)
        self._live = LiveWall(own, base=base, sizing_mode="stretch_both")

    def __panel__(self) -> LiveWall:
        """The component that draws."""
        return self._live


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
