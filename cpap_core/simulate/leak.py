"""The mask's leak: a small steady opening, and episodes when the seal gives way, the sooner the higher the pressure."""

from __future__ import annotations

import math

import numpy as np

from cpap_core.simulate import constants as c
from cpap_core.simulate.chance import Wander
from cpap_core.simulate.traits import PatientTraits
from cpap_core.simulate.truth import LeakEpisode


class Leak:
    """Decides the opening from one cycle to the next; its flow follows the pressure of each moment."""

    def __init__(self, traits: PatientTraits, rng: np.random.Generator) -> None:
        self._traits = traits
        self._rng = rng
        self._drift = Wander(rng, c.LEAK_DRIFT, c.LEAK_CORRELATION_S)
        self._episode: LeakEpisode | None = None
        self._first_is_due = traits.first_leak_s is not None

    def next_level(self, now_s: float, elapsed_s: float, pressure_cmh2o: float) -> tuple[float, LeakEpisode | None]:
        """Decide the leak at 10 cmH2O, in L/min, from now on, and name the episode that ended by now."""
        drift = self._drift.after(elapsed_s)
        chance, size, length = self._rng.random(3)
        ended = None
        if self._episode is not None and now_s >= self._episode.onset_s + self._episode.duration_s:
            planned = self._episode
            ended = LeakEpisode(planned.onset_s, now_s - planned.onset_s, planned.leak_lpm)
            self._episode = None
        elif self._episode is None and self._begins(now_s, elapsed_s, pressure_cmh2o, chance):
            self._episode = LeakEpisode(now_s, 30.0 + 60.0 * length, self._traits.episode_leak_lpm * (0.8 + 0.4 * size))
        level = self._traits.leak_lpm * math.exp(drift)
        return level + (self._episode.leak_lpm if self._episode else 0.0), ended

    def _begins(self, now_s: float, elapsed_s: float, pressure_cmh2o: float, chance: float) -> bool:
        first_s = self._traits.first_leak_s
        if self._first_is_due and first_s is not None and now_s >= first_s:
            self._first_is_due = False
            return True
        per_h = self._traits.leak_episodes_per_h * (pressure_cmh2o / c.LEAK_REFERENCE_CMH2O) ** 3
        return chance < per_h * elapsed_s / 3600


def opening(leak_lpm: float) -> float:
    """The factor of the root of the pressure, in L/s, of an opening that leaks so much at 10 cmH2O."""
    return leak_lpm / 60 / math.sqrt(c.LEAK_REFERENCE_CMH2O)
