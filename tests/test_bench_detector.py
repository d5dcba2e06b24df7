"""`./monitor bench detector`: its matching is one to one, its figures are right where the answer is known."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import edfio
import numpy as np
import pytest

from benchmarks import detector
from benchmarks.detector import alterations, cost, peers, subject
from benchmarks.detector.agreement import agreement, breath_agreement, joined, rates_per_min
from benchmarks.detector.disturbance import DISTURBED_S, disturbed
from benchmarks.detector.nights import ScoredPart, scored_parts
from benchmarks.detector.samples import Sample, samples
from benchmarks.detector.subject import Found, FoundApnea
from cpap_core import EventKind, analyze, read_recording
from tests.core.recordings import SHARED_DATA, breathing, signal, text_rows, write_edf, write_text

START = dt.datetime(2024, 3, 1, 23, 0, 0)
RATE_HZ = 25.0
BREATH_S = 4.0
LATE_S = 2.0
BUNDLED = Path(__file__).resolve().parents[1] / "assets" / "recordings"


# A night whose answer is known


def card(folder: Path, *, mid: int, apneas: list[tuple[float, float, str]], minutes: float = 8) -> Path:
    """A night's folder as a device leaves it: breaths every 4 s, and its numbers and events beside."""
    folder.mkdir(parents=True)
    peaks = np.arange(2.0, 60 * minutes - 2, BREATH_S)
    flow = breathing(peaks.tolist(), 60 * minutes, RATE_HZ)
    pressure = signal(np.full(len(flow), 8.0), RATE_HZ, "Press.40ms", "cmH2O", (-10, 40))
    write_edf(folder / "20240301_230000_BRP.edf", signal(flow / 60, RATE_HZ), pressure, start=START)
    late = LATE_S if mid == 36 else 0.0
    times = np.arange(round(30 * minutes)) * 2.0 + late
    rates = np.where(times > 30, 15.0, 0.0)
    volumes = np.where(times > 30, tidal_volume_l(), 0.0)
    edfio.Edf(
        [
            signal(rates, 0.5, "RespRate.2s", "bpm", (0, 50)),
            signal(volumes, 0.5, "TidVol.2s", "L", (0, 4)),
            signal(15 * volumes, 0.5, "MinVent.2s", "L/min", (0, 30)),
            signal(np.zeros(len(rates)), 0.5, "Leak.2s", "L/s", (0, 2)),
        ],
        recording=edfio.Recording(startdate=START.date(), additional=("SRN=0", f"MID={mid}", "VID=3")),
        starttime=START.time(),
        data_record_duration=60,
    ).write(folder / "20240301_230000_PLD.edf")
    begun = START - dt.timedelta(seconds=7)
    edfio.Edf(
        [],
        recording=edfio.Recording(startdate=begun.date()),
        starttime=begun.time(),
        annotations=[
            edfio.EdfAnnotation(0, 0, "Recording starts"),
            *(edfio.EdfAnnotation(7 + end, duration, text) for end, duration, text in apneas),
        ],
    ).write(folder / "20240301_225953_EVE.edf")
    return folder


def tidal_volume_l() -> float:
    """Of `breathing`: a half sine of 30 L/min and 1.2 s in."""
    return 30 / 60 * 1.2 * 2 / np.pi


@pytest.fixture
def night(tmp_path: Path) -> ScoredPart:
    card(
        tmp_path / "A" / "20240301",
        mid=36,
        apneas=[(110.0, 10.0, "Obstructive Apnea"), (300.0, 14.0, "Central Apnea"), (400.0, 0.0, "Hypopnea")],
    )
    (part,) = scored_parts(tmp_path)
    return part


def test_the_time_of_an_apnea_in_eve_is_its_end(night: ScoredPart) -> None:
    assert night.night == "A/20240301"
    assert [(event.kind, *event.interval) for event in night.apneas] == [
        (EventKind.OBSTRUCTIVE_APNEA, 100.0, 110.0),
        (EventKind.CENTRAL_APNEA, 286.0, 300.0),
    ]
    assert [event.kind for event in night.hypopneas] == [EventKind.HYPOPNEA]


def test_a_damaged_file_costs_only_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Here the folder is the night's own."""
    night = card(tmp_path / "20240301", mid=46, apneas=[(110.0, 10.0, "Apnea")])
    (night / "20240302_010000_BRP.edf").write_bytes(b"0       " + b"x" * 600)
    (night / "20240302_005953_EVE.edf").write_bytes(b"0       ")
    (part,) = scored_parts(night)
    assert part.night == "20240301"
    assert [event.kind for event in part.apneas] == [EventKind.APNEA]
    said = capsys.readouterr().out
    assert said.count("left out: 20240302_0") == 2


@pytest.mark.parametrize(("mid", "late_s", "written"), [(36, 2.0, 15.0), (46, 0.0, 15.2)])
def test_numbers_stand_and_are_quantised_as_the_device_does(
    tmp_path: Path, mid: int, late_s: float, written: float
) -> None:
    card(tmp_path / "20240301", mid=mid, apneas=[])
    (part,) = scored_parts(tmp_path)
    assert part.numbers is not None
    assert part.numbers.times_s[0] == late_s
    assert part.numbers.quantised(np.array([15.19])) == pytest.approx([written])


def test_a_night_that_agrees_has_no_error(night: ScoredPart) -> None:
    found = subject.find(night.recording)
    one = agreement(night, found)
    assert one.rate_error < 0.02
    assert one.calm_error < 0.2
    assert one.calm_within_1 == 100
    assert one.volume_error < 3
    assert one.ventilation_error < 3
    assert (one.scored, one.hits, one.found) == (2, 0, 0)
    assert len(one.certain) == len(found.onsets_s) > 100


def found_with(*apneas: tuple[EventKind, float, float, float]) -> Found:
    none = np.empty(0)
    return Found(none, none, none, none, (), tuple(FoundApnea(*each) for each in apneas))


def test_hits_kinds_and_delays_are_those_of_the_pairs(night: ScoredPart) -> None:
    found = found_with(
        (EventKind.OBSTRUCTIVE_APNEA, 99.0, 12.0, 110.5),  # hit, right, 10.5 s after the device's onset
        (EventKind.OBSTRUCTIVE_APNEA, 301.0, 10.0, 311.0),  # hit by the tolerance alone, wrong kind, 25 s
        (EventKind.CENTRAL_APNEA, 200.0, 12.0, 212.0),  # false
    )
    one = agreement(night, found)
    assert (one.scored, one.hits, one.strict, one.found, one.known, one.right) == (2, 2, 1, 3, 2, 1)
    assert one.delays == pytest.approx([10.5, 25.0])


def test_what_is_judged_is_what_analyze_gives() -> None:
    recording = read_recording(BUNDLED / "apneas.txt")
    found, given = subject.find(recording), analyze(recording)
    assert [gap.onset_s for gap in found.gaps] == [gap.onset_s for gap in given.apneas]
    assert found.gaps
    if subject.SCORES_EVENTS:
        scored = [event for event in analyze(recording, preset="device").events if event.kind in subject.APNEAS]
        assert [(event.kind, event.onset_s) for event in found.apneas] == [(each.kind, each.onset_s) for each in scored]
    else:
        assert found.apneas == found.gaps


def test_a_rate_that_is_off_shows_as_its_error(night: ScoredPart) -> None:
    """Every sixteenth breath doubled would be hidden by a median over the night, not by the mean of 2 s steps."""
    assert night.numbers is not None
    slower = np.arange(0.0, 480.0, 5.0)
    rates = rates_per_min(slower, night.numbers.times_s)
    assert np.isnan(rates[night.numbers.times_s < 25]).all()
    assert rates[-1] == pytest.approx(12.0)


def test_comparisons_join_to_what_the_whole_would_be(night: ScoredPart) -> None:
    one = agreement(night, subject.find(night.recording))
    two = joined([one, one])
    assert two.scored == 2 * one.scored
    assert len(two.rate) == 2 * len(one.rate)
    assert two.rate_error == pytest.approx(one.rate_error)
    assert np.isnan(joined([]).rate_error)


def test_who_gives_only_breaths_is_judged_by_their_gaps(night: ScoredPart) -> None:
    breaths = np.concatenate([np.arange(2.0, 100, 4), np.arange(111.0, 200, 4), np.arange(215.0, 478, 4)])
    one = breath_agreement(night, breaths)
    assert (one.scored, one.hits, one.found) == (2, 1, 2)
    assert one.calm_error < 0.2


# Samples, alterations, disturbances


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    peaks = [3.0, 7.0, 11.0, 15.0, 19.0]
    name = "patient_01.txt"
    write_text(tmp_path / name, text_rows(breathing(peaks, 22.0, 50.0), 50.0, first_s=2.5))
    truth = {"inspirations_s": [[peak - 0.6 + 2.5, peak + 0.6 + 2.5] for peak in peaks], "apnea_count": 0}
    (tmp_path / "truth.json").write_text(json.dumps({name: truth}))
    (read,) = samples(tmp_path)
    return read


def test_a_breath_is_within_its_inspiration_or_missed_and_false(sample: Sample) -> None:
    assert sample.missed_and_false([3, 7, 11, 15, 19]) == (0, 0)
    assert sample.missed_and_false([3, 7.85, 11, 15, 19]) == (0, 0)
    assert sample.missed_and_false([3, 8.0, 11, 15, 19]) == (1, 1)
    assert sample.missed_and_false([3, 7, 7.3, 11, 15, 19]) == (0, 1)
    assert sample.missed_and_false([]) == (4, 0)  # one at an edge is free
    assert sample.missed_and_false([7, 11, 15, 19]) == (0, 0)
    assert sample.missed_and_false([0.5, 3, 7, 11, 15, 19]) == (0, 1 - 1)


def test_alterations_do_what_they_say() -> None:
    flow = np.round(np.sin(np.arange(40_000, dtype=np.float32) / 10), 2) * 30
    by_name = {each.name: each.change(flow, RATE_HZ) - flow for each in alterations.ALTERATIONS if each.gain == 1}
    assert np.unique(by_name["leak +0.5 L/s"].round(3)) == 30
    assert np.unique(by_name["leak -0.5 L/s"].round(3)) == -30
    drift = by_name["drift 0.2 L/s in 10 min"]
    assert drift[round(600 * RATE_HZ)] == pytest.approx(12)
    assert drift[round(300 * RATE_HZ)] == pytest.approx(6)
    assert alterations.one_count_lpm(flow) == pytest.approx(0.3, rel=0.01)
    assert by_name["noise of one count"].std() == pytest.approx(0.3, rel=0.05)


def test_a_pause_after_a_disturbance_counts_as_found_when_it_is_covered() -> None:
    for seed in (0, 1):
        case = disturbed(seed)
        start, end = case.pause
        assert end - start >= 12
        flow = case.recording.flow_lpm
        aside = flow[round((start - DISTURBED_S) * 25) : round(start * 25)] - np.median(
            flow[round(start * 25) : round(end * 25)]
        )
        assert np.all(aside > 0) if seed == 0 else np.all(aside < 0)
        assert case.is_found([FoundApnea(EventKind.APNEA, start + 1, end - start, end)])
        assert not case.is_found([FoundApnea(EventKind.APNEA, end - 2, 20.0, end)])
        assert not case.is_found([])


# The command


def test_the_yardstick_is_a_biquad() -> None:
    """Both forms give what the difference equation gives, sample by sample."""
    samples_in = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
    b0, b1, b2, a1, a2 = cost.COEFFICIENTS
    expected = np.zeros((302, 2))
    padded = np.vstack([np.zeros((2, 2)), samples_in])
    for i in range(2, 302):
        inputs = b0 * padded[i] + b1 * padded[i - 1] + b2 * padded[i - 2]
        expected[i] = inputs - a1 * expected[i - 1] - a2 * expected[i - 2]
    one, both = np.empty(300), np.empty((300, 2))
    cost._biquad(samples_in[:, 0].copy(), one, *cost.COEFFICIENTS)
    cost._biquads(samples_in, both, np.zeros((2, 2)), *cost.COEFFICIENTS)
    assert one == pytest.approx(expected[2:, 0], abs=1e-9)
    assert both == pytest.approx(expected[2:], abs=1e-9)


def test_the_bench_says_every_row_and_its_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card(tmp_path / "A" / "20240301", mid=36, apneas=[(110.0, 10.0, "Obstructive Apnea")], minutes=11)
    write_text(tmp_path / "one.txt", text_rows(breathing([3, 7, 11, 15, 19], 22.0, 50.0), 50.0))
    truth = {"inspirations_s": [[p - 0.6, p + 0.6] for p in (3, 7, 11, 15, 19)], "apnea_count": 0}
    (tmp_path / "truth.json").write_text(json.dumps({"one.txt": truth}))
    assert detector.main([str(tmp_path), "--turns", "1", "--cases", "2"]) == 1
    said = capsys.readouterr().out
    for word in (
        "5 breaths",
        "breaths missed                          0, required at most 0: met",
        "A/20240301",
        "rate every 2 s, mean error",
        "0 of 1 (95 %: 0.0 to 79.3 %)",
        "noise of one count",
        "after 6 s of one-sided disturbance",
        "one room",
        "64 rooms",
        "load",
    ):
        assert word in said
    for name in peers.PEERS | peers.SCORERS:
        assert name in said


def test_without_a_devices_scoring_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(BUNDLED / "apneas.txt", tmp_path)
    (tmp_path / "notes.txt").write_text("no recording\n")
    detector.main([str(tmp_path), "--turns", "1", "--cases", "2", "--no-peers"])
    said = capsys.readouterr().out
    assert "no device's scoring" in said
    assert "apneas.txt" in said
    assert "left out: notes.txt" in said


def test_a_folder_that_is_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        detector.main(["/nowhere"])
    assert ended.value.code == 2
    assert "/nowhere is no folder" in capsys.readouterr().err


@pytest.mark.skipif(not (SHARED_DATA / "resmed").exists(), reason=f"the ResMed nights are not at {SHARED_DATA}")
def test_the_nights_at_hand_hold_what_their_device_scored() -> None:
    parts = list(scored_parts(SHARED_DATA / "resmed"))
    assert sum(part.hours for part in parts) == pytest.approx(26.2, abs=0.1)
    kinds = [event.kind for part in parts for event in part.apneas]
    assert (kinds.count(EventKind.CENTRAL_APNEA), kinds.count(EventKind.OBSTRUCTIVE_APNEA)) == (4, 3)
    assert sum(len(part.hypopneas) for part in parts) == 4
