"""A room's page: live traces, numbers, events, and the pressure command."""

from __future__ import annotations

from typing import Any

from bokeh.document import Document

from monitor_app.push import LiveFeed, attach_live
from monitor_app.ward import Ward, WardError

from .page import PageContext, argument, dress


def room_document(doc: Document, context: PageContext) -> None:
    """Fill a document with the room that the address names; without one the page says how to choose one."""
    given = argument(doc, "room")
    number = int(given) if given and given.isascii() and given.isdigit() and 0 < int(given) < 2**31 else None
    title = f"Room {number} · {context.site.lab_name}" if number else "No such room"
    dress(doc, context, view="room", title=title, room=number)
    feed = LiveFeed(context.ward, context.site, room=number or 0)

    async def on_request(request: dict[str, Any]) -> str | None:
        return await carry_out(context.ward, number, request, by="room page")

    attach_live(doc, feed, interval_ms=context.push_interval_ms, on_request=on_request)


async def carry_out(ward: Ward, room: int | None, request: dict[str, Any], *, by: str) -> str | None:
    """Do what a room's page asks; gives the error in words, or None."""
    if request.get("type") != "set_pressure" or room is None or request.get("room") != room:
        return f"This page may command room {room} only"
    reason, command_id = request.get("reason"), request.get("request_id")
    try:
        await ward.command_pressure(
            room,
            request.get("pressure_cmh2o"),
            by=by,
            reason=str(reason)[:500] if reason else None,
            command_id=str(command_id)[:100] if command_id else None,
        )
    except WardError as error:
        return str(error)
    return None
