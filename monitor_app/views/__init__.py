"""What people see: the wall and a room, each the same on a page and in a notebook."""

from .room import room_document
from .wall import wall_document

__all__ = ["room_document", "wall_document"]
