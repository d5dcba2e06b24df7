"""A room: live traces, numbers, events, and the pressure command; the same object on a page and in a notebook."""

from __future__ import annotations

from typing import Any

import param
from bokeh.document import Document
from bokeh.resources import Resources
from panel.io.resources import bundle_resources
from panel.viewable import Viewer

from monitor_app import assets
from monitor_app.push import Site, attach_requests
from monitor_app.ward import Ward

from .handler import Arguments, Page, core_script
from .live import ANYWHERE, LiveComponent, OwnSource
from .orders import carry_out
from .page import PageContext, argument, go_live, leave_connecting, resumes


class LiveRoom(LiveComponent):
    """The live module inside Panel: one room."""

    _esm = assets.live_js(panel=True) + '\nexport const render = (args) => renderLive(args, "room");\n'


class RoomView(Viewer):
    """One room of a ward, live wherever Panel shows it.

    Parameters
    ----------
    ward : Ward
        Where the room is.
    room : int
        The room's number; it may come into being later.
    site : Site, optional
        What the view says of the place.
    base : str
        Path prefix of the server, for the link to the wall.
    interval_ms : int
        Time between two pushes.
    follows_page : bool
        Show what the page's own live source says, instead of one that this view brings.
    """

    room = param.Integer(default=None, allow_None=True, doc="The room's number.")

    def __init__(
        self,
        ward: Ward,
        room: int | None,
        site: Site | None = None,
        *,
        base: str = "",
        interval_ms: int = 200,
        follows_page: bool = False,
        **params: Any,
    ) -> None:
        super().__init__(room=room, **params)
        self.ward = ward
        own = None if follows_page else OwnSource(ward, site or ANYWHERE, interval_ms)
        self._live = LiveRoom(own, room=room or 0, base=base, sizing_mode="stretch_both")

    def __panel__(self) -> LiveRoom:
        """The component that draws."""
        return self._live


def room_document(doc: Document, context: PageContext) -> None:
    """Fill a document with the room that the address names; without one the page says how to choose one."""
    number = room_number(argument(doc, "room"))
    leave_connecting(doc)
    view = RoomView(context.ward, number, base=context.prefix, follows_page=True)
    if not resumes(doc):
        doc.template_variables["dist_url"] = f"{context.prefix}/static/extensions/panel/"  # else from a public host
        view.__panel__().server_doc(doc, location=False)

    async def on_request(request: dict[str, Any]) -> str | dict[str, Any] | None:
        if number is None or request.get("room") != number:
            return f"This page commands room {number} and no other"
        return await carry_out(context.ward, request, by="room page")

    attach_requests(doc, on_request)
    go_live(doc, context, number or 0)


def room_page(context: PageContext, resources: Resources) -> Page:
    """The page of any room, which Panel's own scripts come with."""
    prototype = LiveRoom().get_root()
    scripts, _styles = bundle_resources([prototype], resources)

    def variables(arguments: Arguments) -> dict[str, Any]:
        values = arguments.get("room", [])
        number = room_number(values[0].decode(errors="replace") if values else None)
        found = {"room": number, "title": f"Room {number} · {context.site.lab_name}" if number else "No such room"}
        # A session that is taken up again has nothing of Panel's to draw.
        return found | ({"scripts": core_script(context.prefix)} if "resume" in arguments else {})

    # Panel writes addresses that are right for /room and wrong for /room/.
    absolute = scripts.replace('src="static/', f'src="{context.prefix}/static/')
    return Page("room", context.prefix, absolute, variables)


def room_number(given: str | None) -> int | None:
    """The room that an address names; None where it names none."""
    return int(given) if given and given.isascii() and given.isdigit() and 0 < int(given) < 2**31 else None
