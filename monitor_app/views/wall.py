"""The wall: every room in one display, on a bare Bokeh document that is quick to join."""

from __future__ import annotations

from bokeh.document import Document

from monitor_app.push import LiveFeed, attach_live

from .page import PageContext, dress


def wall_document(doc: Document, context: PageContext) -> None:
    """Fill a document with the wall (F23)."""
    dress(doc, context, bare_view="wall", title=f"Wall · {context.site.lab_name}")
    attach_live(doc, LiveFeed(context.ward, context.site), interval_ms=context.push_interval_ms)
