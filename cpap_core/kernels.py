"""The detector's inner loops: the only module that imports numba.

A room's whole state is one record of a structured array, so a ward's is one array with a record for each room. Samples
are taken one by one and in order, whatever the chunks, so that any chunking gives the same bits. Missing samples are
skipped: positions and clocks count the valid samples of the current stretch, and `missing` is what has to be added for
the stretch's own time. Decisions are taken once for each step, on `smoothed`, whose time is the middle of its window.
"""

# njit hides the types of what it compiles; the callers in detector.py are checked.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, type-arg"

from __future__ import annotations

import numpy as np
from numba import config, njit
from numpy.typing import NDArray

from .rules import BREATHS_IN_MEANS, Rules

START_UP_CAPACITY = 2048
HISTORY = 256

# What a row of output says, by its first column; the other columns in order. Positions are samples since the first one
# of the recording, durations are counted in valid samples, volumes in L/min times samples.
ONSET = 0  # onset; confirmed at; onset in valid samples since the stretch began
BREATH = 1  # onset; peak; inspiratory time; expiratory time; volume; peak flow; sum of flow; valid samples
GAP_OPENED = 2  # last peak; detected at
GAP_CLOSED = 3  # duration
STRETCH_ENDED = 4
COLUMNS = 9
ROWS = 1024
ROWS_KEPT_FREE = 640

WAITING = 0
STARTING = 1
RUNNING = 2

STATE = np.dtype(
    [
        # Rules, in samples and steps of this room's rate.
        ("step", "i8"),
        ("window", "i8"),
        ("start_up", "i8"),
        ("stuck", "i8"),
        ("hold", "i8"),
        ("stretch_gap", "i8"),
        ("breath_gap", "f8"),
        ("decay", "f8"),
        ("floor_fraction", "f8"),
        ("onset_fraction", "f8"),
        ("end_fraction", "f8"),
        ("pause_share", "f8"),
        ("pause_band", "f8"),
        ("minimum_amplitude", "f8"),
        ("pressure_gain", "f8"),
        # The stretch of signal.
        ("mode", "i8"),
        ("samples", "i8"),
        ("stretch_first", "i8"),
        ("valid", "i8"),
        ("missing", "i8"),
        ("missing_run", "i8"),
        ("buffered", "i8"),
        ("buffer", "f4", (START_UP_CAPACITY,)),
        # The step being filled, and the steps before it.
        ("step_count", "i8"),
        ("step_sum", "f8"),
        ("step_absolute", "f8"),
        ("step_maximum", "f8"),
        ("steps", "i8"),
        ("means", "f8", (HISTORY,)),
        ("missing_then", "i8", (HISTORY,)),
        ("smoothed", "f8"),
        # Baseline and amplitude.
        ("baseline", "f8"),
        ("cycle_means", "f8", (BREATHS_IN_MEANS,)),
        ("amplitude", "f8"),
        ("amplitude_floor", "f8"),
        ("peaks", "f8", (BREATHS_IN_MEANS,)),
        # The breath in progress.
        ("inspiring", "i8"),
        ("breathing", "i8"),
        ("phase_steps", "i8"),
        ("off_steps", "i8"),
        ("cycle_steps", "i8"),
        ("cycle_sum", "f8"),
        ("cycle_absolute", "f8"),
        ("cycle_count", "i8"),
        ("onset", "f8"),
        ("onset_at", "f8"),
        ("inspiration_end", "f8"),
        ("top", "f8"),
        ("top_before", "f8"),
        ("top_after", "f8"),
        ("top_step", "i8"),
        ("top_position", "f8"),
        ("top_missing", "i8"),
        ("raw_maximum", "f8"),
        ("peak_at", "f8"),
        # The breath-gap clock.
        ("armed", "i8"),
        ("last_peak", "f8"),
        ("last_peak_at", "f8"),
        ("gap_open", "i8"),
        # Airway pressure.
        ("pressure", "f8"),
        ("pressure_missing", "i8"),
    ],
    align=True,
)


def new_states(rooms: int, sampling_rate_hz: float, rules: Rules) -> NDArray[np.void]:
    """Make the state of so many rooms, before their first sample."""
    states = np.zeros(rooms, STATE)
    step = max(1, round(rules.step_s * sampling_rate_hz))
    states["step"] = step
    states["window"] = max(1, round(rules.smoothing_s * sampling_rate_hz / step))
    states["start_up"] = max(1, round(rules.start_up_s * sampling_rate_hz))
    states["stuck"] = max(1, round(rules.stuck_s * sampling_rate_hz / step))
    states["hold"] = round(rules.amplitude_hold_s * sampling_rate_hz / step)
    states["stretch_gap"] = max(1, np.ceil(rules.stretch_gap_s * sampling_rate_hz))
    states["breath_gap"] = rules.breath_gap_s * sampling_rate_hz
    states["decay"] = np.exp(-step / (rules.amplitude_decay_s * sampling_rate_hz))
    states["floor_fraction"] = rules.amplitude_floor_fraction
    states["onset_fraction"] = rules.onset_fraction
    states["end_fraction"] = rules.end_fraction
    states["pause_share"] = rules.pause_share
    states["pause_band"] = rules.pause_band
    states["minimum_amplitude"] = rules.minimum_amplitude_lpm
    states["pressure_gain"] = 1.0 - np.exp(-1.0 / (rules.pressure_time_constant_s * sampling_rate_hz))
    states["pressure"] = np.nan
    if states["start_up"][0] > START_UP_CAPACITY or states["stuck"][0] > HISTORY or states["window"][0] > HISTORY:
        raise ValueError(
            f"start_up_s and stuck_s must fit the detector's memory at {sampling_rate_hz} Hz: "
            f"got {rules.start_up_s} and {rules.stuck_s}; use the defaults"
        )
    return states.view(np.recarray) if config.DISABLE_JIT else states


@njit(cache=True)
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
    while taken < total and filled <= ROWS - ROWS_KEPT_FREE:
        if s.mode == WAITING:
            while taken < total and not np.isfinite(flow[taken]):
                taken += 1
                s.samples += 1
            if taken < total:
                _begin_stretch(s)
        elif s.mode == STARTING:
            stop = min(total, taken + s.start_up - s.buffered)
            while taken < stop:
                s.buffer[s.buffered] = flow[taken]
                s.buffered += 1
                s.samples += 1
                taken += 1
            if s.buffered == s.start_up:
                filled = _start_up(s, rows, filled)
        else:
            before = taken
            taken, filled = _run(s, flow, taken, total, rows, filled)
            s.samples += taken - before
    if len(pressure) > 0:
        _average_pressure(s, pressure, taken)
    elif s.pressure_missing < s.stretch_gap:
        _miss_pressure(s, taken)
    return taken, filled


@njit(cache=True)
def finish(states, room, rows):
    """End the stretch as at the end of the recording; return the number of rows written."""
    s = states[room]
    filled = 0
    if s.mode == STARTING:
        filled = _start_up(s, rows, filled)
    if s.mode == RUNNING:
        filled = _end_stretch(s, rows, filled)
    return filled


@njit(cache=True)
def _begin_stretch(s):
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
    s.breathing = 0
    s.phase_steps = 0
    s.off_steps = 0
    s.cycle_steps = 0
    s.armed = 0
    s.gap_open = 0


@njit(cache=True)
def _start_up(s, rows, filled):
    """Find the first baseline and amplitude in the samples kept back, then take these."""
    ordered = np.empty(s.buffered, np.float64)
    count = 0
    total = 0.0
    for i in range(s.buffered):
        value = np.float64(s.buffer[i])
        if np.isfinite(value):
            ordered[count] = value
            count += 1
            total += value
    ordered = np.sort(ordered[:count])
    low = ordered[int(0.05 * (count - 1))]
    high = ordered[int(0.95 * (count - 1))]
    held = int(s.pause_share * count)
    baseline = total / count
    narrowest = s.pause_band * (high - low)
    if held >= 2:
        for i in range(count - held):
            band = ordered[i + held] - ordered[i]
            middle = 0.5 * (ordered[i + held] + ordered[i])
            # A flat top of an inspiration is narrow as well, but has little above it.
            if band < narrowest and low + 0.2 * (high - low) < middle < low + 0.7 * (high - low):
                narrowest = band
                baseline = middle
    amplitude = high - baseline
    s.baseline = baseline
    s.cycle_means[:] = baseline
    s.peaks[:] = amplitude
    _set_amplitude(s)
    s.mode = RUNNING
    _, filled = _run(s, s.buffer, 0, s.buffered, rows, filled)
    return filled


@njit(cache=True)
def _run(s, flow, start, stop, rows, filled):
    """Take samples; return early where the output is full or the stretch ended."""
    i = start
    while i < stop:
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
        if missing_run >= s.stretch_gap:
            filled = _end_stretch(s, rows, filled)
            return i, filled
        if room_left == 0:
            filled = _take_step(s, rows, filled)
            # The start-up buffer must be taken whole; it cannot fill what is kept free.
            if filled > ROWS - ROWS_KEPT_FREE and stop - start != s.buffered:
                return i, filled
    return i, filled


@njit(cache=True)
def _take_step(s, rows, filled):
    """Close the step that is full, and decide."""
    now = s.steps % HISTORY
    s.means[now] = s.step_sum / s.step_count
    s.missing_then[now] = s.missing
    s.steps += 1
    s.cycle_sum += s.step_sum
    s.cycle_absolute += s.step_absolute
    s.cycle_count += s.step_count
    window = min(s.window, s.steps)
    total = 0.0
    for k in range(window):
        total += s.means[(s.steps - 1 - k) % HISTORY]
    before = s.smoothed
    s.smoothed = total / window
    if s.steps == 1:
        before = s.smoothed
    position = s.valid - 0.5 * (window * s.step + 1)
    missing = s.missing_then[(s.steps - 1 - window // 2) % HISTORY]
    s.phase_steps += 1
    s.cycle_steps += 1
    above = s.smoothed - s.baseline
    if s.inspiring:
        s.raw_maximum = max(s.raw_maximum, s.step_maximum)
        if s.top_step == s.steps - 1:
            s.top_after = s.smoothed
        if s.smoothed > s.top:
            s.top_before = before
            s.top = s.smoothed
            s.top_step = s.steps
            s.top_position = position
            s.top_missing = missing
        if above < s.end_fraction * s.amplitude:
            s.inspiration_end = position
            filled = _end_inspiration(s, rows, filled)
        elif s.phase_steps > s.stuck:
            s.inspiration_end = position
            filled = _end_inspiration(s, rows, filled)
            _pull_baseline(s)
    elif above > s.onset_fraction * s.amplitude:
        filled = _begin_breath(s, before, position, missing, rows, filled)
    else:
        s.off_steps = s.off_steps + 1 if above < -s.onset_fraction * s.amplitude else 0
        if s.off_steps > s.stuck:
            _pull_baseline(s)
        if s.cycle_steps > s.hold and s.amplitude > s.amplitude_floor:
            s.peaks[:] *= s.decay
            s.amplitude *= s.decay
    if s.armed and not s.gap_open:
        # The earliest place where a peak that is not final yet may turn out to be.
        earliest = (s.top_position if s.inspiring else position + s.step) - 0.5 * s.step
        if earliest - s.last_peak > s.breath_gap:
            filled = _open_gap(s, rows, filled)
    s.step_count = 0
    s.step_sum = 0.0
    s.step_absolute = 0.0
    s.step_maximum = -np.inf
    return filled


@njit(cache=True)
def _begin_breath(s, before, position, missing, rows, filled):
    """Confirm an onset, which completes the breath before it."""
    level = s.baseline + s.onset_fraction * s.amplitude
    onset = position
    if before < level:
        onset -= s.step * (s.smoothed - level) / (s.smoothed - before)
    if s.breathing:
        filled = _complete_breath(s, onset, rows, filled)
        s.cycle_means[:-1] = s.cycle_means[1:]
        s.cycle_means[-1] = s.cycle_sum / s.cycle_count
        s.baseline = _middle_mean(s.cycle_means)
    s.onset = onset
    s.onset_at = s.stretch_first + onset + missing
    s.inspiring = 1
    s.breathing = 1
    s.phase_steps = 0
    s.off_steps = 0
    s.cycle_steps = 0
    s.cycle_sum = 0.0
    s.cycle_absolute = 0.0
    s.cycle_count = 0
    s.top = s.smoothed
    s.top_before = before
    s.top_after = s.smoothed
    s.top_step = s.steps
    s.top_position = position
    s.top_missing = missing
    s.raw_maximum = s.step_maximum
    rows[filled, 0] = ONSET
    rows[filled, 1] = s.onset_at
    rows[filled, 2] = _now(s)
    rows[filled, 3] = onset
    return filled + 1


@njit(cache=True)
def _end_inspiration(s, rows, filled):
    """Make the inspiration's peak final, which closes a breath gap."""
    peak = s.top_position
    bend = s.top_before - 2.0 * s.top + s.top_after
    if bend < 0.0:
        peak += s.step * max(-0.5, min(0.5, 0.5 * (s.top_before - s.top_after) / bend))
    s.peak_at = s.stretch_first + peak + s.top_missing
    s.inspiring = 0
    s.phase_steps = 0
    s.off_steps = 0
    s.peaks[:-1] = s.peaks[1:]
    s.peaks[-1] = s.top - s.baseline
    _set_amplitude(s)
    if s.armed:
        if not s.gap_open and peak - s.last_peak > s.breath_gap:
            filled = _open_gap(s, rows, filled)
        if s.gap_open:
            filled = _close_gap(s, peak, rows, filled)
    s.armed = 1
    s.last_peak = peak
    s.last_peak_at = s.peak_at
    return filled


@njit(cache=True)
def _complete_breath(s, end, rows, filled):
    rows[filled, 0] = BREATH
    rows[filled, 1] = s.onset_at
    rows[filled, 2] = s.peak_at
    rows[filled, 3] = s.inspiration_end - s.onset
    rows[filled, 4] = end - s.inspiration_end
    rows[filled, 5] = 0.5 * s.cycle_absolute
    rows[filled, 6] = s.raw_maximum - s.baseline
    rows[filled, 7] = s.cycle_sum
    rows[filled, 8] = s.cycle_count
    return filled + 1


@njit(cache=True)
def _open_gap(s, rows, filled):
    s.gap_open = 1
    rows[filled, 0] = GAP_OPENED
    rows[filled, 1] = s.last_peak_at
    rows[filled, 2] = _now(s)
    return filled + 1


@njit(cache=True)
def _close_gap(s, end, rows, filled):
    s.gap_open = 0
    rows[filled, 0] = GAP_CLOSED
    rows[filled, 1] = end - s.last_peak
    return filled + 1


@njit(cache=True)
def _end_stretch(s, rows, filled):
    """Close everything at the last valid sample, as at the end of the recording."""
    if s.step_count > 0:
        filled = _take_step(s, rows, filled)
    end = s.valid - 1.0
    if s.inspiring:
        s.inspiration_end = end
        filled = _end_inspiration(s, rows, filled)
    if s.breathing:
        filled = _complete_breath(s, max(end, s.inspiration_end), rows, filled)
    if s.armed:
        if not s.gap_open and end - s.last_peak > s.breath_gap:
            filled = _open_gap(s, rows, filled)
        if s.gap_open:
            filled = _close_gap(s, end, rows, filled)
    s.mode = WAITING
    s.armed = 0
    s.inspiring = 0
    s.breathing = 0
    rows[filled, 0] = STRETCH_ENDED
    return filled + 1


@njit(cache=True)
def _pull_baseline(s):
    """Take the mean of the stuck phase as the new baseline: a leak changed."""
    total = 0.0
    for k in range(s.stuck):
        total += s.means[(s.steps - 1 - k) % HISTORY]
    s.baseline = total / s.stuck
    s.cycle_means[:] = s.baseline
    s.off_steps = 0


@njit(cache=True)
def _set_amplitude(s):
    s.amplitude = max(_middle_mean(s.peaks), s.minimum_amplitude)
    s.amplitude_floor = max(s.floor_fraction * s.amplitude, s.minimum_amplitude)


@njit(cache=True)
def _middle_mean(values):
    """Mean without the lowest and the highest: one disturbed breath does not move it."""
    lowest = values[0]
    highest = values[0]
    total = 0.0
    for value in values:
        lowest = min(lowest, value)
        highest = max(highest, value)
        total += value
    return (total - lowest - highest) / (len(values) - 2)


@njit(cache=True)
def _now(s):
    """Index of the newest valid sample in the recording."""
    return s.stretch_first + s.valid + s.missing - s.missing_run - 1.0


@njit(cache=True)
def _average_pressure(s, pressure, stop):
    mean = s.pressure
    missing = s.pressure_missing
    for i in range(stop):
        value = np.float64(pressure[i])
        if np.isfinite(value):
            mean = value if np.isnan(mean) else mean + s.pressure_gain * (value - mean)
            missing = 0
        elif missing < s.stretch_gap:
            missing += 1
            if missing == s.stretch_gap:
                mean = np.nan
    s.pressure = mean
    s.pressure_missing = missing


@njit(cache=True)
def _miss_pressure(s, count):
    s.pressure_missing = min(s.pressure_missing + count, s.stretch_gap)
    if s.pressure_missing == s.stretch_gap:
        s.pressure = np.nan
