"""A night's folder from a ResMed SD card: one recording, its pauses as gaps (F39)."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from cpap_core.readers.edf import EdfPart, leakage, read_part
from cpap_core.readers.errors import RecordingError
from cpap_core.types import Recording, Samples

DAY_S = 24 * 3600.0
MAX_NIGHT_S = 36 * 3600.0
"""A folder that spans more holds several nights: a night's files begin between noon and noon."""

logger = logging.getLogger(__name__)


def read_night(folder: Path) -> Recording:
    """Read all `*_BRP.edf` of a night's folder as one recording on the device's clock."""
    paths = sorted(path for path in folder.iterdir() if path.is_file() and path.name.upper().endswith("BRP.EDF"))
    if not paths:
        raise RecordingError(f"{folder.name}: no *_BRP.edf in this folder: give the folder of one night")
    parts = _in_time(_readable_parts(paths))
    recorded = [part for part in parts if len(part.flow_lpm)] or parts[:1]
    first = recorded[0]
    rate_hz = first.sampling_rate_hz
    for part in recorded:
        if part.sampling_rate_hz != rate_hz:
            raise RecordingError(
                f"{folder.name}: files of {rate_hz:g} Hz and of {part.sampling_rate_hz:g} Hz: read them one by one"
            )
    span_h = (recorded[-1].start_time - first.start_time) / 3600 + len(recorded[-1].flow_lpm) / rate_hz / 3600
    if span_h > MAX_NIGHT_S / 3600:
        raise RecordingError(
            f"{folder.name}: its files span {span_h:.0f} h, a night at most {MAX_NIGHT_S / 3600:.0f} h: "
            "give the folder of one night"
        )
    first_samples = [round((part.start_time - first.start_time) * rate_hz) for part in recorded]
    flow = _joined([part.flow_lpm for part in recorded], first_samples)
    pressure = None
    if any(part.airway_pressure_cmh2o is not None for part in recorded):
        pressure = _joined([_pressure_or_gap(part) for part in recorded], first_samples)
    return Recording(
        flow_lpm=flow,
        airway_pressure_cmh2o=pressure,
        sampling_rate_hz=rate_hz,
        start_time=first.start_time,
        duration_s=max(len(flow) - 1, 0) / rate_hz,
        leakage_l=leakage(flow, rate_hz),
        name=folder.name,
        has_date=first.has_date,
    )


def _readable_parts(paths: list[Path]) -> list[EdfPart]:
    """The files that can be read; a damaged one is logged and costs its own hours, not the night."""
    parts: list[EdfPart] = []
    errors: list[RecordingError] = []
    for path in paths:
        try:
            parts.append(read_part(path))
        except RecordingError as error:
            logger.error("%s; file skipped", error)
            errors.append(error)
    if not parts:
        raise errors[0]
    return parts


def _in_time(parts: list[EdfPart]) -> list[EdfPart]:
    """The files by their start; where the date is withheld, a clock that goes back has passed midnight."""
    placed: list[EdfPart] = []
    for part in parts:
        days = 0.0
        if placed and not part.has_date:
            days = np.ceil(max(0.0, placed[-1].start_time - part.start_time) / DAY_S)
        placed.append(replace(part, start_time=part.start_time + days * DAY_S))
    return sorted(placed, key=lambda part: part.start_time)


def _pressure_or_gap(part: EdfPart) -> Samples:
    if part.airway_pressure_cmh2o is not None:
        return part.airway_pressure_cmh2o
    return np.full(len(part.flow_lpm), np.nan, dtype=np.float32)


def _joined(parts: list[Samples], first_samples: list[int]) -> Samples:
    """All parts on one grid, NaN between them; where two overlap (a clock set back) the earlier one stays."""
    n_samples = max(at + len(part) for part, at in zip(parts, first_samples, strict=True))
    grid = np.full(n_samples, np.nan, dtype=np.float32)
    for part, at in reversed(list(zip(parts, first_samples, strict=True))):
        grid[at : at + len(part)] = part
    return grid
