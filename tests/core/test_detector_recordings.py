"""The detector agrees with the carefully read truth of the eight sample recordings, and with ResMed's own rate."""

from __future__ import annotations

import json
from typing import Any

import edfio
import numpy as np
import pytest

from cpap_core import DetectorOutput, EventKind, RespirationDetector, read_recording
from tests.core.recordings import SHARED_DATA

SAMPLES = SHARED_DATA / "samples"

pytestmark = pytest.mark.skipif(not SAMPLES.exists(), reason=f"the sample recordings are not at {SAMPLES}")

INSPIRATION_TOLERANCE_S = 0.3


def detected(number: int, *, gain: float = 1.0, leak_lpm: float = 0.0) -> tuple[dict[str, Any], float, DetectorOutput]:
    """A sample's truth, its first time, and what is found in it."""
    name = f"patient_{number:02}.txt"
    recording = read_recording(SAMPLES / name)
    detector = RespirationDetector(recording.sampling_rate_hz)
    found, rest = detector.update(recording.flow_lpm * gain + leak_lpm), detector.flush()
    gaps = [event for event in found.events + rest.events if event.kind is EventKind.BREATH_GAP]
    whole = DetectorOutput(found.onsets, found.breaths + rest.breaths, [], gaps)
    return json.loads((SAMPLES / "truth.json").read_text())[name], recording.start_time, whole


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize(("gain", "leak_lpm"), [(1, 0), (0.25, 0), (4, 0), (1, 30), (1, -30)])
def test_no_breath_of_the_samples_is_missed_and_none_invented(number: int, gain: float, leak_lpm: float) -> None:
    truth, first_s, found = detected(number, gain=gain, leak_lpm=leak_lpm)
    peaks = np.array([breath.peak_s for breath in found.breaths]) + first_s
    assert len(peaks) == truth["breaths"]
    for peak, (start, end) in zip(peaks, truth["inspirations_s"], strict=True):
        assert start - INSPIRATION_TOLERANCE_S <= peak <= end + INSPIRATION_TOLERANCE_S


@pytest.mark.parametrize("number", range(1, 9))
def test_the_breath_gaps_of_the_samples_are_found_in_time(number: int) -> None:
    truth, first_s, found = detected(number)
    assert len(found.events) == truth["apnea_count"]
    for event, (start, length) in zip(found.events, truth["apnea_gaps_s"], strict=True):
        assert event.onset_s + first_s == pytest.approx(start, abs=0.3)
        assert event.duration_s == pytest.approx(length, abs=0.6)
        assert event.detected_at_s - event.onset_s < 10.5


def test_calm_minutes_agree_with_the_devices_own_rate() -> None:
    night = SHARED_DATA / "resmed" / "A" / "20230904"
    if not night.exists():
        pytest.skip(f"the ResMed nights are not at {night}")
    [device] = [
        signal.data
        for signal in edfio.read_edf(night / "20230905_000135_PLD.edf").signals
        if signal.label == "RespRate.2s"
    ]
    recording = read_recording(night / "20230905_000134_BRP.edf")
    detector = RespirationDetector(recording.sampling_rate_hz)
    rates = []
    for first in range(0, len(recording.flow_lpm), 50):
        detector.update(recording.flow_lpm[first : first + 50])
        rates.append(detector.vitals().respiratory_rate_per_min or np.nan)
    # The device truncates to 0.2 / min.
    ours = np.floor(np.array(rates[: len(device)]) / 0.2 + 1e-9) * 0.2
    minutes = [slice(first, first + 30) for first in range(30, len(ours) - 30, 30)]
    calm = [minute for minute in minutes if device[minute].min() > 0 and np.ptp(device[minute]) <= 2]
    errors = [abs(np.nanmedian(ours[minute]) - np.median(device[minute])) for minute in calm]
    assert len(errors) > 15
    assert np.mean(errors) < 0.1
