"""One recording as it arrives: its detector, its ring, and how far it is detected, queued and on disk."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import numpy as np

from cpap_core.detector import RespirationDetector
from cpap_core.ring import RingBuffer
from cpap_core.types import DetectorOutput, EventKind, OpenEvent, RespiratoryEvent, Samples, Vitals

from .errors import StreamRefused
from .night import Night

log = logging.getLogger(__name__)

RING_S = 60.0
"""How much of the signal is kept in memory: two windows of a page, for those who join or catch up."""

LONGEST_GAP_S = 24 * 3600.0
"""An index further ahead than this is no gap but nonsense; a device that was away for longer starts a new stream."""

PIECE_S, LEAST_PIECE = 60.0, 4096
"""Long stretches go through the detector in pieces of a minute, for the night's trend, but of no fewer samples."""


ONSETS_KEPT = 400
"""More breath gaps than an hour can have."""


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


class DeviceLink(Protocol):
    """The ward's way back to a device."""

    def send(self, message: dict[str, Any]) -> bool:
        """Send a message; False where the device is gone."""

    def close(self, code: int, reason: str) -> None:
        """End the connection; nothing that still comes by it is taken."""


class Trace:
    """One recording (one stream_id) of a stay.

    Attributes
    ----------
    detected_next, queued_next, stored_next : int
        Index of the first sample that the detector has not seen, the store's queue has not taken, the disk does not
        have. A device sends again what the disk does not have; the detector sees each sample once all the same.
    link : DeviceLink or None
        The way back to the device that sends this recording, while it is connected.
    news : int
        Grows with whatever the detector finds; what is made of its findings need not be made again until then.
    is_over : bool
        Its stay has ended: what the device goes on to send belongs to another one.
    is_missing_some : bool
        The queue could not take some samples; until the device has sent them again, later ones are not queued.
    """

    def __init__(self, recording_id: int, spec: StreamSpec, epoch: int, *, first_sample: int = 0) -> None:
        self.recording_id = recording_id
        self.spec = spec
        self.epoch = epoch
        self.detector = RespirationDetector(spec.sampling_rate_hz, first_sample=first_sample)
        self.ring = self._new_ring()
        self.ring.append_gap(first_sample)
        self.detected_next = self.queued_next = self.stored_next = first_sample
        self.received = 0
        self.last_received_at: float | None = None
        self.link: DeviceLink | None = None
        self.is_missing_some = False
        self.is_over = False
        self.ended = False
        self.failed = False
        self.breaths = 0
        self.news = 0
        self._vitals: Vitals | None = None
        self._vitals_next = -1
        self.night = Night(spec.start_time)
        self.peaks: deque[float] = deque(maxlen=80)
        self.open: dict[int, OpenEvent] = {}
        self.closed: deque[RespiratoryEvent] = deque(maxlen=200)
        self.gap_onsets: list[float] = []

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

    def vitals(self) -> Vitals | None:
        """The detector's numbers, of whatever age; None where it failed or the recording has ended."""
        if self.failed or self.ended:
            return None
        if self._vitals_next != self.detected_next:
            try:
                self._vitals, self._vitals_next = self.detector.vitals(), self.detected_next
            except Exception:
                self._fail()
                return None
        return self._vitals

    def rest(self) -> None:
        """Give the ring's memory back: another recording has taken the room."""
        self.ring = RingBuffer(1)
        self.ring.append_gap(self.detected_next)

    def resume(self) -> None:
        """Take the room again."""
        if self.ring.capacity == 1:
            self.ring = self._new_ring()
            self.ring.append_gap(self.detected_next)

    def apneas_since(self, recording_s: float) -> int:
        """Breath gaps that began at or after a recording time."""
        return len(self.gap_onsets) - bisect_left(self.gap_onsets, recording_s)

    def count_on(
        self, breaths: int, in_progress: int, gaps: int, scored: int, events: Sequence[OpenEvent | RespiratoryEvent]
    ) -> None:
        """Take over what the store has of the beginning, after the end was run through the detector.

        Parameters
        ----------
        breaths, in_progress : int
            Complete breaths of the whole recording, and those (0 or 1) that have only begun.
        gaps, scored : int
            Breath gaps and scored events of the whole recording.
        events : sequence of OpenEvent or RespiratoryEvent
            All events of the recording in order.
        """
        self.breaths = breaths
        # Gaps are numbered up from 0, scored events down from -1; what is in progress has the last numbers.
        gaps_more, scored_more = gaps - self.detector.breath_gap_count, scored - self.detector.scored_count
        self.detector.count_on(breaths + in_progress, gaps, scored)
        still_open = [
            replace(event, id=event.id + (gaps_more if event.kind is EventKind.BREATH_GAP else -scored_more))
            for event in self.open.values()
        ]
        self.open = {event.id: event for event in still_open}
        self.closed.clear()
        self.closed.extend(event for event in events if isinstance(event, RespiratoryEvent))
        self.gap_onsets = [event.onset_s for event in events if event.kind is EventKind.BREATH_GAP][-ONSETS_KEPT:]

    def check_first(self, first_sample: int) -> None:
        """Refuse an index so far ahead that it can be no gap."""
        limit = self.detected_next + int(LONGEST_GAP_S * self.spec.sampling_rate_hz)
        if first_sample > limit:
            raise StreamRefused(
                f"first sample {first_sample} is beyond {limit}, a day after the next expected sample "
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
        while (gap := first_sample - self.detected_next) > 0:
            self._piecewise(np.full(min(gap, self._piece), np.nan, np.float32), None, found)

    def _piecewise(self, flow: Samples, pressure: Samples | None, found: list[Found]) -> None:
        for at in range(0, flow.shape[0], self._piece):
            part = flow[at : at + self._piece]
            p = None if pressure is None else pressure[at : at + self._piece]
            self.ring.append(part, p)
            self.detected_next += part.shape[0]
            if not self.failed:
                self._detect(part, p, found)

    def _detect(self, flow: Samples, pressure: Samples | None, found: list[Found]) -> None:
        try:
            self._take(self.detector.update(flow, pressure), found)
            self.night.note(self.newest_s, self.detector)
        except Exception:
            self._fail()

    def _fail(self) -> None:
        # Whatever went wrong, this room's samples are still drawn and stored, and the other rooms go on.
        log.exception("Recording %s: the detector failed at %.1f s", self.recording_id, self.newest_s)
        self.failed = True

    def _new_ring(self) -> RingBuffer:
        return RingBuffer(max(int(RING_S * self.spec.sampling_rate_hz), 64))

    @property
    def _piece(self) -> int:
        return max(int(PIECE_S * self.spec.sampling_rate_hz), LEAST_PIECE)

    def _take(self, output: DetectorOutput, found: list[Found]) -> None:
        for opened in output.opened:
            self.open[opened.id] = opened
            if opened.kind is EventKind.BREATH_GAP:
                self._note_gap(opened.onset_s)
        for event in output.events:
            if self.open.pop(event.id, None) is None and event.kind is EventKind.BREATH_GAP:
                self._note_gap(event.onset_s)
            self.closed.append(event)
        self.peaks.extend(breath.peak_s for breath in output.breaths)
        if output.breaths or output.opened or output.events:
            self.news += 1
            found.append(Found(self.breaths, output))
        self.breaths += len(output.breaths)

    def _note_gap(self, onset_s: float) -> None:
        self.gap_onsets.append(onset_s)
        if len(self.gap_onsets) > 2 * ONSETS_KEPT:
            del self.gap_onsets[:ONSETS_KEPT]
