"""Steps of 0.08 s: what is measured in each, and which of them have to be decided on.

Most steps change nothing: flow goes on up or down. They are measured (`doze`) with everything in the processor's own
registers, until one passes a level or its time has come; that one is decided on (`decide`), which says what to wait
for next.
"""

# njit hides the types of what it compiles; the caller in rooms.py is checked.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, type-arg"

from __future__ import annotations

import numpy as np

from .cycles import open_gap
from .jit import inner
from .levels import (
    forget_amplitude,
    is_at_former,
    is_off_balance,
    lift_levels,
    middle_mean,
    pull_baseline,
    return_to_former,
)
from .phases import begin_breath, follow_hump, follow_inspiration
from .places import missing_at, position_of
from .probe import measure_probe
from .rows import BEFORE, BENDS, ENDS, LEVELS, MAXIMA, MEANS, SLOPES
from .scoring import follow_effort, is_awaiting, is_probed, learn_effort, look_again, low_due, watch_effort


@inner
def follow(s, flow, pressure, first, block, count, rows, filled):
    """Take all steps of a block; `first` is the first sample that was not looked at for the probe."""
    k = 0
    while k < count:
        k = doze(s, block, k, count)
        end = np.int64(block[ENDS, BEFORE + k - 1])
        if len(pressure) > 0 and is_probed(s, s.steps):
            measure_probe(s, flow, pressure, first, end)
        first = end
        if s.awake:
            filled = decide(s, rows, filled)
    return filled


@inner
def doze(s, block, k, count):
    """Measure steps from one on, until one has to be decided on; give the next one."""
    means = block[MEANS, BEFORE:]
    maxima = block[MAXIMA, BEFORE:]
    levels = block[LEVELS, BEFORE:]
    efforts = s.efforts
    window = s.effort_window
    step = s.steps
    at = s.effort_at
    due = s.due
    baseline = s.baseline
    cycle_sum = s.cycle_sum
    cycle_absolute = s.cycle_absolute
    effort_sum = s.effort_sum
    least = s.least_effort
    most = s.most_effort
    low_sum = s.low_sum
    turn_sum = s.turn_sum
    effort = 0.0
    inspiring = s.inspiring
    rising = s.rising
    upper = s.upper
    lower = s.lower
    fall = s.fall
    maximum = s.maximum
    top = s.top
    top_step = s.top_step
    dip = s.dip
    dip_step = s.dip_step
    dip_maximum = s.dip_maximum
    trough = s.trough
    level = s.smoothed
    awake = False
    while k < count and not awake:
        stop = min(count, k + s.learn_at - step)
        while k < stop and not awake:
            level = levels[k]
            mean = means[k]
            maximum = max(maximum, maxima[k])
            k += 1
            step += 1
            cycle_sum += mean
            cycle_absolute += abs(mean - baseline)
            effort = abs(level - baseline)
            effort_sum += effort - efforts[at]
            turn_sum += effort
            efforts[at] = effort
            at += 1
            if at == window:
                # Once in a turn anew, or what a single huge value rounded away would be missed for good.
                effort_sum = turn_sum
                turn_sum = 0.0
                at = 0
            low_sum += effort_sum
            awake = step >= due or effort_sum < least or effort_sum > most
            if inspiring:
                awake = awake or level < lower or level > dip + fall
                if not awake:
                    if level > top:
                        top = level
                        top_step = step
                        dip = level
                        dip_step = step
                        dip_maximum = maximum
                    elif level < dip:
                        dip = level
                        dip_step = step
                        dip_maximum = maximum
            elif rising:
                awake = awake or level > upper or level <= top - fall
                if level > top and not awake:
                    top = level
                    top_step = step
            else:
                awake = awake or level > upper or level > trough + fall
                if not awake:
                    trough = min(trough, level)
        if step == s.learn_at:
            s.effort_sum = effort_sum
            learn(s, step, effort, block[SLOPES, BEFORE + k - 1], block[BENDS, BEFORE + k - 1])
            least = s.least_effort
            most = s.most_effort
            awake = awake or effort_sum < least or effort_sum > most
    s.cycle_sum = cycle_sum
    s.cycle_absolute = cycle_absolute
    s.effort_sum = effort_sum
    s.effort_at = at
    s.turn_sum = turn_sum
    s.low_sum = low_sum
    s.maximum = maximum
    s.top = top
    s.dip = dip
    s.dip_step = dip_step
    s.dip_maximum = dip_maximum
    s.trough = trough
    s.steps = step
    s.awake = awake
    s.smoothed = level
    s.smoothed_before = block[LEVELS, BEFORE + k - 2]
    s.smoothed_third = block[LEVELS, BEFORE + k - 3]
    s.newest_maximum = maxima[k - 1]
    if top_step != s.top_step:
        s.top_step = top_step
        s.top_position = position_of(s, top_step)
        s.top_missing = missing_at(s, top_step)
    return k


@inner
def learn(s, step, effort, slope, bend):
    """Take a step into the long means: noise, flow's sign, and the usual effort to breathe."""
    s.learn_at = step + s.learn_steps
    s.learned += 1
    # At most the amplitude, or a single glitch would silence minutes, and decide for minutes about flow's sign.
    s.noise += (min(bend, s.amplitude) - s.noise) * max(s.noise_share, 1.0 / s.learned)
    slope = max(-s.amplitude, min(s.amplitude, slope))
    square = slope * slope
    s.slope_square += s.slope_gain * (square - s.slope_square)
    s.slope_cube += s.slope_gain * (square * slope - s.slope_cube)
    learn_effort(s, step, effort)


@inner
def decide(s, rows, filled):
    """Decide on the newest step; where nothing happens in it, nothing is changed."""
    position = position_of(s, s.steps)
    missing = missing_at(s, s.steps)
    s.now = s.stretch_first + s.steps * s.step + s.missing_then[(s.steps - 1) % len(s.missing_then)] - 1.0
    lift_levels(s)
    if s.inspiring:
        filled = follow_inspiration(s, position, missing, rows, filled)
    elif s.smoothed > s.baseline + s.onset_level:
        filled = begin_breath(s, s.baseline + s.onset_level, position, missing, rows, filled)
    else:
        filled = follow_hump(s, position, missing, rows, filled)
        if s.steps - s.phase_began > s.stuck and is_off_balance(s):
            pull_baseline(s)
        forget_amplitude(s)
    if s.armed and not s.gap_open:
        # The earliest place where a peak that is not final yet may turn out to be.
        earliest = (s.top_position if s.inspiring else position + s.step) - 0.5 * s.step
        if min(earliest, s.steps * s.step - 1) - s.last_peak > s.breath_gap:
            filled = open_gap(s, rows, filled)
    if s.former_steps > 0:
        s.former_steps -= 1
        if not s.low_began and is_at_former(s):
            return_to_former(s)
            look_again(s)
    filled = follow_effort(s, position, missing, rows, filled)
    _set_watch(s)
    return filled


@inner
def _set_watch(s):
    """Say what to wait for: levels that flow must pass, without the noise that may lift them, and the next step due."""
    s.upper = s.baseline + s.onset_fraction * min(s.amplitude, max(s.typical, 0.5 * s.amplitude))
    s.lower = s.baseline + s.end_fraction * s.amplitude
    s.fall = min(s.hump_fraction, s.swing) * s.amplitude
    watch_effort(s)
    if s.former_steps > 0 or is_awaiting(s):
        s.due = s.steps + 1
        return
    s.due = low_due(s)
    if s.armed and not s.gap_open:
        reach = s.last_peak + s.breath_gap + 0.5 * (s.window * s.step + 1 - s.step)
        s.due = min(s.due, np.int64(reach / s.step))
    if s.inspiring:
        s.due = min(s.due, s.phase_began + s.stuck + 1)
    else:
        length = max(s.stuck, np.int64(middle_mean(s.cycle_lengths)))
        s.due = min(s.due, s.phase_began + length + 1, s.cycle_began + s.quiet + 1)
