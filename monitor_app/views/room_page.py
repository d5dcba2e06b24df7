"""The page of a room: the view, and the pressure command."""

from __future__ import annotations

from typing import Any

from bokeh.document import Document
from bokeh.resources import Resources
from panel.custom import JSComponent
from panel.io.resources import bundle_resources

from monitor_app import assets
from monitor_app.push import attach_requests

from .handler import Arguments, Page, core_script
from .orders import carry_out
from .page import PageContext, argument, go_live, leave_connecting, resumes


class MountedRoom(JSComponent):
    """Panel's place on the page for the view that the page's own script has mounted, and keeps connected."""

    _esm = """
    export function render({ el }) {
      const mount = document.querySelector('[data-breathwatch="room"]');
      if (!mount?.firstElementChild) return;
      el.replaceChildren(mount.firstElementChild);
      mount.remove();
    }
    """
    _stylesheets = [assets.live_css(panel=True)]  # noqa: RUF012


def room_document(doc: Document, context: PageContext) -> None:
    """Fill a document with the room that the address names; without one the page says how to choose one."""
    number = room_number(argument(doc, "room"))
    leave_connecting(doc)
    if not resumes(doc):
        doc.template_variables["dist_url"] = f"{context.prefix}/static/extensions/panel/"  # else from a public host
        MountedRoom(sizing_mode="stretch_both").server_doc(doc, location=False)

    async def on_request(request: dict[str, Any]) -> str | dict[str, Any] | None:
        if number is None or request.get("room") != number:
            return f"This page commands room {number} and no other"
        return await carry_out(context.ward, request, by="room page")

    attach_requests(doc, on_request)
    go_live(doc, context, number or 0)


def room_page(context: PageContext, resources: Resources) -> Page:
    """The page of any room, which Panel's own scripts come with."""
    prototype = MountedRoom().get_root()
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
