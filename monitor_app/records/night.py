"""A stored recording made ready to be looked at: extremes at any zoom, breaths, rate and leak."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpap_core.pyramid import MinMaxPyramid, extremes_of
from cpap_core.rules import BREATHS_IN_MEANS, DEFAULT_RULES
from cpap_core.types import Samples
from store import NotFound, SegmentRow, Store

Values = NDArray[np.float64]

AT_ONCE = 32
"""Segments that are taken in at once: some ms of work between which others get their turn."""

MOST_BYTES = 64 << 20
"""A night of 8 h at 25 Hz takes 1.7 MB."""


@dataclass(frozen=True, slots=True)
class Wave:
    """A channel over a range, in pieces of equal length.

    Attributes
    ----------
    start_s, step_s : float
        Recording time at which the first piece begins, and the pieces' length.
    lowest, highest : arrays of shape (n_pieces,), float32
        Extremes of each; the same array where a piece is a sample. NaN is a gap.
    """

    start_s: float
    step_s: float
    lowest: Samples
    highest: Samples

    @property
    def is_samples(self) -> bool:
        """Whether each piece is a sample."""
        return self.lowest is self.highest


class StoredNight:
    """What is kept of one recording; `update` takes in what came to the disk since.

    Attributes
    ----------
    first, end : int
        The samples it covers: from the first that is still stored to the newest.
    onsets_s, peaks_s, inspirations_s : arrays of shape (n_breaths,), float64
        Recording time of each breath's onset and peak, and its inspiratory time.
    rate_per_min, leak_lpm : arrays of shape (n_breaths,), float64
        Over the last breaths before each onset, as the detector has them; NaN where it has none.
    """

    def __init__(self, recording_id: int, sampling_rate_hz: float, first: int) -> None:
        self.recording_id = recording_id
        self.rate_hz = sampling_rate_hz
        self.first = self.end = first
        self.lock = threading.Lock()
        self.onsets_s = self.peaks_s = self.inspirations_s = np.empty(0)
        self.rate_per_min = self.leak_lpm = np.empty(0)
        self._begins = np.empty(0, bool)
        self.has_pressure = False
        self._channels = (MinMaxPyramid(), MinMaxPyramid())
        self._next_breath = 0
        self._sums = _Sums(first)

    @property
    def n_bytes(self) -> int:
        """Memory that it takes."""
        breaths = 7 * self.onsets_s.nbytes
        return sum(channel.n_bytes for channel in self._channels) + breaths

    def update(self, store: Store) -> None:
        """Take in what came to the disk; samples and breaths that are there never change."""
        rows = store.breath_columns(self.recording_id, self._next_breath)
        if rows:
            columns = np.asarray(rows, np.float64)
            self._next_breath = int(columns[-1, 0]) + 1
            self.onsets_s = np.append(self.onsets_s, columns[:, 1])
            self.peaks_s = np.append(self.peaks_s, columns[:, 2])
            self.inspirations_s = np.append(self.inspirations_s, columns[:, 3])
        wanted = np.floor(self.onsets_s * self.rate_hz).astype(np.int64)
        # A breath is known seconds after its onset: its samples are read once more.
        is_behind = len(self._sums.flows) < len(self.onsets_s)
        self._sums.begin()
        begin = min(self.end, self._sums.cursor) if is_behind else self.end
        for segment in _joined(store.segments(self.recording_id, begin)):
            self._take(segment)
            self._sums.take(segment, wanted)
        if is_behind:
            self._find_trends()

    def wave(self, store: Store, channel: int, start_s: float, end_s: float, pieces: int) -> Wave:
        """Give a channel over a range, in at most so many pieces; 0 is flow, 1 is pressure."""
        begin = max(self.first, int(np.floor(start_s * self.rate_hz)))
        stop = min(self.end, int(np.ceil(end_s * self.rate_hz)) + 1)
        n_samples = max(0, stop - begin)
        if n_samples <= 2 * pieces:
            samples = _read(store, self.recording_id, begin, n_samples)[channel]
            return Wave(begin / self.rate_hz, 1 / self.rate_hz, samples, samples)
        # Whole samples to a piece, and pieces that lie where they lay before the range was moved: nothing shimmers.
        size = -(-n_samples // pieces)
        begin = max(self.first, begin - begin % size)
        edges = np.append(np.arange(begin, stop, size), stop).astype(np.int64)
        pyramid = self._channels[channel]
        if size >= pyramid.block:
            lowest, highest = pyramid.extremes(edges - self.first)
        else:
            samples = _read(store, self.recording_id, begin, stop - begin)[channel]
            lowest, highest = extremes_of(samples, edges - begin)
        return Wave(begin / self.rate_hz, size / self.rate_hz, lowest, highest)

    def inspirations(self, start_s: float, end_s: float, apart_s: float) -> list[tuple[float, float]]:
        """Give when air was taken in, as spans in s; those less apart than that are one."""
        low, high = np.searchsorted(self.onsets_s, (start_s - 10, end_s))
        begins = self.onsets_s[low:high]
        ends = begins + self.inspirations_s[low:high]
        if not len(begins):
            return []
        parted = begins[1:] - ends[:-1] > apart_s
        firsts, lasts = np.append(True, parted), np.append(parted, True)
        return [(float(a), float(b)) for a, b in zip(begins[firsts], ends[lasts], strict=True) if b >= start_s]

    def trend(self, values: Values, start_s: float, end_s: float, pieces: int) -> tuple[Values, Values]:
        """Give times and values of a trend over a range; of very many its extremes, NaN where it is interrupted."""
        low, high = np.searchsorted(self.onsets_s, (start_s, end_s))
        low, high = max(0, int(low) - 1), min(len(values), int(high) + 1)
        times, values = self.onsets_s[low:high], values[low:high]
        if len(times) > 2 * pieces:
            edges = np.linspace(0, len(times), pieces + 1).astype(np.int64)
            lowest, highest = extremes_of(values.astype(np.float32), edges)
            begins = times[self._begins[low:high]]
            times = np.repeat(times[edges[:-1]], 2)
            values = np.column_stack((lowest, highest)).ravel().astype(np.float64)
            # Of a piece that has more than the interruption in it, the extremes would bridge it.
            at = np.searchsorted(times, begins)
            times, values = np.insert(times, at, begins), np.insert(values, at, np.nan)
        return times, values

    def _take(self, segment: SegmentRow) -> None:
        known = max(0, self.end - segment.first_sample)
        if known >= segment.n_samples:
            return
        missing = segment.first_sample + known - self.end
        flow, pressure = self._channels
        for channel in self._channels:
            channel.append_gap(missing)
        flow.append(segment.flow_lpm[known:])
        if segment.airway_pressure_cmh2o is None:
            pressure.append_gap(segment.n_samples - known)
        else:
            pressure.append(segment.airway_pressure_cmh2o[known:])
            self.has_pressure = True
        self.end = segment.first_sample + segment.n_samples

    def _find_trends(self) -> None:
        flows, counts = self._sums.flows, self._sums.counts
        n_breaths = len(flows)
        onsets_s = self.onsets_s[:n_breaths]
        missing_s = np.diff(onsets_s) - np.diff(counts) / self.rate_hz
        begins = np.append(True, missing_s >= DEFAULT_RULES.stretch_gap_s)
        self._begins = begins
        order = np.arange(n_breaths)
        stretch = np.maximum.accumulate(np.where(begins, order, 0))
        before = np.maximum(order - BREATHS_IN_MEANS, stretch)
        with np.errstate(invalid="ignore", divide="ignore"):
            self.rate_per_min = 60 * (order - before) / (onsets_s - onsets_s[before])
            self.leak_lpm = (flows - flows[before]) / (counts - counts[before])


class _Sums:
    """Flow summed up to each breath's onset, so that what flowed over whole breaths is one subtraction."""

    def __init__(self, first: int) -> None:
        self.cursor = first
        self.flows = np.empty(0)
        self.counts = np.empty(0)
        self._at = first
        self._flow = self._count = 0.0

    def begin(self) -> None:
        """Go back to the last onset: samples from there on are read once more."""
        self._at = self.cursor
        self._flow, self._count = (float(s[-1]) if len(s) else 0.0 for s in (self.flows, self.counts))

    def take(self, segment: SegmentRow, wanted: NDArray[np.int64]) -> None:
        """Sum a segment up, and note the sums at the onsets within; `wanted` are the samples of all onsets."""
        offset = max(0, self._at - segment.first_sample)
        if offset >= segment.n_samples:
            return
        flow = segment.flow_lpm[offset:]
        sums = np.append(0.0, np.cumsum(np.nan_to_num(flow), dtype=np.float64)) + self._flow
        counts = np.append(0, np.cumsum(np.isfinite(flow))) + self._count
        self._at = segment.first_sample + segment.n_samples
        self._flow, self._count = float(sums[-1]), float(counts[-1])
        begin, end = len(self.flows), int(np.searchsorted(wanted, self._at))
        if begin < end:
            at = np.clip(wanted[begin:end] - segment.first_sample - offset, 0, len(flow))
            self.flows = np.append(self.flows, sums[at])
            self.counts = np.append(self.counts, counts[at])
            self.cursor = max(self.cursor, int(wanted[end - 1]))


class Nights:
    """Stored nights that were looked at last.

    Parameters
    ----------
    most_bytes : int
        Bound of their memory; beyond it those that nobody looked at for longest go, the newest stays.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self._lock = threading.Lock()
        self._nights: OrderedDict[int, StoredNight] = OrderedDict()

    def __len__(self) -> int:
        return len(self._nights)

    @property
    def n_bytes(self) -> int:
        """Memory of all."""
        return sum(night.n_bytes for night in list(self._nights.values()))

    def get(self, store: Store, recording_id: int) -> StoredNight:
        """Give a recording's night, brought up to date; one whose beginning the retention removed is made anew.

        Raises
        ------
        NotFound
            There is no such recording.
        """
        recording = store.recording(recording_id)
        if recording is None:
            raise NotFound(f"No recording {recording_id} is stored")
        first = max(recording.first_sample, recording.kept_from)
        with self._lock:
            night = self._nights.get(recording_id)
            if night is None or night.first != first:
                night = self._nights[recording_id] = StoredNight(recording_id, recording.sampling_rate_hz, first)
            self._nights.move_to_end(recording_id)
        with night.lock:
            if night.end < recording.next_sample:
                night.update(store)
        with self._lock:
            while len(self._nights) > 1 and self.n_bytes > self.most_bytes:
                self._nights.popitem(last=False)
        return night


def _joined(segments: Iterator[SegmentRow]) -> Iterator[SegmentRow]:
    """Segments that follow each other as one: ten times less work than one by one."""
    held: list[SegmentRow] = []
    for segment in segments:
        last = held[-1] if held else segment
        follows = not held or last.first_sample + last.n_samples == segment.first_sample
        alike = (last.airway_pressure_cmh2o is None) == (segment.airway_pressure_cmh2o is None)
        if held and not (follows and alike and len(held) < AT_ONCE):
            yield _one(held)
            held = []
        held.append(segment)
    if held:
        yield _one(held)


def _one(held: list[SegmentRow]) -> SegmentRow:
    first, last = held[0], held[-1]
    pressures = [one.airway_pressure_cmh2o for one in held if one.airway_pressure_cmh2o is not None]
    flow = np.concatenate([one.flow_lpm for one in held])
    pressure = np.concatenate(pressures) if pressures else None
    return SegmentRow(first.recording_id, first.first_sample, flow, pressure, last.received_at)


def _read(store: Store, recording_id: int, first: int, n_samples: int) -> tuple[Samples, Samples]:
    chunk = store.read_samples(recording_id, first, n_samples)
    nothing = np.full(n_samples, np.nan, np.float32)
    return chunk.flow_lpm, nothing if chunk.airway_pressure_cmh2o is None else chunk.airway_pressure_cmh2o
