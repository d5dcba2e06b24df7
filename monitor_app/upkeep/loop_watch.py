"""How late the event loop is: whatever holds it up holds up every push and every device."""

from __future__ import annotations

import time

from tornado.ioloop import IOLoop

from .longest import Longest

STEP_S = 0.02


class LoopWatch:
    """Wakes 50 times a second and notes by how much it was late.

    Attributes
    ----------
    pauses : Longest
        By how many seconds.
    """

    def __init__(self) -> None:
        self.pauses = Longest()
        self._loop = IOLoop.current()
        self._due = 0.0
        self._running = False

    def start(self) -> None:
        """Begin to watch."""
        self._running = True
        self._next()

    def stop(self) -> None:
        """Watch no more."""
        self._running = False

    def _next(self) -> None:
        self._due = time.monotonic() + STEP_S
        self._loop.call_later(STEP_S, self._wake)

    def _wake(self) -> None:
        if self._running:
            self.pauses.note(max(0.0, time.monotonic() - self._due))
            self._next()
