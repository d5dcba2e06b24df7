"""Which cell of a notebook shows what, so that a cell that runs again leaves no stream of its last run behind.

A notebook does not tell its kernel that an output is gone; but the request to run a cell says which cell it is.
"""

from __future__ import annotations

import sys
from typing import Any, Protocol
from weakref import WeakSet


class Streaming(Protocol):
    """What may have a stream."""

    def end_stream(self) -> None:
        """Let go of it."""


_shown: dict[str, tuple[str, WeakSet[Any]]] = {}


def take_over(view: Streaming) -> None:
    """Note that the running cell shows this view; what the cell showed in an earlier run loses its stream."""
    cell, run = _running()
    if cell is None or run is None:
        return
    before = _shown.get(cell)
    if before is None or before[0] != run:
        for old in [] if before is None else list(before[1]):
            old.end_stream()
        before = _shown[cell] = (run, WeakSet())
    before[1].add(view)


def shell() -> Any:
    """The notebook's shell; None in a terminal, and where there is no IPython at all."""
    module = sys.modules.get("IPython")
    found = None if module is None else module.get_ipython()
    return found if found is not None and hasattr(found, "kernel") else None


def _running() -> tuple[str | None, str | None]:
    """The ids of the cell that runs, and of this run of it; None where the notebook does not tell."""
    running = shell()
    request = {} if running is None else running.get_parent()
    return request.get("metadata", {}).get("cellId"), request.get("header", {}).get("msg_id")
