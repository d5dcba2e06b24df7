"""A simulated patient: drive, airway, lung and mask, at the pressure of the moment.

From breath to breath the drive, the airway and the leak are decided; between two decisions the equation of motion is
solved step by step (`mechanics.py`). Decisions fall on steps and chance belongs to decisions or to samples, never to
calls, so that the signal is the same however it is cut into chunks.
"""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpap_core.simulate import constants as c
from cpap_core.simulate.airway import Airway, Tone
from cpap_core.simulate.device import Sensors
from cpap_core.simulate.drive import Chemoreceptor, Cycle, Drive
from cpap_core.simulate.leak import Leak, opening
from cpap_core.simulate.mechanics import STATE, advance
from cpap_core.simulate.traits import PatientTraits
from cpap_core.simulate.truth import CycleDone, Inspiration, Scribe, Truth
from cpap_core.types import Samples

Array = NDArray[np.float64]
_ALWAYS_OPEN_CMH2O = -1000.0
_SETTLING_S = 12.0


class SimulatedPatient:
    """One patient in bed, mask on.

    Parameters
    ----------
    seed : int
        The same seed, traits and pressures give the same signal.
    sampling_rate_hz : float
        Samples per second, 1 to 200.
    keep_truth : bool
        Whether `truth` is kept; a patient who breathes for weeks should not.
    **traits
        The fields of `PatientTraits`.

    Attributes
    ----------
    truth : Truth
        Breaths, events and leaks that are complete so far.
    """

    def __init__(
        self, seed: int, sampling_rate_hz: float = 25.0, *, keep_truth: bool = True, **traits: float | None
    ) -> None:
        if not 1 <= sampling_rate_hz <= 200:
            raise ValueError(f"A sampling rate lies between 1 and 200 Hz: got {sampling_rate_hz}")
        unknown = set(traits) - {field.name for field in fields(PatientTraits)}
        if unknown:
            raise ValueError(f"No such traits of a patient: {', '.join(sorted(unknown))}")
        self.traits = PatientTraits(**traits)  # type: ignore[arg-type]
        self.sampling_rate_hz = sampling_rate_hz
        self.truth = Truth()
        self._steps_per_sample = math.ceil(c.LOWEST_STEPS_PER_S / sampling_rate_hz)
        # One stream of chance for each part, so that what one does changes none of the others.
        streams = np.random.SeedSequence(seed).spawn(7)
        rngs = [np.random.default_rng(stream) for stream in streams]
        self._states, self._effort_cmh2o, quiet_peak_lpm = new_state(
            self.traits, sampling_rate_hz, self._steps_per_sample
        )
        self._state = self._states[0]
        rise = float(self._state["co2_production"] / c.CO2_STORE_L)
        self._chemoreceptor = Chemoreceptor(self.traits.chemical_delay_s)
        self._drive = Drive(self.traits, rngs[0], rngs[1])
        self._airway = Airway(self.traits, rngs[2], rise)
        self._leak = Leak(self.traits, rngs[3])
        self._sensors = Sensors(self.traits, sampling_rate_hz, rngs[4:])
        self._scribe = Scribe(self.truth, quiet_peak_lpm, self.traits.tidal_volume_ml) if keep_truth else None
        self._index = 0
        self._cycle: Cycle | None = None
        self._stable = True
        self._calm_since_s = 0.0
        self._decide_at = 0

    @property
    def pressure_cmh2o(self) -> float:
        """The pressure that was set last."""
        return float(self._state["commanded"])

    @property
    def lung_volume_l(self) -> float:
        """Volume in the lung above that without pressure."""
        return float(self._state["volume"])

    def set_pressure(self, pressure_cmh2o: float) -> None:
        """Let the airway pressure go to this one, by 1 cmH2O in a second, from the next sample on."""
        self._state["commanded"] = pressure_cmh2o

    def samples(self, n: int) -> tuple[Samples, Samples]:
        """Breathe on for `n` samples; flow in L/min and airway pressure in cmH2O, each of shape (n,)."""
        return self.signals(n)[:2]

    def signals(self, n: int) -> tuple[Samples, Samples, Array]:
        """Breathe on for `n` samples; as `samples`, and the true flow into the lung in L/min, of shape (n,)."""
        flow, pressure, lung = np.empty((3, n))
        stop = (self._index + n - 1) * self._steps_per_sample + 1 if n else self._step
        filled = 0
        while self._step < stop:
            if self._step == self._decide_at:
                self._decide()
            steps = min(stop, self._decide_at) - self._step
            filled = advance(self._states, steps, self._steps_per_sample, flow, pressure, lung, filled)
        self._index += n
        return *self._sensors.measure(flow * 60, pressure), lung * 60

    @property
    def _step(self) -> int:
        return int(self._state["step"])

    def _decide(self) -> None:
        """End a cycle of the drive and begin the next."""
        s = self._state
        dt = float(s["dt"])
        now_s, elapsed_s = self._step * dt, (self._step - int(s["cycle_start"])) * dt
        self._write_truth(now_s, dt)
        felt_mmhg = self._chemoreceptor.felt_mmhg(now_s, float(s["co2"]))
        if self._drive.is_in_event or self._airway.tone is not Tone.HELD:
            self._calm_since_s = now_s
        calm = now_s - self._calm_since_s >= c.REST_S
        s["critical_goal"], s["critical_time"] = self._airway.next_goal(now_s, elapsed_s, felt_mmhg, may_fail=calm)
        calm = calm and self._airway.tone is Tone.HELD
        cycle = self._drive.next_cycle(now_s, elapsed_s, felt_mmhg, self._airway.waking, may_fail=calm)
        level_lpm, ended = self._leak.next_level(now_s, elapsed_s, float(s["set"]))
        if ended is not None and self._scribe is not None:
            self.truth.leaks.append(ended)
        s["leak_goal"] = opening(level_lpm)
        self._cycle, self._stable = cycle, calm and not self._drive.is_in_event
        steps = begin_cycle(s, cycle, self._effort_cmh2o)
        self._decide_at = self._step + steps

    def _write_truth(self, now_s: float, dt: float) -> None:
        if self._cycle is None or self._scribe is None:
            return
        s = self._state
        inspiration = None
        if s["inspired"] > 0:
            inspiration = Inspiration(
                onset_s=float(s["onset"] * dt),
                peak_s=float(s["peak_at"] * dt),
                end_s=float(s["end"] * dt),
                volume_ml=float(s["inspired"] * 1000),
                peak_lpm=float(s["peak"] * 60),
            )
        done = CycleDone(float(s["cycle_start"] * dt), self._cycle.effort, inspiration, self._stable)
        self._scribe.write(done, now_s)


def begin_cycle(state: Any, cycle: Cycle, effort_cmh2o: float) -> int:
    """Write a cycle into the state at its present step; gives its length in steps."""
    state["cycle_start"] = state["step"]
    state["effort_cmh2o"] = cycle.effort * effort_cmh2o
    state["inspiration_s"], state["expiration_s"] = cycle.inspiration_s, cycle.expiration_s
    state["relaxation_s"] = c.EXPIRATORY_SHARE * cycle.expiration_s
    state["inspired"], state["fastest"] = 0.0, 0.0
    state["lowest"], state["lowest_at"] = state["volume"], state["step"]
    return max(1, round((cycle.inspiration_s + cycle.expiration_s) / float(state["dt"])))


def new_state(traits: PatientTraits, rate_hz: float, steps_per_sample: int) -> tuple[Any, float, float]:
    """A patient at rest at the set pressure.

    Returns
    -------
    states : structured array of shape (1,), STATE
    effort_cmh2o : float
        Of quiet breathing, found by letting the patient breathe with an open airway.
    quiet_peak_lpm : float
        Its peak flow.
    """
    states = np.zeros(1, STATE)
    s = states[0]
    s["dt"] = 1 / (rate_hz * steps_per_sample)
    s["elastance"] = c.ELASTANCE_CMH2O_PER_L
    s["upper_resistance"], s["lower_resistance"] = c.UPPER_RESISTANCE, c.LOWER_RESISTANCE
    s["hose_resistance"], s["mask_compliance"] = c.HOSE_RESISTANCE, c.MASK_COMPLIANCE_L_PER_CMH2O
    s["co2"], s["co2_store"], s["alveolar_share"] = c.EUPNEIC_CO2_MMHG, c.CO2_STORE_L, 1 - c.DEAD_SPACE_SHARE
    quiet_l_per_s = traits.respiratory_rate_per_min / 60 * traits.tidal_volume_ml / 1000
    s["co2_production"] = c.EUPNEIC_CO2_MMHG * quiet_l_per_s * s["alveolar_share"]
    s["heart_hz"], s["probe_hz"] = traits.heart_rate_per_min / 60, c.PROBE_HZ
    s["probe_after"], s["probe_ramp"] = c.PROBE_AFTER_S, c.PROBE_RAMP_S
    s["quiet_share"], s["watch_memory"], s["watch_time"] = c.QUIET_SHARE, c.WATCH_MEMORY_S, c.WATCH_TIME_S
    s["pressure_ramp"], s["leak_time"] = c.RAMP_CMH2O_PER_S, c.LEAK_TIME_S
    s["commanded"] = s["set"] = s["mask"] = traits.pressure_cmh2o
    s["volume"] = traits.pressure_cmh2o / c.ELASTANCE_CMH2O_PER_L
    s["leak"] = s["leak_goal"] = opening(traits.leak_lpm)
    s["critical"] = s["critical_goal"] = _ALWAYS_OPEN_CMH2O
    s["critical_time"] = c.COLLAPSE_TIME_S
    effort_cmh2o, quiet_peak_lpm = _quiet_effort(states, traits, steps_per_sample)
    s["critical"] = traits.critical_pressure_cmh2o - c.DILATION_CMH2O
    if rate_hz >= c.LOWEST_OSCILLATION_RATE_HZ:
        resistance = c.HOSE_RESISTANCE + c.UPPER_RESISTANCE + c.LOWER_RESISTANCE
        s["heart_cmh2o"] = traits.heartbeat_lpm / 60 * resistance
        s["probe_cmh2o"] = c.PROBE_CMH2O
    return states, effort_cmh2o, quiet_peak_lpm


def _quiet_effort(states: Any, traits: PatientTraits, steps_per_sample: int) -> tuple[float, float]:
    """Effort that breathes the tidal volume with an open airway, and the peak flow: the equations are linear then."""
    trial = states.copy()
    s = trial[0]
    cycle_s = 60 / traits.respiratory_rate_per_min
    inspiration_s = traits.inspiratory_fraction * cycle_s
    cycle = Cycle(inspiration_s, cycle_s - inspiration_s, 1.0)
    for _ in range(1 + math.ceil(_SETTLING_S / cycle_s)):
        steps = begin_cycle(s, cycle, 1.0)
        unused = np.empty((3, steps // steps_per_sample + 1))
        advance(trial, steps, steps_per_sample, *unused, 0)
    per_cmh2o = float(s["inspired"])
    effort = traits.tidal_volume_ml / 1000 / per_cmh2o
    return effort, float(s["peak"]) * effort * 60
