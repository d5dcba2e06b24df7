"""The wall: every room in one display, on a bare Bokeh document that is quick to join."""

from __future__ import annotations

from bokeh.document import Document

from .page import PageContext, dress, go_live


def wall_document(doc: Document, context: PageContext) -> None:
    """Fill a document with the wall (F23)."""
    dress(doc, context, view="wall", title=f"Wall · {context.site.lab_name}")
    go_live(doc, context)
