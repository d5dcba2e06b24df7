"""Where a stretch of signal begins: baseline and amplitude out of the samples kept back."""

# njit hides the types of what it compiles; the caller in rooms.py is checked.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, type-arg"

from __future__ import annotations

import numpy as np

from .jit import inner
from .levels import set_amplitude, set_baseline, set_levels


@inner
def find_first_levels(s, buffer):
    """Find the first baseline and amplitude in the samples kept back."""
    ordered = s.ordered
    count = 0
    total = 0.0
    for i in range(s.buffered):
        value = np.float64(buffer[i])
        if np.isfinite(value):
            ordered[count] = buffer[i]
            count += 1
            total += value
    sort(ordered, count)
    low = np.float64(ordered[int(0.05 * (count - 1))])
    high = np.float64(ordered[int(0.95 * (count - 1))])
    held = int(s.pause_share * count)
    baseline = total / count
    narrowest = s.pause_band * (high - low)
    if held >= 2:
        for i in range(count - held):
            band = np.float64(ordered[i + held]) - np.float64(ordered[i])
            middle = 0.5 * (np.float64(ordered[i + held]) + np.float64(ordered[i]))
            # A flat top of an inspiration is narrow as well, but has little above it.
            if band < narrowest and low + 0.2 * (high - low) < middle < low + 0.7 * (high - low):
                narrowest = band
                baseline = middle
    amplitude = high - baseline
    set_baseline(s, baseline)
    s.peaks[:] = amplitude
    set_amplitude(s)
    s.typical = s.amplitude
    set_levels(s)
    total = 0.0
    for i in range(count):
        total += abs(np.float64(ordered[i]) - baseline)
    s.volumes[:] = 0.5 * total
    s.due = 0


@inner
def sort(values, count):
    """Put the first values in order by Shell's method, in place: numpy's sort takes numba half a minute to compile."""
    gap = count // 2
    while gap > 0:
        for i in range(gap, count):
            value = values[i]
            k = i
            while k >= gap and values[k - gap] > value:
                values[k] = values[k - gap]
                k -= gap
            values[k] = value
        gap //= 2
