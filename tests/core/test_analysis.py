"""F37: what a whole recording holds, through the live detector."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from cpap_core import RespirationDetector, analyze, read_recording
from cpap_core import analysis as analysis_module
from cpap_core.types import EventKind, Recording
from tests.core.recordings import SHARED_DATA, breathing, text_rows, write_text

RATE_HZ = 50.0
PEAKS_S = [*np.arange(2.0, 40.0, 4.0), *np.arange(53.0, 90.0, 4.0)]  # 15 s from one peak to the next at 38 s
FIRST_S = 2.5

SAMPLES = SHARED_DATA / "samples"
TRUTH = json.loads((SAMPLES / "truth.json").read_text()) if SAMPLES.is_dir() else {}
needs_samples = pytest.mark.skipif(not TRUTH, reason=f"the real sample recordings are not there: {SAMPLES}")
WITH_A_PARTIAL_BREATH = {"patient_01.txt", "patient_07.txt"}
WITH_A_GAP_OF_10_08_S = "patient_06.txt"
BAD_ROWS = {"patient_06.txt": [358, 364], "patient_07.txt": [4643, 4680], "patient_08.txt": [451, 473]}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Twenty breaths in 100 s with one pause, one bad row and a missing stretch of 3 s."""
    rows = text_rows(breathing(PEAKS_S, 100.0, RATE_HZ), RATE_HZ, FIRST_S)
    rows[700] = "bad data,1,2,3,4,5,6"
    del rows[-400:-250]
    return read_recording(write_text(tmp_path_factory.mktemp("text") / "night.txt", rows))


def of_flow(flow_lpm: np.ndarray, rate_hz: float = RATE_HZ) -> Recording:
    return Recording(
        flow_lpm=flow_lpm.astype(np.float32),
        airway_pressure_cmh2o=None,
        sampling_rate_hz=rate_hz,
        start_time=0.0,
        duration_s=max(len(flow_lpm) - 1, 0) / rate_hz,
        leakage_l=0.0,
        name="made.txt",
    )


@pytest.mark.holds("F37.1")
def test_f37_breaths_rate_and_times_on_the_recordings_own_clock(recording: Recording) -> None:
    result = analyze(recording).as_dict()
    assert result["duration"] == pytest.approx(99.98)
    assert result["breaths"] == len(PEAKS_S)
    assert result["breath_rate_bpm"] == pytest.approx(len(PEAKS_S) / 99.98 * 60)
    assert result["breath_times"] == pytest.approx(np.array(PEAKS_S) + FIRST_S, abs=0.15)


@pytest.mark.holds("F37.2")
def test_f37_a_gap_of_more_than_10_s_between_peaks_is_an_apnea(recording: Recording) -> None:
    result = analyze(recording).as_dict()
    assert result["apnea_count"] == 1
    assert result["apneas"][0]["onset"] == pytest.approx(38.0 + FIRST_S, abs=0.15)
    assert result["apneas"][0]["duration"] == pytest.approx(15.0, abs=0.2)


@pytest.mark.holds("F37.2")
def test_f37_an_open_gap_at_the_end_counts_and_the_time_before_the_first_breath_does_not() -> None:
    result = analyze(of_flow(breathing(list(np.arange(20.0, 50.0, 4.0)), 62.0, RATE_HZ))).as_dict()
    assert (result["breaths"], result["apnea_count"]) == (8, 1)


@pytest.mark.holds("F37.1")
def test_f37_what_was_unusable_is_told(recording: Recording) -> None:
    result = analyze(recording).as_dict()
    assert result["rejected_rows"] == [{"line": 702, "reason": "time 'bad data' is not a number"}]
    assert result["unusable_s"] == pytest.approx(3.02)
    assert result["gaps"] == [{"onset": pytest.approx(92.0 + FIRST_S), "duration": pytest.approx(3.0)}]


def test_f37_what_is_masked_in_a_recording_is_unusable() -> None:
    flow = breathing(np.arange(2, 58, 4), 60, RATE_HZ)
    mask = np.zeros(len(flow), bool)
    mask[1000:1200] = True
    masked, missing = np.ma.masked_array(np.where(mask, 999, flow), mask), np.where(mask, np.nan, flow)
    found, expected = analyze(of_flow(masked)), analyze(of_flow(missing))
    assert type(found.recording.flow_lpm) is np.ndarray
    assert found.unusable_s == 200 / RATE_HZ
    assert found.as_dict() == expected.as_dict()


def test_f37_name_and_rate_are_told(recording: Recording) -> None:
    result = analyze(recording).as_dict()
    assert (result["name"], result["sampling_rate_hz"], result["start_time"]) == ("night.txt", RATE_HZ, FIRST_S)
    assert result["message"] is None


@pytest.mark.holds("F37.4")
@pytest.mark.parametrize(
    "flow_lpm", [np.empty(0), np.zeros(1), np.zeros(6000), np.full(6000, 30.0), np.full(6000, np.nan)]
)
def test_f37_a_recording_without_a_breath_says_so(flow_lpm: np.ndarray) -> None:
    result = analyze(of_flow(flow_lpm)).as_dict()
    assert (result["breaths"], result["breath_times"], result["breath_rate_bpm"]) == (0, [], 0.0)
    assert result["apnea_count"] == 0
    assert result["message"] == "no breath found"


def test_f37_json_is_strict_even_where_a_value_is_not_finite(recording: Recording) -> None:
    assert json.loads(json.dumps(analyze(recording).as_dict(), allow_nan=False))["breaths"] == len(PEAKS_S)
    boundless = Recording(np.zeros(3, np.float32), None, RATE_HZ, 0.0, 0.04, leakage_l=float("nan"))
    assert json.loads(json.dumps(analyze(boundless).as_dict(), allow_nan=False))["leakage"] is None


@pytest.mark.holds("F37.3")
def test_f37_negative_leakage_is_logged_as_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = text_rows(breathing(PEAKS_S, 100.0, RATE_HZ) - 3, RATE_HZ)
    result = analyze(read_recording(write_text(tmp_path / "night.txt", rows))).as_dict()
    assert result["leakage"] < 0
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [f"night.txt: leakage is negative: {result['leakage']:.4f} L"]


def test_the_chunks_of_a_long_recording_do_not_show(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = analyze(recording)
    monkeypatch.setattr(analysis_module, "CHUNK_SAMPLES", 77)
    assert analyze(recording) == whole


def test_counts_equal_those_of_the_live_detector(recording: Recording) -> None:
    detector = RespirationDetector(recording.sampling_rate_hz)
    outputs = [detector.update(part) for part in np.array_split(recording.flow_lpm, 91)] + [detector.flush()]
    result = analyze(recording)
    assert sum(len(output.onsets) for output in outputs) == len(result.breaths)
    assert [breath for output in outputs for breath in output.breaths] == list(result.breaths)
    gaps = [event for output in outputs for event in output.events if event.kind is EventKind.BREATH_GAP]
    assert gaps == list(result.apneas)


@needs_samples
@pytest.mark.parametrize("name", [f"patient_{number:02}.txt" for number in range(1, 9)])
def test_the_sample_recordings_agree_with_their_truth(name: str) -> None:
    truth = TRUTH[name]
    result = analyze(read_recording(SAMPLES / name)).as_dict()
    assert result["duration"] == pytest.approx(truth["duration_s"], abs=0.005)
    assert result["leakage"] == pytest.approx(truth["leakage_l"], abs=0.05)
    assert abs(result["breaths"] - truth["breaths"]) <= (name in WITH_A_PARTIAL_BREATH)
    counts = {1, 2} if name == WITH_A_GAP_OF_10_08_S else {truth["apnea_count"]}
    assert result["apnea_count"] in counts
    for peak_s in result["breath_times"]:
        assert any(onset_s - 0.3 <= peak_s <= end_s + 0.3 for onset_s, end_s in truth["inspirations_s"]), peak_s
    assert [row["line"] for row in result["rejected_rows"]] == BAD_ROWS.get(name, [])


@needs_samples
@pytest.mark.parametrize("name", sorted(BAD_ROWS))
def test_f36_the_bad_rows_of_the_samples_cost_two_hundredths_of_a_second(name: str) -> None:
    assert analyze(read_recording(SAMPLES / name)).unusable_s == pytest.approx(0.02)
