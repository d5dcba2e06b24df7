"""The live module inside Panel: on a page, and in a notebook, where it is fed by a stream of its own.

Our own page of a room mounts the view by itself (room_page.py). Anywhere else the component opens a stream of its
source when a browser says that it is there. It ends it when the page is gone, when its cell runs again, and when the
browser has not said for 20 s that it reads: a tab that is closed tells nobody, and the notebook's server would keep all
that is pushed to it.
"""

from __future__ import annotations

import json
import time
from typing import Any

import param
from bokeh.document import Document
from bokeh.models import Model
from panel.custom import JSComponent

from monitor_app import assets
from monitor_app.push import Push, Source, Stream

from . import cells

UNREAD_S = 20.0
"""A browser says every 5 s that it reads (host_panel.js)."""


class LiveComponent(JSComponent):
    """Draws what a source gives.

    Parameters
    ----------
    source : Source
        What it is fed with.
    """

    base = param.String(default="", doc="Address that links begin with.")
    room = param.Integer(default=None, allow_None=True, doc="The room's number; None shows all.")
    recorded = param.Boolean(default=False, doc="Whether what it shows is no live signal.")

    _stylesheets = [assets.live_css(panel=True)]  # noqa: RUF012

    def __init__(self, source: Source, **params: Any) -> None:
        super().__init__(**params, base=source.base, recorded=source.is_recorded)
        self._source = source
        self._stream: Stream | None = None
        self._read_at = 0.0

    @property
    def is_streaming(self) -> bool:
        """Whether a stream is open, since some browser shows this."""
        return self._stream is not None

    def end_stream(self) -> None:
        """Let go of the stream; a browser that still shows this begins another one."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def _handle_msg(self, data: Any) -> None:
        """A browser is there, has read, or missed something; or somebody asks for something."""
        if not isinstance(data, dict):
            return
        self._read_at = time.monotonic()
        if self._stream is None:
            self._stream = self._source.open(self.room, self._take)
        elif data.get("type") == "anew":
            self._stream.begin_anew()
        if data.get("type") == "ask":
            self._stream.ask(data)

    def _take(self, push: Push) -> None:
        if time.monotonic() - self._read_at > UNREAD_S:
            self.end_stream()
        else:
            self._send_msg(json.dumps(push, separators=(",", ":"), allow_nan=False))

    def _get_model(
        self, doc: Document, root: Model | None = None, parent: Model | None = None, comm: Any = None
    ) -> Model:
        """The model for a document; in a notebook what the cell showed before is over."""
        if comm is not None:
            cells.take_over(self)
        return super()._get_model(doc, root, parent, comm)

    def _cleanup(self, root: Model | None = None) -> None:
        """What showed this is gone: a page that closed, a cell that ran again."""
        super()._cleanup(root)
        if not self._models:
            self.end_stream()


def size(height: int | None) -> dict[str, Any]:
    """How a component is sized: all of what it is put in, or all of its width and a height in px."""
    return {"sizing_mode": "stretch_both"} if height is None else {"sizing_mode": "stretch_width", "height": height}
