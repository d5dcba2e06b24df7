"""EDF and EDF+ recordings with a flow channel, read by edfio (F39)."""

from __future__ import annotations

import datetime as dt
import logging
import re
import warnings
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import edfio
import numpy as np
from numpy.typing import NDArray

from cpap_core.conversion import FLOW_UNITS_LPM, to_samples
from cpap_core.readers.errors import RecordingError
from cpap_core.readers.time_grid import MAX_SAMPLES, check_rate, reduced, reduction
from cpap_core.types import Recording, Samples

EDF_VERSION = b"0       "
NO_DATE = dt.date(1985, 1, 1)
"""EDF's first date; stands for a date that is withheld."""

MAX_LISTED = 12
BLOCK_BYTES = 1 << 21
WAVE_WANTED = "choose a file whose flow was recorded as a wave"

FLOW_LABEL = re.compile(r"flow|flux|d.bit|pneumo", re.IGNORECASE)
NO_FLOW_LABEL = re.compile(r"lim|leak", re.IGNORECASE)
PRESSURE_LABEL = re.compile(r"pres|mask|pap", re.IGNORECASE)
NO_PRESSURE_LABEL = re.compile(r"nasal|cannula|target|tgt|set|epr|esoph|pes\b", re.IGNORECASE)

FLOW_UNITS: Final = {
    **dict.fromkeys(("l/s", "l/sec", "lps"), FLOW_UNITS_LPM["L/s"]),
    **dict.fromkeys(("l/min", "l/m", "lpm"), FLOW_UNITS_LPM["L/min"]),
    **dict.fromkeys(("m3/s", "m^3/s", "m³/s"), FLOW_UNITS_LPM["m3/s"]),
    **dict.fromkeys(("ml/s", "ml/sec"), FLOW_UNITS_LPM["L/s"] / 1000),
    **dict.fromkeys(("ml/min",), FLOW_UNITS_LPM["L/min"] / 1000),
}
"""L/min in one of each unit, as manufacturers spell them, in lower case."""

PRESSURE_UNITS: Final = {
    **dict.fromkeys(("cmh2o", "cm h2o", "cmh20"), 1.0),
    **dict.fromkeys(("mbar", "hpa"), 100 / 98.0665),
    **dict.fromkeys(("kpa",), 1000 / 98.0665),
    **dict.fromkeys(("pa",), 1 / 98.0665),
    **dict.fromkeys(("mmhg",), 133.322387415 / 98.0665),
}
"""cmH2O in one of each unit, in lower case."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EdfPart:
    """The flow, and the airway pressure where there is one, of a single file."""

    flow_lpm: Samples
    airway_pressure_cmh2o: Samples | None
    sampling_rate_hz: float
    start_time: float
    has_date: bool


def is_edf(path: Path) -> bool:
    """Whether a file begins as EDF does, or is named so."""
    with path.open("rb") as file:
        return file.read(len(EDF_VERSION)) == EDF_VERSION or path.suffix.lower() == ".edf"


def read_edf_recording(path: Path) -> Recording:
    """Read one EDF or EDF+ file as a recording."""
    part = read_part(path)
    return Recording(
        flow_lpm=part.flow_lpm,
        airway_pressure_cmh2o=part.airway_pressure_cmh2o,
        sampling_rate_hz=part.sampling_rate_hz,
        start_time=part.start_time,
        duration_s=max(len(part.flow_lpm) - 1, 0) / part.sampling_rate_hz,
        leakage_l=leakage(part.flow_lpm, part.sampling_rate_hz),
        name=path.name,
        has_date=part.has_date,
    )


def read_part(path: Path) -> EdfPart:
    """Read flow and airway pressure of one file; a file without data records gives no samples."""
    with _named_errors(path, path.name):
        edf = edfio.read_edf(path, header_encoding="latin-1")
        channel = _flow_channel(edf)
        rate_hz = channel.sampling_frequency
        check_rate(rate_hz, WAVE_WANTED)
        flow = _physical(channel) * FLOW_UNITS[_unit(channel)]
        pressure = _pressure(edf, rate_hz)
        start_time, has_date = _start(edf)
        if edf.reserved.startswith("EDF+D"):
            starts = _record_starts(path, edf)
            flow = _with_pauses(flow, starts, rate_hz)
            pressure = None if pressure is None else _with_pauses(pressure, starts, rate_hz)
    factor = reduction(rate_hz)
    return EdfPart(
        flow_lpm=reduced(to_samples(flow), factor),
        airway_pressure_cmh2o=None if pressure is None else reduced(to_samples(pressure), factor),
        sampling_rate_hz=rate_hz / factor,
        start_time=start_time + (factor - 1) / 2 / rate_hz,
        has_date=has_date,
    )


def leakage(flow_lpm: Samples, sampling_rate_hz: float) -> float:
    """Trapezoidal integral of flow in L, over every two neighbours that are both valid (F37)."""
    flow = flow_lpm.astype(np.float64)
    return float(np.nansum(flow[1:] + flow[:-1])) / 2 / sampling_rate_hz / 60


@contextmanager
def _named_errors(path: Path, name: str) -> Iterator[None]:
    """Every failure of a damaged file as a RecordingError with the file's name, every warning to the log."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    except RecordingError as error:
        raise RecordingError(f"{name}: {error}") from None
    except OSError:
        raise
    except Exception as error:  # edfio reads late: a damaged header fails in whichever field is asked for
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise RecordingError(f"{name}: damaged or no EDF file ({reason}): copy it again") from error
    for warning in caught:
        logger.warning("%s: %s", name, warning.message)


def _unit(channel: edfio.EdfSignal) -> str:
    return channel.physical_dimension.strip().lower()


def _flow_channel(edf: edfio.Edf) -> edfio.EdfSignal:
    """The channel with flow's label and unit; the fastest of several, the first of equally fast ones."""
    found = [
        channel
        for channel in edf.signals
        if FLOW_LABEL.search(channel.label) and not NO_FLOW_LABEL.search(channel.label) and _unit(channel) in FLOW_UNITS
    ]
    if not found:
        channels = ", ".join(f"{channel.label} [{channel.physical_dimension}]" for channel in edf.signals[:MAX_LISTED])
        raise RecordingError(
            f"no flow channel in L/s, L/min or m3/s among {channels or 'no channels at all'}: "
            "choose the file with the flow wave (on ResMed cards *_BRP.edf)"
        )
    return max(found, key=lambda channel: channel.sampling_frequency)


def _pressure_channel(edf: edfio.Edf, rate_hz: float) -> edfio.EdfSignal | None:
    """The channel with airway pressure's label and unit; of several the one whose rate is nearest to flow's."""
    found = [
        channel
        for channel in edf.signals
        if PRESSURE_LABEL.search(channel.label)
        and not NO_PRESSURE_LABEL.search(channel.label)
        and _unit(channel) in PRESSURE_UNITS
    ]
    return min(found, key=lambda channel: abs(channel.sampling_frequency - rate_hz), default=None)


def _pressure(edf: edfio.Edf, rate_hz: float) -> NDArray[np.float64] | None:
    """Airway pressure in cmH2O at the rate of flow, where there is such a channel."""
    channel = _pressure_channel(edf, rate_hz)
    if channel is None:
        return None
    pressure = _physical(channel) * PRESSURE_UNITS[_unit(channel)]
    if channel.sampling_frequency == rate_hz or not len(pressure):
        return pressure
    wanted = np.arange(round(len(pressure) / channel.sampling_frequency * rate_hz)) / rate_hz
    return np.interp(wanted, np.arange(len(pressure)) / channel.sampling_frequency, pressure)


def _physical(channel: edfio.EdfSignal) -> NDArray[np.float64]:
    """A channel's values in its own unit."""
    _check_range(channel)
    return channel.data


def _check_range(channel: edfio.EdfSignal) -> None:
    if channel.physical_min == channel.physical_max or channel.digital_min == channel.digital_max:
        raise RecordingError(f"channel {channel.label} has no range (minimum equals maximum): its values have no scale")


def _start(edf: edfio.Edf) -> tuple[float, bool]:
    """The recording's clock at its first sample, and whether it is a date.

    EDF knows no time zone: epoch seconds are those of the device's clock taken as UTC. Where the date is withheld the
    clock counts from midnight.
    """
    midnight = dt.datetime.combine(dt.date(1970, 1, 1), edf.starttime, dt.UTC)
    try:
        date = edf.startdate
    except ValueError:  # anonymised in the EDF+ field; the older field then holds the date or the first that EDF knows
        date = NO_DATE
    if date == NO_DATE:
        return midnight.timestamp(), False
    return dt.datetime.combine(date, edf.starttime, dt.UTC).timestamp(), True


class _Records:
    """The data records of a file, read by blocks.

    edfio joins them, maps the whole file into memory, and knows no times of records.
    """

    def __init__(self, path: Path, edf: edfio.Edf) -> None:
        with path.open("rb") as file:
            n_signals = int(file.read(256)[252:])
            header = file.read(256 * n_signals)
        self._path = path
        self._offset = edf.bytes_in_header_record
        self.count = int(edf.num_data_records)
        self.labels = [header[16 * k : 16 * (k + 1)].strip() for k in range(n_signals)]
        self.lengths = [int(header[216 * n_signals + 8 * k : 216 * n_signals + 8 * (k + 1)]) for k in range(n_signals)]

    def signal_of(self, channel: edfio.EdfSignal, edf: edfio.Edf) -> int:
        """A channel's place among all signals; edfio leaves the annotations out of its own list."""
        ordinary = [k for k, label in enumerate(self.labels) if label != b"EDF Annotations"]
        return ordinary[next(k for k, other in enumerate(edf.signals) if other is channel)]

    def column(self, signal: int) -> Iterator[NDArray[np.uint8]]:
        """One signal's bytes, in arrays of shape (n_records, n_bytes)."""
        first, last = 2 * sum(self.lengths[:signal]), 2 * sum(self.lengths[: signal + 1])
        record_bytes = 2 * sum(self.lengths)
        in_block = max(1, BLOCK_BYTES // record_bytes)
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for done in range(0, self.count, in_block):
                raw = np.fromfile(file, np.uint8, min(in_block, self.count - done) * record_bytes)
                yield np.ascontiguousarray(raw.reshape(-1, record_bytes)[:, first:last])


def _record_starts(path: Path, edf: edfio.Edf) -> NDArray[np.float64]:
    """When each data record of a discontinuous file begins, in s since the first: its first annotation says so."""
    records = _Records(path, edf)
    timing = records.labels.index(b"EDF Annotations")
    times = array("d")
    for block in records.column(timing):
        times.extend(float(record.tobytes().partition(b"\x14")[0]) for record in block)
    return np.array(times, dtype=np.float64) - (times[0] if times else 0.0)


def _with_pauses(values: NDArray[np.float64], starts_s: NDArray[np.float64], rate_hz: float) -> NDArray[np.float64]:
    """Place the data records of a discontinuous file at their times, NaN between them."""
    if not len(values):
        return values
    per_record = len(values) // len(starts_s)
    first_samples = _first_samples(starts_s, rate_hz, per_record)
    grid = np.full(int(first_samples[-1]) + per_record, np.nan)
    grid[(first_samples[:, np.newaxis] + np.arange(per_record)).ravel()] = values
    return grid


def _first_samples(starts_s: NDArray[np.float64], rate_hz: float, per_record: int) -> NDArray[np.int64]:
    """The first sample of each data record of a discontinuous file."""
    first_samples = np.rint(starts_s * rate_hz).astype(np.int64)
    if np.any(np.diff(first_samples) < per_record) or first_samples[-1] + per_record > MAX_SAMPLES:
        raise RecordingError(
            f"the data records' times run from {starts_s.min():g} to {starts_s.max():g} s and overlap or exceed "
            f"{MAX_SAMPLES} samples: split the recording"
        )
    return first_samples


class EdfFlow:
    """The flow of one file, read by blocks.

    Attributes
    ----------
    sampling_rate_hz, start_time, has_date
        As of `EdfPart`, before samples are averaged down.
    n_samples : int
        With the pauses of a discontinuous file.
    mean_pressure_cmh2o : float or None
        Of all samples of the airway pressure; None where there are none.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._name = name
        with _named_errors(path, name):
            edf = edfio.read_edf(path, header_encoding="latin-1")
            channel = _flow_channel(edf)
            self.sampling_rate_hz = channel.sampling_frequency
            check_rate(self.sampling_rate_hz, WAVE_WANTED)
            self.start_time, self.has_date = _start(edf)
            self._scale = _scale(channel, FLOW_UNITS)
            self._records = _Records(path, edf)
            self._signal = self._records.signal_of(channel, edf)
            self._per_record = self._records.lengths[self._signal]
            self._first_samples = None
            self.n_samples = self._records.count * self._per_record
            if edf.reserved.startswith("EDF+D") and self.n_samples:
                starts = _record_starts(path, edf)
                self._first_samples = _first_samples(starts, self.sampling_rate_hz, self._per_record)
                self.n_samples = int(self._first_samples[-1]) + self._per_record
            self.mean_pressure_cmh2o = self._mean_pressure(edf)

    def blocks(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """Samples' places and their flow in L/min, block by block."""
        gain, offset, lpm = self._scale
        record = 0
        for raw in self._records.column(self._signal):
            flow = (raw.view("<i2").ravel() + offset) * gain * lpm
            if self._first_samples is None:
                place = record * self._per_record + np.arange(len(flow))
            else:
                firsts = self._first_samples[record : record + len(raw)]
                place = (firsts[:, np.newaxis] + np.arange(self._per_record)).ravel()
            record += len(raw)
            yield place, flow

    def _mean_pressure(self, edf: edfio.Edf) -> float | None:
        channel = _pressure_channel(edf, self.sampling_rate_hz)
        if channel is None or not self._records.count:
            return None
        try:
            gain, offset, cmh2o = _scale(channel, PRESSURE_UNITS)
        except RecordingError:  # the flow is as good without it
            return None
        signal = self._records.signal_of(channel, edf)
        total = sum(int(raw.view("<i2").sum(dtype=np.int64)) for raw in self._records.column(signal))
        return (total / (self._records.count * self._records.lengths[signal]) + offset) * gain * cmh2o


def _scale(channel: edfio.EdfSignal, units: Mapping[str, float]) -> tuple[float, float, float]:
    """Gain and offset of a channel's digital values, and how much one of its unit is in ours."""
    _check_range(channel)
    gain = (channel.physical_max - channel.physical_min) / (channel.digital_max - channel.digital_min)
    return gain, channel.physical_max / gain - channel.digital_max, units[_unit(channel)]
