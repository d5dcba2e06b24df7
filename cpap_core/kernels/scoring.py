"""Scored events: apneas where flow all but ceases, hypopneas where breaths in a row are shallow.

An apnea is followed step by step, on the mean of |flow - baseline| against its own long mean; a hypopnea breath by
breath, on peak flow against its median over the breaths before. While breathing is reduced, neither learns from it.
"""

# njit hides the types of what it compiles; the caller in rooms.py is checked.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, type-arg"

from __future__ import annotations

import numpy as np

from .events import write_closed, write_opened
from .jit import inner
from .probe import begin_probe, kind_by_probe
from .rows import APNEA, HYPOPNEA, LOOKED_BACK, NEVER


@inner
def forget_scoring(s):
    """Begin anew, as with a stretch of signal."""
    s.efforts[:] = 0.0
    s.effort_sum = 0.0
    s.effort_reference = 0.0
    s.reference_taken = 0
    s.low_began = 0
    s.effort_at = 0
    s.turn_sum = 0.0
    s.least_effort = -np.inf
    s.most_effort = np.inf
    s.apnea_open = 0
    s.usual_taken = 0
    s.usual_at = 0
    s.stable_at = 0.0
    s.was_stable = 0
    s.recovered = 0.0
    s.shallow_breaths = 0
    s.hypopnea_open = 0


@inner
def look_again(s):
    """Measure the window's efforts anew, since the baseline was not where it seemed."""
    s.effort_sum = 0.0
    for k in range(min(s.effort_window, s.steps)):
        place = s.steps - 1 - k - s.gone
        effort = abs(s.means[place] - s.baseline)
        s.efforts[place] = effort
        s.effort_sum += effort
    s.turn_sum = 0.0
    for k in range(s.effort_at):
        s.turn_sum += s.efforts[s.steps - s.effort_at + k - s.gone]


@inner
def is_awaiting(s):
    """Tell whether shallow breaths are a hypopnea as soon as they have lasted long enough."""
    return s.shallow_breaths >= 2 and not s.hypopnea_open


@inner
def learn_effort(s, effort, count):
    """Take so many steps' effort to breathe, |flow - baseline|, into its long mean, unless breathing is reduced."""
    if s.steps < s.effort_window or (s.low_began and s.steps - s.low_began <= s.reference_hold):
        return
    if s.reference_taken == 0:
        effort = s.effort_sum / s.effort_window
    s.reference_taken += count
    s.effort_reference += (effort - s.effort_reference) * count / min(s.reference_taken, s.reference_memory)
    s.effort_reference = max(s.effort_reference, s.effort_floor)
    watch_effort(s)


@inner
def watch_effort(s):
    """Say what to wait for: the window's sum of efforts that begins an event, or ends it."""
    reference = s.effort_reference * s.effort_window
    s.least_effort = -np.inf if s.low_began else s.apnea_enter * reference
    s.most_effort = s.apnea_leave * reference if s.low_began else np.inf


@inner
def low_due(s):
    """Say in which step the low flow that lasts has to be looked at: then the probe is on, or it is an event."""
    if not s.low_began:
        return NEVER
    due = NEVER
    for wait in (s.probe_after, s.apnea_hold):
        if s.low_began + wait > s.steps:
            due = min(due, s.low_began + wait)
    return s.steps + 1 if s.steps >= s.low_began + s.apnea_hold and not s.apnea_open else due


@inner
def is_probed(s, step):
    """Tell whether the probe may be on in a step."""
    return s.low_began > 0 and step - s.low_began > s.probe_after


@inner
def follow_effort(s, position, missing, rows, filled):
    """Open or close events by the means of the effort to breathe."""
    if s.effort_reference == 0.0:
        return filled
    if not s.low_began:
        if s.effort_sum < s.least_effort and s.armed and s.steps >= s.scoring_from:
            _begin_low(s, position, missing)
    elif s.effort_sum > s.most_effort:
        if s.apnea_open:
            # As long as it was certain when it opened, even if flow was rising by then.
            end = position + s.step * (1 - _steps_since(s, True))
            filled = _close_apnea(s, max(end, s.apnea_certain), rows, filled)
        s.low_began = 0
        # What was low is not learned from.
        s.learned = s.steps
        s.learn_due = s.steps + s.learn_steps
    elif not s.apnea_open and s.steps >= s.low_began + s.apnea_hold:
        filled = _open_low(s, position, rows, filled)
    # An inspiration in progress may end the run, which then ended where it began.
    lasted = (s.onset if s.inspiring else position) - s.shallow_onset
    if is_awaiting(s) and lasted >= s.hypopnea_samples and not s.low_began:
        s.hypopnea_open = 1
        s.hypopnea_certain = position
        s.scored += 1
        s.hypopnea_id = -s.scored
        s.hypopnea_certain_at = s.now
        filled = write_opened(HYPOPNEA, s.hypopnea_id, s.shallow_onset_at, s.hypopnea_certain_at, rows, filled)
    return filled


@inner
def weigh_breath(s, peak_flow, rows, filled):
    """Take a breath whose peak is final: it begins a run of shallow ones, goes on with it, or ends it."""
    if s.apnea_open:
        return filled
    known = min(s.usual_taken, s.usual_memory)
    share = s.hypopnea_share if s.shallow_breaths == 0 else s.hypopnea_leave
    if known >= s.fewest_usual and peak_flow < share * s.usual_peak:
        if s.shallow_breaths == 0:
            s.shallow_onset = s.onset
            s.shallow_onset_at = s.onset_at
        s.shallow_breaths += 1
    else:
        filled = _end_shallow(s, s.onset, rows, filled)
    is_reduced = known >= s.fewest_usual and peak_flow < s.stable_share * s.usual_peak
    is_stable = not is_reduced and s.onset >= s.recovered
    # Two in a row: one alone is a sigh, and must not keep what was usual long ago.
    if is_stable and s.was_stable:
        s.stable_at = s.onset
    s.was_stable = is_stable
    if is_stable or s.onset - s.stable_at > s.reference_hold * s.step:
        _note_usual(s, peak_flow)
    return filled


@inner
def _note_usual(s, peak_flow):
    """Put a breath's peak among the last ones, which are kept in order besides, for their median."""
    at = s.usual_at
    count = min(s.usual_taken + 1, s.usual_memory)
    place = count - 1
    if s.usual_taken >= s.usual_memory:
        # The one that is forgotten makes room.
        place = 0
        while s.usual_ordered[place] != s.usual_peaks[at]:
            place += 1
        while place + 1 < count and s.usual_ordered[place + 1] < peak_flow:
            s.usual_ordered[place] = s.usual_ordered[place + 1]
            place += 1
    while place > 0 and s.usual_ordered[place - 1] > peak_flow:
        s.usual_ordered[place] = s.usual_ordered[place - 1]
        place -= 1
    s.usual_ordered[place] = peak_flow
    s.usual_peaks[at] = peak_flow
    s.usual_at = at + 1 if at + 1 < s.usual_memory else 0
    s.usual_taken += 1
    s.usual_peak = 0.5 * (s.usual_ordered[(count - 1) // 2] + s.usual_ordered[count // 2])


@inner
def close_scored(s, end, rows, filled):
    """Close what is open, at the end of a stretch."""
    if s.apnea_open:
        filled = _close_apnea(s, end, rows, filled)
    return _end_shallow(s, end, rows, filled)


@inner
def _begin_low(s, position, missing):
    """Note where flow fell: after the last step of the window in which it was not low yet."""
    s.low_began = s.steps
    s.low_onset = position + s.step * (1 - _steps_since(s, False))
    s.low_onset_at = s.stretch_first + max(s.low_onset, 0.0) + missing
    begin_probe(s)


@inner
def _steps_since(s, low):
    """Steps, this one counted, since flow was low (or since it was not), within the window."""
    level = s.apnea_leave * s.effort_reference
    for k in range(s.effort_window):
        if (s.efforts[s.steps - 1 - k - s.gone] < level) == low:
            return k + 1
    return s.effort_window + 1


@inner
def _open_low(s, position, rows, filled):
    """An apnea is certain, in place of a hypopnea that leads into it, or flow is not low enough for one."""
    is_apnea = _low_effort(s) <= s.apnea_depth * s.effort_reference
    if s.hypopnea_open and not is_apnea:
        return filled
    filled = _end_shallow(s, s.low_onset, rows, filled)
    s.apnea_open = 1
    s.apnea_certain = position
    s.low_event = APNEA if is_apnea else HYPOPNEA
    s.scored += 1
    s.low_id = -s.scored
    s.apnea_certain_at = s.now
    return write_opened(s.low_event, s.low_id, s.low_onset_at, s.apnea_certain_at, rows, filled)


@inner
def _low_effort(s):
    """Mean effort since flow became low, about its own mean: a baseline that is off is no effort."""
    # Before that, the window held breathing from before the pause.
    count = min(s.steps + 1 - s.low_began - s.effort_window, LOOKED_BACK)
    place = s.steps - 1 - s.gone
    level = 0.0
    for k in range(count):
        level += s.levels[place - k] / count
    effort = 0.0
    for k in range(count):
        effort += abs(s.levels[place - k] - level) / count
    return effort


@inner
def _close_apnea(s, end, rows, filled):
    s.apnea_open = 0
    s.recovered = end + s.recovery
    kind = kind_by_probe(s) if s.low_event == APNEA else HYPOPNEA
    return write_closed(kind, s.low_id, s.low_onset_at, s.apnea_certain_at, end - s.low_onset, rows, filled)


@inner
def _end_shallow(s, end, rows, filled):
    s.shallow_breaths = 0
    if not s.hypopnea_open:
        return filled
    s.hypopnea_open = 0
    end = max(end, s.hypopnea_certain)
    s.recovered = end + s.recovery
    duration = end - s.shallow_onset
    return write_closed(HYPOPNEA, s.hypopnea_id, s.shallow_onset_at, s.hypopnea_certain_at, duration, rows, filled)
