"""The live module inside Panel, with a live source of its own in whatever document it is put in."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import param
from bokeh.document import Document
from panel.custom import JSComponent

from monitor_app import assets
from monitor_app.push import LiveFeed, Site, attach_live
from monitor_app.ward import Ward

ANYWHERE = Site("Breathwatch", "", open_access=False)
"""What a view says of its place where it is told nothing."""


@dataclass(frozen=True, slots=True)
class OwnSource:
    """What a component pushes to itself the plain way: all rooms of a ward, or one.

    Attributes
    ----------
    ward : Ward
        Whose rooms are shown.
    site : Site
        What the view says of the place.
    interval_ms : int
        Time between two pushes.
    """

    ward: Ward
    site: Site
    interval_ms: int


class LiveComponent(JSComponent):
    """Draws what a live source of its document says; without one of its own it follows the page's.

    Parameters
    ----------
    own : OwnSource or None
        What it is fed with.
    """

    base = param.String(default="", doc="Path prefix of the server, for links.")
    room = param.Integer(default=None, allow_None=True, doc="The room's number; None shows all.")
    source = param.String(default="", doc="Name of the live source in the document; empty is the page's own.")

    _stylesheets = [assets.live_css()]  # noqa: RUF012

    def __init__(self, own: OwnSource | None = None, **params: Any) -> None:
        # Each has a name of its own, so that several may stand in one document.
        source = f"breathwatch-own-{uuid.uuid4().hex[:12]}" if own else ""
        super().__init__(source=source, **params)
        self._own = own

    def _get_model(self, doc: Document, *rest: Any, **named: Any) -> Any:
        """The model for a document; each document has a live source of its own."""
        model = super()._get_model(doc, *rest, **named)
        if self._own is not None:
            feed = LiveFeed(self._own.ward, self._own.site, self.room)
            attach_live(doc, feed, interval_ms=self._own.interval_ms, source_name=self.source)
        return model
