"""The longest of what was noted, since the start and of late."""

from __future__ import annotations

import time
from collections import deque

WINDOW_S = 60.0
WINDOWS = 10


class Longest:
    """Keeps the largest value since the start, and the largest of each of the last ten minutes."""

    def __init__(self) -> None:
        self.ever_s = 0.0
        self._of_minutes: deque[float] = deque([0.0], maxlen=WINDOWS)
        self._minute_ends = time.monotonic() + WINDOW_S

    def note(self, seconds: float) -> None:
        """Take a value."""
        self._turn()
        self._of_minutes[-1] = max(self._of_minutes[-1], seconds)
        self.ever_s = max(self.ever_s, seconds)

    @property
    def recent_s(self) -> float:
        """The largest of the last ten minutes."""
        self._turn()
        return max(self._of_minutes)

    def _turn(self) -> None:
        now = time.monotonic()
        for _ in range(WINDOWS):
            if now < self._minute_ends:
                return
            self._of_minutes.append(0.0)
            self._minute_ends += WINDOW_S
        self._minute_ends = now + WINDOW_S
