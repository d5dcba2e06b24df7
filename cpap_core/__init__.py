"""Physiology: recordings in, breaths and breath gaps out; knows nothing of rooms, stores or pages.

Names are loaded on first use, so that who needs only the types does not wait for numba.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .analysis import analyze
    from .detector import RespirationDetector, warm_up
    from .readers import read_recording
    from .ring import RingBuffer
    from .rooms import RoomsDetector
    from .rules import Rules
    from .types import Breath, Chunk, DetectorOutput, EventKind, Onset, OpenEvent, Recording, RespiratoryEvent, Vitals

__all__ = [
    "Breath",
    "Chunk",
    "DetectorOutput",
    "EventKind",
    "Onset",
    "OpenEvent",
    "Recording",
    "RespirationDetector",
    "RespiratoryEvent",
    "RingBuffer",
    "RoomsDetector",
    "Rules",
    "Vitals",
    "analyze",
    "read_recording",
    "warm_up",
]

_HOMES = {
    "RespirationDetector": "detector",
    "RingBuffer": "ring",
    "RoomsDetector": "rooms",
    "Rules": "rules",
    "analyze": "analysis",
    "read_recording": "readers",
    "warm_up": "detector",
}


def __getattr__(name: str) -> object:
    """Load a public name from its module."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES.get(name, 'types')}", __name__), name)
