"""Steps that are only measured are steps in which nothing was to be decided, and what is looked back at is kept."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cpap_core import RespirationDetector
from cpap_core.rules import DEFAULT_RULES, Rules
from tests.core.test_detector_abuse import bits
from tests.core.test_detector_chunks import RATES_HZ, probe_of, wild

RATE_HZ = 25.0


def decided_on_always(
    flow: NDArray[np.float32], pressure: NDArray[np.float32], rate_hz: float, rules: Rules = DEFAULT_RULES
) -> dict[str, bytes]:
    """What is found if no step is only measured: before each sample the next one is said to be due."""
    detector = RespirationDetector(rate_hz, rules=rules)
    outputs = []
    for at in range(len(flow)):
        detector._state["due"] = 0
        outputs.append(detector.update(flow[at : at + 1], pressure[at : at + 1]))
    return bits([*outputs, detector.flush()])


def decided_on_when_due(
    flow: NDArray[np.float32], pressure: NDArray[np.float32], rate_hz: float, rules: Rules = DEFAULT_RULES
) -> dict[str, bytes]:
    """What is found as always."""
    detector = RespirationDetector(rate_hz, rules=rules)
    return bits([detector.update(flow, pressure), detector.flush()])


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("seed", range(3))
def test_no_step_is_slept_through_in_which_something_happens(rate_hz: float, seed: int) -> None:
    flow = wild(200 + seed, rate_hz, min(900, 10_000 / rate_hz))
    pressure = probe_of(flow, rate_hz)
    assert decided_on_always(flow, pressure, rate_hz) == decided_on_when_due(flow, pressure, rate_hz)


@pytest.mark.parametrize("samples", [6, 100])
def test_nor_where_flow_is_so_huge_that_a_fall_is_rounded_away(samples: int) -> None:
    flow = (30 * np.sin(2 * np.pi * np.arange(6000) / 100)).astype(np.float32)
    flow[3040 : 3040 + samples] = -1e30
    assert decided_on_always(flow, flow, RATE_HZ) == decided_on_when_due(flow, flow, RATE_HZ)


def test_the_top_of_the_longest_inspiration_is_remembered_wherever_the_steps_kept_end() -> None:
    """Held aside for 8 s, flow pulls the baseline; that is undone in the inspiration after it, which so lasts 12 s."""
    breaths = 30 * np.sin(2 * np.pi * np.arange(1500) / 100)
    longest = np.repeat([-10.0, 15, 25, 28, 25, 20, 15, 4], [200, 1, 1, 1, 1, 1, 92, 250])
    lasted_s = []
    for more in range(0, 640, 2):
        flow = np.concatenate([breaths, breaths[:more], longest, breaths]).astype(np.float32)
        detector = RespirationDetector(RATE_HZ)
        outputs = [detector.update(flow[at : at + 50]) for at in range(0, len(flow), 50)]
        outputs.append(detector.flush())
        lasted_s.append(max(breath.inspiratory_time_s for output in outputs for breath in output.breaths))
        whole = RespirationDetector(RATE_HZ)
        assert bits(outputs) == bits([whole.update(flow), whole.flush()])
    assert sum(longest_s > 11 for longest_s in lasted_s) > 50


SHORT = {"step_s": 0.01, "stuck_s": 1, "effort_window_s": 0.2, "smoothing_s": 0.03, "start_up_s": 1}
"""At 200 Hz steps of two samples, of which fewer are remembered than the long means would take in at once."""

LONG = {"step_s": 0.3, "stuck_s": 30, "effort_window_s": 0.3, "smoothing_s": 30, "start_up_s": 0.6, "breath_gap_s": 3}
"""Such a smoothing has not seen its window yet when the first breath gap is due."""

QUICK = {"amplitude_hold_s": 0.2, "reference_s": 0.5, "sign_memory_s": 1}
"""Memories shorter than the 2.56 s that the long means take in at once."""


@pytest.mark.parametrize(("rate_hz", "change"), [(200.0, SHORT), (62.5, LONG), (25.0, QUICK)])
def test_rules_at_their_bounds_are_kept_to_in_chunks_and_in_each_step(rate_hz: float, change: dict[str, float]) -> None:
    rules = Rules(**change)
    for seed in range(5):
        flow = wild(300 + seed, rate_hz, 12_000 / rate_hz)
        pressure = probe_of(flow, rate_hz)
        whole = decided_on_when_due(flow, pressure, rate_hz, rules)
        assert decided_on_always(flow, pressure, rate_hz, rules) == whole
        noise = noise_of(flow, rate_hz, rules, chunk=len(flow))
        assert 0 <= noise <= 1
        assert noise == noise_of(flow, rate_hz, rules, chunk=50)


def noise_of(flow: NDArray[np.float32], rate_hz: float, rules: Rules, *, chunk: int) -> float:
    """The long mean of noise after these samples, as a share of the amplitude."""
    detector = RespirationDetector(rate_hz, rules=rules)
    for at in range(0, len(flow), chunk):
        detector.update(flow[at : at + chunk])
    return float(detector._state["noise"] / detector._state["amplitude"])
