"""What one page hears of the ward, held against what it must hear: every sample of every room once, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from monitor_app.push.packing import unpack

ExpectedFlow = Callable[[int, int, int], list[int]]
"""Gives the flow that room, first index and number of samples must show, in 0.1 L/min."""


class Continuity:
    """Follows the pushes of one page.

    Attributes
    ----------
    faults : Counter
        Samples lost (`gaps`), sent twice (`doubles`) or of another value than the device sent (`wrong`); pushes lost
        (`pulses`) or without a snapshot before them (`orphans`).
    """

    def __init__(self, expected: ExpectedFlow | None = None) -> None:
        self.faults: Counter[str] = Counter()
        self.samples = 0
        self._expected = expected
        self._pulse: int | None = None
        self._next: dict[int, tuple[int, int]] = {}

    @property
    def rooms(self) -> int:
        """Number of rooms with a trace."""
        return len(self._next)

    def take(self, push: dict[str, Any]) -> bool:
        """Check a push; says whether it has new samples."""
        snapshot = push["kind"] == "snapshot"
        if not snapshot and self._pulse is None:
            self.faults["orphans"] += 1
        elif not snapshot and push["pulse"] != self._pulse + 1:  # type: ignore[operator]
            self.faults["pulses"] += 1
        self._pulse = push["pulse"]
        for room, epoch, first, _newest, flow, _pressure in push["waves"]:
            self._wave(snapshot, room, epoch, first, unpack(flow))
        for room in push["removed"]:
            self._next.pop(room, None)
        return bool(push["waves"])

    def _wave(self, snapshot: bool, room: int, epoch: int, first: int, flow: list[int | None]) -> None:
        known_epoch, expected = self._next.get(room, (None, first))
        if known_epoch != epoch:
            expected = first
        end = first + len(flow)
        self.faults["gaps"] += max(0, first - expected)
        # A snapshot gives the whole window again; it must only not end before what the page had.
        self.faults["doubles"] += max(0, expected - (end if snapshot else first))
        self.samples += max(0, end - expected)
        self._next[room] = (epoch, end)
        if self._expected is not None:
            shown = self._expected(room, first, len(flow))
            if shown != flow:
                self.faults["wrong"] += sum(a != b for a, b in zip(shown, flow, strict=True))
