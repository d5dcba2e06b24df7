"""The detector's inner loops.

Samples are taken one by one and in order, whatever the chunks, so that any chunking gives the same bits. Decisions are
taken once for each step, on `smoothed`, whose time is the middle of its window.
"""

from __future__ import annotations

from .rows import BREATH, COLUMNS, GAP_CLOSED, GAP_OPENED, ONSET, ROWS, STRETCH_ENDED
from .stream import advance, finish

__all__ = [
    "BREATH",
    "COLUMNS",
    "GAP_CLOSED",
    "GAP_OPENED",
    "ONSET",
    "ROWS",
    "STRETCH_ENDED",
    "advance",
    "finish",
]
