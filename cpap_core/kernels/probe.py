"""The device's forced oscillation in an apnea: flow answers to its pressure where the airway is open.

In overlapping Hann windows F and P are the flow's and the pressure's components at the probe's frequency; the answer
is |F conj(P)| / |P|^2. The windows in which the probe is on take a vote: one sum over all of them is decided by the
weak breath with which many an obstructive apnea begins, when the airway is not closed yet.
"""

# njit hides the types of what it compiles; the caller in rooms.py is checked.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, type-arg"

from __future__ import annotations

import math

import numpy as np

from .jit import inner
from .rows import APNEA, CENTRAL, OBSTRUCTIVE


@inner
def begin_probe(s):
    """Begin with an event that may become an apnea."""
    interrupt_probe(s)
    s.probe_open = 0
    s.probe_closed = 0


@inner
def interrupt_probe(s):
    """Begin the windows anew where samples are missing, or a channel is; the vote goes on."""
    s.probe_samples = 0
    s.probe_windows[:] = 0.0


@inner
def measure_probe(s, flow, pressure, start, stop):
    """Take samples; missing ones make the windows begin anew."""
    for i in range(start, stop):
        f = np.float64(flow[i])
        p = np.float64(pressure[i])
        if not (np.isfinite(f) and np.isfinite(p)):
            interrupt_probe(s)
            continue
        n = s.probe_samples
        hann = 0.5 - 0.5 * math.cos(2.0 * math.pi * (n % s.probe_length) / s.probe_length)
        wave_real = math.cos(s.probe_turn * n)
        wave_imaginary = math.sin(s.probe_turn * n)
        s.probe_samples = n + 1
        _add(s.probe_windows[0], hann, f, p, wave_real, wave_imaginary)
        if s.probe_samples % s.probe_length == 0:
            _take_window(s, s.probe_windows[0])
        # The other window is half a length behind, where a Hann window has what this one lacks to 1.
        if n >= s.probe_length // 2:
            _add(s.probe_windows[1], 1.0 - hann, f, p, wave_real, wave_imaginary)
            if (s.probe_samples + s.probe_length // 2) % s.probe_length == 0:
                _take_window(s, s.probe_windows[1])


@inner
def kind_by_probe(s):
    """Obstructive or central by the airway's answer; of no type where the probe was not on."""
    if s.probe_open + s.probe_closed == 0:
        return APNEA
    return CENTRAL if s.probe_open > s.probe_closed else OBSTRUCTIVE


@inner
def _add(window, weight, f, p, wave_real, wave_imaginary):
    window[0] += weight * f * wave_real
    window[1] -= weight * f * wave_imaginary
    window[2] += weight * p * wave_real
    window[3] -= weight * p * wave_imaginary


@inner
def _take_window(s, window):
    power = window[2] * window[2] + window[3] * window[3]
    if power >= s.probe_least:
        cross_real = window[0] * window[2] + window[1] * window[3]
        cross_imaginary = window[1] * window[2] - window[0] * window[3]
        if math.hypot(cross_real, cross_imaginary) > s.open_airway * power:
            s.probe_open += 1
        else:
            s.probe_closed += 1
    window[:] = 0.0
