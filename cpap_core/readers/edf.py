"""EDF and EDF+ recordings with a flow channel, read by edfio (F39)."""

from __future__ import annotations

import datetime as dt
import logging
import re
import warnings
from collections.abc import Iterator
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
    with _named_errors(path):
        edf = edfio.read_edf(path, header_encoding="latin-1")
        channel = _flow_channel(edf)
        rate_hz = channel.sampling_frequency
        check_rate(rate_hz, "choose a file whose flow was recorded as a wave")
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
def _named_errors(path: Path) -> Iterator[None]:
    """Every failure of a damaged file as a RecordingError with the file's name, every warning to the log."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    except RecordingError as error:
        raise RecordingError(f"{path.name}: {error}") from None
    except OSError:
        raise
    except Exception as error:  # edfio reads late: a damaged header fails in whichever field is asked for
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise RecordingError(f"{path.name}: damaged or no EDF file ({reason}): copy it again") from error
    for warning in caught:
        logger.warning("%s: %s", path.name, warning.message)


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


def _pressure(edf: edfio.Edf, rate_hz: float) -> NDArray[np.float64] | None:
    """Airway pressure in cmH2O at the rate of flow, where there is such a channel."""
    found = [
        channel
        for channel in edf.signals
        if PRESSURE_LABEL.search(channel.label)
        and not NO_PRESSURE_LABEL.search(channel.label)
        and _unit(channel) in PRESSURE_UNITS
    ]
    if not found:
        return None
    channel = min(found, key=lambda channel: abs(channel.sampling_frequency - rate_hz))
    pressure = _physical(channel) * PRESSURE_UNITS[_unit(channel)]
    if channel.sampling_frequency == rate_hz or not len(pressure):
        return pressure
    wanted = np.arange(round(len(pressure) / channel.sampling_frequency * rate_hz)) / rate_hz
    return np.interp(wanted, np.arange(len(pressure)) / channel.sampling_frequency, pressure)


def _physical(channel: edfio.EdfSignal) -> NDArray[np.float64]:
    """A channel's values in its own unit."""
    if channel.physical_min == channel.physical_max or channel.digital_min == channel.digital_max:
        raise RecordingError(f"channel {channel.label} has no range (minimum equals maximum): its values have no scale")
    return channel.data


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


def _record_starts(path: Path, edf: edfio.Edf) -> NDArray[np.float64]:
    """When each data record of a discontinuous file begins, in s since the first.

    edfio joins the records, so their starts are read from the file: each record's first annotation is its time.
    """
    with path.open("rb") as file:
        n_signals = int(file.read(256)[252:])
        header = file.read(256 * n_signals)
    labels = [header[16 * k : 16 * (k + 1)].strip() for k in range(n_signals)]
    lengths = [int(header[216 * n_signals + 8 * k : 216 * n_signals + 8 * (k + 1)]) for k in range(n_signals)]
    timing = labels.index(b"EDF Annotations")
    record_bytes = 2 * sum(lengths)
    raw = np.fromfile(path, dtype=np.uint8, offset=edf.bytes_in_header_record)
    records = raw[: edf.num_data_records * record_bytes].reshape(-1, record_bytes)
    first, last = 2 * sum(lengths[:timing]), 2 * sum(lengths[: timing + 1])
    times = [float(record.tobytes().partition(b"\x14")[0]) for record in records[:, first:last]]
    return np.array(times, dtype=np.float64) - (times[0] if times else 0.0)


def _with_pauses(values: NDArray[np.float64], starts_s: NDArray[np.float64], rate_hz: float) -> NDArray[np.float64]:
    """Place the data records of a discontinuous file at their times, NaN between them."""
    if not len(values):
        return values
    first_samples = np.rint(starts_s * rate_hz).astype(np.int64)
    per_record = len(values) // len(starts_s)
    if np.any(np.diff(first_samples) < per_record) or first_samples[-1] + per_record > MAX_SAMPLES:
        raise RecordingError(
            f"the data records' times run from {starts_s.min():g} to {starts_s.max():g} s and overlap or exceed "
            f"{MAX_SAMPLES} samples: split the recording"
        )
    grid = np.full(int(first_samples[-1]) + per_record, np.nan)
    grid[(first_samples[:, np.newaxis] + np.arange(per_record)).ravel()] = values
    return grid
