"""The sleeping airway: its dilators hold it open, let go, and take hold again when the patient wakes."""

from __future__ import annotations

import math
from enum import Enum

import numpy as np

from cpap_core.simulate import constants as c
from cpap_core.simulate.chance import Wander, log_normal, waiting_s
from cpap_core.simulate.traits import PatientTraits


class Tone(Enum):
    """What the dilators do."""

    HELD = "held"
    LET_GO = "let go"
    AROUSED = "aroused"


class Airway:
    """Decides the critical pressure from one effort to the next; what it does to flow, the mechanics say.

    Parameters
    ----------
    traits : PatientTraits
        Whose airway it is.
    rng : numpy.random.Generator
        Its chance.
    co2_rise_mmhg_per_s : float
        How fast CO2 rises without breath: it says at which level the typical event ends.

    Attributes
    ----------
    tone : Tone
        What the dilators do.
    waking : float
        What an arousal multiplies the effort by; 1 in sleep.
    """

    def __init__(self, traits: PatientTraits, rng: np.random.Generator, co2_rise_mmhg_per_s: float) -> None:
        self._traits, self._rng = traits, rng
        self._drift = Wander(rng, c.CRITICAL_SPREAD_CMH2O, c.CRITICAL_CORRELATION_S)
        self._typical_rise_mmhg = co2_rise_mmhg_per_s * max(traits.typical_event_s - traits.chemical_delay_s, 3.0)
        self.tone = Tone.HELD
        self.waking = 1.0
        self._since_s = 0.0
        self._arousal_mmhg = math.inf
        first = traits.first_event_s
        self._next_s = self._wait(0.0) if first is None else first

    def next_goal(self, now_s: float, elapsed_s: float, felt_mmhg: float, *, may_fail: bool) -> tuple[float, float]:
        """Decide where the critical pressure goes from this effort on, in cmH2O, and with which time constant, in s.

        Parameters
        ----------
        now_s, elapsed_s : float
            Time, and how long the cycle before was.
        felt_mmhg : float
            CO2 at the chemoreceptors; effort follows it, and effort wakes.
        may_fail : bool
            Whether the dilators may let go now.
        """
        asleep = self._traits.critical_pressure_cmh2o + self._drift.after(elapsed_s)
        here_s = now_s - self._since_s
        if self.tone is Tone.LET_GO:
            if felt_mmhg >= self._arousal_mmhg and here_s >= c.SHORTEST_COLLAPSE_S:
                self._turn(Tone.AROUSED, now_s)
            elif here_s >= c.LONGEST_COLLAPSE_S:
                self._turn(Tone.HELD, now_s)
        elif self.tone is Tone.AROUSED and here_s >= 2 * c.AROUSAL_S:
            self._turn(Tone.HELD, now_s)
        elif self.tone is Tone.HELD and may_fail and now_s >= self._next_s:
            self._turn(Tone.LET_GO, now_s)
            rise = log_normal(self._rng, self._typical_rise_mmhg, c.AROUSAL_SPREAD)
            self._arousal_mmhg = c.EUPNEIC_CO2_MMHG + rise
        self.waking = 1.0
        if self.tone is Tone.LET_GO:
            return asleep, c.COLLAPSE_TIME_S
        if self.tone is Tone.AROUSED:
            self.waking += (c.AROUSAL_GAIN - 1) * math.exp(-(now_s - self._since_s) / c.AROUSAL_S)
            return asleep - c.AROUSED_DILATION_CMH2O, c.OPENING_TIME_S
        return asleep - c.DILATION_CMH2O, c.COLLAPSE_TIME_S

    def _turn(self, tone: Tone, now_s: float) -> None:
        if self.tone is Tone.LET_GO:
            self._next_s = self._wait(now_s)
        self.tone, self._since_s = tone, now_s

    def _wait(self, now_s: float) -> float:
        traits = self._traits
        return now_s + waiting_s(self._rng, traits.obstructive_events_per_h, c.REST_S, traits.typical_event_s)
