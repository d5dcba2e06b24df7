"""The detector holds F37, F40 and F41 on made signals: what is found, when it is certain, and what it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cpap_core import DetectorOutput, EventKind, RespirationDetector, Rules
from cpap_core.rules import MAXIMUM_RATE_HZ, MINIMUM_RATE_HZ

RATES_HZ = [1.0, 2.0, 5.0, 12.5, 25.0, 62.5, 100.0, 200.0]


def breaths(count: int, rate_hz: float, *, peak_lpm: float = 30.0, period_s: float = 4.0) -> NDArray[np.float64]:
    """So many breaths: a half sine in, a longer and flatter one out, as much out as in."""
    phase = (np.arange(round(count * period_s * rate_hz)) / rate_hz / period_s) % 1
    inspiration = np.sin(np.pi * phase / 0.4)
    expiration = -np.sin(np.pi * (phase - 0.4) / 0.6) * 0.4 / 0.6
    return peak_lpm * np.where(phase < 0.4, inspiration, expiration)


def pause(duration_s: float, rate_hz: float) -> NDArray[np.float64]:
    return np.zeros(round(duration_s * rate_hz))


def missing(duration_s: float, rate_hz: float) -> NDArray[np.float64]:
    return np.full(round(duration_s * rate_hz), np.nan)


def whole(*parts: NDArray[np.float64], rate_hz: float) -> DetectorOutput:
    """The output of a whole recording; of events only breath gaps, since tests/core/test_scoring.py has the others."""
    detector = RespirationDetector(rate_hz)
    found = [detector.update(np.concatenate(parts)), detector.flush()]
    return DetectorOutput(*([*a, *b] for a, b in zip(*map(_lists, found), strict=True)))


def _lists(output: DetectorOutput) -> tuple[list[object], ...]:
    return output.onsets, output.breaths, gaps(output.opened), gaps(output.events)


def gaps(events: Sequence[Any]) -> list[Any]:
    return [event for event in events if event.kind is EventKind.BREATH_GAP]


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_every_breath_is_found_once_at_every_rate(rate_hz: float) -> None:
    found = whole(breaths(60, rate_hz), rate_hz=rate_hz)
    assert len(found.breaths) == len(found.onsets) == 60
    assert not found.opened
    # The half sine of 1.6 s peaks 0.8 s into each breath; a slow rate sees it within half a sample.
    late = [breath.peak_s - (4 * number + 0.8) for number, breath in enumerate(found.breaths)]
    assert max(map(abs, late)) < 0.05 + 0.5 / rate_hz


@pytest.mark.parametrize("rate_per_min", [4, 6, 10, 20, 30, 45, 60])
def test_slow_and_fast_breathing_is_counted(rate_per_min: int) -> None:
    found = whole(breaths(5 * rate_per_min, 25.0, period_s=60 / rate_per_min), rate_hz=25.0)
    assert len(found.breaths) == 5 * rate_per_min


def test_a_breath_is_described_in_its_units() -> None:
    found = whole(breaths(20, 100.0), rate_hz=100.0)
    breath = found.breaths[10]
    volume_ml = 30 * 2 / np.pi * 1.6 / 60 * 1000
    assert breath.tidal_volume_ml == pytest.approx(volume_ml, rel=0.02)
    assert breath.peak_flow_lpm == pytest.approx(30, rel=0.02)
    assert breath.inspiratory_time_s + breath.expiratory_time_s == pytest.approx(4, abs=0.02)
    assert breath.inspiratory_time_s == pytest.approx(1.55, abs=0.15)
    assert breath.onset_s < breath.peak_s < breath.onset_s + breath.inspiratory_time_s


def test_an_onset_is_certain_within_a_third_of_a_second() -> None:
    found = whole(breaths(60, 25.0), rate_hz=25.0)
    delays = [onset.confirmed_at_s - onset.onset_s for onset in found.onsets]
    assert 0 < max(delays) < 0.34
    assert [breath.onset_s for breath in found.breaths] == [onset.onset_s for onset in found.onsets]


@pytest.mark.parametrize("leak_lpm", [-30.0, 30.0])
@pytest.mark.parametrize("gain", [0.25, 1.0, 4.0])
def test_leak_and_gain_change_nothing_but_volumes(leak_lpm: float, gain: float) -> None:
    flow = np.concatenate([breaths(30, 25.0), pause(15, 25.0), breaths(30, 25.0)])
    plain, changed = whole(flow, rate_hz=25.0), whole(gain * flow + leak_lpm, rate_hz=25.0)
    assert len(changed.breaths) == len(plain.breaths) == 60
    assert len(changed.events) == len(plain.events) == 1
    for one, other in zip(plain.breaths, changed.breaths, strict=True):
        assert other.peak_s == pytest.approx(one.peak_s, abs=0.01)
        assert other.tidal_volume_ml == pytest.approx(gain * one.tidal_volume_ml, rel=0.02)


def test_a_drifting_leak_changes_no_count() -> None:
    flow = np.concatenate([breaths(75, 25.0), pause(15, 25.0), breaths(75, 25.0)])
    drift = np.arange(len(flow)) / 25 * (12 / 600)
    found = whole(flow + drift, rate_hz=25.0)
    assert (len(found.breaths), len(found.events)) == (150, 1)


def test_after_a_step_of_leak_breathing_is_found_again() -> None:
    flow = np.concatenate([breaths(30, 25.0), breaths(30, 25.0) + 40, breaths(30, 25.0)])
    assert 87 <= len(whole(flow, rate_hz=25.0).breaths) <= 90


@pytest.mark.parametrize("period_s", [3, 4, 6])
@pytest.mark.parametrize("step_lpm", [-60, -40, -20, 20, 40, 60])
def test_a_step_of_leak_hides_two_breaths_at_most_and_makes_none(period_s: int, step_lpm: int) -> None:
    # A swing as large as a breath is one, above the baseline or below it, and moves the baseline to where it belongs.
    breathing = breaths(30, 25.0, period_s=period_s)
    found = whole(breathing, breathing + step_lpm, rate_hz=25.0)
    assert 58 <= len(found.breaths) <= 60
    assert len(found.events) <= 1


def test_a_drift_of_02_l_per_s_in_10_min_changes_no_volume() -> None:
    flow = breaths(150, 25.0)
    still, drifting = whole(flow, rate_hz=25.0), whole(flow + np.arange(len(flow)) / 25 * (12 / 600), rate_hz=25.0)
    volumes = [[breath.tidal_volume_ml for breath in found.breaths[60:]] for found in (still, drifting)]
    # Eleven breaths' mean alone lags by half a litre per minute, and volumes with it.
    assert volumes[1] == pytest.approx(volumes[0], rel=0.002)


@pytest.mark.parametrize("pause_s", [5, 7, 12, 40])
def test_a_leak_that_grows_in_a_pause_makes_no_breath(pause_s: int) -> None:
    found = whole(breaths(30, 25.0), pause(pause_s, 25.0) + 40, breaths(30, 25.0) + 40, rate_hz=25.0)
    assert len(found.breaths) == len(found.onsets) == 60
    assert len(found.events) == (1 if pause_s > 6 else 0)


def test_f37_a_leak_that_grows_in_a_pause_hides_no_gap_at_the_end() -> None:
    found = whole(breaths(30, 25.0), pause(15, 25.0) + 40, rate_hz=25.0)
    assert len(found.breaths) == len(found.onsets)
    assert [event.duration_s for event in found.events] == [pytest.approx(18.2, abs=0.3)]


def test_a_drift_within_a_pause_is_followed() -> None:
    drift = np.linspace(0, -12, 300 * 25)
    found = whole(breaths(30, 25.0), pause(300, 25.0) + drift, breaths(30, 25.0) - 12, rate_hz=25.0)
    assert len(found.breaths) == 60
    assert len(found.events) == 1


@pytest.mark.parametrize(("dip", "count"), [(0.5, 30), (0.1, 60)])
def test_an_inspiration_that_all_but_ends_and_rises_again_is_two(dip: float, count: int) -> None:
    times_s = [0, 0.5, 0.9, 1.4, 1.9, 2.5, 3, 5, 8]
    flow = [0, 30, 30 * dip, 30 * dip, 30, 0, -14, -9, 0]
    shape = np.interp(np.arange(200) / 25, times_s, flow)
    assert len(whole(np.tile(shape - shape.mean(), 30), rate_hz=25.0).breaths) == pytest.approx(count, abs=1)


def test_a_sigh_held_in_moves_no_baseline() -> None:
    sigh = np.concatenate([breaths(1, 25.0, peak_lpm=90)[:40], pause(12, 25.0), breaths(1, 25.0, peak_lpm=90)[40:]])
    found = whole(breaths(20, 25.0), sigh, breaths(20, 25.0), rate_hz=25.0)
    assert (len(found.breaths), len(found.events)) == (41, 1)


@pytest.mark.holds("F41.1")
@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("pause_s", [8, 12, 60])
@pytest.mark.parametrize("probe_lpm", [0, 4])
def test_f41_a_breath_gap_is_known_while_it_lasts(rate_hz: float, pause_s: int, probe_lpm: float) -> None:
    flow = np.concatenate([breaths(10, rate_hz), pause(pause_s, rate_hz), breaths(10, rate_hz)])
    noise = np.random.default_rng(7).normal(0, 0.5, len(flow))
    probe = probe_lpm * np.sin(2 * np.pi * 4.17 * np.arange(len(flow)) / rate_hz) if rate_hz >= 10 else 0
    found = whole(flow + noise + probe, rate_hz=rate_hz)
    assert len(found.breaths) == 20
    assert len(found.events) == len(found.opened) == 1
    event = found.events[0]
    assert (event.id, event.kind) == (0, EventKind.BREATH_GAP)
    assert event.onset_s == found.breaths[9].peak_s
    assert event.duration_s == pytest.approx(pause_s + 4, abs=0.4 + 0.5 / rate_hz)
    assert 10 < event.detected_at_s - event.onset_s < 11.1


@pytest.mark.holds("F37.2")
def test_f37_ten_seconds_from_peak_to_peak_are_no_gap() -> None:
    for pause_s, gaps in [(5.8, 0), (6.2, 1)]:
        flow = (breaths(10, 100.0), pause(pause_s, 100.0), breaths(10, 100.0))
        assert len(whole(*flow, rate_hz=100.0).events) == gaps


@pytest.mark.holds("F37.2", "F41.2")
def test_f37_the_time_before_the_first_breath_does_not_count() -> None:
    found = whole(pause(60, 25.0), breaths(10, 25.0), rate_hz=25.0)
    assert len(found.breaths) == 10
    assert not found.opened


@pytest.mark.holds("F37.2")
def test_f37_an_open_gap_at_the_end_counts() -> None:
    detector = RespirationDetector(25.0)
    opened = gaps(detector.update(np.concatenate([breaths(10, 25.0), pause(30, 25.0)])).opened)
    assert detector.breath_gap_count == 1
    closed = gaps(detector.flush().events)
    assert [event.id for event in closed] == [event.id for event in opened] == [0]
    assert closed[0].duration_s == pytest.approx(30 + 3.2, abs=0.1)


def test_f37_a_gap_at_the_end_that_was_not_yet_certain_counts() -> None:
    flow = np.concatenate([breaths(10, 25.0), pause(60, 25.0)])
    peak = whole(flow, rate_hz=25.0).breaths[-1].peak_s
    found = whole(flow[: int((peak + 10) * 25) + 2], rate_hz=25.0)
    assert len(found.opened) == len(found.events) == 1
    assert found.events[0].duration_s > 10


@pytest.mark.holds("F41.3")
def test_f41_numbers_are_unknown_from_the_gap_until_the_next_breath() -> None:
    detector = RespirationDetector(25.0)
    before = detector.vitals()
    assert (before.armed, before.seconds_since_breath, before.respiratory_rate_per_min) == (False, None, None)

    detector.update(breaths(20, 25.0) + 12, np.full(2000, 8.0))
    breathing = detector.vitals()
    assert breathing.armed and not breathing.breath_gap_open
    assert breathing.respiratory_rate_per_min == pytest.approx(15, rel=0.01)
    assert breathing.tidal_volume_ml == pytest.approx(509, rel=0.02)
    assert breathing.minute_ventilation_lpm == pytest.approx(7.64, rel=0.03)
    assert breathing.leak_lpm == pytest.approx(12, abs=0.3)
    assert breathing.airway_pressure_cmh2o == pytest.approx(8)
    assert breathing.seconds_since_breath == pytest.approx(3.2, abs=0.1)

    detector.update(pause(15, 25.0) + 12)
    gap = detector.vitals()
    assert gap.breath_gap_open
    assert gap.seconds_since_breath == pytest.approx(18.2, abs=0.1)
    assert (gap.respiratory_rate_per_min, gap.tidal_volume_ml, gap.minute_ventilation_lpm) == (None, None, None)

    detector.update(breaths(1, 25.0) + 12)
    after = detector.vitals()
    assert not after.breath_gap_open
    assert after.respiratory_rate_per_min is not None


def test_missing_signal_does_not_count_for_the_clock() -> None:
    flow = (breaths(10, 25.0), pause(4, 25.0), missing(8, 25.0), breaths(10, 25.0))
    assert not whole(*flow, rate_hz=25.0).opened
    flow = (breaths(10, 25.0), pause(6, 25.0), missing(8, 25.0), pause(6, 25.0), breaths(10, 25.0))
    [event] = whole(*flow, rate_hz=25.0).events
    assert event.duration_s == pytest.approx(16, abs=0.2)


def test_ten_missing_seconds_end_the_stretch_and_disarm_the_clock() -> None:
    detector = RespirationDetector(25.0)
    detector.update(np.concatenate([breaths(10, 25.0), pause(20, 25.0)]))
    assert detector.vitals().breath_gap_open
    output = detector.update(missing(10, 25.0))
    assert [event.duration_s for event in gaps(output.events)] == [pytest.approx(23.2, abs=0.1)]
    assert len(output.breaths) == 1
    vitals = detector.vitals()
    assert not vitals.armed and vitals.seconds_since_breath is None and vitals.leak_lpm is None

    detector.update(np.concatenate([missing(30, 25.0), pause(20, 25.0)]))
    assert detector.breath_gap_count == 1
    detector.update(np.concatenate([breaths(10, 25.0), pause(20, 25.0)]))
    assert detector.breath_gap_count == 2
    assert gaps(detector.flush().events)[0].id == 1
    assert detector.breath_count == 20


def test_a_noisy_pause_of_half_an_hour_stays_one_gap() -> None:
    noise = np.random.default_rng(3).normal(0, 1.5, 1800 * 25)
    found = whole(breaths(30, 25.0), noise, rate_hz=25.0)
    assert len(found.breaths) == 30
    assert [event.duration_s for event in found.events] == [pytest.approx(1803, abs=2)]


@pytest.mark.parametrize("rate_hz", [25.0, 100.0])
@pytest.mark.parametrize("noise_lpm", [0.3, 1, 5])
def test_an_hour_of_sensor_noise_is_no_breathing(noise_lpm: float, rate_hz: float) -> None:
    noise = np.random.default_rng(1).normal(0, noise_lpm, round(3600 * rate_hz))
    assert len(whole(noise, rate_hz=rate_hz).breaths) <= 2


@pytest.mark.parametrize("noise_lpm", [1, 3])
def test_breathing_is_found_in_noise_and_after_it(noise_lpm: float) -> None:
    noise = np.random.default_rng(2).normal(0, noise_lpm, 190 * 25)
    found = whole(noise[: 60 * 25], breaths(30, 25.0) + noise[: 120 * 25], rate_hz=25.0)
    assert len(found.breaths) == pytest.approx(30, abs=1)


def test_a_glitch_hides_no_breathing_after_it() -> None:
    flow = breaths(60, 25.0)
    flow[3000:3003] = [3000, -3000, 3000]
    assert len(whole(flow, rate_hz=25.0).breaths) >= 58


def test_weak_breaths_are_found_right_after_deep_ones() -> None:
    deep, weak = breaths(6, 25.0, peak_lpm=60.0), breaths(5, 25.0, peak_lpm=8.5)
    assert len(whole(breaths(30, 25.0), deep, weak, breaths(10, 25.0), rate_hz=25.0).breaths) == 51


def test_breathing_that_returns_at_a_tenth_is_found_again() -> None:
    weak = breaths(150, 25.0, peak_lpm=3.0)
    found = whole(breaths(30, 25.0), weak, rate_hz=25.0)
    assert len(found.breaths) > 160


@pytest.mark.parametrize("level", [0.0, 55.0, -3.0, 3e38, np.nan, np.inf])
def test_a_signal_without_breathing_has_no_breath(level: float) -> None:
    detector = RespirationDetector(25.0)
    output = detector.update(np.full(5000, level), np.full(5000, level))
    assert output == DetectorOutput() == detector.flush()
    assert detector.samples_seen == 5000
    assert detector.vitals().respiratory_rate_per_min is None


def test_samples_of_every_form_are_the_same_samples() -> None:
    flow = breaths(10, 25.0).astype(np.float32)
    frozen = flow.copy()
    frozen.flags.writeable = False
    expected = whole(flow, rate_hz=25.0)
    forms = [flow.tolist(), flow.astype(np.float64), frozen, np.repeat(flow, 2)[::2], flow.astype(">f4")]
    for form in forms:
        detector = RespirationDetector(25.0)
        found = detector.update(form)
        assert [*found.breaths, *detector.flush().breaths] == expected.breaths


def test_what_is_masked_is_missing() -> None:
    """A spike that somebody masked is no flow, whatever stands behind the mask."""
    flow = breaths(12, 25.0).astype(np.float32)
    mask = np.zeros(len(flow), bool)
    mask[700:760] = True
    gappy = np.where(mask, np.nan, flow).astype(np.float32)
    spiky = np.where(mask, 999.0, flow)
    expected = RespirationDetector(25.0)
    told = [expected.update(gappy, gappy), expected.flush()]
    for dtype in (np.float32, np.float64):
        masked = np.ma.masked_array(spiky.astype(dtype), mask)
        detector = RespirationDetector(25.0)
        assert [detector.update(masked, masked), detector.flush()] == told
        assert detector.vitals() == expected.vitals()
    whole_numbers = np.ma.masked_array([0, 999], [False, True])
    assert RespirationDetector(25.0).update(whole_numbers) == DetectorOutput()


def test_nothing_comes_of_nothing() -> None:
    detector = RespirationDetector(25.0)
    assert detector.update([]) == detector.update(np.empty(0), np.empty(0)) == detector.flush() == DetectorOutput()


def test_a_recording_shorter_than_the_start_up_is_taken_at_its_end() -> None:
    assert len(whole(breaths(1, 100.0), rate_hz=100.0).breaths) == 1
    assert not whole(np.array([5.0]), rate_hz=100.0).breaths


@pytest.mark.parametrize("rate_hz", [0, -25, 0.99, 200.1, 10_000, np.nan, np.inf])
def test_a_rate_out_of_bounds_is_refused_with_the_bounds(rate_hz: float) -> None:
    with pytest.raises(ValueError, match=f"from {MINIMUM_RATE_HZ:g} to {MAXIMUM_RATE_HZ:g}: got"):
        RespirationDetector(rate_hz)


def test_a_first_sample_before_the_recording_is_refused() -> None:
    with pytest.raises(ValueError, match="first_sample must be 0 or more: got -1"):
        RespirationDetector(25.0, first_sample=-1)


def test_channels_of_different_length_are_refused_and_change_nothing() -> None:
    detector = RespirationDetector(25.0)
    with pytest.raises(ValueError, match="got 3 and 2"):
        detector.update([1.0, 2.0, 3.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="one-dimensional"):
        detector.update(np.zeros((2, 3)))
    assert detector.samples_seen == 0


@pytest.mark.parametrize(
    "change",
    [{"step_s": 0}, {"breath_gap_s": np.nan}, {"end_fraction": 0.3}, {"onset_fraction": -1}, {"hypopnea_share": 0.9}],
)
def test_rules_that_make_no_sense_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="got"):
        Rules(**change)


@pytest.mark.parametrize("change", [{"start_up_s": 60}, {"step_s": 0.005}, {"stuck_s": 60}, {"stretch_gap_s": 5}])
def test_rules_beyond_the_detectors_memory_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="use the defaults"):
        RespirationDetector(200.0, rules=Rules(**change))
