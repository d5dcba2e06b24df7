"""Samples to steps, and stretches of signal from their first sample to their end."""

# njit hides the types of what it compiles; the callers in detector.py are checked.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, type-arg"

from __future__ import annotations

import numpy as np

from .cycles import close_gap, complete_breath, open_gap
from .jit import entry, inner
from .phases import end_inspiration
from .pressure import average_pressure, miss_pressure
from .probe import measure_probe
from .rows import ROWS, ROWS_KEPT_FREE, RUNNING, STARTING, STRETCH_ENDED, WAITING
from .scoring import close_scored, forget_scoring
from .start import find_first_levels
from .steps import take_step


@inner
def run(s, flow, pressure, start, stop, rows, filled, limit):
    """Take samples; return early where the output has more rows than the limit or the stretch ended."""
    i = start
    while i < stop:
        first = i
        count = s.step_count
        room_left = s.step - count
        step_sum = s.step_sum
        step_absolute = s.step_absolute
        step_maximum = s.step_maximum
        baseline = s.baseline
        missing_run = s.missing_run
        missing = 0
        while i < stop and room_left > 0 and missing_run < s.stretch_gap:
            value = np.float64(flow[i])
            i += 1
            if np.isfinite(value):
                step_sum += value
                step_absolute += abs(value - baseline)
                step_maximum = max(step_maximum, value)
                count += 1
                room_left -= 1
                missing_run = 0
            else:
                missing += 1
                missing_run += 1
        s.valid += count - s.step_count
        s.missing += missing
        s.missing_run = missing_run
        s.step_count = count
        s.step_sum = step_sum
        s.step_absolute = step_absolute
        s.step_maximum = step_maximum
        if s.low_steps > s.probe_after and len(pressure) > 0:
            measure_probe(s, flow, pressure, first, i)
        if missing_run >= s.stretch_gap:
            filled = end_stretch(s, rows, filled)
            return i, filled
        if room_left == 0:
            filled = take_step(s, rows, filled)
            if filled > limit:
                return i, filled
    return i, filled


@inner
def end_stretch(s, rows, filled):
    """Close everything at the last valid sample, as at the end of the recording."""
    if s.step_count > 0:
        filled = take_step(s, rows, filled)
    end = s.valid - 1.0
    if s.inspiring:
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
    rows[filled, 0] = STRETCH_ENDED
    return filled + 1


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
    s.step_absolute = 0.0
    s.step_maximum = -np.inf
    s.steps = 0
    s.inspiring = 0
    s.inspiration_end = 0.0
    s.breathing = 0
    s.rising = 0
    s.trough = np.inf
    s.phase_steps = 0
    s.balance = 0.0
    s.former_steps = 0
    s.cycle_steps = 0
    s.cycle_lengths[:] = 0.0
    s.armed = 0
    s.gap_open = 0
    forget_scoring(s)
    s.slope_square = 0.0
    s.slope_cube = 0.0
    s.inverted = 0


@inner
def start_up(s, rows, filled):
    """Find the first levels in the samples kept back, then take these."""
    find_first_levels(s)
    s.mode = RUNNING
    # Taken whole, since it is not kept: `new_states` sees to it that its rows fit what is kept free.
    _, filled = run(s, s.buffer, s.buffer[:0], 0, s.buffered, rows, filled, len(rows))
    return filled


@entry
def advance(states, room, flow, pressure, rows):
    """Take samples of one room until all are taken or the output is full.

    Parameters
    ----------
    states : structured array of shape (n_rooms,), STATE
        All rooms' states; only this room's changes.
    room : int
        Position of the room's state.
    flow : array of shape (n_samples,), float32
        Flow in L/min.
    pressure : array of shape (n_samples,) or (0,), float32
        Airway pressure in cmH2O; empty where there is no such channel.
    rows : array of shape (ROWS, COLUMNS), float64
        Output.

    Returns
    -------
    taken, filled : int
        Samples taken and rows written.
    """
    s = states[room]
    taken = 0
    filled = 0
    total = len(flow)
    limit = len(rows) - ROWS_KEPT_FREE
    while taken < total and filled <= limit:
        if s.mode == WAITING:
            while taken < total and not np.isfinite(flow[taken]):
                taken += 1
                s.samples += 1
            if taken < total:
                begin_stretch(s)
        elif s.mode == STARTING:
            stop = min(total, taken + s.start_up - s.buffered)
            while taken < stop:
                s.buffer[s.buffered] = flow[taken]
                s.buffered += 1
                s.samples += 1
                taken += 1
            if s.buffered == s.start_up:
                filled = start_up(s, rows, filled)
        else:
            before = taken
            taken, filled = run(s, flow, pressure, taken, total, rows, filled, limit)
            s.samples += taken - before
    if len(pressure) > 0:
        average_pressure(s, pressure, taken)
    elif s.pressure_missing < s.stretch_gap:
        miss_pressure(s, taken)
    return taken, filled


@entry
def advance_rooms(states, first, flow, pressure, taken, rows, ends):
    """Take samples of all rooms from a position on, until all are taken or the output is full.

    Parameters
    ----------
    states : structured array of shape (n_rooms,), STATE
        All rooms' states.
    first : int
        Position of the room to go on with.
    flow : array of shape (n_rooms, n_samples), float32
        Flow in L/min.
    pressure : array of shape (n_rooms, n_samples) or (1, 0), float32
        Airway pressure in cmH2O; empty where there is no such channel.
    taken : array of shape (n_rooms,), int64
        Samples taken of each room by now; changed.
    rows : array of shape (n_rows, COLUMNS), float64
        Output, one room's rows after another's.
    ends : array of shape (n_rooms,), int64
        Output: the row after each room's last, for the rooms of this call.

    Returns
    -------
    int
        The room to go on with; as many as there are when all is taken.
    """
    filled = 0
    has_pressure = pressure.shape[1] > 0
    for room in range(first, len(states)):
        channel = pressure[room] if has_pressure else pressure[0]
        while taken[room] < flow.shape[1] and len(rows) - filled >= ROWS:
            begin = taken[room]
            rest = channel[begin:] if has_pressure else channel
            more, written = advance(states, room, flow[room, begin:], rest, rows[filled : filled + ROWS])
            taken[room] += more
            filled += written
        ends[room] = filled
        if taken[room] < flow.shape[1]:
            return room
    return len(states)


@entry
def finish(states, room, rows):
    """End the stretch as at the end of the recording; return the number of rows written."""
    s = states[room]
    filled = 0
    if s.mode == STARTING:
        filled = start_up(s, rows, filled)
    if s.mode == RUNNING:
        filled = end_stretch(s, rows, filled)
    return filled
