"""Whole breaths, from onset to onset, and the breath-gap clock, from peak to peak."""

# njit hides the types of what it compiles; the callers in detector.py are checked.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, type-arg"

from __future__ import annotations

from .jit import inner
from .levels import middle_mean
from .rows import BREATH, GAP_CLOSED, GAP_OPENED, ONSET
from .sign import note_sign


@inner
def turn_cycle(s, onset, missing, rows, filled):
    """End the breath cycle before an onset and begin the next; whole cycles give the baseline."""
    if s.breathing:
        filled = complete_breath(s, onset, rows, filled)
        note_sign(s)
        s.cycle_means[:-1] = s.cycle_means[1:]
        s.cycle_means[-1] = s.cycle_sum / s.cycle_count
        s.cycle_lengths[:-1] = s.cycle_lengths[1:]
        s.cycle_lengths[-1] = s.cycle_steps
        s.volumes[:-1] = s.volumes[1:]
        s.volumes[-1] = 0.5 * s.cycle_absolute
        s.baseline = middle_mean(s.cycle_means)
    s.breathing = 1
    s.balance = 0.0
    s.onset = onset
    s.onset_at = s.stretch_first + onset + missing
    s.cycle_steps = 0
    s.cycle_sum = 0.0
    s.cycle_absolute = 0.0
    s.cycle_count = 0
    rows[filled, 0] = ONSET
    rows[filled, 1] = s.onset_at
    rows[filled, 2] = now(s)
    rows[filled, 3] = onset
    return filled + 1


@inner
def complete_breath(s, end, rows, filled):
    rows[filled, 0] = BREATH
    rows[filled, 1] = s.onset_at
    rows[filled, 2] = s.peak_at
    rows[filled, 3] = s.inspiration_end - s.onset
    rows[filled, 4] = end - s.inspiration_end
    rows[filled, 5] = 0.5 * s.cycle_absolute
    rows[filled, 6] = s.raw_maximum - s.baseline
    rows[filled, 7] = s.cycle_sum
    rows[filled, 8] = s.cycle_count
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
    rows[filled, 0] = GAP_OPENED
    rows[filled, 1] = s.last_peak_at
    rows[filled, 2] = now(s)
    return filled + 1


@inner
def close_gap(s, end, rows, filled):
    s.gap_open = 0
    rows[filled, 0] = GAP_CLOSED
    rows[filled, 1] = end - s.last_peak
    return filled + 1


@inner
def now(s):
    """Index of the newest valid sample in the recording."""
    return s.stretch_first + s.valid + s.missing - s.missing_run - 1.0
