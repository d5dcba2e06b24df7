"""Samples to steps, and stretches of signal from their first sample to their end."""

# njit hides the types of what it compiles; the caller in rooms.py is checked.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, type-arg"

from __future__ import annotations

import numpy as np

from .cycles import close_gap, complete_breath, open_gap
from .gather import gather
from .jit import entry, inner
from .phases import end_inspiration, peak_at_end
from .pressure import average_pressure, miss_pressure
from .probe import interrupt_probe, measure_probe
from .rows import HISTORY, ROWS_KEPT_FREE, RUNNING, STARTING, WAITING
from .scoring import close_scored, forget_scoring, is_probed
from .start import find_first_levels
from .steps import BENDS_FROM, follow


@inner
def run(s, flow, pressure, start, stop, rows, filled, limit):
    """Take samples; return early where the output has more rows than the limit or the stretch ended."""
    i = start
    while i < stop and filled <= limit:
        first = i
        i = gather(s, flow, i, stop)
        if len(pressure) > 0:
            average_pressure(s, pressure, first, i)
        first, filled = follow(s, flow, pressure, first, i, rows, filled)
        if is_probed(s, s.steps + 1):
            if len(pressure) > 0:
                measure_probe(s, flow, pressure, first, i)
            else:
                interrupt_probe(s)
        if s.missing_run >= s.stretch_gap:
            filled = end_stretch(s, rows, filled)
            return i, filled
    return i, filled


@inner
def end_stretch(s, rows, filled):
    """Close everything at the last valid sample, as at the end of the recording; less than a step is not looked at."""
    end = s.valid - 1.0
    s.now = s.stretch_first + end + s.missing - s.missing_run
    if s.inspiring:
        s.raw_maximum = s.maximum
    if s.unpeaked:
        peak_at_end(s, end)
    if s.inspiring or s.unpeaked:
        s.inspiration_end = end
        filled = end_inspiration(s, rows, filled)
    filled = close_scored(s, end, rows, filled)
    if s.breathing:
        filled = complete_breath(s, max(end, s.inspiration_end), rows, filled)
    if s.armed:
        if not s.gap_open and end - s.last_peak > s.breath_gap:
            filled = open_gap(s, rows, filled)
        if s.gap_open:
            filled = close_gap(s, end, rows, filled)
    s.mode = WAITING
    s.armed = 0
    s.inspiring = 0
    s.breathing = 0
    s.cycles = 0
    return filled


@inner
def begin_stretch(s):
    s.mode = STARTING
    s.stretch_first = s.samples
    s.valid = 0
    s.missing = 0
    s.missing_run = 0
    s.buffered = 0
    s.step_count = 0
    s.step_sum = 0.0
    s.step_maximum = -np.inf
    s.steps = 0
    s.known = 0
    s.gone = -HISTORY
    s.inspiring = 0
    s.unpeaked = 0
    s.inspiration_end = 0.0
    s.breathing = 0
    s.rising = 0
    s.trough = np.inf
    s.phase_began = 0
    s.balance_began = 0
    s.balance_sum = 0.0
    s.former_steps = 0
    s.cycle_began = 0
    s.cycle_sum = 0.0
    s.cycle_absolute = 0.0
    s.bend_sum = 0.0
    s.noise = 0.0
    s.learned = 0
    s.learn_due = min(s.learn_steps, BENDS_FROM + 1)
    s.cycle_lengths[:] = 0.0
    s.usual_length = 0.0
    s.armed = 0
    s.gap_open = 0
    forget_scoring(s)
    s.slope_square = 0.0
    s.slope_cube = 0.0
    s.inverted = 0


@inner
def start_up(s, buffer, rows, filled):
    """Find the first levels in the samples kept back, then take these."""
    find_first_levels(s, buffer)
    s.mode = RUNNING
    # Taken whole, since it is not kept: `new_states` sees to it that its rows fit what is kept free.
    # A literal 0 would be another type, and all that is called be compiled for it once more.
    _, filled = run(s, buffer, buffer[:0], np.int64(0), s.buffered, rows, filled, len(rows))
    return filled


@entry
def advance(states, buffers, first, taken, flow, pressure, ending, rows, ends):
    """Take samples of all rooms from one on, until all are taken or the output is full.

    All the kernels are behind this one, since each that Python calls is compiled with all that it calls.

    Parameters
    ----------
    states : structured array of shape (n_rooms,), STATE
        All rooms' states.
    buffers : array of shape (n_rooms, START_UP_CAPACITY), float32
        What is kept back of each room's stretch at its start.
    first, taken : int
        Position of the room to go on with, and how many of its samples are taken by now; of the later rooms none are.
    flow : array of shape (n_rooms, n_samples), float32
        Flow in L/min.
    pressure : array of shape (n_rooms, n_samples) or (1, 0), float32
        Airway pressure in cmH2O; empty where there is no such channel.
    ending : bool
        Whether to end each room's stretch after its samples, as at the end of the recording.
    rows : array of shape (n_rows, COLUMNS), float64
        Output, one room's rows after another's.
    ends : array of shape (n_rooms,), int64
        Output: the row after each room's last, for the rooms of this call.

    Returns
    -------
    room, taken, filled : int
        With what to go on (`room` is as many as there are when all is taken), and how many rows were written.
    """
    filled = 0
    total = flow.shape[1]
    limit = len(rows) - ROWS_KEPT_FREE
    has_pressure = pressure.shape[1] > 0
    for room in range(first, len(states)):
        s = states[room]
        samples = flow[room]
        channel = pressure[room] if has_pressure else pressure[0]
        begun = taken if room == first else 0
        i = begun
        while i < total and filled <= limit:
            before = i
            if s.mode == WAITING:
                while i < total and not np.isfinite(samples[i]):
                    i += 1
                s.samples += i - before
                if i < total:
                    begin_stretch(s)
            elif s.mode == STARTING:
                while i < total and s.buffered < s.start_up:
                    buffers[room, s.buffered] = samples[i]
                    s.buffered += 1
                    i += 1
                s.samples += i - before
                if s.buffered == s.start_up:
                    filled = start_up(s, buffers[room], rows, filled)
            else:
                i, filled = run(s, samples, channel, i, total, rows, filled, limit)
                s.samples += i - before
                continue
            if has_pressure:
                average_pressure(s, channel, before, i)
        if not has_pressure:
            miss_pressure(s, i - begun)
        if ending and i == total and filled <= limit:
            if s.mode == STARTING:
                filled = start_up(s, buffers[room], rows, filled)
            if s.mode == RUNNING:
                filled = end_stretch(s, rows, filled)
        ends[room] = filled
        if filled > limit:
            return room, i, filled
    return len(states), 0, filled
