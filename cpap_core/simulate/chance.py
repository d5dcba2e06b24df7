"""Chance that keeps to the seed."""

from __future__ import annotations

import math

import numpy as np


class Wander:
    """An Ornstein-Uhlenbeck process around 0, stepped from breath to breath.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where its chance comes from.
    spread : float
        Standard deviation.
    correlation_s : float
        Time in which it forgets all but 1/e.
    """

    def __init__(self, rng: np.random.Generator, spread: float, correlation_s: float) -> None:
        self._rng, self._spread, self._correlation_s = rng, spread, correlation_s
        self.value = 0.0

    def after(self, elapsed_s: float) -> float:
        """Its value `elapsed_s` later."""
        keep = math.exp(-elapsed_s / self._correlation_s)
        self.value = self.value * keep + self._spread * math.sqrt(1 - keep * keep) * float(self._rng.standard_normal())
        return self.value


def log_normal(rng: np.random.Generator, median: float, spread: float) -> float:
    """A positive number about its median."""
    return median * math.exp(spread * float(rng.standard_normal()))


def waiting_s(rng: np.random.Generator, per_h: float, shortest_s: float, occupied_s: float) -> float:
    """Time until the next of events that come `per_h` on average and take `occupied_s` each; never, of none."""
    if per_h <= 0:
        return math.inf
    mean_s = max(3600 / per_h - occupied_s - shortest_s, 1.0)
    return shortest_s + float(rng.exponential(mean_s))
