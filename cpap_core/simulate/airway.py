"""What befalls the airway, from one respiratory cycle to the next: open, narrowed, closed, or not asked to breathe."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cpap_core.types import EventKind


@dataclass(frozen=True, kw_only=True)
class AirwayTraits:
    """How a patient's airway answers to pressure.

    Attributes
    ----------
    critical_pressure_cmh2o : float
        Airway pressure below which the airway collapses. It drifts by about 0.7 with posture and depth of sleep.
    obstructive_events_per_h : float
        Apneas and hypopneas far below the critical pressure; half of that at it, next to none 3 cmH2O above.
    central_events_per_h : float
        Central apneas, whatever the pressure.
    typical_event_s : float
        Median length of an event.
    first_event_s : float or None
        Time of the first event, an obstructive apnea, for demonstrations; none if the pressure holds the airway open
        by then. It cannot be before 15 s.
    """

    critical_pressure_cmh2o: float = 6.0
    obstructive_events_per_h: float = 40.0
    central_events_per_h: float = 1.0
    typical_event_s: float = 17.0
    first_event_s: float | None = None


@dataclass(frozen=True, slots=True)
class Cycle:
    """How the next respiratory cycle goes: `depth` and `pace` relative to quiet breathing, `flattening` from 0 to 1."""

    depth: float
    pace: float = 1.0
    flattening: float = 0.0
    event: EventKind | None = None


_AROUSAL = ((1.9, 1.25), (1.6, 1.2), (1.35, 1.1), (1.15, 1.0))
_CRESCENDO = ((0.6, 1.0), (0.9, 1.05), (1.25, 1.1), (1.3, 1.1), (1.1, 1.0))
_RELIEF = ((1.3, 1.05), (1.1, 1.0))
_REST_S = 15.0
"""Shortest time of quiet breathing between two events."""


class Airway:
    """Decides the cycles one after the other; all chance comes from the generator it is given."""

    def __init__(self, traits: AirwayTraits, rng: np.random.Generator) -> None:
        self.traits = traits
        self.event: EventKind | None = None
        self.event_onset_s = 0.0
        self._rng = rng
        self._planned_s = 0.0
        self._event_depth = 0.0
        self._recovery: list[tuple[float, float]] = []
        self._calm_since_s = 0.0
        self._drift = 0.0
        self._first_is_due = traits.first_event_s is not None

    def next_cycle(self, now_s: float, elapsed_s: float, pressure_cmh2o: float) -> Cycle:
        """Decide the cycle that begins at `now_s`, `elapsed_s` after the one before, at this airway pressure."""
        self._drift = wander(self._rng, self._drift, elapsed_s, correlation_s=240.0, spread=0.7)
        deficit = self.traits.critical_pressure_cmh2o + self._drift - pressure_cmh2o
        chance, severity = self._rng.random(2)
        if self.event is not None:
            opened_by_pressure = self.event is not EventKind.CENTRAL_APNEA and deficit < -0.5
            if opened_by_pressure or now_s - self.event_onset_s >= self._planned_s:
                self._recover(opened_by_pressure)
                self._calm_since_s = now_s
        elif not self._recovery and now_s - self._calm_since_s >= _REST_S:
            self._maybe_begin(now_s, elapsed_s, deficit, chance, severity)
        if self.event is not None:
            flattening = 0.9 if self.event is EventKind.HYPOPNEA else 0.0
            return Cycle(self._event_depth * self._rng.uniform(0.8, 1.2), flattening=flattening, event=self.event)
        narrowing = 0.7 * logistic((deficit + 0.8) / 0.6)
        if self._recovery:
            depth, pace = self._recovery.pop(0)
            self._calm_since_s = now_s
            return Cycle(depth, pace, flattening=0.3 * narrowing)
        return Cycle(1.0 - 0.15 * narrowing, flattening=narrowing)

    def _maybe_begin(self, now_s: float, elapsed_s: float, deficit: float, chance: float, severity: float) -> None:
        traits = self.traits
        if self._first_is_due and traits.first_event_s is not None:
            if now_s >= traits.first_event_s:
                self._first_is_due = False
                if deficit > -0.5:
                    self._begin(EventKind.OBSTRUCTIVE_APNEA, now_s)
            return
        central = traits.central_events_per_h * elapsed_s / 3600
        obstructive = traits.obstructive_events_per_h * logistic(deficit / 0.7) * elapsed_s / 3600
        if chance < central:
            self._begin(EventKind.CENTRAL_APNEA, now_s)
        elif chance < central + obstructive:
            closed = severity < logistic((deficit - 0.3) / 0.6)
            self._begin(EventKind.OBSTRUCTIVE_APNEA if closed else EventKind.HYPOPNEA, now_s)

    def _begin(self, kind: EventKind, now_s: float) -> None:
        self.event, self.event_onset_s = kind, now_s
        median_s = self.traits.typical_event_s
        self._planned_s = min(max(median_s * math.exp(0.25 * self._rng.standard_normal()), 10.5), 45.0)
        if kind is EventKind.HYPOPNEA:
            self._event_depth = self._rng.uniform(0.3, 0.55)
        else:
            self._event_depth = 0.0 if kind is EventKind.CENTRAL_APNEA else 0.02

    def _recover(self, opened_by_pressure: bool) -> None:
        if opened_by_pressure:
            self._recovery = list(_RELIEF)
        else:
            self._recovery = list(_CRESCENDO if self.event is EventKind.CENTRAL_APNEA else _AROUSAL)
        self.event = None


def wander(rng: np.random.Generator, value: float, elapsed_s: float, *, correlation_s: float, spread: float) -> float:
    """One step of an Ornstein-Uhlenbeck process around 0 with standard deviation `spread`."""
    keep = math.exp(-elapsed_s / correlation_s)
    return value * keep + spread * math.sqrt(1 - keep * keep) * float(rng.standard_normal())


def logistic(x: float) -> float:
    """From 0 far below zero to 1 far above."""
    return 0.5 * (1.0 + math.tanh(0.5 * x))
