"""The real server with one page more, `/ward`: a Panel page of somebody else's that has walls and a room in it.

`/ward?vacate=102` takes room 102 out of the ward, as a removal of the room will.
"""

from __future__ import annotations

from typing import Any

import panel as pn

from monitor_app import cli, server
from monitor_app.push import WardSource
from monitor_app.views import RoomView, Wall
from monitor_app.views.page import PageContext
from tests.app.live_server import LiveServer


class PanelServer(LiveServer):
    """The same as a process of its own."""

    module = "tests.ui.harness.panel_page"


def ward_page(context: PageContext) -> pn.viewable.Viewable:
    """Two walls and a room among other things, each with a live source of its own."""
    for room in pn.state.session_args.get("vacate", []):
        context.ward._rooms._rooms.pop(int(room))
    source = WardSource(context.ward, context.site, base=context.prefix)
    walls = [Wall(source, height=None) for _ in range(2)]
    room = RoomView(source, 103, height=None)
    title = pn.pane.Str("Somebody else's page")
    return pn.Column(title, *(pn.Column(view, height=480, width=1200) for view in (*walls, room)))


def main() -> int:
    """Serve."""
    contexts: list[PageContext] = []
    get_server, serve_pages = server.get_server, server._serve_pages

    def get_server_with_ward_page(applications: dict[str, Any], **named: Any) -> Any:
        return get_server({**applications, "/ward": lambda: ward_page(contexts[0])}, **named)

    def keep_context(running: Any, context: PageContext, *rest: Any) -> None:
        contexts.append(context)
        serve_pages(running, context, *rest)

    server.get_server, server._serve_pages = get_server_with_ward_page, keep_context
    return cli.main()


if __name__ == "__main__":
    raise SystemExit(main())
