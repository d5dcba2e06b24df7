"""Recordings with a device's own scoring: the night folders of a ResMed SD card.

A part is one `*_BRP.edf` (flow and pressure), with the numbers of the `*_PLD.edf` that begins within 5 s of it, and
with what the night's `*_EVE.edf` scored in its time. What the device's stamps mean was measured on such recordings:

- the time of an apnea in EVE is its END, its duration reaches back;
- a hypopnea's duration is always 0;
- the numbers of an AirSense 10 (MID=36 in the header) stand 2 s late beside the flow and are truncated to their step,
  those of an AirSense 11 (MID=46) stand in time and are rounded.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import edfio
import numpy as np
from numpy.typing import NDArray

from cpap_core import EventKind, Recording, read_recording
from cpap_core.readers import RecordingError

Values = NDArray[np.float64]

SHORTEST_PART_S = 60.0
"""Less is a device that was switched on and off; it has no numbers yet."""

SAME_START_S = 5.0
PLD_STEP_S = 2.0
RATE_STEP_PER_MIN = 0.2
SHORTEST_APNEA_S = 10.0
"""Stands for a duration that the device left at 0."""

LATE_S = {36: 2.0}
"""By MID: how late the numbers stand beside the flow."""

TRUNCATING = {36}
"""By MID: whose numbers are cut to their step, not rounded."""

KINDS = {
    "Obstructive Apnea": EventKind.OBSTRUCTIVE_APNEA,
    "Central Apnea": EventKind.CENTRAL_APNEA,
    "Apnea": EventKind.APNEA,
    "Hypopnea": EventKind.HYPOPNEA,
}


@dataclass(frozen=True, slots=True)
class ScoredEvent:
    """What the device scored; times in s since the part's first sample."""

    kind: EventKind
    onset_s: float
    duration_s: float

    @property
    def interval(self) -> tuple[float, float]:
        """Onset and end, in s."""
        return self.onset_s, self.onset_s + self.duration_s


@dataclass(frozen=True, slots=True)
class DeviceNumbers:
    """The device's own numbers; arrays of shape (n,), one value each 2 s.

    Attributes
    ----------
    times_s : array
        On the flow's clock, in s since the part's first sample.
    rate_per_min, tidal_volume_ml, ventilation_lpm, leak_lpm : array
        0 is unknown, but for the leak.
    truncates : bool
        Whether the rate is cut to its step of 0.2 / min; else it is rounded.
    """

    times_s: Values
    rate_per_min: Values
    tidal_volume_ml: Values
    ventilation_lpm: Values
    leak_lpm: Values
    truncates: bool

    def quantised(self, rate_per_min: Values) -> Values:
        """A rate as this device would write it."""
        steps = rate_per_min / RATE_STEP_PER_MIN
        return (np.floor(steps + 1e-9) if self.truncates else np.round(steps)) * RATE_STEP_PER_MIN


@dataclass(frozen=True, slots=True)
class ScoredPart:
    """One stretch of a night without a pause, and what the device made of it.

    Attributes
    ----------
    night : str
        The folder of the night, below the folder that was asked for.
    recording : Recording
        Flow and airway pressure.
    numbers : DeviceNumbers or None
        None where the card has none.
    apneas, hypopneas : tuple of ScoredEvent
        Those that end in this part.
    """

    night: str
    recording: Recording
    numbers: DeviceNumbers | None
    apneas: tuple[ScoredEvent, ...]
    hypopneas: tuple[ScoredEvent, ...]

    @property
    def hours(self) -> float:
        """Length in h."""
        return self.recording.duration_s / 3600


def scored_parts(folder: Path) -> Iterator[ScoredPart]:
    """Every part of every night below a folder that has a device's scoring."""
    for night in sorted({path.parent for path in folder.rglob("*_BRP.edf")}):
        events = [event for path in sorted(night.glob("*_EVE.edf")) for event in _stamped(path)]
        numbers = [read for path in sorted(night.glob("*_PLD.edf")) if (read := _read(path)) and read.signals]
        if not events and not numbers:
            continue  # flow alone: nothing to hold a detector against
        name = night.relative_to(folder).as_posix() if night != folder else night.name
        for recording in readable(sorted(night.glob("*_BRP.edf"))):
            if recording.duration_s >= SHORTEST_PART_S:
                yield _part(name, recording, numbers, events)


def readable(paths: Iterable[Path]) -> Iterator[Recording]:
    """The recordings of these files; one that cannot be read is named and left out."""
    for path in paths:
        try:
            yield read_recording(path)
        except RecordingError as error:
            print(f"  left out: {error}")


def _part(
    night: str, recording: Recording, numbers: list[edfio.Edf], events: list[tuple[float, float, str]]
) -> ScoredPart:
    beside = [edf for edf in numbers if abs(_start(edf) - recording.start_time) < SAME_START_S]
    apneas, hypopneas = [], []
    for end, duration, text in events:
        kind = KINDS.get(text)
        # An apnea that the mask's removal ended may be stamped a little after the last sample.
        if kind is None or not -1 < end - recording.start_time < recording.duration_s + SHORTEST_APNEA_S:
            continue
        length = duration or SHORTEST_APNEA_S
        scored = ScoredEvent(kind, end - recording.start_time - length, length)
        (hypopneas if kind is EventKind.HYPOPNEA else apneas).append(scored)
    given = _numbers(beside[0], recording) if beside else None
    return ScoredPart(night, recording, given, tuple(apneas), tuple(hypopneas))


def _numbers(edf: edfio.Edf, recording: Recording) -> DeviceNumbers:
    values = {signal.label: np.asarray(signal.data, np.float64) for signal in edf.signals}
    rate = values["RespRate.2s"]
    model = re.search(r"MID=(\d+)", edf.local_recording_identification)
    mid = int(model[1]) if model else 0
    return DeviceNumbers(
        times_s=np.arange(len(rate)) * PLD_STEP_S + _start(edf) - recording.start_time + LATE_S.get(mid, 0.0),
        rate_per_min=rate,
        tidal_volume_ml=values["TidVol.2s"] * 1000,
        ventilation_lpm=values["MinVent.2s"],
        leak_lpm=values["Leak.2s"] * 60,
        truncates=mid in TRUNCATING,
    )


def _stamped(path: Path) -> Iterator[tuple[float, float, str]]:
    """End in epoch s, duration in s and text of each annotation of a file."""
    edf = _read(path)
    if edf is not None:
        for note in edf.annotations:
            yield _start(edf) + note.onset, note.duration or 0.0, note.text


def _read(path: Path) -> edfio.Edf | None:
    """A file of the card; None where it is damaged, or holds no data record at all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            edf = edfio.read_edf(path, header_encoding="latin-1")
            return edf if edf.num_data_records > 0 else None
        except (OSError, ValueError) as error:
            print(f"  left out: {path.name}: {error}")
            return None


def _start(edf: edfio.Edf) -> float:
    """Epoch s of the device's clock, taken as UTC as the product does."""
    moment = np.datetime64(f"{edf.startdate}T{edf.starttime}")
    return float((moment - np.datetime64("1970-01-01T00:00:00")) / np.timedelta64(1, "us")) / 1e6
