"""What people see: the wall and a room, each the same on a page and in a notebook."""

from .entry import entry_document, entry_page
from .export import export_routes
from .handler import Page, PageHandler, PageSocket
from .patients import patients_document, patients_page
from .refusal import ForeignHost, ForeignHostHandler
from .review import review_document, review_page
from .room import RoomView
from .room_page import room_document, room_page
from .wall import Wall, wall_document, wall_page

__all__ = [
    "ForeignHost",
    "ForeignHostHandler",
    "Page",
    "PageHandler",
    "PageSocket",
    "RoomView",
    "Wall",
    "entry_document",
    "entry_page",
    "export_routes",
    "patients_document",
    "patients_page",
    "review_document",
    "review_page",
    "room_document",
    "room_page",
    "wall_document",
    "wall_page",
]
