"""The wall: every room in one display; on a bare Bokeh document that is quick to join, and in any Panel page."""

from __future__ import annotations

import uuid
from typing import Any

import param
from bokeh.document import Document
from bokeh.resources import Resources
from panel.custom import JSComponent
from panel.viewable import Viewer

from monitor_app import assets
from monitor_app.push import LiveFeed, Site, attach_live
from monitor_app.ward import Ward

from .handler import Page, core_script
from .page import PageContext, go_live, leave_connecting


class LiveWall(JSComponent):
    """The live module inside Panel: draws what the live source of that name says of all rooms."""

    base = param.String(default="", doc="Path prefix of the server, for links.")
    source = param.String(default="", doc="Name of the live source in the document.")

    _esm = assets.live_js(panel=True) + '\nexport const render = (args) => renderLive(args, "wall");\n'
    _stylesheets = [assets.live_css()]  # noqa: RUF012

    def __init__(self, ward: Ward, site: Site, *, interval_ms: int, **params: Any) -> None:
        super().__init__(source=f"breathwatch-wall-{uuid.uuid4().hex[:12]}", **params)
        self._ward, self._site, self._interval_ms = ward, site, interval_ms

    def _get_model(self, doc: Document, *rest: Any, **named: Any) -> Any:
        """The model for a document; each document has a live source of its own."""
        model = super()._get_model(doc, *rest, **named)
        feed = LiveFeed(self._ward, self._site)
        attach_live(doc, feed, interval_ms=self._interval_ms, source_name=self.source)
        return model


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
        site = site or Site("Breathwatch", "", open_access=False)
        self._live = LiveWall(ward, site, base=base, interval_ms=interval_ms, sizing_mode="stretch_both")

    def __panel__(self) -> LiveWall:
        """The component that draws."""
        return self._live


def wall_document(doc: Document, context: PageContext) -> None:
    """Fill a document with the wall (F23)."""
    leave_connecting(doc)
    go_live(doc, context)


def wall_page(context: PageContext, _resources: Resources) -> Page:
    """The page of the wall: of all that Bokeh has it needs the core alone."""
    title = f"Wall · {context.site.lab_name}"
    return Page("wall", context.prefix, core_script(context.prefix), lambda _arguments: {"title": title})
