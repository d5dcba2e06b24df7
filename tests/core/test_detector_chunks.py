"""Any chunking gives the same bits, and the fast kernels the same as their slow twins after every update (F40)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cpap_core import DetectorOutput, EventKind, RespirationDetector
from cpap_core.rules import DEFAULT_RULES, PRESETS
from tests.naive import respiration, slow_mean

RATES_HZ = [1.0, 3.0, 10.0, 25.0, 62.5, 200.0]


def wild(seed: int, rate_hz: float, duration_s: float) -> NDArray[np.float32]:
    """Breathing that changes rate, depth and leak, with pauses, noise, swallows, glitches and bursts of NaN."""
    rng = np.random.default_rng(seed)
    parts = []
    while sum(map(len, parts)) < duration_s * rate_hz:
        n = int(rng.uniform(2, 40) * rate_hz)
        phase = np.cumsum(np.full(n, rng.uniform(0.08, 1.2) / rate_hz)) % 1
        flow = rng.choice([0, 1, 10, 30, 80]) * np.where(phase < 0.4, np.sin(np.pi * phase / 0.4), phase - 1)
        flow += rng.choice([0, 0, 20, -40]) + rng.normal(0, rng.choice([0, 0.3, 3, 30]), n)
        if rng.random() < 0.5:
            start = rng.integers(0, n)
            flow[start : start + int(rng.choice([1, rate_hz, 5 * rate_hz, 9.9 * rate_hz, 12 * rate_hz]))] = np.nan
        if rng.random() < 0.1:
            flow[rng.integers(0, n)] = rng.choice([np.inf, -np.inf, 1e30])
        parts.append(flow)
    with np.errstate(over="ignore"):
        return np.concatenate(parts).astype(np.float32)


def probe_of(flow: NDArray[np.float32], rate_hz: float) -> NDArray[np.float32]:
    """A pressure that goes with the flow and has the device's probe in every other half minute, with its own gaps."""
    time_s = np.arange(len(flow)) / rate_hz
    probe = 0.5 * np.sin(2 * np.pi * DEFAULT_RULES.probe_hz * time_s) * (time_s % 60 < 30)
    return np.where(time_s % 47 < 0.3, np.nan, flow / 4 + probe).astype(np.float32)


def gathered(outputs: list[DetectorOutput]) -> DetectorOutput:
    total = DetectorOutput()
    for output in outputs:
        total.onsets.extend(output.onsets)
        total.breaths.extend(output.breaths)
        total.opened.extend(output.opened)
        total.events.extend(output.events)
    return total


def chunked(flow: NDArray[np.float32], rate_hz: float, lengths: list[int]) -> tuple[DetectorOutput, list[object]]:
    """Feed chunks of these lengths, over and over; return the output and the vitals before and after the end."""
    detector = RespirationDetector(rate_hz)
    outputs, start, turn = [], 0, 0
    pressure = probe_of(flow, rate_hz)
    while start < len(flow):
        stop = start + lengths[turn % len(lengths)]
        outputs.append(detector.update(flow[start:stop], pressure[start:stop]))
        start, turn = stop, turn + 1
    seen: list[object] = [detector.vitals(), detector.samples_seen, detector.breath_count, detector.breath_gap_count]
    outputs.append(detector.flush())
    return gathered(outputs), [
        *seen,
        detector.vitals(),
        detector.breath_gap_count,
        detector.breath_count,
        detector.scored_count,
    ]


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_chunks_of_any_length_give_the_same_bits(rate_hz: float) -> None:
    for seed in range(3):
        flow = wild(seed, rate_hz, 300)
        expected = chunked(flow, rate_hz, [len(flow)])
        for lengths in ([1], [2], [7], [25], [1000], [0, 1, 3, 400, 0, 12]):
            assert chunked(flow, rate_hz, lengths) == expected


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rate_hz=st.one_of(st.sampled_from(RATES_HZ), st.floats(1, 200)),
    lengths=st.lists(st.integers(0, 3000), min_size=1, max_size=12).filter(any),
)
def test_random_chunks_of_random_signals_give_the_same_bits(seed: int, rate_hz: float, lengths: list[int]) -> None:
    flow = wild(seed, rate_hz, 120)
    whole, whole_seen = chunked(flow, rate_hz, [len(flow)])
    parts, parts_seen = chunked(flow, rate_hz, lengths)
    assert parts == whole
    assert parts_seen == whole_seen


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("seed", range(3))
def test_pressure_that_comes_and_goes_is_as_one_that_is_missing_between(rate_hz: float, seed: int) -> None:
    flow = wild(seed, rate_hz, min(600, 8000 / rate_hz))
    pressure = probe_of(flow, rate_hz)
    missing = np.full(len(flow), np.nan, np.float32)
    parts = np.array_split(np.arange(len(flow)), 9)
    seen: list[object] = []
    for none, length in ((missing, len(flow)), (None, len(flow)), (None, 7)):
        detector = RespirationDetector(rate_hz)
        outputs: list[DetectorOutput] = []
        vitals = []
        for turn, part in enumerate(parts):
            channel = none if turn % 2 else pressure
            for at in range(part[0], part[-1] + 1, length):
                chunk = slice(at, min(at + length, part[-1] + 1))
                outputs.append(detector.update(flow[chunk], None if channel is None else channel[chunk]))
            vitals.append(detector.vitals())
        seen.append((gathered([*outputs, detector.flush()]), vitals))
    assert seen[0] == seen[1] == seen[2]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_the_kernels_equal_their_slow_twins_after_every_update(rate_hz: float, preset: str) -> None:
    rules = PRESETS[preset]
    for seed in range(4 if preset == "device" else 1):
        flow = wild(100 + seed, rate_hz, min(240, 6000 / rate_hz))
        pressure = probe_of(flow, rate_hz)
        detector = RespirationDetector(rate_hz, rules=rules)
        outputs = []
        for start in range(0, len(flow), max(1, len(flow) // 12)):
            stop = start + max(1, len(flow) // 12)
            outputs.append(detector.update(flow[start:stop], pressure[start:stop]))
            expected = respiration(flow[:stop], rate_hz, ended=False, rules=rules, pressure=pressure)
            assert gathered(outputs) == expected
            mean = detector.vitals().airway_pressure_cmh2o
            assert mean == slow_mean(pressure[:stop], rate_hz, rules)
        outputs.append(detector.flush())
        assert gathered(outputs) == respiration(flow, rate_hz, ended=True, rules=rules, pressure=pressure)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rate_hz=st.floats(1, 60))
def test_what_is_found_makes_sense(seed: int, rate_hz: float) -> None:
    found, (*_, gap_count, breath_count, scored_count) = chunked(wild(seed, rate_hz, 400), rate_hz, [50])
    assert len(found.breaths) == len(found.onsets) == breath_count
    for events in (found.opened, found.events):
        assert [event.id for event in events if event.id >= 0] == [*range(gap_count)]
        assert sorted(-event.id for event in events if event.id < 0) == [*range(1, scored_count + 1)]
    for breath, onset in zip(found.breaths, found.onsets, strict=True):
        assert breath.onset_s == onset.onset_s <= breath.peak_s
        assert onset.onset_s <= onset.confirmed_at_s
        assert breath.inspiratory_time_s >= 0 and breath.expiratory_time_s >= 0 and breath.tidal_volume_ml >= 0
    assert all(a.peak_s < b.peak_s for a, b in zip(found.breaths, found.breaths[1:], strict=False))
    peaks = {breath.peak_s for breath in found.breaths}
    opened = {event.id: event for event in found.opened}
    for event in found.events:
        assert (event.onset_s, event.detected_at_s) == (opened[event.id].onset_s, opened[event.id].detected_at_s)
        if event.kind is not EventKind.BREATH_GAP:
            assert event.duration_s > DEFAULT_RULES.apnea_hold_s - 1
            continue
        assert event.duration_s > DEFAULT_RULES.breath_gap_s
        assert event.detected_at_s - event.onset_s > DEFAULT_RULES.breath_gap_s
        assert event.onset_s in peaks


def test_a_million_random_samples_leave_the_memory_as_it_was() -> None:
    detector = RespirationDetector(25.0)
    size = detector._state.nbytes
    rng = np.random.default_rng(5)
    for _ in range(10):
        flow = rng.normal(0, 50, 100_000).astype(np.float32)
        flow[rng.random(100_000) < 0.01] = np.nan
        detector.update(flow)
    assert detector._state.nbytes == size
    assert detector.samples_seen == 1_000_000


def test_the_usual_breath_is_as_the_slow_twin_has_it_when_many_have_passed() -> None:
    rate_hz = 10.0
    rng = np.random.default_rng(11)
    depth = np.repeat(30 + rng.choice([-9, -3, 0, 3, 12], 140), 30)
    flow = (depth * np.sin(2 * np.pi * np.arange(len(depth)) / 30)).astype(np.float32)
    flow[3000:3150] *= np.float32(0.4)
    detector = RespirationDetector(rate_hz)
    outputs = [detector.update(flow), detector.flush()]
    assert any(event.kind is EventKind.HYPOPNEA for event in outputs[0].events)
    assert gathered(outputs) == respiration(flow, rate_hz, ended=True, rules=DEFAULT_RULES)
