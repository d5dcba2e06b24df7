"""The mask's leak: a small steady one, and episodes when the seal gives way, the sooner the higher the pressure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cpap_core.simulate.airway import wander
from cpap_core.simulate.truth import LeakEpisode

REFERENCE_CMH2O = 10.0
"""Pressure at which leaks are stated; through an opening they grow with its square root."""


@dataclass(frozen=True, kw_only=True)
class LeakTraits:
    """How well a mask sits.

    Attributes
    ----------
    leak_lpm : float
        Unintended leak between episodes at 10 cmH2O, in L/min.
    leak_episodes_per_h : float
        Episodes in an hour at 10 cmH2O; with the third power of the pressure.
    episode_leak_lpm : float
        Typical additional leak of an episode at 10 cmH2O, in L/min.
    first_leak_s : float or None
        Time of the first episode, for demonstrations.
    """

    leak_lpm: float = 4.0
    leak_episodes_per_h: float = 1.0
    episode_leak_lpm: float = 28.0
    first_leak_s: float | None = None


class Leak:
    """Decides the leak from one respiratory cycle to the next."""

    def __init__(self, traits: LeakTraits, rng: np.random.Generator) -> None:
        self.traits = traits
        self._rng = rng
        self._drift = 0.0
        self._episode: LeakEpisode | None = None
        self._first_is_due = traits.first_leak_s is not None

    def next_level(self, now_s: float, elapsed_s: float, pressure_cmh2o: float) -> tuple[float, LeakEpisode | None]:
        """Decide the leak at 10 cmH2O, in L/min, of the cycle at `now_s`, and name the episode that ended by then."""
        self._drift = wander(self._rng, self._drift, elapsed_s, correlation_s=300.0, spread=0.3)
        chance, size, length = self._rng.random(3)
        ended = None
        if self._episode is not None and now_s >= self._episode.onset_s + self._episode.duration_s:
            planned = self._episode
            ended = LeakEpisode(planned.onset_s, now_s - planned.onset_s, planned.leak_lpm)
            self._episode = None
        elif self._episode is None and self._begins(now_s, elapsed_s, pressure_cmh2o, chance):
            self._episode = LeakEpisode(now_s, 30.0 + 60.0 * length, self.traits.episode_leak_lpm * (0.8 + 0.4 * size))
        level = self.traits.leak_lpm * math.exp(self._drift)
        return level + (self._episode.leak_lpm if self._episode else 0.0), ended

    def _begins(self, now_s: float, elapsed_s: float, pressure_cmh2o: float, chance: float) -> bool:
        if self._first_is_due and self.traits.first_leak_s is not None and now_s >= self.traits.first_leak_s:
            self._first_is_due = False
            return True
        per_h = self.traits.leak_episodes_per_h * (pressure_cmh2o / REFERENCE_CMH2O) ** 3
        return chance < per_h * elapsed_s / 3600
