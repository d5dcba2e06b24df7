"""Recordings with a carefully read truth (`truth.json` beside them): breaths missed and false.

A detected time lies within the inspiration, 0.3 s before and after it allowed. Where a recording begins or ends within
a breath, that one may be counted or not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.matching import INSPIRATION_TOLERANCE_S, Interval, paired
from cpap_core import Recording, read_recording

Values = NDArray[np.float64]

PARTIAL = {"patient_01.txt", "patient_07.txt"}
"""One partial breath at an edge may be found or not."""

EITHER_GAP = {"patient_06.txt"}
"""Holds a gap of 10.08 s, which may be counted or not."""

STEP_PLACES = tuple(place / 10 for place in range(1, 10))
"""Where a leak step is put, as shares of the recording."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A recording and its truth; times in s since its first sample."""

    recording: Recording
    inspirations: tuple[Interval, ...]
    breath_gaps: int

    def missed_and_false(self, breaths_s: Sequence[float] | Values) -> tuple[int, int]:
        """Inspirations without a detection, and detections without an inspiration."""
        found = [(float(at), float(at)) for at in breaths_s]
        matched = paired(found, self.inspirations, INSPIRATION_TOLERANCE_S)
        missed = set(range(len(self.inspirations))) - {event for _, event in matched}
        false = set(range(len(found))) - {at for at, _ in matched}
        if self.recording.name in PARTIAL:
            edges = {0, len(self.inspirations) - 1}
            if missed & edges:
                missed -= {min(missed & edges)}
            elif false & {0, len(found) - 1}:
                false -= {min(false & {0, len(found) - 1})}
        return len(missed), len(false)

    def gaps_wrong(self, gaps: int) -> int:
        """By how many the count of breath gaps is off."""
        allowed = {self.breath_gaps - 1, self.breath_gaps} if self.recording.name in EITHER_GAP else {self.breath_gaps}
        return min(abs(gaps - right) for right in allowed)

    def with_leak_step(self, place: float, leak_lpm: float) -> Sample:
        """The same with a sudden leak from a share of its length on."""
        flow = self.recording.flow_lpm.copy()
        flow[round(place * len(flow)) :] += leak_lpm
        return replace(self, recording=replace(self.recording, flow_lpm=flow))

    def altered(self, gain: float = 1.0, leak_lpm: float = 0.0) -> Sample:
        """The same with its flow multiplied and shifted."""
        flow = self.recording.flow_lpm * np.float32(gain) + np.float32(leak_lpm)
        return replace(self, recording=replace(self.recording, flow_lpm=flow))


def samples(folder: Path) -> Iterator[Sample]:
    """Every recording below a folder that a `truth.json` beside it tells of."""
    for path in sorted(folder.rglob("truth.json")):
        for name, truth in sorted(json.loads(path.read_text(encoding="utf-8")).items()):
            recording = read_recording(path.parent / name)
            first_s = recording.start_time
            inspirations = tuple((start - first_s, end - first_s) for start, end in truth["inspirations_s"])
            yield Sample(recording, inspirations, truth["apnea_count"])
