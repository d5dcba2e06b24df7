"""The slow mean of airway pressure, by groups of samples: it hardly changes within a third of a second."""

# njit hides the types of what it compiles; the caller in rooms.py is checked.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, type-arg"

from __future__ import annotations

import numpy as np

from .jit import inner


@inner
def average_pressure(s, pressure, start, stop):
    """Take samples into the mean; it is forgotten where so many are missing that a stretch of signal would end."""
    group = s.pressure_group
    i = start
    while i < stop:
        if s.pressure_left == group and i + group <= stop:
            total = np.float64(pressure[i])
            for k in range(i + 1, i + group):
                total += np.float64(pressure[k])
            if total - total == 0.0:
                i += group
                _take_mean(s, total / group)
                s.pressure_missing = 0
                continue
        value = np.float64(pressure[i])
        i += 1
        if np.isfinite(value):
            s.pressure_sum += value
            s.pressure_count += 1
            s.pressure_missing = 0
        elif s.pressure_missing < s.stretch_gap:
            s.pressure_missing += 1
            if s.pressure_missing == s.stretch_gap:
                s.pressure = np.nan
        s.pressure_left -= 1
        if s.pressure_left == 0:
            _end_group(s)


@inner
def miss_pressure(s, count):
    """Take samples that have no pressure."""
    s.pressure_missing = min(s.pressure_missing + count, s.stretch_gap)
    if s.pressure_missing == s.stretch_gap:
        s.pressure = np.nan
    if count >= s.pressure_left:
        count -= s.pressure_left
        _end_group(s)
    s.pressure_left -= count % s.pressure_group


@inner
def _end_group(s):
    if s.pressure_count > 0 and s.pressure_missing < s.stretch_gap:
        _take_mean(s, s.pressure_sum / s.pressure_count)
    s.pressure_sum = 0.0
    s.pressure_count = 0
    s.pressure_left = s.pressure_group


@inner
def _take_mean(s, value):
    if np.isnan(s.pressure):
        s.pressure = value
    else:
        s.pressure += s.pressure_gain * (value - s.pressure)
