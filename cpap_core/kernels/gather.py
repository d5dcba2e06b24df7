"""Samples to steps: means, and what of their sequence needs no decision, many steps at a time.

All of it is the same whatever the baseline is, so that it runs ahead of the decisions and the processor can take
several steps with one instruction.
"""

# njit hides the types of what it compiles; the caller in rooms.py is checked.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, type-arg"

from __future__ import annotations

import numpy as np

from .jit import inner
from .rows import BEFORE, BENDS, BLOCK, ENDS, KEPT, LEVELS, MAXIMA, MEANS, SLOPES


@inner
def gather(s, flow, i, stop, block):
    """Fill steps out of samples until the block is full, the samples end, or the signal has been missing for long.

    Returns
    -------
    i, count : int
        The next sample, and how many steps the block has.
    """
    count = 0
    # At a stretch's start the moving average is of fewer steps.
    most = 1 if s.steps < s.window else BLOCK
    if s.step_count == 0:
        count = _whole_steps(s, flow, i, min(most, (stop - i) // s.step), block)
        i += count * s.step
    if count == 0:
        i, count = _step_by_samples(s, flow, i, stop, block)
    if count > 0:
        _look_at(s, block, count)
    return i, count


@inner
def _whole_steps(s, flow, i, count, block):
    """Fill steps out of samples that are all there, as they nearly always are; none where one is missing."""
    step = s.step
    means = block[MEANS, BEFORE : BEFORE + count]
    maxima = block[MAXIMA, BEFORE : BEFORE + count]
    ends = block[ENDS, BEFORE : BEFORE + count]
    check = 0.0
    for k in range(count):
        total = np.float64(flow[i])
        maximum = total
        for j in range(i + 1, i + step):
            value = np.float64(flow[j])
            total += value
            maximum = max(maximum, value)
        i += step
        check += total
        means[k] = total / step
        maxima[k] = maximum
        ends[k] = i
    if check - check != 0.0:
        return 0
    s.valid += count * step
    if count > 0:
        s.missing_run = 0
    return count


@inner
def _step_by_samples(s, flow, i, stop, block):
    """Fill one step out of samples of which some are missing."""
    count = 0
    while i < stop and count == 0 and s.missing_run < s.stretch_gap:
        value = np.float64(flow[i])
        i += 1
        if not np.isfinite(value):
            s.missing += 1
            s.missing_run += 1
            continue
        s.missing_run = 0
        s.valid += 1
        s.step_sum += value
        s.step_maximum = max(s.step_maximum, value)
        s.step_count += 1
        if s.step_count == s.step:
            block[MEANS, BEFORE] = s.step_sum / s.step
            block[MAXIMA, BEFORE] = s.step_maximum
            block[ENDS, BEFORE] = i
            count = 1
            s.step_count = 0
            s.step_sum = 0.0
            s.step_maximum = -np.inf
    return i, count


@inner
def _look_at(s, block, count):
    """Keep the steps, smooth them, and take their differences."""
    window = min(s.window, s.steps + 1)
    means = block[MEANS, BEFORE : BEFORE + count]
    levels = block[LEVELS]
    for k in range(count):
        s.means[(s.steps + k) & KEPT] = means[k]
        s.missing_then[(s.steps + k) & KEPT] = s.missing
    for k in range(BEFORE):
        levels[k] = s.levels[k]
    # Slices, since only indices that cannot be negative let the compiler take several steps with one instruction.
    now = levels[BEFORE : BEFORE + count]
    for k in range(count):
        now[k] = means[k]
    for back in range(1, window):
        for k in range(min(back, count)):
            now[k] += s.means[(s.steps + k - back) & KEPT]
        later = now[back:]
        for k in range(len(later)):
            later[k] += means[k]
    for k in range(count):
        now[k] /= window
    if s.steps == 0:
        for k in range(BEFORE):
            levels[k] = levels[BEFORE]
    one = levels[BEFORE - 1 : BEFORE - 1 + count]
    two = levels[BEFORE - 2 : BEFORE - 2 + count]
    three = levels[BEFORE - 3 : BEFORE - 3 + count]
    four = levels[BEFORE - 4 : BEFORE - 4 + count]
    slopes = block[SLOPES, BEFORE : BEFORE + count]
    bends = block[BENDS, BEFORE : BEFORE + count]
    for k in range(count):
        slopes[k] = now[k] - one[k]
        bends[k] = abs(now[k] - 4.0 * one[k] + 6.0 * two[k] - 4.0 * three[k] + four[k])
    for k in range(BEFORE):
        s.levels[k] = levels[count + k]
