"""Where breaths begin and what the baseline follows: the rules that the nights of a device's scoring asked for."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cpap_core import DetectorOutput, RespirationDetector

RATE_HZ = 25.0


def shaped(times_s: list[float], flow_lpm: list[float], count: int) -> NDArray[np.float64]:
    """So many breaths of a flow that goes straight from one point to the next, as much in as out."""
    shape = np.interp(np.arange(round(times_s[-1] * RATE_HZ)) / RATE_HZ, times_s, flow_lpm)
    return np.tile(shape - shape.mean(), count)


def sines(count: int) -> NDArray[np.float64]:
    """Breaths of 4 s and 30 L/min."""
    return 30 * np.sin(2 * np.pi * np.arange(count * 100) / 100)


def found_in(flow_lpm: NDArray[np.float64]) -> DetectorOutput:
    return RespirationDetector(RATE_HZ).update(flow_lpm)


@pytest.mark.parametrize(("second", "a_breath"), [(5, 1), (12, 2)])
def test_an_inspiration_that_sank_and_rises_a_little_is_two(second: int, a_breath: int) -> None:
    # It sinks to 3 of 30 L/min, below a quarter; 2 L/min more are less than 0.15 of it, 9 are more.
    flow = shaped([0, 0.6, 1.4, 2.2, 2.8, 3.5, 6, 8], [0, 30, 3, second, 0, -10, -8, 0], 30)
    assert len(found_in(flow).breaths) == pytest.approx(30 * a_breath, abs=4)


def test_no_breath_begins_within_06_s_of_the_one_before() -> None:
    flutter = shaped([0, 1, 1.12, 1.24, 1.4, 1.52, 1.64, 3.5, 6], [0, 0, 30, -2, -2, 30, -2, -2, 0], 30)
    onsets_s = [onset.onset_s for onset in found_in(flutter).onsets]
    assert len(onsets_s) > 30
    assert min(np.diff(onsets_s)) >= 0.6 - 1e-9


@pytest.mark.parametrize("step_lpm", [-9, 9])
def test_a_leak_too_small_to_hide_breaths_is_followed_after_three_of_them(step_lpm: int) -> None:
    still, stepped = sines(60), np.concatenate([sines(30), sines(30) + step_lpm])
    volumes = [[breath.tidal_volume_ml for breath in found_in(flow).breaths] for flow in (still, stepped)]
    assert len(volumes[1]) == len(volumes[0])
    assert volumes[1][35:] == pytest.approx(volumes[0][35:], rel=0.01)
