"""What people see: the wall and a room, each the same on a page and in a notebook."""

from .handler import Page, PageHandler, PageSocket
from .refusal import ForeignHost, ForeignHostHandler
from .room import RoomView, room_document, room_page
from .wall import Wall, wall_document, wall_page

__all__ = [
    "ForeignHost",
    "ForeignHostHandler",
    "Page",
    "PageHandler",
    "PageSocket",
    "RoomView",
    "Wall",
    "room_document",
    "room_page",
    "wall_document",
    "wall_page",
]
