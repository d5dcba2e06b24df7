"""The detector's memory: everything a room's kernels carry from one sample to the next.

A room's state is one record of a structured array, so a ward's is one array with a record for each room. Missing
samples are skipped: positions and clocks count the valid samples of the current stretch, and `missing` is what has to
be added for the stretch's own time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .rules import BREATHS_IN_BASELINE, BREATHS_IN_MEANS, MAXIMUM_RATE_HZ, Rules

START_UP_CAPACITY = int(10 * MAXIMUM_RATE_HZ)
MOST_START_UP_STEPS = 150
HISTORY = 256
NOISE_BEND = 2.99
"""Mean fourth difference of white noise's moving average over its standard deviation: sqrt(42 / 3) * sqrt(2 / pi)."""

LONGEST_NOISE_STEP_S = 0.1
"""At 0.1 s the fourth difference of breathing at 60/min is a twentieth of it, and of noise three times it."""

MOST_USUAL = 64
"""Breaths whose depth is remembered at most."""

FEWEST_FLAT_STEPS = 6
"""An inspiration shorter than that has no middle half to speak of."""

ROUND_SHARE = 0.9
"""Mean over peak in the middle half of a half sine: sqrt(8) / pi."""

FEWEST_IN_A_PERIOD = 3.0
"""Samples in a period of the probe; slower signals cannot show it."""

NEVER = 1 << 62

STATE = np.dtype(
    [
        # Rules, in samples and steps of this room's rate.
        ("step", "i8"),
        ("window", "i8"),
        ("start_up", "i8"),
        ("stuck", "i8"),
        ("quiet", "i8"),
        ("hold", "i8"),
        ("stretch_gap", "i8"),
        ("breath_gap", "f8"),
        ("decay", "f8"),
        ("floor_fraction", "f8"),
        ("noise_multiple", "f8"),
        ("noise_gain", "f8"),
        ("onset_fraction", "f8"),
        ("typical_step", "f8"),
        ("end_fraction", "f8"),
        ("pause_share", "f8"),
        ("pause_band", "f8"),
        ("minimum_amplitude", "f8"),
        ("hump_fraction", "f8"),
        ("hump_level", "f8"),
        ("swing", "f8"),
        ("drift_gain", "f8"),
        ("shortest_hump", "f8"),
        ("longest_hump", "f8"),
        ("imbalance", "f8"),
        ("pressure_gain", "f8"),
        ("effort_window", "i8"),
        ("apnea_hold", "i8"),
        ("scoring_from", "i8"),
        ("reference_memory", "i8"),
        ("reference_hold", "i8"),
        ("usual_memory", "i8"),
        ("fewest_usual", "i8"),
        ("fewest_flat", "i8"),
        ("apnea_enter", "f8"),
        ("apnea_leave", "f8"),
        ("apnea_depth", "f8"),
        ("reference_clip", "f8"),
        ("effort_floor", "f8"),
        ("hypopnea_share", "f8"),
        ("hypopnea_leave", "f8"),
        ("stable_share", "f8"),
        ("recovery", "f8"),
        ("hypopnea_samples", "f8"),
        ("round_share", "f8"),
        ("slope_gain", "f8"),
        ("slope_memory", "i8"),
        ("inverted_skewness", "f8"),
        ("probe_after", "i8"),
        ("probe_length", "i8"),
        ("probe_turn", "f8"),
        ("probe_least", "f8"),
        ("open_airway", "f8"),
        # The stretch of signal.
        ("mode", "i8"),
        ("samples", "i8"),
        ("stretch_first", "i8"),
        ("valid", "i8"),
        ("missing", "i8"),
        ("missing_run", "i8"),
        ("buffered", "i8"),
        ("ordered", "f4", (START_UP_CAPACITY,)),
        # The step being filled, and the steps before it.
        ("step_count", "i8"),
        ("step_sum", "f8"),
        ("step_absolute", "f8"),
        ("step_maximum", "f8"),
        ("steps", "i8"),
        ("means", "f8", (HISTORY,)),
        ("missing_then", "i8", (HISTORY,)),
        ("smoothed", "f8"),
        ("smoothed_before", "f8"),
        ("smoothed_third", "f8"),
        ("smoothed_fourth", "f8"),
        # Baseline and amplitude.
        ("baseline", "f8"),
        ("drift", "f8"),
        ("cycle_means", "f8", (BREATHS_IN_BASELINE,)),
        ("cycle_lengths", "f8", (BREATHS_IN_MEANS,)),
        ("cycle_sums", "f8", (BREATHS_IN_MEANS,)),
        ("cycle_counts", "f8", (BREATHS_IN_MEANS,)),
        ("volumes", "f8", (BREATHS_IN_MEANS,)),
        ("onsets", "f8", (BREATHS_IN_MEANS + 1,)),
        ("cycles", "i8"),
        ("amplitude", "f8"),
        ("amplitude_floor", "f8"),
        ("noise", "f8"),
        ("scale", "f8"),
        ("typical", "f8"),
        ("onset_level", "f8"),
        ("former", "f8"),
        ("former_steps", "i8"),
        ("bend_sum", "f8"),
        ("peaks", "f8", (BREATHS_IN_MEANS,)),
        # The breath in progress.
        ("inspiring", "i8"),
        ("breathing", "i8"),
        ("unpeaked", "i8"),
        ("phase_steps", "i8"),
        ("balance", "f8"),
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
        ("dip", "f8"),
        ("dip_position", "f8"),
        ("dip_raw_maximum", "f8"),
        ("rising", "i8"),
        ("rise", "f8"),
        ("rise_missing", "i8"),
        ("hump_maximum", "f8"),
        ("trough", "f8"),
        ("peak_at", "f8"),
        ("flattening", "f8"),
        # The breath-gap clock.
        ("armed", "i8"),
        ("last_peak", "f8"),
        ("last_peak_at", "f8"),
        ("gap_open", "i8"),
        ("gap_certain_at", "f8"),
        # Scored events: the effort to breathe and its long mean; breaths in a row that are shallow.
        ("efforts", "f8", (HISTORY,)),
        ("effort_sum", "f8"),
        ("efforts_taken", "i8"),
        ("effort_at", "i8"),
        ("effort_reference", "f8"),
        ("reference_steps", "i8"),
        ("low_steps", "i8"),
        ("low_event", "i8"),
        ("low_onset", "f8"),
        ("low_onset_at", "f8"),
        ("apnea_open", "i8"),
        ("apnea_certain", "f8"),
        ("apnea_certain_at", "f8"),
        ("low_id", "i8"),
        ("usual_taken", "i8"),
        ("usual_peak", "f8"),
        ("usual_peaks", "f8", (MOST_USUAL,)),
        ("usual_ordered", "f8", (MOST_USUAL,)),
        ("stable_at", "f8"),
        ("was_stable", "i8"),
        ("recovered", "f8"),
        ("shallow_breaths", "i8"),
        ("shallow_onset", "f8"),
        ("shallow_onset_at", "f8"),
        ("hypopnea_open", "i8"),
        ("hypopnea_certain", "f8"),
        ("hypopnea_certain_at", "f8"),
        ("hypopnea_id", "i8"),
        # The probe's two overlapping windows: flow's and pressure's real and imaginary part; and the windows' vote.
        ("probe_windows", "f8", (2, 4)),
        ("probe_samples", "i8"),
        ("probe_open", "i8"),
        ("probe_closed", "i8"),
        # The slope of flow, and what it says of flow's sign.
        ("slope_square", "f8"),
        ("slope_cube", "f8"),
        ("inverted", "i8"),
        ("inverted_samples", "i8"),
        # Onsets and events since the first sample, what is in progress included.
        ("breaths", "i8"),
        ("gaps", "i8"),
        ("scored", "i8"),
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
    states["hold"] = max(1, round(rules.amplitude_hold_s * sampling_rate_hz / step))
    states["quiet"] = states["hold"] // 2
    states["stretch_gap"] = max(1, np.ceil(rules.stretch_gap_s * sampling_rate_hz))
    states["breath_gap"] = rules.breath_gap_s * sampling_rate_hz
    states["decay"] = np.exp(-step / (rules.amplitude_decay_s * sampling_rate_hz))
    states["floor_fraction"] = rules.amplitude_floor_fraction
    states["noise_multiple"] = rules.noise_multiple
    # Steps longer than that see breathing itself bend.
    if step <= LONGEST_NOISE_STEP_S * sampling_rate_hz:
        states["noise_gain"] = rules.noise_deviations / NOISE_BEND / rules.onset_fraction
    states["onset_fraction"] = rules.onset_fraction
    states["typical_step"] = 1.0 + rules.typical_step
    states["end_fraction"] = rules.end_fraction
    states["pause_share"] = rules.pause_share
    states["pause_band"] = rules.pause_band
    states["minimum_amplitude"] = rules.minimum_amplitude_lpm
    states["pressure_gain"] = 1.0 - np.exp(-1.0 / (rules.pressure_time_constant_s * sampling_rate_hz))
    states["hump_fraction"] = rules.hump_fraction
    states["hump_level"] = rules.hump_level
    states["swing"] = rules.swing
    states["drift_gain"] = rules.drift_gain
    states["shortest_hump"] = rules.shortest_hump_s * sampling_rate_hz
    states["longest_hump"] = rules.longest_hump_s * sampling_rate_hz
    states["imbalance"] = rules.imbalance_breaths
    states["pressure"] = np.nan
    _set_scoring(states, sampling_rate_hz, rules)
    _check_memory(states[0], sampling_rate_hz, rules)
    return states


def _set_scoring(states: NDArray[np.void], sampling_rate_hz: float, rules: Rules) -> None:
    steps_per_s = sampling_rate_hz / states["step"][0]
    states["effort_window"] = max(1, round(rules.effort_window_s * steps_per_s))
    states["apnea_hold"] = round(rules.apnea_hold_s * steps_per_s)
    states["scoring_from"] = round(rules.scoring_from_s * steps_per_s)
    states["reference_memory"] = max(1, round(rules.reference_s * steps_per_s))
    states["reference_hold"] = round(rules.reference_hold_s * steps_per_s)
    states["usual_memory"] = min(MOST_USUAL, max(1, round(rules.reference_breaths)))
    states["fewest_usual"] = BREATHS_IN_MEANS
    states["fewest_flat"] = FEWEST_FLAT_STEPS
    states["apnea_enter"] = rules.apnea_enter
    states["apnea_leave"] = rules.apnea_leave
    states["apnea_depth"] = rules.apnea_depth
    states["reference_clip"] = rules.reference_clip
    # The mean of a half sine's two thirds of a cycle is about 0.4 of its peak.
    states["effort_floor"] = 0.4 * rules.minimum_amplitude_lpm
    states["hypopnea_share"] = rules.hypopnea_share
    states["hypopnea_leave"] = rules.hypopnea_leave
    states["stable_share"] = rules.stable_share
    states["recovery"] = rules.recovery_s * sampling_rate_hz
    states["hypopnea_samples"] = rules.hypopnea_s * sampling_rate_hz
    states["round_share"] = ROUND_SHARE
    states["slope_memory"] = max(1, round(rules.sign_memory_s * steps_per_s))
    states["slope_gain"] = 1.0 / states["slope_memory"][0]
    states["inverted_skewness"] = rules.inverted_skewness
    length = 2 * round(0.5 * rules.probe_window_s * sampling_rate_hz)
    slow = sampling_rate_hz < FEWEST_IN_A_PERIOD * rules.probe_hz
    states["probe_after"] = NEVER if slow else round(rules.probe_after_s * steps_per_s)
    states["probe_length"] = max(2, length)
    states["probe_turn"] = 2.0 * np.pi * rules.probe_hz / sampling_rate_hz
    # A wave of amplitude 1 has a component of a quarter of the Hann window's length.
    states["probe_least"] = (rules.probe_least_cmh2o * length / 4.0) ** 2
    states["open_airway"] = 60.0 * rules.open_airway_lps_per_cmh2o


def _check_memory(state: np.void, sampling_rate_hz: float, rules: Rules) -> None:
    if state["start_up"] > START_UP_CAPACITY or state["start_up"] > MOST_START_UP_STEPS * state["step"]:
        raise ValueError(
            f"start_up_s must be at most {START_UP_CAPACITY / sampling_rate_hz:g} s at {sampling_rate_hz:g} Hz and "
            f"{MOST_START_UP_STEPS} steps of step_s: got {rules.start_up_s} and {rules.step_s}; use the defaults"
        )
    if state["stretch_gap"] < state["start_up"]:
        raise ValueError(
            f"stretch_gap_s must be at least start_up_s, or a stretch could end in what is kept back of it: got "
            f"{rules.stretch_gap_s} and {rules.start_up_s}; use the defaults"
        )
    if max(state["stuck"], state["window"], state["effort_window"]) > HISTORY:
        raise ValueError(
            f"stuck_s, smoothing_s and effort_window_s must be at most {HISTORY} steps of step_s: got {rules.stuck_s}, "
            f"{rules.smoothing_s}, {rules.effort_window_s} and {rules.step_s}; use the defaults"
        )
