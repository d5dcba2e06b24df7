"""The real server with one page more, `/ward`: a Panel page of somebody else's that has walls in it.

`/ward?vacate=102` takes room 102 out of the ward, as a removal of the room will.
"""

from __future__ import annotations

import panel as pn
from bokeh.document import Document

from monitor_app import cli, server
from monitor_app.views import Wall
from monitor_app.views.page import PageContext, argument
from tests.app.live_server import LiveServer


class PanelServer(LiveServer):
    """The same as a process of its own."""

    module = "tests.ui.harness.panel_page"


def ward_page(doc: Document, context: PageContext) -> None:
    """Two walls among other things, each with a live source of its own."""
    if room := argument(doc, "vacate"):
        context.ward._rooms._rooms.pop(int(room))
    walls = [Wall(context.ward, context.site, base=context.prefix) for _ in range(2)]
    title = pn.pane.Str("Somebody else's page")
    pn.Column(title, *(pn.Column(wall, height=480, width=1200) for wall in walls)).server_doc(doc, location=False)


if __name__ == "__main__":
    server.PAGES["/ward"] = ward_page
    raise SystemExit(cli.main())
