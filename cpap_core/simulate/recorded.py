"""A simulated patient's sleep as a recording, at once instead of in real time."""

from __future__ import annotations

import numpy as np

from cpap_core.simulate.patient import SimulatedPatient
from cpap_core.types import Recording


def record(patient: SimulatedPatient, duration_s: float, *, start_time: float = 0.0, name: str = "") -> Recording:
    """Let a patient sleep, and give what the device would have recorded.

    Parameters
    ----------
    patient : SimulatedPatient
        Who sleeps, from where the patient is now.
    duration_s : float
        For how long.
    start_time : float
        Epoch s of the first sample.
    name : str
        What the recording is called.
    """
    rate_hz = patient.sampling_rate_hz
    flow, pressure = patient.samples(round(duration_s * rate_hz))
    known = np.flatnonzero(np.isfinite(flow))
    return Recording(
        flow_lpm=flow,
        airway_pressure_cmh2o=pressure,
        sampling_rate_hz=rate_hz,
        start_time=start_time,
        duration_s=max(0, len(flow) - 1) / rate_hz,
        leakage_l=float(np.trapezoid(flow[known], known / rate_hz)) / 60,
        name=name,
        has_date=True,
    )
