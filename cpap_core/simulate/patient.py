"""A simulated patient: breathes one respiratory cycle after the other, at the pressure of the moment.

A cycle is decided and drawn when its first sample is asked for. Everything random or transcendental happens there, over
arrays whose length does not depend on the caller; what depends on the pressure is added as samples leave, by exact
arithmetic. So the signal is the same however it is cut into chunks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from cpap_core.simulate.airway import Airway, AirwayTraits, Cycle, wander
from cpap_core.simulate.leak import REFERENCE_CMH2O, Leak, LeakTraits
from cpap_core.simulate.truth import TrueEvent, Truth
from cpap_core.simulate.waveforms import Array, expiration, inspiration, oscillation
from cpap_core.types import Breath, EventKind, Samples

_PROBE_HZ = 4.17
_PROBE_CMH2O = 0.3
_PROBE_DELAY_S = 4.0
"""A device that misses breaths asks the airway by a small oscillation, as ResMed's do."""
_PROBE_LPM_PER_CMH2O = {EventKind.OBSTRUCTIVE_APNEA: 3.3, EventKind.CENTRAL_APNEA: 8.0}
"""A closed airway answers the probe with mask and throat only, an open one with the lung behind."""
_LOWEST_OSCILLATION_RATE_HZ = 10.0
"""Below this sampling rate probe and heartbeat would fold into the frequencies of breathing."""
_DIP_CMH2O_PER_LPM = 0.03
_RAMP_CMH2O_PER_S = 1.0
_LONGEST_CYCLE_S = 7.5


@dataclass(frozen=True, kw_only=True)
class PatientTraits(AirwayTraits, LeakTraits):
    """How one patient differs from another, in addition to airway and mask.

    Attributes
    ----------
    pressure_cmh2o : float
        Set pressure at the start.
    respiratory_rate_per_min, tidal_volume_ml : float
        Of quiet breathing; both vary from breath to breath and drift over minutes.
    inspiratory_fraction : float
        Share of inspiration in a cycle.
    variability : float
        Relative spread from breath to breath.
    sighs_per_h : float
        Deep single breaths.
    heart_rate_per_min, heartbeat_lpm : float
        The heart's ripple on the flow.
    flow_noise_lpm, pressure_noise_cmh2o : float
        Standard deviation of the sensors' noise.
    """

    pressure_cmh2o: float = 8.0
    respiratory_rate_per_min: float = 14.5
    tidal_volume_ml: float = 480.0
    inspiratory_fraction: float = 0.4
    variability: float = 0.07
    sighs_per_h: float = 6.0
    heart_rate_per_min: float = 62.0
    heartbeat_lpm: float = 0.4
    flow_noise_lpm: float = 0.2
    pressure_noise_cmh2o: float = 0.03


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
        self._keep_truth = keep_truth
        self._rng = np.random.default_rng(seed)
        self._airway = Airway(self.traits, self._rng)
        self._leak = Leak(self.traits, self._rng)
        self._index = 0
        self._ramp = (0, self.traits.pressure_cmh2o, self.traits.pressure_cmh2o)
        self._elapsed_s = 60.0 / self.traits.respiratory_rate_per_min
        self._pace_drift = self._depth_drift = self._pace_wobble = self._depth_wobble = 0.0
        self._probe_phase = self._heart_phase = 0.0
        self._leak_level = self.traits.leak_lpm
        self._breath: Breath | None = None
        self._event: TrueEvent | None = None
        self._cycle_start = self._cycle_stop = 0
        self._flow = self._leak_scale = self._dip = np.empty(0)

    @property
    def pressure_cmh2o(self) -> float:
        """The pressure that was set last."""
        return self._ramp[2]

    def set_pressure(self, pressure_cmh2o: float) -> None:
        """Let the airway pressure go to this one, by 1 cmH2O in a second, from the next sample on."""
        self._ramp = (self._index, float(self._ramp_at(np.array([self._index]))[0]), float(pressure_cmh2o))

    def samples(self, n: int) -> tuple[Samples, Samples]:
        """Breathe on for `n` samples; flow in L/min and airway pressure in cmH2O, each of shape (n,)."""
        flow, pressure = np.empty(n, np.float32), np.empty(n, np.float32)
        done = 0
        while done < n:
            if self._index == self._cycle_stop:
                self._draw_cycle()
            m = min(n - done, self._cycle_stop - self._index)
            here = slice(self._index - self._cycle_start, self._index - self._cycle_start + m)
            set_pressure = self._ramp_at(np.arange(self._index, self._index + m))
            leak = self._leak_scale[here] * np.sqrt(set_pressure)
            flow[done : done + m] = self._flow[here] + leak
            pressure[done : done + m] = set_pressure + self._dip[here]
            self._index += m
            done += m
        return flow, pressure

    def _ramp_at(self, index: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Array:
        """Set pressure at the samples `index`, in cmH2O."""
        begin, old, new = self._ramp
        way = np.minimum((index - begin) * (_RAMP_CMH2O_PER_S / self.sampling_rate_hz), abs(new - old))
        ramp: Array = old + way if new >= old else old - way
        return ramp

    def _draw_cycle(self) -> None:
        """Decide and draw the respiratory cycle that begins at the present sample."""
        rate, traits, rng = self.sampling_rate_hz, self.traits, self._rng
        now_s = self._index / rate
        pressure = float(self._ramp_at(np.array([self._index]))[0])
        cycle = self._airway.next_cycle(now_s, self._elapsed_s, pressure)
        leak_level, ended_leak = self._leak.next_level(now_s, self._elapsed_s, pressure)
        n_in, n_out, volume_ml = self._size(cycle)
        n = n_in + n_out
        breath = self._breathe(cycle, n_in, n_out, volume_ml)
        self._note(cycle, now_s, breath, n_in, volume_ml)
        if ended_leak is not None and self._keep_truth:
            self.truth.leaks.append(ended_leak)

        flow_noise, pressure_noise = rng.standard_normal((2, n))
        probe_flow, probe_pressure, heart = self._oscillations(cycle, now_s, n)
        quiet = np.where(np.arange(n) < n_in, 0.3, 1.0)
        self._flow = breath + quiet * heart + probe_flow + traits.flow_noise_lpm * flow_noise
        self._dip = probe_pressure - _DIP_CMH2O_PER_LPM * breath + traits.pressure_noise_cmh2o * pressure_noise
        settled = np.minimum(np.arange(1, n + 1) / max(1.0, rate), 1.0)
        self._leak_scale = (self._leak_level + settled * (leak_level - self._leak_level)) / math.sqrt(REFERENCE_CMH2O)
        self._leak_level = leak_level
        self._cycle_start, self._cycle_stop = self._index, self._index + n
        self._elapsed_s = n / rate

    def _size(self, cycle: Cycle) -> tuple[int, int, float]:
        """Samples of inspiration and expiration, and the tidal volume in ml."""
        traits, rng, elapsed = self.traits, self._rng, self._elapsed_s
        self._pace_drift = wander(rng, self._pace_drift, elapsed, correlation_s=180.0, spread=0.06)
        self._depth_drift = wander(rng, self._depth_drift, elapsed, correlation_s=180.0, spread=0.08)
        self._pace_wobble = wander(rng, self._pace_wobble, elapsed, correlation_s=6.0, spread=traits.variability)
        self._depth_wobble = wander(
            rng, self._depth_wobble, elapsed, correlation_s=4.0, spread=1.3 * traits.variability
        )
        sigh = rng.random() < traits.sighs_per_h * elapsed / 3600 and cycle.event is None
        depth = cycle.depth * math.exp(self._depth_drift + self._depth_wobble) * (2.0 if sigh else 1.0)
        pace = cycle.pace * math.exp(self._pace_drift + self._pace_wobble)
        inspiration_s = (
            60.0 / traits.respiratory_rate_per_min / pace * traits.inspiratory_fraction * (1.3 if sigh else 1.0)
        )
        expiration_s = 60.0 / traits.respiratory_rate_per_min / pace * (1 - traits.inspiratory_fraction)
        shorten = min(1.0, _LONGEST_CYCLE_S / (inspiration_s + expiration_s))
        n_in = max(1, round(inspiration_s * shorten * self.sampling_rate_hz))
        n_out = max(1, round(expiration_s * shorten * self.sampling_rate_hz))
        return n_in, n_out, traits.tidal_volume_ml * depth

    def _breathe(self, cycle: Cycle, n_in: int, n_out: int, volume_ml: float) -> Array:
        """Flow of the cycle without leak, ripple and noise, in L/min; what goes in comes out."""
        rate = self.sampling_rate_hz
        lpm_of_ml = 60.0 * rate / 1000.0
        inward = inspiration(n_in, cycle.flattening)
        outward = expiration(n_out, rate, 0.45, 1.2)
        return np.concatenate(
            [inward * (volume_ml * lpm_of_ml / inward.sum()), outward * (-volume_ml * lpm_of_ml / outward.sum())]
        )

    def _oscillations(self, cycle: Cycle, now_s: float, n: int) -> tuple[Array, Array, Array]:
        """The probe in flow (L/min) and pressure (cmH2O), and the heartbeat in flow (L/min)."""
        rate = self.sampling_rate_hz
        if rate < _LOWEST_OSCILLATION_RATE_HZ:
            return np.zeros(n), np.zeros(n), np.zeros(n)
        beat, self._heart_phase = oscillation(n, rate, self.traits.heart_rate_per_min / 60.0, self._heart_phase)
        probe, self._probe_phase = oscillation(n, rate, _PROBE_HZ, self._probe_phase)
        answer = _PROBE_LPM_PER_CMH2O.get(cycle.event) if cycle.event is not None else None
        if answer is None:
            return np.zeros(n), np.zeros(n), self.traits.heartbeat_lpm * beat
        into_event = now_s - self._airway.event_onset_s + np.arange(n) / rate
        probe = _PROBE_CMH2O * probe * np.clip(into_event - _PROBE_DELAY_S, 0.0, 1.0)
        return answer * probe, probe, self.traits.heartbeat_lpm * beat

    def _note(self, cycle: Cycle, now_s: float, breath: Array, n_in: int, volume_ml: float) -> None:
        """Enter into the truth what the beginning of this cycle completes."""
        if self._keep_truth and self._breath is not None:
            self.truth.breaths.append(self._breath)
        if self._keep_truth and self._event is not None and self._airway.event is None:
            self.truth.events.append(TrueEvent(self._event.kind, self._event.onset_s, now_s - self._event.onset_s))
        event = self._airway.event
        self._event = None if event is None else TrueEvent(event, self._airway.event_onset_s, 0.0)
        self._breath = None
        if event is None or event is EventKind.HYPOPNEA:
            rate = self.sampling_rate_hz
            peak = int(np.argmax(breath[:n_in]))
            self._breath = Breath(
                onset_s=now_s,
                peak_s=now_s + peak / rate,
                inspiratory_time_s=n_in / rate,
                expiratory_time_s=(len(breath) - n_in) / rate,
                tidal_volume_ml=volume_ml,
                peak_flow_lpm=float(breath[peak]),
            )
