"""A room's state before its first sample: the rules, in samples and steps of its rate."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .kernels.rows import LOOKED_BACK, NEVER
from .rules import BREATHS_IN_BASELINE, BREATHS_IN_MEANS, Rules
from .state import MOST_IN_A_STEP, MOST_USUAL, START_UP_CAPACITY, STATE

MOST_START_UP_STEPS = 150

LEARN_S = 2.56
"""So often the long means take in what was measured since: they are over 20 s and more."""

PRESSURE_GROUP_S = 0.32
"""So often the mean pressure takes in its samples."""

NOISE_BEND = 2.99
"""Mean fourth difference of white noise's moving average over its standard deviation: sqrt(42 / 3) * sqrt(2 / pi)."""

LONGEST_NOISE_STEP_S = 0.1
"""At 0.1 s the fourth difference of breathing at 60/min is a twentieth of it, and of noise three times it."""

FEWEST_BENT_STEPS = 2
"""The second difference is known from the third step on."""

FEWEST_FLAT_STEPS = 6
"""An inspiration shorter than that has no middle half to speak of."""

ROUND_SHARE = 0.9
"""Mean over peak in the middle half of a half sine: sqrt(8) / pi."""

FEWEST_IN_A_PERIOD = 3.0
"""Samples in a period of the probe; slower signals cannot show it."""


def new_states(rooms: int, sampling_rate_hz: float, rules: Rules) -> NDArray[np.void]:
    """Make the state of so many rooms, before their first sample."""
    return np.frombuffer(bytearray(_new_state(sampling_rate_hz, rules) * rooms), STATE)


@lru_cache(maxsize=16)
def _new_state(sampling_rate_hz: float, rules: Rules) -> bytes:
    """Make one room's; it takes longer than a minute's samples, so it is made once."""
    states = np.zeros(1, STATE)
    step = max(1, round(rules.step_s * sampling_rate_hz))
    states["step"] = step
    states["window"] = max(1, round(rules.smoothing_s * sampling_rate_hz / step))
    states["start_up"] = max(1, round(rules.start_up_s * sampling_rate_hz))
    states["stuck"] = max(1, round(rules.stuck_s * sampling_rate_hz / step))
    states["hold"] = max(1, round(rules.amplitude_hold_s * sampling_rate_hz / step))
    states["quiet"] = np.maximum(FEWEST_BENT_STEPS, states["hold"] // 2)
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
    group = max(1, round(PRESSURE_GROUP_S * sampling_rate_hz))
    states["pressure_group"] = group
    states["pressure_left"] = group
    states["pressure_gain"] = 1.0 - np.exp(-group / (rules.pressure_time_constant_s * sampling_rate_hz))
    states["hump_fraction"] = rules.hump_fraction
    states["hump_level"] = rules.hump_level
    states["refractory"] = rules.refractory_s * sampling_rate_hz
    states["leap"] = rules.leap
    states["leap_breaths"] = min(BREATHS_IN_BASELINE, max(1, round(rules.leap_breaths)))
    states["drift_most"] = rules.drift_most
    states["dip_level"] = rules.dip_level
    states["dip_rise"] = rules.dip_rise
    states["swing"] = rules.swing
    states["drift_gain"] = rules.drift_gain
    states["longest_hump"] = rules.longest_hump_s * sampling_rate_hz
    states["imbalance"] = rules.imbalance_breaths
    states["pressure"] = np.nan
    _set_scoring(states, sampling_rate_hz, rules)
    learn_steps = max(1, round(LEARN_S * sampling_rate_hz / step))
    # Nor ever more than is remembered, or than any of the long means is of.
    memories = (states[name][0] for name in ("hold", "reference_memory", "slope_memory"))
    states["learn_steps"] = min(learn_steps, LOOKED_BACK, *memories)
    _check_memory(states[0], sampling_rate_hz, rules)
    return states.tobytes()


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
    if state["step"] > MOST_IN_A_STEP:
        raise ValueError(
            f"step_s must be at most {MOST_IN_A_STEP / sampling_rate_hz:g} s at {sampling_rate_hz:g} Hz: got "
            f"{rules.step_s}; use the default"
        )
    if state["stretch_gap"] < state["start_up"]:
        raise ValueError(
            f"stretch_gap_s must be at least start_up_s, or a stretch could end in what is kept back of it: got "
            f"{rules.stretch_gap_s} and {rules.start_up_s}; use the defaults"
        )
    if max(state["stuck"], state["window"], state["effort_window"]) > LOOKED_BACK:
        raise ValueError(
            f"stuck_s, smoothing_s and effort_window_s must be at most {LOOKED_BACK} steps of step_s: got "
            f"{rules.stuck_s}, {rules.smoothing_s}, {rules.effort_window_s} and {rules.step_s}; use the defaults"
        )
