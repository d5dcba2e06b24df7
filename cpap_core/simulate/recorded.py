"""A simulated patient's sleep as a recording, at once instead of in real time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cpap_core.simulate.device import SimulatedDevice
from cpap_core.simulate.patient import SimulatedPatient
from cpap_core.types import Recording


def record(
    sleeper: SimulatedPatient | SimulatedDevice,
    duration_s: float,
    *,
    commands: Sequence[tuple[float, float]] = (),
    start_time: float = 0.0,
    name: str = "",
) -> Recording:
    """Let a patient sleep, and give what the device would have recorded.

    Parameters
    ----------
    sleeper : SimulatedPatient or SimulatedDevice
        Who sleeps, from where the patient is now; with a device, within what its blower can.
    duration_s : float
        For how long.
    commands : sequence of (float, float)
        From which second of the recording on which pressure is commanded, in cmH2O, in order.
    start_time : float
        Epoch s of the first sample.
    name : str
        What the recording is called.
    """
    patient = sleeper.patient if isinstance(sleeper, SimulatedDevice) else sleeper
    rate_hz = patient.sampling_rate_hz
    total = round(duration_s * rate_hz)
    pieces, at = [], 0
    for from_s, pressure in commands:
        until = min(max(at, round(from_s * rate_hz)), total)
        pieces.append(patient.samples(until - at))
        sleeper.set_pressure(pressure)
        at = until
    pieces.append(patient.samples(total - at))
    flow, airway = (np.concatenate(channel) for channel in zip(*pieces, strict=True))
    known = np.flatnonzero(np.isfinite(flow))
    return Recording(
        flow_lpm=flow,
        airway_pressure_cmh2o=airway,
        sampling_rate_hz=rate_hz,
        start_time=start_time,
        duration_s=max(0, len(flow) - 1) / rate_hz,
        leakage_l=float(np.trapezoid(flow[known], known / rate_hz)) / 60,
        name=name,
        has_date=True,
    )
