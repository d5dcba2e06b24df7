"""The shape of one breath, as arrays of shape (n_samples,), float64; a peak of 1 unless said otherwise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def inspiration(n: int, flattening: float) -> Array:
    """Inspiratory flow: a quick rise, a rounded top before the middle, a fall to zero.

    `flattening` from 0 to 1 turns the top into the plateau with an early peak of a narrowed airway that lets through
    no more flow however hard the patient pulls.
    """
    s = (np.arange(n) + 0.5) / n
    rounded = np.sin(np.pi * s**0.85)
    limited = np.tanh(7 * s) * np.tanh(9 * (1 - s)) * (1 - 0.25 * s)
    shape: Array = (1 - flattening) * rounded + flattening * limited
    shape /= shape.max()
    return shape


def expiration(n: int, sampling_rate_hz: float, quick_s: float, slow_s: float) -> Array:
    """Expiratory flow, positive: the lung's quick recoil, then a slow tail that dies away in the pause.

    Two exponentials, of `quick_s` and `slow_s`: one alone fits passive expiration, two fit what masks record.
    """
    t = (np.arange(n) + 0.5) / sampling_rate_hz
    end = n / sampling_rate_hz
    shape: Array = -np.expm1(-t / 0.08) * (0.7 * np.exp(-t / quick_s) + 0.3 * np.exp(-t / slow_s))
    return shape * (1 - (t / end) ** 4)


def oscillation(n: int, sampling_rate_hz: float, frequency_hz: float, phase: float) -> tuple[Array, float]:
    """A sine that goes on from `phase` (in cycles), and the phase at which the next one goes on."""
    cycles = phase + np.arange(n) * (frequency_hz / sampling_rate_hz)
    return np.sin(2 * np.pi * cycles), (phase + n * frequency_hz / sampling_rate_hz) % 1.0
