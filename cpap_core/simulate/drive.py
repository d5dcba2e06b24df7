"""The drive to breathe: when the next effort begins, how strong it is, and when there is none."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from cpap_core.simulate import constants as c
from cpap_core.simulate.chance import Wander, log_normal, waiting_s
from cpap_core.simulate.traits import PatientTraits


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cycle of the drive: times in s, `effort` relative to quiet breathing, 0 where there is none."""

    inspiration_s: float
    expiration_s: float
    effort: float


class Chemoreceptor:
    """Feels the lung's CO2 as it was some seconds ago."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._past: deque[tuple[float, float]] = deque([(0.0, c.EUPNEIC_CO2_MMHG)])

    def felt_mmhg(self, now_s: float, co2_mmhg: float) -> float:
        """Take the CO2 of now, give that of then; linear between two looks."""
        self._past.append((now_s, co2_mmhg))
        then = now_s - self._delay_s
        while len(self._past) > 2 and self._past[1][0] <= then:
            self._past.popleft()
        (before, low), (after, high) = self._past[0], self._past[1]
        share = min(max((then - before) / (after - before), 0.0), 1.0) if after > before else 1.0
        return low + share * (high - low)


class Drive:
    """Decides the cycles one after the other.

    Parameters
    ----------
    traits : PatientTraits
        Whose drive it is.
    breathing, events : numpy.random.Generator
        Chance of the single breaths, and of what befalls the drive.
    """

    def __init__(self, traits: PatientTraits, breathing: np.random.Generator, events: np.random.Generator) -> None:
        self._traits = traits
        self._breathing, self._events = breathing, events
        self._pace = Wander(breathing, traits.variability, c.BREATH_CORRELATION_S)
        self._depth = Wander(breathing, 1.3 * traits.variability, c.BREATH_CORRELATION_S)
        self._pace_drift = Wander(breathing, c.PACE_DRIFT, c.DRIFT_CORRELATION_S)
        self._depth_drift = Wander(breathing, c.DEPTH_DRIFT, c.DRIFT_CORRELATION_S)
        first = traits.first_central_s
        self._next_stop_s = self._wait(0.0, traits.central_events_per_h) if first is None else first
        self._next_weak_s = self._wait(0.0, traits.weak_drives_per_h)
        self._event_until_s = -math.inf
        self._strength = 1.0

    @property
    def is_in_event(self) -> bool:
        """Whether the drive has stopped or is weak."""
        return self._strength < 1.0

    def next_cycle(self, now_s: float, elapsed_s: float, felt_mmhg: float, waking: float, *, may_fail: bool) -> Cycle:
        """Decide the cycle that begins now.

        Parameters
        ----------
        now_s, elapsed_s : float
            Time, and how long the cycle before was.
        felt_mmhg : float
            CO2 at the chemoreceptors.
        waking : float
            What an arousal multiplies the effort by; 1 in sleep.
        may_fail : bool
            Whether the drive may stop or weaken now.
        """
        self._befall(now_s, may_fail)
        chemical = 1 + self._traits.hypercapnic_response * (felt_mmhg - c.EUPNEIC_CO2_MMHG) / self._quiet_lpm
        remaining_s = self._event_until_s - now_s
        if self._strength == 0.0:
            return Cycle(min(remaining_s, c.CHECK_S), 0.0, 0.0)
        if self.is_in_event:
            return self._breath(elapsed_s, self._strength)
        if chemical * waking < c.SHALLOWEST_DRIVE:
            return Cycle(c.CHECK_S / 2, 0.0, 0.0)
        drive = min(min(chemical, c.DEEPEST_DRIVE) * waking, c.LARGEST_EFFORT)
        return self._breath(elapsed_s, drive)

    @property
    def _quiet_lpm(self) -> float:
        return self._traits.respiratory_rate_per_min * self._traits.tidal_volume_ml / 1000

    def _befall(self, now_s: float, may_fail: bool) -> None:
        """End what is over, begin what is due."""
        traits = self._traits
        if self.is_in_event and now_s >= self._event_until_s - 0.01:
            self._strength = 1.0
        if self.is_in_event or not may_fail:
            return
        if now_s >= self._next_stop_s:
            self._strength = 0.0
            self._next_stop_s = self._begin(now_s, traits.central_events_per_h)
        elif now_s >= self._next_weak_s:
            self._strength = float(self._events.uniform(0.3, 0.45))
            self._next_weak_s = self._begin(now_s, traits.weak_drives_per_h)

    def _begin(self, now_s: float, per_h: float) -> float:
        """Begin an event; gives the time of the next of its kind."""
        lasts_s = min(max(log_normal(self._events, self._traits.typical_event_s, 0.25), 11.0), 45.0)
        self._event_until_s = now_s + lasts_s
        return self._wait(self._event_until_s, per_h)

    def _wait(self, now_s: float, per_h: float) -> float:
        return now_s + waiting_s(self._events, per_h, c.REST_S, self._traits.typical_event_s)

    def _breath(self, elapsed_s: float, drive: float) -> Cycle:
        """A breath of this drive, with the variability of all breathing."""
        traits = self._traits
        pace = math.exp(self._pace.after(elapsed_s) + self._pace_drift.after(elapsed_s))
        depth = math.exp(self._depth.after(elapsed_s) + self._depth_drift.after(elapsed_s))
        sigh = self._breathing.random() < traits.sighs_per_h * elapsed_s / 3600 and not self.is_in_event
        cycle_s = min(60.0 / traits.respiratory_rate_per_min / (pace * drive**c.RATE_SHARE), c.LONGEST_CYCLE_S)
        if self.is_in_event:
            cycle_s = min(60.0 / traits.respiratory_rate_per_min / pace, c.LONGEST_CYCLE_S)
        inspiration_s = traits.inspiratory_fraction * cycle_s
        effort = drive ** (1 - c.RATE_SHARE) * depth * (c.SIGH_GAIN if sigh else 1.0)
        return Cycle(inspiration_s, cycle_s - inspiration_s, effort)
