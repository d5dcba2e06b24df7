"""One step of 0.08 s: the smoothed flow, and what is decided on it."""

# njit hides the types of what it compiles; the caller in rooms.py is checked.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, type-arg"

from __future__ import annotations

import numpy as np

from .cycles import open_gap
from .jit import hot
from .levels import forget_amplitude, is_at_former, is_off_balance, measure_noise, pull_baseline, return_to_former
from .phases import begin_breath, follow_hump, follow_inspiration
from .scoring import follow_effort, look_again
from .sign import follow_slope


@hot
def take_step(s, rows, filled):
    """Close the step that is full, and decide."""
    now = s.steps % len(s.means)
    s.means[now] = s.step_sum / s.step_count
    s.missing_then[now] = s.missing
    s.steps += 1
    s.cycle_sum += s.step_sum
    s.cycle_absolute += s.step_absolute
    s.cycle_count += s.step_count
    window = min(s.window, s.steps)
    total = 0.0
    for k in range(window):
        total += s.means[(s.steps - 1 - k) % len(s.means)]
    before = s.smoothed
    s.smoothed = total / window
    if s.steps == 1:
        before = s.smoothed
        s.smoothed_before = s.smoothed
        s.smoothed_third = s.smoothed
        s.smoothed_fourth = s.smoothed
        s.noise = 0.0
    position = s.valid - 0.5 * (window * s.step + 1)
    missing = s.missing_then[(s.steps - 1 - window // 2) % len(s.means)]
    s.phase_steps += 1
    s.cycle_steps += 1
    measure_noise(s, before)
    above = s.smoothed - s.baseline
    if s.inspiring:
        s.balance += above * s.step
        filled = follow_inspiration(s, above, before, position, missing, rows, filled)
    elif above > s.onset_level and not (s.breathing and position - s.onset < s.refractory):
        filled = begin_breath(s, s.baseline + s.onset_level, before, position, missing, rows, filled)
    else:
        s.balance += above * s.step
        filled = follow_hump(s, position, missing, rows, filled)
        if s.phase_steps > s.stuck and is_off_balance(s):
            pull_baseline(s)
        forget_amplitude(s, before)
    if s.armed and not s.gap_open:
        # The earliest place where a peak that is not final yet may turn out to be.
        earliest = (s.top_position if s.inspiring else position + s.step) - 0.5 * s.step
        if min(earliest, s.valid - 1) - s.last_peak > s.breath_gap:
            filled = open_gap(s, rows, filled)
    follow_slope(s, before)
    if s.former_steps > 0:
        s.former_steps -= 1
        if s.low_steps == 0 and is_at_former(s):
            return_to_former(s)
            look_again(s)
    filled = follow_effort(s, position, missing, rows, filled)
    s.smoothed_before = before
    s.step_count = 0
    s.step_sum = 0.0
    s.step_absolute = 0.0
    s.step_maximum = -np.inf
    return filled
