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
    pull_baseline,
    return_to_former,
    set_levels,
)
from .phases import begin_breath, follow_hump, follow_inspiration
from .places import missing_at, position_of
from .probe import measure_probe
from .scoring import follow_effort, is_awaiting, is_probed, learn_effort, look_again, low_due, watch_effort

BENDS_FROM = 4
"""Steps before the first of which the fourth difference is known."""


@inner
def follow(s, flow, pressure, first, stop, rows, filled):
    """Take the steps that were filled, the last of them by the sample before `stop`.

    `first` is the first sample that was not looked at for the probe; the next such one is given back.
    """
    while s.steps < s.known:
        doze(s)
        if len(pressure) > 0:
            end = stop - (s.known - s.steps) * s.step
            if is_probed(s, s.steps):
                measure_probe(s, flow, pressure, first, end)
            first = end
        if s.steps == s.learn_due or s.effort_sum < s.least_effort:
            learn(s)
            # The step was measured against levels that this has moved, those of noise included.
            s.awake = True
        if s.awake:
            filled = decide(s, rows, filled)
    return first, filled


@inner
def doze(s):
    """Measure steps until one has to be decided on or learned from, or all are measured."""
    count = min(s.known - s.steps, s.learn_due - s.steps, max(1, s.due - s.steps))
    place = s.steps - s.gone
    means = s.means[place : place + count]
    deviations = s.deviations[place : place + count]
    maxima = s.maxima[place : place + count]
    levels = s.levels[place : place + count]
    efforts = s.efforts[place : place + count]
    window = s.effort_window
    efforts_before = s.efforts[place - window : place - window + count]
    at = s.effort_at
    baseline = s.baseline
    cycle_sum = s.cycle_sum
    cycle_absolute = s.cycle_absolute
    effort_sum = s.effort_sum
    turn_sum = s.turn_sum
    least = s.least_effort
    most = s.most_effort
    inspiring = s.inspiring
    rising = s.rising
    upper = s.upper
    lower = s.lower
    fall = s.fall
    fell_to = s.fell_to
    rise_again = s.rise_again
    swing_again = s.swing_again
    maximum = s.maximum
    top = s.top
    top_at = -1
    dip = s.dip
    dip_at = -1
    dip_maximum = s.dip_maximum
    trough = s.trough
    awake = False
    taken = count
    for k in range(count):
        level = levels[k]
        mean = means[k]
        maximum = max(maximum, maxima[k])
        cycle_sum += mean
        # Of its samples, not of their mean: exact for two of them, and nearly so for more.
        cycle_absolute += max(abs(mean - baseline), deviations[k])
        effort = abs(level - baseline)
        efforts[k] = effort
        effort_sum += effort - efforts_before[k]
        turn_sum += effort
        at += 1
        if at == window:
            # Once in a turn anew, or what a single huge value rounded away would be missed for good.
            effort_sum = turn_sum
            turn_sum = 0.0
            at = 0
        awake = effort_sum < least or effort_sum > most
        if inspiring:
            awake = awake or level < lower or level > dip + swing_again or (dip < fell_to and level > dip + rise_again)
            if not awake:
                if level > top:
                    top = level
                    top_at = k
                    dip = level
                    dip_at = k
                    dip_maximum = maximum
                elif level < dip:
                    dip = level
                    dip_at = k
                    dip_maximum = maximum
        elif rising:
            # Of what this step may make the top: where flow is huge, a fall from it is rounded away.
            awake = awake or level > upper or level <= max(top, level) - fall
            if level > top and not awake:
                top = level
                top_at = k
        else:
            awake = awake or level > upper or level > trough + fall
            if not awake:
                trough = min(trough, level)
        if awake:
            taken = k + 1
            break
    if top_at >= 0:
        s.top = top
        s.top_step = s.steps + top_at + 1
        s.top_position = position_of(s, s.top_step)
        s.top_missing = missing_at(s, s.top_step)
    if dip_at >= 0:
        s.dip = dip
        s.dip_step = s.steps + dip_at + 1
        s.dip_maximum = dip_maximum
    s.steps += taken
    s.awake = awake or s.steps >= s.due
    s.cycle_sum = cycle_sum
    s.cycle_absolute = cycle_absolute
    s.effort_sum = effort_sum
    s.effort_at = at
    s.turn_sum = turn_sum
    s.maximum = maximum
    s.trough = trough


@inner
def learn(s):
    """Take the last steps, of which every other is enough, into the long means: noise, slope, and effort to breathe."""
    known = s.steps - max(s.learned, BENDS_FROM)
    s.learned = s.steps
    # Soon at first, or noise would be taken for breaths.
    s.learn_due = s.steps + min(s.learn_steps, max(1, s.steps // 2))
    if known <= 0:
        return
    place = s.steps - s.gone - known
    now = s.levels[place : place + known]
    one = s.levels[place - 1 : place - 1 + known]
    two = s.levels[place - 2 : place - 2 + known]
    three = s.levels[place - 3 : place - 3 + known]
    four = s.levels[place - 4 : place - 4 + known]
    breathing = s.efforts[place : place + known]
    most = s.amplitude
    most_effort = s.reference_clip * s.effort_reference
    noise = 0.0
    squares = 0.0
    cubes = 0.0
    efforts = 0.0
    for k in range(0, known, 2):
        # At most the amplitude, or a single glitch would silence minutes, and decide for minutes about flow's sign.
        noise += min(most, abs(now[k] - 4.0 * one[k] + 6.0 * two[k] - 4.0 * three[k] + four[k]))
        slope = max(-most, min(most, now[k] - one[k]))
        square = slope * slope
        squares += square
        cubes += square * slope
        efforts += min(most_effort, breathing[k])
    share = 1.0 / ((known + 1) // 2)
    s.noise += (noise * share - s.noise) * known / min(s.steps, s.hold)
    s.slope_square += (squares * share - s.slope_square) * known / s.slope_memory
    s.slope_cube += (cubes * share - s.slope_cube) * known / s.slope_memory
    set_levels(s)
    learn_effort(s, efforts * share, known)


@inner
def decide(s, rows, filled):
    """Decide on the newest step; where nothing happens in it, nothing is changed."""
    position = position_of(s, s.steps)
    missing = missing_at(s, s.steps)
    place = s.steps - 1 - s.gone
    s.smoothed = s.levels[place]
    s.smoothed_before = s.levels[place - 1] if s.steps > 1 else s.smoothed
    s.now = s.stretch_first + s.steps * s.step + s.missing_then[place] - 1.0
    if s.inspiring:
        filled = follow_inspiration(s, position, missing, rows, filled)
    elif s.smoothed > s.upper and not (s.breathing and position - s.onset < s.refractory):
        filled = begin_breath(s, s.upper, position, missing, rows, filled)
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
    """Say what to wait for: levels that flow must pass, and the next step that is due anyway."""
    set_levels(s)
    watch_effort(s)
    if s.former_steps > 0 or is_awaiting(s):
        s.due = s.steps + 1
        return
    s.due = low_due(s)
    if s.armed and not s.gap_open:
        reach = s.last_peak + s.breath_gap + 0.5 * (min(s.window, s.steps) * s.step + 1 - s.step)
        s.due = min(s.due, np.int64(reach / s.step))
    if s.inspiring:
        s.due = min(s.due, s.phase_began + s.stuck + 1)
    else:
        length = max(s.stuck, np.int64(s.usual_length))
        s.due = min(s.due, s.phase_began + length + 1, s.cycle_began + s.quiet + 1)
