"""Whole breaths, from onset to onset, and the breath-gap clock, from peak to peak."""

# njit hides the types of what it compiles; the caller in rooms.py is checked.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, type-arg"

from __future__ import annotations

from .events import write_closed, write_opened
from .jit import inner
from .levels import follow_baseline, middle_mean, push
from .rows import BREATH, BREATH_GAP, ONSET
from .sign import note_sign


@inner
def turn_cycle(s, onset, missing, rows, filled):
    """End the breath cycle before an onset and begin the next; whole cycles give the baseline."""
    if s.breathing:
        filled = complete_breath(s, onset, rows, filled)
        note_sign(s)
        steps = s.steps - s.cycle_began
        push(s.cycle_lengths, steps)
        s.usual_length = middle_mean(s.cycle_lengths)
        push(s.volumes, 0.5 * s.step * s.cycle_absolute)
        push(s.cycle_sums, s.step * s.cycle_sum)
        push(s.cycle_counts, s.step * steps)
        s.cycles += 1
        follow_baseline(s, s.cycle_sum / steps)
    s.breathing = 1
    s.breaths += 1
    push(s.onsets, onset)
    s.onset = onset
    s.onset_at = s.stretch_first + onset + missing
    s.cycle_began = s.steps
    s.cycle_sum = 0.0
    s.cycle_absolute = 0.0
    s.balance_began = s.steps
    s.balance_sum = 0.0
    s.bend_sum = 0.0
    rows[filled, 0] = ONSET
    rows[filled, 1] = s.onset_at
    rows[filled, 2] = s.now
    return filled + 1


@inner
def complete_breath(s, end, rows, filled):
    rows[filled, 0] = BREATH
    rows[filled, 1] = s.onset_at
    rows[filled, 2] = s.peak_at
    rows[filled, 3] = s.inspiration_end - s.onset
    rows[filled, 4] = end - s.inspiration_end
    rows[filled, 5] = 0.5 * s.step * s.cycle_absolute
    rows[filled, 6] = s.raw_maximum - s.baseline
    rows[filled, 7] = s.step * s.cycle_sum
    rows[filled, 8] = s.step * (s.steps - s.cycle_began)
    rows[filled, 9] = s.flattening
    return filled + 1


@inner
def set_peak(s, peak, rows, filled):
    """Start the breath-gap clock again at an inspiratory peak, which closes a gap."""
    s.peak_at = s.stretch_first + peak + s.top_missing
    if s.armed:
        if not s.gap_open and peak - s.last_peak > s.breath_gap:
            filled = open_gap(s, rows, filled)
        if s.gap_open:
            filled = close_gap(s, peak, rows, filled)
    s.armed = 1
    s.last_peak = peak
    s.last_peak_at = s.peak_at
    return filled


@inner
def open_gap(s, rows, filled):
    s.gap_open = 1
    s.gaps += 1
    s.gap_certain_at = s.now
    return write_opened(BREATH_GAP, s.gaps - 1, s.last_peak_at, s.gap_certain_at, rows, filled)


@inner
def close_gap(s, end, rows, filled):
    s.gap_open = 0
    duration = end - s.last_peak
    return write_closed(BREATH_GAP, s.gaps - 1, s.last_peak_at, s.gap_certain_at, duration, rows, filled)
