"""The phases of a breath: inspirations begin, peak and end, and humps rise and fall within an expiration.

A breath is found in one of three ways: flow rises well above the baseline (`begin_breath`), it rises again in an
inspiration that all but ended (`follow_inspiration`), or it rises and falls again within an expiration
(`follow_hump`).
"""

# njit hides the types of what it compiles; the caller in rooms.py is checked.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, type-arg"

from __future__ import annotations

import numpy as np

from .cycles import set_peak, turn_cycle
from .flattening import flattening
from .jit import inner
from .levels import follow_typical, pull_baseline, push, set_amplitude
from .places import position_of
from .scoring import weigh_breath


@inner
def follow_inspiration(s, position, missing, rows, filled):
    """Find the top and the end of an inspiration, or where another one begins before it came down."""
    if s.smoothed < s.dip:
        set_dip(s)
    rise = s.dip + s.rise_again
    # The onset itself may have moved the baseline, so the top must lie above the present level for a dip to be a fall.
    fell = s.dip < s.fell_to < s.top
    again = fell and s.smoothed > rise and position - s.onset >= s.refractory
    swung = min(s.top, s.smoothed) > s.dip + s.swing_again
    if swung or again:
        s.inspiration_end = position_of(s, s.dip_step)
        s.raw_maximum = s.dip_maximum
        if swung and not fell:
            pull_baseline(s)
        filled = end_inspiration(s, rows, filled)
        return begin_breath(s, rise, position, missing, rows, filled)
    if s.smoothed > s.top:
        set_top(s, position, missing)
        set_dip(s)
    s.raw_maximum = s.maximum
    if s.smoothed < s.lower:
        s.inspiration_end = position
        return end_inspiration(s, rows, filled)
    if s.steps - s.phase_began > s.stuck:
        pull_baseline(s)
        if s.top - s.dip > s.hump_fraction * s.scale:
            s.inspiration_end = position
            return end_inspiration(s, rows, filled)
        _await_peak(s)
    return filled


@inner
def _await_peak(s):
    """Leave an inspiration that was none: a leak grew, and the breath's own peak is still to come."""
    s.inspiring = 0
    s.unpeaked = 1
    s.raw_maximum = s.maximum
    s.rising = 0
    s.trough = s.smoothed


@inner
def peak_at_end(s, end):
    """Take the end of the signal for the peak that never came."""
    set_top(s, end, s.missing - s.missing_run)


@inner
def set_top(s, position, missing):
    """Note the highest place."""
    s.top = s.smoothed
    s.top_step = s.steps
    s.top_position = position
    s.top_missing = missing


@inner
def set_dip(s):
    """Note the lowest place since the top."""
    s.dip = s.smoothed
    s.dip_step = s.steps
    s.dip_maximum = s.maximum


@inner
def begin_breath(s, level, position, missing, rows, filled):
    """Confirm an onset where flow rose above the level, which completes the breath before it."""
    onset = position
    if s.smoothed_before < level:
        back = s.step * (s.smoothed - level) / (s.smoothed - s.smoothed_before)
        onset = max(s.inspiration_end, onset - back)
    filled = _begin_cycle(s, onset, missing, rows, filled)
    s.inspiring = 1
    s.phase_began = s.steps
    s.maximum = s.maxima[s.steps - 1 - s.gone]
    set_top(s, position, missing)
    set_dip(s)
    if s.smoothed < s.baseline:  # The onset itself has moved that: the inspiration is still to come.
        _await_peak(s)
    return filled


@inner
def _begin_cycle(s, onset, missing, rows, filled):
    """Begin a breath, unless the one before has no peak yet: then this is its inspiration."""
    if s.unpeaked:
        s.unpeaked = 0
        return filled
    return turn_cycle(s, onset, missing, rows, filled)


@inner
def end_inspiration(s, rows, filled):
    """Make the inspiration's peak final."""
    peak = s.top_position
    place = s.top_step - 1 - s.gone
    before = s.levels[place - 1] if s.top_step > 1 else s.top
    after = s.levels[place + 1] if s.top_step < s.steps else before
    bend = before - 2.0 * s.top + after
    if bend < 0.0:
        peak = max(s.onset, peak + s.step * max(-0.5, min(0.5, 0.5 * (before - after) / bend)))
    s.flattening = flattening(s)
    s.inspiring = 0
    s.unpeaked = 0
    s.rising = 0
    s.trough = s.smoothed
    s.phase_began = s.steps
    push(s.peaks, s.top - s.baseline)
    set_amplitude(s)
    follow_typical(s)
    filled = set_peak(s, peak, rows, filled)
    return weigh_breath(s, s.peaks[-1], rows, filled)


@inner
def follow_hump(s, position, missing, rows, filled):
    """Find a weak breath: flow that rises and falls within one expiration and reaches the baseline between."""
    if not s.rising:
        s.trough = min(s.trough, s.smoothed)
        if s.smoothed > s.trough + s.hump_fraction * s.scale:
            s.rising = 1
            s.rise = position
            s.rise_missing = missing
            s.maximum = s.maxima[s.steps - 1 - s.gone]
            set_top(s, position, missing)
        return filled
    if s.smoothed > s.top:
        set_top(s, position, missing)
    low = s.top < s.baseline + s.hump_level * s.amplitude
    swings = low and s.top - s.trough > s.swing * s.scale
    if s.smoothed > s.top - (s.swing if swings else s.hump_fraction) * s.scale:
        return filled
    s.rising = 0
    s.trough = s.smoothed
    lasted = position - s.rise
    if not s.armed or s.rise - s.onset < s.refractory or lasted > s.longest_hump:
        return filled
    if low and not swings:
        return filled
    # A gap that was declared certain stays so.
    if s.gap_open and s.top_position - s.last_peak <= s.breath_gap:
        return filled
    filled = _begin_cycle(s, s.rise, s.rise_missing, rows, filled)
    s.inspiration_end = position
    s.raw_maximum = s.maximum
    s.flattening = np.nan
    if low:
        pull_baseline(s)
    filled = set_peak(s, s.top_position, rows, filled)
    return weigh_breath(s, s.top - s.baseline, rows, filled)
