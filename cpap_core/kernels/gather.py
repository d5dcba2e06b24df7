"""Samples to steps: their means and maxima, and their moving average.

All of it is the same whatever is decided on the steps, so that it is done for many of them at once.
"""

# njit hides the types of what it compiles; the caller in rooms.py is checked.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, type-arg"

from __future__ import annotations

import numpy as np

from .jit import inner
from .rows import BLOCK, HISTORY, KEPT


@inner
def gather(s, flow, i, stop):
    """Fill a block of steps out of samples, until these end or have been missing for long; give the next sample."""
    if s.known - s.gone + BLOCK > KEPT:
        _forget(s)
    # At a stretch's start the moving average is of fewer steps.
    most = 1 if s.known < s.window else BLOCK
    count = 0
    if s.step_count == 0:
        count = _whole_steps(s, flow, i, min(most, (stop - i) // s.step))
        i += count * s.step
    if count == 0:
        i, count = _step_by_samples(s, flow, i, stop)
    if count > 0:
        _smooth(s, count)
        s.known += count
    return i


@inner
def _forget(s):
    """Keep the last steps only."""
    behind = s.known - s.gone - HISTORY
    for steps in (s.means, s.deviations, s.maxima, s.levels, s.efforts):
        last = steps[behind : behind + HISTORY]
        for k in range(HISTORY):
            steps[k] = last[k]
    missing = s.missing_then[behind : behind + HISTORY]
    for k in range(HISTORY):
        s.missing_then[k] = missing[k]
    s.gone += behind


@inner
def _whole_steps(s, flow, i, count):
    """Fill steps out of samples up to the first of which one is missing; nearly always all are there."""
    step = s.step
    place = s.known - s.gone
    means = s.means[place : place + count]
    deviations = s.deviations[place : place + count]
    maxima = s.maxima[place : place + count]
    samples = flow[i : i + count * step]
    if step == 2:
        _pair(samples, means, deviations, maxima)
    else:
        _group(samples, step, means, deviations, maxima)
    missing = 0
    for k in range(count):
        if means[k] - means[k] != 0.0:
            missing += 1
    if missing > 0:
        # Those before it are kept, or a missing sample would cost a block for each of its steps.
        count = 0
        while means[count] - means[count] == 0.0:
            count += 1
    missing_then = s.missing_then[place : place + count]
    for k in range(count):
        missing_then[k] = s.missing
    s.valid += count * step
    if count > 0:
        s.missing_run = 0
    return count


@inner
def _pair(samples, means, deviations, maxima):
    """Fill steps of two samples, as 25 Hz have: by instructions for several steps, 0.5 ns a sample, not 2.5."""
    for k in range(len(means)):
        first = np.float64(samples[2 * k])
        second = np.float64(samples[2 * k + 1])
        means[k] = (first + second) * 0.5
        deviations[k] = abs(first - second) * 0.5
        maxima[k] = max(first, second)


@inner
def _group(samples, step, means, deviations, maxima):
    """Fill steps of any number of samples."""
    share = 1.0 / step
    at = 0
    for k in range(len(means)):
        total = np.float64(samples[at])
        maximum = total
        for j in range(at + 1, at + step):
            value = np.float64(samples[j])
            total += value
            maximum = max(maximum, value)
        mean = total * share
        deviation = 0.0
        for j in range(at, at + step):
            deviation += abs(np.float64(samples[j]) - mean)
        at += step
        means[k] = mean
        deviations[k] = deviation * share
        maxima[k] = maximum


@inner
def _step_by_samples(s, flow, i, stop):
    """Fill one step out of samples of which some are missing."""
    while i < stop and s.missing_run < s.stretch_gap:
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
        s.step_samples[s.step_count] = flow[i - 1]
        s.step_count += 1
        if s.step_count == s.step:
            place = s.known - s.gone
            mean = s.step_sum * (1.0 / s.step)
            deviation = 0.0
            for k in range(s.step):
                deviation += abs(np.float64(s.step_samples[k]) - mean)
            s.means[place] = mean
            s.deviations[place] = deviation * (1.0 / s.step)
            s.maxima[place] = s.step_maximum
            s.missing_then[place] = s.missing
            s.step_count = 0
            s.step_sum = 0.0
            s.step_maximum = -np.inf
            return i, 1
    return i, 0


@inner
def _smooth(s, count):
    """Take the moving average, from the newest step to the oldest."""
    window = min(s.window, s.known + 1)
    place = s.known - s.gone
    # Slices, since only indices that cannot be negative let the compiler take several steps with one instruction.
    levels = s.levels[place : place + count]
    means = s.means[place : place + count]
    for k in range(count):
        levels[k] = means[k]
    for back in range(1, window):
        means = s.means[place - back : place - back + count]
        for k in range(count):
            levels[k] += means[k]
    share = 1.0 / window
    for k in range(count):
        levels[k] *= share
