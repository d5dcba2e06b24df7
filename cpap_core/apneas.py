"""Breath gaps out of the kernels' rows, numbered in the order of their opening."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .types import EventKind, OpenEvent, RespiratoryEvent


class BreathGapLog:
    """Breath gaps of one detector: an inspiratory peak more than 10 s ago (F37, F41).

    Attributes
    ----------
    count : int
        Gaps opened since the start, whether closed by now or not.
    """

    def __init__(self, sampling_rate_hz: float) -> None:
        self.count = 0
        self._rate = sampling_rate_hz
        self._open: OpenEvent | None = None

    def open(self, row: Sequence[float]) -> OpenEvent:
        """Begin the next gap, from the last inspiratory peak on."""
        _, last_peak, detected_at, *_ = row
        event = OpenEvent(self.count, EventKind.BREATH_GAP, last_peak / self._rate, detected_at / self._rate)
        self.count += 1
        self._open = event
        return event

    def close(self, row: Sequence[float]) -> RespiratoryEvent:
        """End the gap that is open."""
        event = self._open
        if event is None:
            raise RuntimeError("a breath gap was closed that was not open; report this with the recording")
        self._open = None
        return RespiratoryEvent(event.id, event.kind, event.onset_s, event.detected_at_s, row[1] / self._rate)

    def count_on(self, count: int) -> None:
        """Number gaps as if there had been so many; the open one is the last of them."""
        self.count = count
        if self._open is not None:
            self._open = replace(self._open, id=count - 1)

    @property
    def is_open(self) -> bool:
        """Whether a gap is in progress."""
        return self._open is not None
