"""One recording as it arrives: its detector, its ring, and how far it is detected, queued and on disk."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cpap_core.detector import RespirationDetector
from cpap_core.ring import RingBuffer
from cpap_core.types import DetectorOutput, EventKind, OpenEvent, RespiratoryEvent, Samples

from .errors import StreamRefused
from .night import Night

log = logging.getLogger(__name__)

RING_S = 60.0
"""How much of the signal is kept in memory: two windows of a page, for those who join or catch up."""

LONGEST_GAP_S = 7 * 24 * 3600.0
"""An index further ahead than this is no gap but nonsense."""

PIECE_S = 60.0
"""Long stretches go through the detector in pieces of this length, so that the night's trend sees each minute."""


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """What a device says of itself in its hello."""

    stream_id: str
    device: str
    sampling_rate_hz: float
    channels: tuple[tuple[str, str], ...]
    start_time: float

    @property
    def has_pressure(self) -> bool:
        """Whether airway pressure comes with the flow: as its own channel, or in the raw counts."""
        return len(self.channels) > 1


class Found(NamedTuple):
    """What one stretch of samples made certain, for the store."""

    first_breath: int
    output: DetectorOutput


class Trace:
    """One recording (one stream_id) of a stay.

    Attributes
    ----------
    detected_next, queued_next, stored_next : int
        Index of the first sample that the detector has not seen, the store's queue has not taken, the disk does not
        have. A device sends again what the disk does not have; the detector sees each sample once all the same.
    """

    def __init__(self, recording_id: int, spec: StreamSpec, epoch: int) -> None:
        rate = spec.sampling_rate_hz
        self.recording_id = recording_id
        self.spec = spec
        self.epoch = epoch
        self.detector = RespirationDetector(rate)
        self.ring = RingBuffer(max(int(RING_S * rate), 64))
        self.detected_next = 0
        self.queued_next = 0
        self.stored_next = 0
        self.received = 0
        self.last_received_at: float | None = None
        self.ended = False
        self.failed = False
        self.breaths = 0
        self.night = Night(spec.start_time)
        self.peaks: deque[float] = deque(maxlen=80)
        self.open: dict[int, OpenEvent] = {}
        self.closed: deque[RespiratoryEvent] = deque(maxlen=200)
        self.gap_onsets: deque[float] = deque(maxlen=2000)

    @property
    def newest_s(self) -> float:
        """Recording time after the newest sample, in s."""
        return self.detected_next / self.spec.sampling_rate_hz

    @property
    def apnea_count(self) -> int:
        """Breath gaps so far, the open one counted (F37, F41)."""
        return self.detector.breath_gap_count

    @property
    def breath_count(self) -> int:
        """Breaths whose onset is certain."""
        return self.detector.breath_count

    def apneas_since(self, recording_s: float) -> int:
        """Breath gaps that began at or after a recording time."""
        return sum(onset >= recording_s for onset in self.gap_onsets)

    def check_first(self, first_sample: int) -> None:
        """Refuse an index so far ahead that it can be no gap."""
        limit = self.detected_next + int(LONGEST_GAP_S * self.spec.sampling_rate_hz)
        if first_sample > limit:
            raise StreamRefused(
                f"first sample {first_sample} is beyond {limit}, a week after the next expected sample "
                f"{self.detected_next}; start a new stream_id"
            )

    def feed(self, first_sample: int, flow_lpm: Samples, pressure: Samples | None) -> list[Found]:
        """Take samples in order; those seen before are passed over, an index beyond the next one is a gap."""
        found: list[Found] = []
        self._advance_over_gap(first_sample, found)
        start = self.detected_next - first_sample
        if start < flow_lpm.shape[0]:
            self._piecewise(flow_lpm[start:], None if pressure is None else pressure[start:], found)
            self.received += flow_lpm.shape[0] - start
        return found

    def finish(self) -> list[Found]:
        """Close what is open; the recording has ended."""
        self.ended = True
        found: list[Found] = []
        if not self.failed:
            self._take(self.detector.flush(), found)
        return found

    def differs_from_seen(self, first_sample: int, flow_lpm: Samples) -> bool:
        """Whether samples that claim to be sent again are others than those the ring still has."""
        begin, arrays = self.ring.since(first_sample)
        end = min(first_sample + flow_lpm.shape[0], self.detected_next)
        if begin >= end:
            return False
        seen = arrays[0][: end - begin]
        again = flow_lpm[begin - first_sample : end - first_sample]
        return not np.array_equal(seen, again, equal_nan=True)

    def _advance_over_gap(self, first_sample: int, found: list[Found]) -> None:
        gap = first_sample - self.detected_next
        piece = int(PIECE_S * self.spec.sampling_rate_hz)
        while gap > 0:
            n = min(gap, piece)
            self._piecewise(np.full(n, np.nan, np.float32), None, found)
            gap -= n

    def _piecewise(self, flow: Samples, pressure: Samples | None, found: list[Found]) -> None:
        piece = int(PIECE_S * self.spec.sampling_rate_hz)
        for at in range(0, flow.shape[0], piece):
            part = flow[at : at + piece]
            p = None if pressure is None else pressure[at : at + piece]
            self.ring.append(part, p)
            self.detected_next += part.shape[0]
            if not self.failed:
                self._detect(part, p, found)

    def _detect(self, flow: Samples, pressure: Samples | None, found: list[Found]) -> None:
        try:
            self._take(self.detector.update(flow, pressure), found)
            self.night.note(self.newest_s, self.detector)
        except Exception:
            # Whatever went wrong, this room's samples are still drawn and stored, and the other rooms go on.
            log.exception("Recording %s: the detector failed at %.1f s", self.recording_id, self.newest_s)
            self.failed = True

    def _take(self, output: DetectorOutput, found: list[Found]) -> None:
        for opened in output.opened:
            self.open[opened.id] = opened
            if opened.kind is EventKind.BREATH_GAP:
                self.gap_onsets.append(opened.onset_s)
        for event in output.events:
            if self.open.pop(event.id, None) is None and event.kind is EventKind.BREATH_GAP:
                self.gap_onsets.append(event.onset_s)
            self.closed.append(event)
        self.peaks.extend(breath.peak_s for breath in output.breaths)
        if output.breaths or output.opened or output.events:
            found.append(Found(self.breaths, output))
        self.breaths += len(output.breaths)
