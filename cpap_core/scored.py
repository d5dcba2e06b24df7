"""Scored apneas and hypopneas out of the kernels' rows, numbered in the order of their opening."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from . import kernels
from .types import EventKind, OpenEvent, RespiratoryEvent

_APNEAS = {
    kernels.UNCLASSIFIED: EventKind.APNEA,
    kernels.OBSTRUCTIVE: EventKind.OBSTRUCTIVE_APNEA,
    kernels.CENTRAL: EventKind.CENTRAL_APNEA,
}


class ScoredEventLog:
    """Scored events of one detector: flow down for 10 s or longer, by the preset's shares.

    They are numbered down from -1, breath gaps up from 0: what one rule finds never renumbers the other's. An apnea is
    opened as unclassified; it is closed by its kind, where the device's probe told it.

    Attributes
    ----------
    count : int
        Events opened since the start, whether closed by now or not.
    """

    def __init__(self, sampling_rate_hz: float) -> None:
        self.count = 0
        self._rate = sampling_rate_hz
        self._open: dict[int, OpenEvent] = {}

    def open(self, row: Sequence[float]) -> OpenEvent:
        """Begin the next event."""
        _, code, onset, detected_at, *_ = row
        kind = EventKind.HYPOPNEA if code == kernels.HYPOPNEA else EventKind.APNEA
        self.count += 1
        event = OpenEvent(-self.count, kind, onset / self._rate, detected_at / self._rate)
        self._open[int(code)] = event
        return event

    def close(self, row: Sequence[float]) -> RespiratoryEvent:
        """End the apnea or the hypopnea that is open."""
        _, code, duration, kind, *_ = row
        event = self._open.pop(int(code), None)
        if event is None:
            raise RuntimeError("a scored event was closed that was not open; report this with the recording")
        closed = _APNEAS[int(kind)] if code == kernels.APNEA else event.kind
        return RespiratoryEvent(event.id, closed, event.onset_s, event.detected_at_s, duration / self._rate)

    def count_on(self, count: int) -> None:
        """Number events as if there had been so many; the open one is the last of them."""
        shift = count - self.count
        self.count = count
        self._open = {code: replace(event, id=event.id - shift) for code, event in self._open.items()}
