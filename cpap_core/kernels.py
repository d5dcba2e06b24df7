"""The detector's inner loops: the only module that imports numba.

Samples are taken one by one and in order, whatever the chunks, so that any chunking gives the same bits. Decisions are
taken once for each step, on `smoothed`, whose time is the middle of its window. A breath is found in one of three ways:
flow rises well above the baseline (`_begin_breath`), it rises again in an inspiration that all but ended
(`_follow_inspiration`), or it rises and falls again within an expiration (`_follow_hump`).

numba's cache sees changes of this file only, so that nothing compiled here may depend on another module's constants.
"""

# njit hides the types of what it compiles; the callers in detector.py are checked.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, type-arg"

from __future__ import annotations

import numpy as np
from numba import njit

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
    limit = len(rows) - ROWS_KEPT_FREE
    while taken < total and filled <= limit:
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
            taken, filled = _run(s, flow, taken, total, rows, filled, limit)
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
    s.inspiration_end = 0.0
    s.breathing = 0
    s.rising = 0
    s.trough = np.inf
    s.phase_steps = 0
    s.balance = 0.0
    s.cycle_steps = 0
    s.cycle_lengths[:] = 0.0
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
    total = 0.0
    for value in ordered:
        total += abs(value - baseline)
    s.volumes[:] = 0.5 * total
    s.mode = RUNNING
    # Taken whole, since it is not kept: `new_states` sees to it that its rows fit what is kept free.
    _, filled = _run(s, s.buffer, 0, s.buffered, rows, filled, len(rows))
    return filled


@njit(cache=True)
def _run(s, flow, start, stop, rows, filled, limit):
    """Take samples; return early where the output has more rows than the limit or the stretch ended."""
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
            if filled > limit:
                return i, filled
    return i, filled


@njit(cache=True)
def _take_step(s, rows, filled):
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
    _measure_noise(s, before)
    above = s.smoothed - s.baseline
    if s.inspiring:
        s.balance += above * s.step
        filled = _follow_inspiration(s, above, before, position, missing, rows, filled)
    elif above > s.onset_fraction * s.scale:
        level = s.baseline + s.onset_fraction * s.scale
        filled = _begin_breath(s, level, before, position, missing, rows, filled)
    else:
        s.balance += above * s.step
        filled = _follow_hump(s, position, missing, rows, filled)
        if s.phase_steps > s.stuck and _is_off_balance(s):
            _pull_baseline(s)
        _forget_amplitude(s, before)
    if s.armed and not s.gap_open:
        # The earliest place where a peak that is not final yet may turn out to be.
        earliest = (s.top_position if s.inspiring else position + s.step) - 0.5 * s.step
        if min(earliest, s.valid - 1) - s.last_peak > s.breath_gap:
            filled = _open_gap(s, rows, filled)
    s.smoothed_before = before
    s.step_count = 0
    s.step_sum = 0.0
    s.step_absolute = 0.0
    s.step_maximum = -np.inf
    return filled


@njit(cache=True)
def _follow_inspiration(s, above, before, position, missing, rows, filled):
    """Find the top and the end of an inspiration, or where another one begins before it came down."""
    s.raw_maximum = max(s.raw_maximum, s.step_maximum)
    if s.top_step == s.steps - 1:
        s.top_after = s.smoothed
    if s.smoothed < s.dip:
        _set_dip(s, position)
    rise = s.dip + s.hump_fraction * s.scale
    if s.smoothed > rise and s.dip < s.baseline + s.onset_fraction * s.scale:
        s.inspiration_end = s.dip_position
        s.raw_maximum = s.dip_raw_maximum
        filled = _end_inspiration(s, rows, filled)
        return _begin_breath(s, rise, before, position, missing, rows, filled)
    if s.smoothed > s.top:
        s.top_before = before
        s.top_after = before
        s.top = s.smoothed
        s.top_step = s.steps
        s.top_position = position
        s.top_missing = missing
        _set_dip(s, position)
    low = above < s.end_fraction * s.amplitude
    if low or s.phase_steps > s.stuck:
        s.inspiration_end = position
        filled = _end_inspiration(s, rows, filled)
        if not low:
            _pull_baseline(s)
    return filled


@njit(cache=True)
def _set_dip(s, position):
    """Note the lowest place since the top."""
    s.dip = s.smoothed
    s.dip_position = position
    s.dip_raw_maximum = s.raw_maximum


@njit(cache=True)
def _begin_breath(s, level, before, position, missing, rows, filled):
    """Confirm an onset where flow rose above the level, which completes the breath before it."""
    onset = position
    if before < level:
        onset = max(s.inspiration_end, onset - s.step * (s.smoothed - level) / (s.smoothed - before))
    filled = _turn_cycle(s, onset, missing, rows, filled)
    s.inspiring = 1
    s.phase_steps = 0
    s.top = s.smoothed
    s.top_before = before
    s.top_after = before
    s.top_step = s.steps
    s.top_position = position
    s.top_missing = missing
    s.raw_maximum = s.step_maximum
    _set_dip(s, position)
    return filled


@njit(cache=True)
def _turn_cycle(s, onset, missing, rows, filled):
    """End the breath cycle before an onset and begin the next; whole cycles give the baseline."""
    if s.breathing:
        filled = _complete_breath(s, onset, rows, filled)
        s.cycle_means[:-1] = s.cycle_means[1:]
        s.cycle_means[-1] = s.cycle_sum / s.cycle_count
        s.cycle_lengths[:-1] = s.cycle_lengths[1:]
        s.cycle_lengths[-1] = s.cycle_steps
        s.volumes[:-1] = s.volumes[1:]
        s.volumes[-1] = 0.5 * s.cycle_absolute
        s.baseline = _middle_mean(s.cycle_means)
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
    rows[filled, 2] = _now(s)
    rows[filled, 3] = onset
    return filled + 1


@njit(cache=True)
def _follow_hump(s, position, missing, rows, filled):
    """Find a weak breath: flow that rises and falls within one expiration and reaches the baseline between."""
    if not s.rising:
        s.trough = min(s.trough, s.smoothed)
        if s.smoothed > s.trough + s.hump_fraction * s.scale:
            s.rising = 1
            s.rise = position
            s.rise_missing = missing
            s.top = s.smoothed
            s.top_position = position
            s.top_missing = missing
            s.hump_maximum = s.step_maximum
        return filled
    s.hump_maximum = max(s.hump_maximum, s.step_maximum)
    if s.smoothed > s.top:
        s.top = s.smoothed
        s.top_position = position
        s.top_missing = missing
    if s.smoothed > s.top - s.hump_fraction * s.scale:
        return filled
    s.rising = 0
    s.trough = s.smoothed
    lasted = position - s.rise
    if not s.armed or lasted < s.shortest_hump or lasted > s.longest_hump:
        return filled
    if s.top < s.baseline + s.hump_level * s.amplitude:
        return filled
    # A gap that was declared certain stays so.
    if s.gap_open and s.top_position - s.last_peak <= s.breath_gap:
        return filled
    filled = _turn_cycle(s, s.rise, s.rise_missing, rows, filled)
    s.inspiration_end = position
    s.raw_maximum = s.hump_maximum
    return _set_peak(s, s.top_position, rows, filled)


@njit(cache=True)
def _end_inspiration(s, rows, filled):
    """Make the inspiration's peak final."""
    peak = s.top_position
    bend = s.top_before - 2.0 * s.top + s.top_after
    if bend < 0.0:
        peak = max(s.onset, peak + s.step * max(-0.5, min(0.5, 0.5 * (s.top_before - s.top_after) / bend)))
    s.inspiring = 0
    s.rising = 0
    s.trough = s.smoothed
    s.phase_steps = 0
    s.peaks[:-1] = s.peaks[1:]
    s.peaks[-1] = s.top - s.baseline
    _set_amplitude(s)
    return _set_peak(s, peak, rows, filled)


@njit(cache=True)
def _set_peak(s, peak, rows, filled):
    """Start the breath-gap clock again at an inspiratory peak, which closes a gap."""
    s.peak_at = s.stretch_first + peak + s.top_missing
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
def _measure_noise(s, before):
    """Lift the amplitude that onsets and humps are shares of out of the noise; breathing has no fourth difference."""
    bend = abs(s.smoothed - 4.0 * before + 6.0 * s.smoothed_before - 4.0 * s.smoothed_third + s.smoothed_fourth)
    s.smoothed_fourth = s.smoothed_third
    s.smoothed_third = s.smoothed_before
    # At most the amplitude, or a single glitch would silence minutes.
    s.noise += (min(bend, s.amplitude) - s.noise) / min(s.steps, s.hold)
    s.scale = max(s.amplitude, s.noise_gain * s.noise)


@njit(cache=True)
def _is_off_balance(s):
    """Tell whether, for longer than a breath takes, in and out have differed by more than a lung can."""
    return s.phase_steps > _middle_mean(s.cycle_lengths) and abs(s.balance) > s.imbalance * _middle_mean(s.volumes)


@njit(cache=True)
def _pull_baseline(s):
    """Take the mean of the last, stuck seconds as the new baseline: a leak changed."""
    total = 0.0
    for k in range(s.stuck):
        total += s.means[(s.steps - 1 - k) % len(s.means)]
    s.baseline = total / s.stuck
    s.cycle_means[:] = s.baseline
    s.phase_steps = 0
    s.balance = 0.0


@njit(cache=True)
def _forget_amplitude(s, before):
    """Let the amplitude sink in a pause, so that weaker breathing is found, but not into the pause's own noise."""
    if s.cycle_steps <= s.quiet:
        s.bend_sum = 0.0
        return
    # Breathing bends slowly, noise in every step.
    s.bend_sum += abs(s.smoothed - 2.0 * before + s.smoothed_before)
    if s.cycle_steps > s.hold:
        noise = s.bend_sum / (s.cycle_steps - s.quiet)
        if s.amplitude > max(s.amplitude_floor, s.noise_multiple * noise / s.onset_fraction):
            s.peaks[:] *= s.decay
            s.amplitude *= s.decay


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
