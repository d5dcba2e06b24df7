"""Whatever a device sends, the detector raises nothing, keeps its memory, and forgets it with the stretch of signal."""

from __future__ import annotations

from math import isfinite

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cpap_core import DetectorOutput, RespirationDetector
from cpap_core.rules import PRESETS
from tests.core.test_detector import breaths

RATE_HZ = 25.0

LEVELS = st.sampled_from([0.0, -0.0, 1e-40, 1.0, -40.0, 85.3, 3e38, -3e38, np.nan, np.inf, -np.inf])
STRETCHES = st.lists(
    st.tuples(LEVELS, st.sampled_from([0.0, 0.3, 30.0, 1e30]), st.integers(1, 600)), min_size=1, max_size=20
)


def abuse(seed: int, stretches: list[tuple[float, float, int]]) -> NDArray[np.float32]:
    """Levels with so much noise on them, each for so many samples."""
    rng = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        return np.concatenate([level + rng.normal(0, noise, n) for level, noise, n in stretches]).astype(np.float32)


def told_after(
    flow: NDArray[np.float32],
    pressure: NDArray[np.float32],
    rate_hz: float,
    breathing: NDArray[np.floating] | None = None,
) -> tuple[list[float], list[float], int]:
    """Onsets, volumes and events of breathing that comes after something else and a long loss of signal."""
    detector = RespirationDetector(rate_hz)
    detector.update(flow, pressure)
    detector.update(np.full(round(11 * rate_hz), np.nan))
    assert not detector.vitals().armed
    begun = detector.samples_seen
    output = detector.update(breaths(40, rate_hz) if breathing is None else breathing)
    shift_s = begun / rate_hz
    onsets = [round(onset.onset_s - shift_s, 6) for onset in output.onsets]
    volumes = [breath.tidal_volume_ml for breath in output.breaths]
    return onsets, volumes, len(output.opened)


def check_finite(output: DetectorOutput) -> None:
    for breath in output.breaths:
        known = (breath.onset_s, breath.peak_s, breath.inspiratory_time_s, breath.expiratory_time_s)
        assert all(map(isfinite, (*known, breath.tidal_volume_ml, breath.peak_flow_lpm)))
        assert breath.peak_flow_lpm >= 0
        assert breath.flow_limitation is None or 0 <= breath.flow_limitation <= 1
    for event in output.events:
        assert isfinite(event.onset_s) and event.duration_s > 0


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    stretches=STRETCHES,
    pressures=STRETCHES,
    rate_hz=st.sampled_from([1.0, 12.5, 25.0, 200.0]),
    preset=st.sampled_from(list(PRESETS)),
)
def test_any_samples_are_taken_and_give_numbers(
    seed: int, stretches: list[tuple[float, float, int]], pressures: list[tuple[float, float, int]], rate_hz: float,
    preset: str,
) -> None:  # fmt: skip
    flow, pressure = abuse(seed, stretches), abuse(seed + 1, pressures)
    pressure = np.resize(pressure, len(flow))
    detector = RespirationDetector(rate_hz, rules=PRESETS[preset])
    for output in (detector.update(breaths(20, rate_hz)), detector.update(flow, pressure), detector.flush()):
        check_finite(output)
    vitals = detector.vitals()
    for number in (vitals.respiratory_rate_per_min, vitals.tidal_volume_ml, vitals.airway_pressure_cmh2o):
        assert number is None or isfinite(number)


def test_a_breath_whose_baseline_rose_above_its_top_has_no_peak_flow_below_zero() -> None:
    rng = np.random.default_rng(11)
    flow = 30 * np.sin(2 * np.pi * np.arange(3000) / RATE_HZ / 4) + rng.normal(0, rng.choice([0.3, 30, 300]), 3000)
    flow += np.repeat(rng.choice([0, -40, 85, 200], 6), 500)
    check_finite(RespirationDetector(RATE_HZ).update(flow))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), stretches=STRETCHES, rate_hz=st.sampled_from([1.0, 25.0, 200.0]))
def test_nothing_of_it_outlives_a_loss_of_signal(
    seed: int, stretches: list[tuple[float, float, int]], rate_hz: float
) -> None:
    flow = abuse(seed, stretches)
    none = np.empty(0, np.float32)
    assert told_after(flow, np.resize(flow, len(flow)), rate_hz) == told_after(none, none, rate_hz)


def test_nor_does_it_where_the_baseline_is_pulled_before_a_stretch_is_as_long_as_what_it_is_pulled_to() -> None:
    disturbed = breaths(40, RATE_HZ)
    for start, stop, by in ((137, 141, 300), (144, 150, 300), (164, 170, -100)):
        disturbed[start:stop] += by
    none, before = np.empty(0, np.float32), np.full(2500, 80, np.float32)
    assert told_after(before, before, RATE_HZ, disturbed) == told_after(none, none, RATE_HZ, disturbed)


@pytest.mark.parametrize("saturated", [85.3, -85.3])
def test_a_sensor_at_its_end_is_no_breathing_and_breathing_after_it_is_found(saturated: float) -> None:
    flow = np.concatenate([breaths(30, RATE_HZ), np.full(3000, saturated), breaths(60, RATE_HZ)])
    found = RespirationDetector(RATE_HZ).update(np.clip(flow, -85.3, 85.3))
    after = [onset for onset in found.onsets if onset.onset_s > 240 + 30]
    assert len(after) >= 50
    assert len([onset for onset in found.onsets if 125 < onset.onset_s < 235]) <= 1


def random_flow(samples: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """So many random samples: noise of changing size and smoothness, with bursts of NaN, infinities and zeros."""
    parts, taken = [], 0
    while taken < samples:
        n = min(int(rng.integers(1, 50_000)), samples - taken)
        flow = rng.normal(0, rng.choice([0.1, 5, 50, 1e6]), n) + rng.choice([0, 0, 40, -300])
        smooth = np.convolve(flow, np.ones(20) / 20, "same") if n > 20 and rng.random() < 0.7 else flow
        for _ in range(int(rng.integers(0, 6))):
            at = int(rng.integers(0, n + 1))
            smooth[at : at + int(rng.integers(1, 600))] = rng.choice([np.nan, np.inf, 0.0])
        parts.append(smooth.astype(np.float32))
        taken += n
    return np.concatenate(parts)


def bits(outputs: list[DetectorOutput]) -> dict[str, bytes]:
    """All that outputs say, to the bit."""
    tables = ("onsets", "breaths", "opened", "events")
    return {name: np.concatenate([getattr(output.tables, name) for output in outputs]).tobytes() for name in tables}


def fuzz(samples: int, seed: int, longest: int) -> None:
    """Random samples in chunks of random length give what they give at once, and leave the memory as it was."""
    rng = np.random.default_rng(seed)
    flow = random_flow(samples, rng)
    pressure = flow / 4
    at_once, detector = RespirationDetector(RATE_HZ), RespirationDetector(RATE_HZ)
    expected = [at_once.update(flow, pressure), at_once.flush()]
    size, taken, outputs = detector._state.nbytes, 0, []
    while taken < samples:
        stop = taken + int(rng.integers(0, longest))
        outputs.append(detector.update(flow[taken:stop], pressure[taken:stop]))
        taken = min(stop, samples)
    outputs.append(detector.flush())
    for output in expected:
        check_finite(output)
    assert bits(outputs) == bits(expected)
    assert detector.vitals() == at_once.vitals()
    assert detector._state.nbytes == size
    assert detector.samples_seen == samples


def test_three_hundred_thousand_random_samples_with_bursts_of_nan() -> None:
    fuzz(300_000, 11, longest=3_000)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_ten_million_random_samples_with_bursts_of_nan() -> None:
    fuzz(10_000_000, 12, longest=50_000)
