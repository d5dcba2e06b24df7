"""Baseline, amplitude and noise, out of the data alone."""

# njit hides the types of what it compiles; the caller in rooms.py is checked.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, type-arg"

from __future__ import annotations

import numpy as np

from .jit import inner


@inner
def set_levels(s):
    """Say which levels flow must pass: shares of the amplitude, which is lifted out of the noise."""
    s.scale = max(s.amplitude, s.noise_gain * s.noise)
    # Half of the amplitude at least: should breathing have become deeper for good, noise must not become breaths.
    shown = max(min(s.amplitude, max(s.typical, 0.5 * s.amplitude)), s.noise_gain * s.noise)
    s.upper = s.baseline + s.onset_fraction * shown
    s.lower = s.baseline + s.end_fraction * s.amplitude
    s.fall = min(s.hump_fraction, s.swing) * s.scale
    s.fell_to = s.baseline + s.dip_level * s.scale
    s.rise_again = s.dip_rise * s.scale
    s.swing_again = s.swing * s.scale


@inner
def set_baseline(s, level):
    """Begin anew from a level."""
    s.baseline = level
    s.drift = 0.0
    s.cycle_means[:] = level


@inner
def follow_baseline(s, mean):
    """Take a whole breath's mean flow: into the mean of several, and into how far that lags behind a drift."""
    most = s.drift_most * s.amplitude
    ahead = max(-most, min(most, mean - (s.baseline - s.drift)))
    s.drift += s.drift_gain * (ahead - s.drift)
    push(s.cycle_means, mean)
    if not leap(s):
        s.baseline = inner_mean(s.cycle_means) + s.drift


@inner
def leap(s):
    """Take the last few breaths' mean flow for the baseline where they agree that it is another: a leak changed."""
    lowest = s.cycle_means[-1]
    highest = s.cycle_means[-1]
    total = 0.0
    for k in range(s.leap_breaths):
        mean = s.cycle_means[len(s.cycle_means) - 1 - k]
        lowest = min(lowest, mean)
        highest = max(highest, mean)
        total += mean
    off = s.leap * s.amplitude
    is_off = lowest > s.baseline + off or highest < s.baseline - off
    agree = highest - lowest < 0.5 * off
    if is_off and agree:
        set_baseline(s, total / s.leap_breaths)
    return is_off and agree


@inner
def is_off_balance(s):
    """Tell whether, for longer than a breath takes, in and out have differed by more than a lung can."""
    balance = s.step * (s.cycle_sum - s.balance_sum - (s.steps - s.balance_began) * s.baseline)
    lasts = s.steps - s.phase_began > s.usual_length
    return lasts and abs(balance) > s.imbalance * middle_mean(s.volumes)


@inner
def begin_balance(s):
    """Begin a phase anew, and to weigh in against out anew from a baseline that was set."""
    s.phase_began = s.steps
    s.balance_began = s.steps
    s.balance_sum = s.cycle_sum


@inner
def pull_baseline(s):
    """Take the mean of the last, stuck seconds, fewer at a stretch's start, as the new baseline: a leak changed."""
    if s.former_steps == 0:
        s.former = s.baseline
    s.former_steps = 2 * s.stuck
    total = 0.0
    known = min(s.stuck, s.steps)
    for k in range(known):
        total += s.means[s.steps - 1 - k - s.gone]
    set_baseline(s, total / known)
    begin_balance(s)


@inner
def is_at_former(s):
    """Tell whether flow rests, for as long as an apnea's window, at the level from which the baseline was pulled."""
    total = 0.0
    for k in range(s.effort_window):
        total += abs(s.means[s.steps - 1 - k - s.gone] - s.former)
    return total < s.apnea_enter * s.effort_reference * s.effort_window


@inner
def return_to_former(s):
    """Undo a pull: no leak changed, but something held flow aside, and now it pauses."""
    s.former_steps = 0
    set_baseline(s, s.former)
    begin_balance(s)


@inner
def forget_amplitude(s):
    """Let the amplitude sink in a pause, so that weaker breathing is found, but not into the pause's own noise."""
    lasts = s.steps - s.cycle_began
    if lasts <= s.quiet:
        return
    if s.low_began > 0:
        follow_rest(s)
    # Breathing bends slowly, noise in every step.
    s.bend_sum += abs(s.smoothed - 2.0 * s.smoothed_before + s.levels[s.steps - 3 - s.gone])
    if lasts > s.hold:
        noise = s.bend_sum / (lasts - s.quiet)
        if s.amplitude > max(s.amplitude_floor, s.noise_multiple * noise / s.onset_fraction):
            for k in range(len(s.peaks)):
                s.peaks[k] *= s.decay
            s.amplitude *= s.decay


@inner
def follow_rest(s):
    """Let the baseline go with the flow of a long pause: what then flows, and is no breath, is the leak."""
    news = (s.smoothed - s.baseline) / s.stuck
    s.baseline += news
    for k in range(len(s.cycle_means)):
        s.cycle_means[k] += news


@inner
def follow_typical(s):
    """Let the typical amplitude go a step towards the last breath's: in the long run that is their median."""
    s.typical = s.typical * s.typical_step if s.peaks[-1] > s.typical else s.typical / s.typical_step
    s.typical = max(s.typical, s.minimum_amplitude)


@inner
def set_amplitude(s):
    s.amplitude = max(middle_mean(s.peaks), s.minimum_amplitude)
    s.amplitude_floor = max(s.floor_fraction * s.amplitude, s.minimum_amplitude)


@inner
def middle_mean(values):
    """Mean without the lowest and the highest: one disturbed breath does not move it."""
    lowest = values[0]
    highest = values[0]
    total = 0.0
    for value in values:
        lowest = min(lowest, value)
        highest = max(highest, value)
        total += value
    return (total - lowest - highest) / (len(values) - 2)


@inner
def inner_mean(values):
    """Mean without the two lowest and the two highest."""
    lowest = np.inf
    low = np.inf
    highest = -np.inf
    high = -np.inf
    total = 0.0
    for value in values:
        if value < low:
            lowest, low = min(lowest, value), max(lowest, value)
        if value > high:
            highest, high = max(highest, value), min(highest, value)
        total += value
    return (total - lowest - low - high - highest) / (len(values) - 4)


@inner
def push(values, value):
    """Append to the last few, of which the first is forgotten."""
    for k in range(len(values) - 1):
        values[k] = values[k + 1]
    values[len(values) - 1] = value
