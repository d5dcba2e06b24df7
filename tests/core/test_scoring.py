"""Scored events by flow reduction: what an apnea and a hypopnea are, of which kind, and what follows from them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cpap_core import EventKind, Recording, RespirationDetector, analyze
from cpap_core.rules import PRESETS
from cpap_core.types import RespiratoryEvent

RATE_HZ = 25.0
PROBE_HZ = 25 / 6


def breathing(*stretches: tuple[float, float]) -> NDArray[np.float64]:
    """Breaths of 4 s, so many s of each depth: a half sine in, a longer and flatter one out."""
    parts = []
    for length_s, depth in stretches:
        phase = (np.arange(round(length_s * RATE_HZ)) / RATE_HZ / 4) % 1
        out = -np.sin(np.pi * (phase - 0.4) / 0.6) * 0.4 / 0.6
        parts.append(30 * depth * np.where(phase < 0.4, np.sin(np.pi * phase / 0.4), out))
    return np.concatenate(parts)


def recording(flow: NDArray[np.float64], pressure: NDArray[np.float64] | None = None) -> Recording:
    return Recording(
        flow_lpm=flow.astype(np.float32),
        airway_pressure_cmh2o=None if pressure is None else pressure.astype(np.float32),
        sampling_rate_hz=RATE_HZ,
        start_time=0.0,
        duration_s=(len(flow) - 1) / RATE_HZ,
        leakage_l=0.0,
    )


def scored(flow: NDArray[np.float64], preset: str = "device") -> list[RespiratoryEvent]:
    return list(analyze(recording(flow), preset=preset).events)


def described(events: list[RespiratoryEvent]) -> list[tuple[str, int, int]]:
    return [(event.kind.value, round(event.onset_s), round(event.duration_s)) for event in events]


@pytest.mark.parametrize(("pause_s", "count"), [(8, 0), (11, 1), (30, 1), (90, 1)])
def test_an_apnea_is_ten_seconds_without_flow(pause_s: int, count: int) -> None:
    events = scored(breathing((80, 1), (pause_s, 0), (40, 1)))
    assert [event.kind for event in events] == [EventKind.APNEA] * count
    for event in events:
        assert event.onset_s == pytest.approx(80, abs=0.6)
        assert event.duration_s == pytest.approx(pause_s, abs=1)


@pytest.mark.parametrize(("preset", "depth", "kind"), [
    ("device", 0.02, "apnea"), ("device", 0.15, "apnea"), ("device", 0.4, "hypopnea"), ("device", 0.6, None),
    ("aasm", 0.02, "apnea"), ("aasm", 0.15, "hypopnea"), ("aasm", 0.6, "hypopnea"), ("aasm", 0.8, None),
])  # fmt: skip
def test_how_far_flow_must_be_down(preset: str, depth: float, kind: str | None) -> None:
    events = scored(breathing((120, 1), (20, depth), (60, 1)), preset)
    assert [event.kind.value for event in events] == ([] if kind is None else [kind])
    for event in events:
        assert event.onset_s == pytest.approx(120, abs=1)
        assert event.duration_s == pytest.approx(20, abs=1.5)
        assert event.rule == "flow reduction"


@pytest.mark.parametrize("leak_lpm", [-3.0, 3.0])
def test_a_leak_that_differs_in_a_pause_is_no_effort(leak_lpm: float) -> None:
    flow = breathing((120, 1), (20, 0), (60, 1))
    flow[round(120 * RATE_HZ) : round(140 * RATE_HZ)] += leak_lpm
    assert [event.kind for event in scored(flow, "aasm")] == [EventKind.APNEA]


def test_one_shallow_breath_is_no_hypopnea_and_neither_are_two_in_eight_seconds() -> None:
    assert not scored(breathing((120, 1), (4, 0.4), (60, 1)))
    assert not scored(breathing((120, 1), (8, 0.4), (60, 1)))


def test_a_hypopnea_is_as_long_as_its_own_breaths_and_not_as_the_wait_for_the_next_one() -> None:
    flow = breathing((120, 1), (8, 0.4), (60, 1))
    slower = np.arange(round(1.2 * len(flow))) / 1.2
    assert not scored(np.interp(slower, np.arange(len(flow)), flow))
    slower = np.arange(round(1.35 * len(flow))) / 1.35
    [event] = scored(np.interp(slower, np.arange(len(flow)), flow))
    assert event.kind is EventKind.HYPOPNEA
    assert event.duration_s == pytest.approx(10.8, abs=0.4)


def test_a_single_deeper_breath_ends_no_hypopnea() -> None:
    [event] = scored(breathing((120, 1), (8, 0.4), (4, 0.55), (8, 0.4), (60, 1)))
    assert event.kind is EventKind.HYPOPNEA
    assert event.duration_s == pytest.approx(20, abs=1)


def test_reduced_breathing_does_not_become_the_measure_of_hypopneas() -> None:
    assert len(scored(breathing((120, 1), *[(40, 0.6), (24, 1)] * 6, (20, 0.4), (60, 1)))) == 1


@pytest.mark.parametrize("preset", ["device", "aasm"])
def test_a_leak_that_drifts_in_a_long_pause_makes_no_breath_of_it(preset: str) -> None:
    flow = breathing((120, 1), (40, 0), (60, 1))
    drifts = np.linspace(0, 8, round(40 * RATE_HZ))
    flow += np.concatenate([np.zeros(round(120 * RATE_HZ)), drifts, np.full(round(60 * RATE_HZ), 8.0)])
    found = analyze(recording(flow), preset=preset)
    assert not [breath for breath in found.breaths if 120 < breath.onset_s < 159.5]
    assert sum(159.5 < breath.onset_s < 219.5 for breath in found.breaths) == 15
    assert described(list(found.events)) == [("apnea", 120, 40)]


@pytest.mark.parametrize("aside_lpm", [-45.0, 45.0])
@pytest.mark.parametrize("disturbed_s", [6, 7])
def test_an_apnea_is_found_right_after_something_held_flow_aside(aside_lpm: float, disturbed_s: int) -> None:
    aside = np.full(round(disturbed_s * RATE_HZ), aside_lpm)
    flow = np.concatenate([breathing((120, 1)), aside, breathing((14, 0), (60, 1))])
    [event] = scored(flow)
    assert event.kind is EventKind.APNEA
    assert event.onset_s == pytest.approx(120 + disturbed_s, abs=0.6)
    assert event.duration_s == pytest.approx(14, abs=1)


def test_an_apnea_takes_the_place_of_the_hypopnea_that_leads_into_it() -> None:
    events = scored(breathing((120, 1), (16, 0.4), (20, 0), (60, 1)))
    assert [event.kind for event in events] == [EventKind.HYPOPNEA, EventKind.APNEA]
    assert events[0].onset_s + events[0].duration_s == pytest.approx(events[1].onset_s) == pytest.approx(136, abs=1)


def test_an_event_is_opened_while_it_lasts() -> None:
    detector = RespirationDetector(RATE_HZ)
    opened, closed = [], []
    flow = breathing((80, 1), (30, 0), (40, 1))
    for at in range(0, len(flow), 5):
        output = detector.update(flow[at : at + 5])
        opened += [(at / RATE_HZ, event) for event in output.opened if event.kind is not EventKind.BREATH_GAP]
        closed += [event for event in output.events if event.kind is not EventKind.BREATH_GAP]
    [(seen_s, event)], [over] = opened, closed
    assert 89.4 < event.detected_at_s < 90.7
    assert event.detected_at_s <= seen_s + 0.2
    assert (over.id, over.onset_s, over.detected_at_s) == (event.id, event.onset_s, event.detected_at_s) == (
        -1, event.onset_s, event.detected_at_s,
    )  # fmt: skip


@pytest.mark.parametrize(("answer_lps", "kind"), [(0.03, "obstructive_apnea"), (0.09, "obstructive_apnea"),
                                                  (0.12, "central_apnea"), (0.2, "central_apnea")])  # fmt: skip
def test_the_probe_tells_an_open_airway_from_a_closed_one(answer_lps: float, kind: str) -> None:
    flow = breathing((80, 1), (20, 0), (40, 1))
    time_s = np.arange(len(flow)) / RATE_HZ
    probe = 0.3 * np.sin(2 * np.pi * PROBE_HZ * time_s) * ((time_s > 84) & (time_s < 100))
    noise = np.random.default_rng(1).normal(0, 0.3, len(flow))
    [event] = analyze(recording(flow + 60 * answer_lps * np.roll(probe, 1) + noise, 10 + probe)).events
    assert event.kind.value == kind


def test_without_the_probe_or_without_pressure_the_kind_is_unclassified() -> None:
    flow = breathing((80, 1), (20, 0), (40, 1))
    still = np.full(len(flow), 10.0) + np.random.default_rng(2).normal(0, 0.01, len(flow))
    for pressure in (None, still, np.full(len(flow), np.nan)):
        [event] = analyze(recording(flow, pressure)).events
        assert event.kind is EventKind.APNEA


def test_a_change_of_gain_is_a_hypopnea_for_two_minutes_and_then_usual() -> None:
    [event] = scored(breathing((300, 1), (1200, 0.4)))
    assert event.kind is EventKind.HYPOPNEA
    assert 120 < event.duration_s < 300


def test_a_sigh_now_and_then_keeps_no_measure_from_long_ago() -> None:
    weaker = [(4, 0.75), (8, 0.4)] * 3 + [(4, 0.75), (12, 0.4)]
    events = scored(breathing((300, 1), *weaker * 25))
    assert events
    assert max(event.onset_s + event.duration_s for event in events) < 300 + 180


def test_repeated_apneas_do_not_become_the_measure_they_are_held_against() -> None:
    flow = breathing((80, 1), *[(30, 0), (20, 1)] * 40)
    assert len(scored(flow)) == 40


@pytest.mark.parametrize("leak_lpm", [-30.0, 0.0, 30.0])
@pytest.mark.parametrize("gain", [0.25, 1.0, 4.0])
def test_leak_and_gain_change_no_event(leak_lpm: float, gain: float) -> None:
    flow = breathing((120, 1), (20, 0.02), (60, 1), (20, 0.4), (60, 1))
    assert described(scored(gain * flow + leak_lpm)) == described(scored(flow))
    assert [event.kind.value for event in scored(flow)] == ["apnea", "hypopnea"]


def test_ahi_is_per_hour_with_signal() -> None:
    flow = breathing((600, 1), (20, 0), (580, 1), (20, 0.4), (580, 1))
    flow = np.concatenate([flow, np.full(round(1800 * RATE_HZ), np.nan)])
    found = analyze(recording(flow))
    assert [event.kind.value for event in found.events] == ["apnea", "hypopnea"]
    assert found.scoring.usable_s == pytest.approx(1800)
    assert found.scoring.ahi_per_h == pytest.approx(4)
    assert found.as_dict()["scoring"]["ahi_per_h"] == pytest.approx(4)
    assert analyze(recording(np.full(100, np.nan))).scoring.ahi_per_h is None


def test_large_leak_is_told_and_events_in_it_are_uncertain() -> None:
    flow = breathing((300, 1), (20, 0), (300, 1), (20, 0), (300, 1))
    flow[round(240 * RATE_HZ) : round(400 * RATE_HZ)] += 30
    flow[round(800 * RATE_HZ) : round(810 * RATE_HZ)] += 40
    found = analyze(recording(flow)).scoring
    [leak] = found.large_leaks
    assert leak.onset_s == pytest.approx(250, abs=15)
    assert leak.duration_s == pytest.approx(160, abs=30)
    assert [found.is_uncertain(event) for event in found.events] == [True, False]


def test_flow_of_the_wrong_sign_is_said_and_not_turned_round() -> None:
    phase = (np.arange(round(900 * RATE_HZ)) / RATE_HZ / 4) % 1
    rise = np.interp(phase, [0, 0.2, 0.35, 0.4, 0.5, 0.8, 1], [0, 28, 26, 0, -24, -4, 0])
    flow = rise - rise.mean()
    for sign in (1, -1):
        detector = RespirationDetector(RATE_HZ)
        detector.update(sign * flow[: round(280 * RATE_HZ)])
        assert not detector.vitals().flow_is_inverted
        detector.update(sign * flow)
        assert detector.vitals().flow_is_inverted == (sign < 0)
        found = analyze(recording(sign * flow))
        assert ("inverted" in (found.message or "")) == (sign < 0)
        assert len(found.breaths) == pytest.approx(225, abs=2)


@pytest.mark.parametrize(("shape", "low", "high"), [("sine", 0, 0.15), ("flat", 0.8, 1)])
def test_flow_limitation_tells_a_flat_inspiration_from_a_round_one(shape: str, low: float, high: float) -> None:
    flow = breathing((120, 1))
    if shape == "flat":
        flow = np.minimum(flow, 15)
    found = analyze(recording(flow)).breaths[5:-5]
    assert all(breath.flow_limitation is not None and low <= breath.flow_limitation <= high for breath in found)


def test_a_preset_that_is_unknown_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="'ahi' is unknown: use one of device, aasm"):
        analyze(recording(breathing((20, 1))), preset="ahi")
    assert list(PRESETS) == ["device", "aasm"]
