"""Small recordings made for tests: breathing, the seven-column text of its raw counts, and EDF files of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import edfio
import numpy as np
from numpy.typing import NDArray

SHARED_DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"

HEADER = "Time [s],V1-P2 [ADC],V1-P1-Ins [ADC],V1-P1-Exp [ADC],V2-P2 [ADC],V2-P1-Ins [ADC],V2-P1-Exp [ADC]"


def breathing(peaks_s: Sequence[float], duration_s: float, rate_hz: float) -> NDArray[np.float64]:
    """Flow in L/min: a half sine of 1.2 s and 30 L/min around each peak, then 2 s of expiration, else 0."""
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    flow = np.zeros(len(time_s))
    for peak_s in peaks_s:
        phase_s = time_s - (peak_s - 0.6)
        inspiring = (phase_s >= 0) & (phase_s < 1.2)
        expiring = (phase_s >= 1.2) & (phase_s < 3.2)
        flow[inspiring] = 30 * np.sin(np.pi * phase_s[inspiring] / 1.2)
        flow[expiring] = -18 * np.sin(np.pi * (phase_s[expiring] - 1.2) / 2)
    return flow


def counts_of(flow_lpm: NDArray[np.float64], pressure_cmh2o: float = 10.0) -> NDArray[np.float64]:
    """The six raw counts that F35 converts to this flow and airway pressure; both venturis alike."""
    area_m2 = np.pi * 0.0075**2
    ratio = (0.015 / 0.012) ** 2
    difference_pa = (flow_lpm / 60_000 / area_m2) ** 2 * 1.199 * (ratio**2 - 1) / 2
    per_cmh2o = (14745 - 1638) / 25.4
    upstream = np.full(len(flow_lpm), 1638 + pressure_cmh2o * per_cmh2o)
    neck = upstream - difference_pa / 98.0665 * per_cmh2o
    closed = np.full(len(flow_lpm), 1638.0)
    inspiratory = np.where(flow_lpm >= 0, upstream, closed)
    expiratory = np.where(flow_lpm >= 0, closed, upstream)
    venturi = np.stack([neck, inspiratory, expiratory], axis=1)
    return np.hstack([venturi, venturi])


def text_rows(flow_lpm: NDArray[np.float64], rate_hz: float, first_s: float = 0.0) -> list[str]:
    """The rows of a text recording of this flow, with decimal counts."""
    counts = counts_of(flow_lpm)
    return [
        ",".join([f"{first_s + index / rate_hz:.4f}", *(f"{count:.3f}" for count in row)])
        for index, row in enumerate(counts)
    ]


def write_text(path: Path, rows: Sequence[str], *, header: str | None = HEADER, end: str = "\n") -> Path:
    """Write rows as a text recording."""
    lines = [header, *rows] if header is not None else list(rows)
    path.write_text("".join(line + end for line in lines), encoding="utf-8", newline="")
    return path


def signal(
    values: NDArray[np.float64],
    rate_hz: float,
    label: str = "Flow.40ms",
    unit: str = "L/s",
    bounds: tuple[float, float] = (-2.0, 3.0),
) -> edfio.EdfSignal:
    """One EDF channel."""
    return edfio.EdfSignal(values, rate_hz, label=label, physical_dimension=unit, physical_range=bounds)


def write_edf(
    path: Path,
    *signals: edfio.EdfSignal,
    start: dt.datetime | None = dt.datetime(2024, 3, 1, 23, 59, 0),
    record_s: float = 1.0,
) -> Path:
    """Write an EDF file; without a start its date is withheld."""
    edfio.Edf(
        list(signals),
        recording=edfio.Recording(startdate=start.date() if start else None),
        starttime=start.time() if start else dt.time(23, 59, 0),
        data_record_duration=record_s,
    ).write(path)
    return path


def without_records(path: Path) -> Path:
    """Leave of an EDF file what a device leaves that was switched off at once: the header, which says -1 records."""
    header = bytearray(path.read_bytes()[: 256 * (1 + int(path.read_bytes()[252:256]))])
    header[236:244] = b"-1      "
    path.write_bytes(bytes(header))
    return path
