"""The same nights, altered as sensors and masks alter them; a detector's figures should not change.

But for one: a gain of flow alone changes its answer to the probe, by which obstructive and central are told apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from cpap_core import Recording
from cpap_core.types import Samples

LEAK_LPM = 30.0
"""0.5 L/s."""

DRIFT_LPM, DRIFT_S = 12.0, 600.0
"""0.2 L/s in 10 min, up and down by turns, so that a night's flow stays one that a sensor could give."""


@dataclass(frozen=True, slots=True)
class Alteration:
    """What is done to flow, and by which gain volumes are divided afterwards."""

    name: str
    change: Callable[[Samples, float], Samples]
    gain: float = 1.0

    def of(self, recording: Recording) -> Recording:
        """The altered recording."""
        flow = self.change(recording.flow_lpm, recording.sampling_rate_hz)
        return replace(recording, flow_lpm=flow.astype(np.float32))


def _drift(flow: Samples, rate_hz: float) -> Samples:
    turn = np.arange(len(flow)) / rate_hz / DRIFT_S % 2
    return flow + DRIFT_LPM * np.where(turn < 1, turn, 2 - turn)


def _count_of_noise(flow: Samples, _rate_hz: float) -> Samples:
    """White noise whose standard deviation is the smallest step between two values of the recording."""
    return flow + np.random.default_rng(0).normal(0.0, one_count_lpm(flow), len(flow))


def one_count_lpm(flow: Samples) -> float:
    """The resolution of a recording, from its own values; 0 for one that never changes."""
    steps = np.abs(np.diff(flow[np.isfinite(flow)].astype(np.float64)))
    steps = steps[steps > 1e-4]  # float32 leaves some 1e-6
    return float(steps.min()) if len(steps) else 0.0


ALTERATIONS = (
    Alteration("leak +0.5 L/s", lambda flow, _: flow + LEAK_LPM),
    Alteration("leak -0.5 L/s", lambda flow, _: flow - LEAK_LPM),
    Alteration("drift 0.2 L/s in 10 min", _drift),
    Alteration("gain 0.25", lambda flow, _: flow * 0.25, gain=0.25),
    Alteration("gain 4", lambda flow, _: flow * 4, gain=4.0),
    Alteration("noise of one count", _count_of_noise),
)
