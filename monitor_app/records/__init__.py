"""What is stored, for pages and programs: queries off the event loop, as plain data."""

from .records import Records

__all__ = ["Records"]
