"""Simulated apneas right after six seconds in which flow stays on one side: are they still found?

A turn in bed, speech or a lifted mask holds flow above or below its baseline for some seconds. A detector that learns
the baseline from it takes the pause that follows for breathing. Each case has two minutes of regular breathing, the
disturbance, a pause of 12 to 20 s at the true baseline, and a minute of breathing again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.detector.subject import FoundApnea
from benchmarks.matching import Interval
from cpap_core import Recording

Values = NDArray[np.float64]

RATE_HZ = 25.0
BEFORE_S, DISTURBED_S, AFTER_S = 120.0, 6.0, 60.0
PAUSE_S = (12.0, 20.0)
DISTURBED_BY = (0.5, 2.0)
"""Size of the disturbance, in peak flows of the breathing before."""

NOISE_LPM, HEART_LPM, HEART_HZ = 0.2, 0.5, 1.05
SHARE_COVERED = 0.5
"""A pause is found when a detection covers at least this share of it."""


@dataclass(frozen=True, slots=True)
class Disturbed:
    """One case, and where its pause is, in s since the first sample."""

    recording: Recording
    pause: Interval

    def is_found(self, among: Sequence[FoundApnea]) -> bool:
        """Whether one of these detections covers at least half of the pause."""
        start, end = self.pause
        covered = [max(0.0, min(end, b) - max(start, a)) for a, b in (each.interval for each in among)]
        return max(covered, default=0.0) >= SHARE_COVERED * (end - start)


def disturbed(seed: int) -> Disturbed:
    """Make the case of a seed: even ones are disturbed upwards, odd ones downwards."""
    rng = np.random.default_rng(seed)
    peak = rng.uniform(15.0, 45.0)
    before, after = _breathing(rng, BEFORE_S, peak), _breathing(rng, AFTER_S, peak)
    shape = np.abs(np.interp(np.arange(round(DISTURBED_S * RATE_HZ)) / RATE_HZ, np.arange(7), rng.uniform(0.3, 1, 7)))
    aside = (1 if seed % 2 == 0 else -1) * peak * rng.uniform(*DISTURBED_BY) * shape
    pause = np.zeros(round(rng.uniform(*PAUSE_S) * RATE_HZ))
    flow = np.concatenate([before, aside, pause, after])
    start = (len(before) + len(aside)) / RATE_HZ
    time = np.arange(len(flow)) / RATE_HZ
    flow = flow + rng.uniform(-20, 40) + rng.normal(0, NOISE_LPM, len(flow))
    flow += HEART_LPM * np.sin(2 * np.pi * HEART_HZ * time)
    recording = Recording(
        flow_lpm=flow.astype(np.float32),
        airway_pressure_cmh2o=None,
        sampling_rate_hz=RATE_HZ,
        start_time=0.0,
        duration_s=(len(flow) - 1) / RATE_HZ,
        leakage_l=0.0,
        name=f"disturbed {seed}",
    )
    return Disturbed(recording, (start, start + len(pause) / RATE_HZ))


def _breathing(rng: np.random.Generator, duration_s: float, peak_lpm: float) -> Values:
    """Breath after breath: a half sine in, a decaying flow out that gives back the same volume, then a short rest."""
    breaths: list[Values] = []
    rate = rng.uniform(10, 20)
    while sum(map(len, breaths)) < duration_s * RATE_HZ:
        cycle = 60 / rate * rng.uniform(0.9, 1.1)
        inhaling = np.sin(np.pi * np.arange(round(0.38 * cycle * RATE_HZ)) / round(0.38 * cycle * RATE_HZ))
        time = np.arange(round(0.62 * cycle * RATE_HZ)) / RATE_HZ
        exhaling = np.minimum(time / 0.15, 1) * np.exp(-time / (0.15 * cycle))
        size = peak_lpm * rng.uniform(0.9, 1.1)
        breaths.append(size * np.concatenate([inhaling, -exhaling * inhaling.sum() / exhaling.sum()]))
    return np.concatenate(breaths)
