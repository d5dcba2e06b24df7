"""The wall: every room in one display, on a bare Bokeh document that is quick to join."""

from __future__ import annotations

import bokeh
from bokeh.document import Document
from bokeh.resources import Resources

from .handler import Page
from .page import PageContext, go_live, leave_connecting


def wall_document(doc: Document, context: PageContext) -> None:
    """Fill a document with the wall (F23)."""
    leave_connecting(doc)
    go_live(doc, context)


def wall_page(context: PageContext, _resources: Resources) -> Page:
    """The page of the wall: of all that Bokeh has it needs the core alone."""
    core = f'<script src="{context.prefix}/static/js/bokeh.min.js?v={bokeh.__version__}"></script>'
    return Page("wall", context.prefix, core, lambda _arguments: {"title": f"Wall · {context.site.lab_name}"})
