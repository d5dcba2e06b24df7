"""The detector's inner loops.

Samples are taken one by one and in order, whatever the chunks, so that any chunking gives the same bits. Decisions are
taken once for each step, on `smoothed`, whose time is the middle of its window.
"""

from __future__ import annotations

from .rows import (
    APNEA,
    BREATH,
    CENTRAL,
    COLUMNS,
    EVENT_CLOSED,
    EVENT_OPENED,
    GAP_CLOSED,
    GAP_OPENED,
    HYPOPNEA,
    OBSTRUCTIVE,
    ONSET,
    ROWS,
    STRETCH_ENDED,
    UNCLASSIFIED,
)
from .stream import advance, advance_rooms, finish

__all__ = [
    "APNEA",
    "BREATH",
    "CENTRAL",
    "COLUMNS",
    "EVENT_CLOSED",
    "EVENT_OPENED",
    "GAP_CLOSED",
    "GAP_OPENED",
    "HYPOPNEA",
    "OBSTRUCTIVE",
    "ONSET",
    "ROWS",
    "STRETCH_ENDED",
    "UNCLASSIFIED",
    "advance",
    "advance_rooms",
    "finish",
]
