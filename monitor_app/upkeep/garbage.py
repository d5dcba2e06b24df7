"""Python's garbage collector on the server's terms: no pause in the middle of a push.

Bokeh and Panel ask for a whole collection for each session that ends, and with all that a server has imported one takes
90 ms on a quiet machine. So what lives as long as the server is kept out of collections, young garbage goes once a
second, and the wishes of a burst of leavers are one collection in a quiet moment, which walks through the sessions
alone: 0.05 ms for a wall, 0.25 ms for a room page.
"""

from __future__ import annotations

import gc
import time
from typing import Any

from tornado.ioloop import PeriodicCallback

from .longest import Longest
from .system import give_memory_back

LOOK_MS = 1000
MANY_WISHES = 30
"""So many sessions that ended are worth a whole collection; each keeps some 0.1 MB until then."""
LONGEST_S = 600.0
"""A wish waits no longer than this."""
QUIET_S = 2.0
YOUNGEST = 50_000
"""Objects after which Python collects the youngest by itself; a second makes fewer but in a burst of joins."""

_collect = gc.collect


class Garbage:
    """Decides when garbage is collected; `gc.collect` becomes a wish.

    Attributes
    ----------
    pauses : Longest
        How long collections took.
    wishes : int
        How often somebody asked for a whole collection since the last one.
    """

    def __init__(self) -> None:
        self.pauses = Longest()
        self.collections = 0
        self.paused_s = 0.0
        self.wishes = 0
        self._wished_at = self._first_wish_at = 0.0
        self._begun = 0.0
        self._timer = PeriodicCallback(self._look, LOOK_MS)

    def tame(self) -> None:
        """Keep all that is there now out of collections, and begin to decide."""
        _collect()
        gc.freeze()
        self._thresholds = gc.get_threshold()
        gc.set_threshold(YOUNGEST, 1_000_000, 1_000_000)
        gc.callbacks.append(self._note)
        gc.collect = self._wish
        self._timer.start()

    def release(self) -> None:
        """Leave it to Python again."""
        if gc.collect is not _collect:
            self._timer.stop()
            gc.collect = _collect
            gc.callbacks.remove(self._note)
            gc.set_threshold(*self._thresholds)
            gc.unfreeze()

    def figures(self) -> dict[str, float]:
        """What `/metrics` shows."""
        return {
            "collections": self.collections,
            "paused_s": self.paused_s,
            "pause_max_s": self.pauses.recent_s,
            "wishes": self.wishes,
        }

    def _wish(self, generation: int = 2) -> int:
        if generation < 2:
            return _collect(generation)
        self._wished_at = time.monotonic()
        self._first_wish_at = self._first_wish_at if self.wishes else self._wished_at
        self.wishes += 1
        return 0

    def _look(self) -> None:
        now = time.monotonic()
        is_quiet = now - self._wished_at > QUIET_S
        is_worth_it = self.wishes >= MANY_WISHES and (is_quiet or self.wishes >= 2 * MANY_WISHES)
        if is_worth_it or (self.wishes and now - self._first_wish_at > LONGEST_S):
            self.wishes = 0
            _collect()
            give_memory_back()
        else:
            _collect(1)

    def _note(self, phase: str, _info: dict[str, Any]) -> None:
        if phase == "start":
            self._begun = time.perf_counter()
            return
        pause_s = time.perf_counter() - self._begun
        self.collections += 1
        self.paused_s += pause_s
        self.pauses.note(pause_s)
