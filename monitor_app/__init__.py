"""The live monitor: devices in, a ward of rooms, every open browser out.

Its names for notebooks are loaded on first use, so that the server's own parts do not wait for them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .notebook import Lab, StoredRecording, connect
    from .views import RoomView, Wall

__all__ = ["Lab", "RoomView", "StoredRecording", "Wall", "connect"]

_HOMES = {"RoomView": "views", "Wall": "views"}


def __getattr__(name: str) -> object:
    """Load a public name from its module; the cell that imports a view also brings what draws it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _HOMES:
        import_module(".notebook.scripts", __name__).bring()
    return getattr(import_module(f".{_HOMES.get(name, 'notebook')}", __name__), name)
