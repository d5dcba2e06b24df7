"""The rows of events, of the breath-gap rule and of scoring alike."""

# njit hides the types of what it compiles; the caller in rooms.py is checked.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, type-arg"

from __future__ import annotations

from .jit import inner
from .rows import CLOSED, OPENED


@inner
def write_opened(kind, number, onset_at, certain_at, rows, filled):
    rows[filled, 0] = OPENED
    rows[filled, 1] = kind
    rows[filled, 2] = number
    rows[filled, 3] = onset_at
    rows[filled, 4] = certain_at
    return filled + 1


@inner
def write_closed(kind, number, onset_at, certain_at, duration, rows, filled):
    rows[filled, 0] = CLOSED
    rows[filled, 1] = kind
    rows[filled, 2] = number
    rows[filled, 3] = onset_at
    rows[filled, 4] = certain_at
    rows[filled, 5] = duration
    return filled + 1
