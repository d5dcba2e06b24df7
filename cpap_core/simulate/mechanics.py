"""The equation of motion, solved step by step: muscles, lung, collapsible airway, mask, leak, device.

numba's cache sees changes of this file only, so nothing compiled here may depend on another module's constants: they
come in by the state. What is decided from breath to breath (drive, airway, leak) is written into the state by
`patient.py` before the steps of the breath.
"""

# njit hides the types of what it compiles; the caller in patient.py is checked.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, type-arg"

from __future__ import annotations

from math import exp, pi, sin, sqrt

import numpy as np
from numba import njit

STATE = np.dtype(
    [
        # Constants of the patient and of the device; L, s, cmH2O, mmHg.
        ("dt", "f8"),
        ("elastance", "f8"),
        ("upper_resistance", "f8"),
        ("lower_resistance", "f8"),
        ("hose_resistance", "f8"),
        ("mask_compliance", "f8"),
        ("co2_production", "f8"),
        ("co2_store", "f8"),
        ("alveolar_share", "f8"),
        ("heart_hz", "f8"),
        ("heart_cmh2o", "f8"),
        ("probe_hz", "f8"),
        ("probe_cmh2o", "f8"),
        ("probe_after", "f8"),
        ("probe_ramp", "f8"),
        ("quiet_share", "f8"),
        ("watch_memory", "f8"),
        ("watch_time", "f8"),
        ("pressure_ramp", "f8"),
        ("leak_time", "f8"),
        # Decided for this cycle.
        ("cycle_start", "i8"),
        ("effort_cmh2o", "f8"),
        ("inspiration_s", "f8"),
        ("expiration_s", "f8"),
        ("relaxation_s", "f8"),
        ("critical_goal", "f8"),
        ("critical_time", "f8"),
        ("leak_goal", "f8"),
        ("commanded", "f8"),
        # What goes on from step to step.
        ("step", "i8"),
        ("volume", "f8"),
        ("set", "f8"),
        ("mask", "f8"),
        ("critical", "f8"),
        ("leak", "f8"),
        ("co2", "f8"),
        ("heart_phase", "f8"),
        ("probe_phase", "f8"),
        ("probe_level", "f8"),
        ("watched", "f8"),
        ("usual_peak", "f8"),
        ("quiet", "f8"),
        # The truth of this cycle; times in steps.
        ("lowest", "f8"),
        ("lowest_at", "f8"),
        ("fastest", "f8"),
        ("fastest_at", "f8"),
        ("peak", "f8"),
        ("peak_at", "f8"),
        ("onset", "f8"),
        ("end", "f8"),
        ("inspired", "f8"),
    ]
)


@njit(cache=True)
def advance(states, n_steps, steps_per_sample, flow, pressure, lung, filled):
    """Solve `n_steps` of one patient's equations; a sample is taken at every `steps_per_sample`-th.

    Parameters
    ----------
    states : structured array of shape (1,), STATE
        The patient.
    n_steps, steps_per_sample : int
        How far to go, and how many steps make a sample.
    flow, pressure, lung : array of shape (n,), float64
        Where samples are written: flow at the mask in L/s, mask pressure in cmH2O, flow into the lung in L/s.
    filled : int
        Position of the next sample in them.

    Returns
    -------
    filled : int
    """
    s = states[0]
    for _ in range(n_steps):
        _follow_goals(s)
        source = s.set + _probe(s)
        alveolar = s.elastance * s.volume - _muscles(s) - _heart(s)
        into_lung = through_airway(
            source, alveolar, s.critical, s.hose_resistance + s.upper_resistance, s.lower_resistance
        )
        # The compliance of mask and walls, by the backward difference, which is stable at any step.
        share = s.hose_resistance * s.mask_compliance / s.dt
        mask = (source - s.hose_resistance * into_lung + share * s.mask) / (1 + share)
        into_walls = s.mask_compliance * (mask - s.mask) / s.dt
        s.mask = mask
        if s.step % steps_per_sample == 0:
            flow[filled] = into_lung + into_walls + s.leak * sqrt(max(mask, 0.0))
            pressure[filled] = mask
            lung[filled] = into_lung
            filled += 1
        _note(s, into_lung)
        _watch(s, into_lung)
        s.volume += into_lung * s.dt
        s.co2 += (s.co2_production - s.co2 * max(into_lung, 0.0) * s.alveolar_share) * s.dt / s.co2_store
        s.step += 1
    return filled


@njit(cache=True)
def through_airway(source, alveolar, critical, upstream, downstream):
    """Flow into the lung through an airway that collapses where the pressure within is below the critical one.

    A Starling resistor: the lower end of a collapsed segment cannot pull, so that inspiration is driven by the pressure
    before it over the critical one, expiration by the alveolar pressure over the critical one.

    Parameters
    ----------
    source, alveolar, critical : float
        Pressures at both ends and around the segment, in cmH2O.
    upstream, downstream : float
        Resistances on the mask's and on the lung's side of the segment, in cmH2O s/L.

    Returns
    -------
    flow : float
        In L/s, positive into the lung.
    """
    flow = (source - alveolar) / (upstream + downstream)
    if flow >= 0.0:
        return min(flow, max(source - critical, 0.0) / upstream)
    return max(flow, -max(alveolar - critical, 0.0) / downstream)


@njit(cache=True)
def _follow_goals(s):
    """Let set pressure, critical pressure and leak go to where they were told to."""
    most = s.pressure_ramp * s.dt
    s.set += min(max(s.commanded - s.set, -most), most)
    s.critical += (s.critical_goal - s.critical) * (1 - exp(-s.dt / s.critical_time))
    s.leak += (s.leak_goal - s.leak) * (s.dt / s.leak_time)


@njit(cache=True)
def _muscles(s):
    """Pressure of the inspiratory muscles: a parabola that rises to the effort, then an exponential to zero."""
    if s.effort_cmh2o == 0.0:
        return 0.0
    t = (s.step - s.cycle_start) * s.dt
    whole = s.inspiration_s + s.expiration_s
    if t < s.inspiration_s:
        return s.effort_cmh2o * t * (whole - t) / (s.inspiration_s * s.expiration_s)
    if t >= whole:
        return 0.0
    rest = exp(-s.expiration_s / s.relaxation_s)
    return s.effort_cmh2o * (exp((s.inspiration_s - t) / s.relaxation_s) - rest) / (1 - rest)


@njit(cache=True)
def _heart(s):
    """Pressure of the heartbeat on the lung."""
    s.heart_phase = (s.heart_phase + s.heart_hz * s.dt) % 1.0
    return s.heart_cmh2o * sin(2 * pi * s.heart_phase)


@njit(cache=True)
def _probe(s):
    """The device's oscillation: on while flow has been quiet for some time."""
    most = s.dt / s.probe_ramp
    wanted = 1.0 if s.quiet > s.probe_after else 0.0
    s.probe_level += min(max(wanted - s.probe_level, -most), most)
    s.probe_phase = (s.probe_phase + s.probe_hz * s.dt) % 1.0
    return s.probe_cmh2o * s.probe_level * sin(2 * pi * s.probe_phase)


@njit(cache=True)
def _watch(s, into_lung):
    """What the device makes of the flow: its running peak, and for how long it has been quiet."""
    s.watched += (into_lung - s.watched) * s.dt / s.watch_time
    size = abs(s.watched)
    s.usual_peak = max(size, s.usual_peak * (1 - s.dt / s.watch_memory))
    s.quiet = s.quiet + s.dt if size < s.quiet_share * s.usual_peak else 0.0


@njit(cache=True)
def _note(s, into_lung):
    """Keep the cycle's inspiration: from the lung's lowest volume to its largest rise above it, and its peak flow.

    By volume, since the probe and the heart turn a weak inspiration's flow round several times, and its volume hardly.
    """
    if s.volume < s.lowest:
        s.lowest = s.volume
        s.lowest_at = s.step
        s.fastest = 0.0
    if into_lung > s.fastest:
        s.fastest = into_lung
        s.fastest_at = s.step
    if s.volume - s.lowest > s.inspired:
        s.inspired = s.volume - s.lowest
        s.onset = s.lowest_at
        s.end = s.step
        s.peak = s.fastest
        s.peak_at = s.fastest_at
