"""Raw counts and foreign units to L/min and cmH2O (F35).

Everything here works sample by sample, so a stream gives the same values in any chunking. The arithmetic is float64,
the results are float32, as samples are everywhere.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cpap_core.types import Samples

__all__ = [
    "FLOW_UNITS_LPM",
    "RAW_CHANNELS",
    "counts_to_cmh2o",
    "counts_to_lpm",
    "flow_and_pressure_from_counts",
    "flow_to_lpm",
    "to_samples",
]

RAW_CHANNELS: Final = ("v1_p2", "v1_p1_ins", "v1_p1_exp", "v2_p2", "v2_p1_ins", "v2_p1_exp")
"""The six raw channels, in the order of the text recording's columns and of `flow_and_pressure_from_counts`."""

FLOW_UNITS_LPM: Final = {"L/s": 60.0, "L/min": 1.0, "m3/s": 60_000.0}
"""Litres per minute in one of each unit of flow."""

CMH2O_PER_COUNT = 25.4 / (14745 - 1638)
COUNT_AT_ZERO = 1638
PA_PER_CMH2O = 98.0665
MOIST_AIR_KG_PER_M3 = 1.199
UPSTREAM_DIAMETER_M = 0.015
NECK_DIAMETER_M = 0.012
UPSTREAM_AREA_M2 = np.pi * (UPSTREAM_DIAMETER_M / 2) ** 2
AREA_RATIO = (UPSTREAM_DIAMETER_M / NECK_DIAMETER_M) ** 2


def counts_to_cmh2o(counts: ArrayLike) -> NDArray[np.float64]:
    """Pressure in cmH2O of raw counts, of the same shape."""
    return CMH2O_PER_COUNT * (np.asarray(counts, dtype=np.float64) - COUNT_AT_ZERO)


def counts_to_lpm(p2: ArrayLike, p1_ins: ArrayLike, p1_exp: ArrayLike) -> NDArray[np.float64]:
    """Flow through one venturi in L/min from its three raw counts, positive towards the patient."""
    neck, inspiratory, expiratory = counts_to_cmh2o(p2), counts_to_cmh2o(p1_ins), counts_to_cmh2o(p1_exp)
    towards_patient = inspiratory >= expiratory
    upstream = np.where(towards_patient, inspiratory, expiratory)
    difference_pa = np.maximum((upstream - neck) * PA_PER_CMH2O, 0.0)
    flow_m3_per_s = UPSTREAM_AREA_M2 * np.sqrt(2 * difference_pa / (MOIST_AIR_KG_PER_M3 * (AREA_RATIO**2 - 1)))
    return np.where(towards_patient, flow_m3_per_s, -flow_m3_per_s) * FLOW_UNITS_LPM["m3/s"]


def flow_and_pressure_from_counts(counts: ArrayLike) -> tuple[Samples, Samples]:
    """Flow in L/min and airway pressure in cmH2O from raw counts.

    Both are venturi 1's: the airway pressure is the larger of its two p1. A sample whose counts of venturi 1 are not
    all finite is NaN in both; venturi 2 may fail without loss.

    Parameters
    ----------
    counts : array of shape (n_samples, 6)
        The channels of `RAW_CHANNELS`, in their order.

    Returns
    -------
    flow_lpm, airway_pressure_cmh2o : arrays of shape (n_samples,), float32
    """
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != len(RAW_CHANNELS):
        raise ValueError(
            f"raw counts have shape {table.shape}, expected (n_samples, {len(RAW_CHANNELS)}): "
            f"give the channels {', '.join(RAW_CHANNELS)}"
        )
    finite = np.isfinite(table[:, :3]).all(axis=1)
    p2, p1_ins, p1_exp = np.where(finite, table[:, :3].T, np.nan)
    pressure = counts_to_cmh2o(np.maximum(p1_ins, p1_exp))
    return to_samples(counts_to_lpm(p2, p1_ins, p1_exp)), to_samples(pressure)


def flow_to_lpm(flow: ArrayLike, unit: str) -> Samples:
    """Flow in L/min from flow in one of the units of `FLOW_UNITS_LPM`, float32; what is not finite becomes NaN."""
    if unit not in FLOW_UNITS_LPM:
        raise ValueError(f"unit of flow {unit!r} is unknown: use one of {', '.join(FLOW_UNITS_LPM)}")
    return to_samples(np.asarray(flow, dtype=np.float64) * FLOW_UNITS_LPM[unit])


def to_samples(values: ArrayLike) -> Samples:
    """float32 of `values`; what is not finite in float32 becomes NaN, the mark of a gap."""
    with np.errstate(over="ignore"):
        samples = np.asarray(values).astype(np.float32)
    samples[~np.isfinite(samples)] = np.nan
    return samples
