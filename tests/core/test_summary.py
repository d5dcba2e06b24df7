"""F35 to F38: a file read block by block gives what the whole recording gives; no extreme is lost in its picture."""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path

import edfio
import numpy as np
import pytest

from cpap_core.analysis import analyze
from cpap_core.envelope import Envelope
from cpap_core.readers import RecordingError, edf, read_recording, stream, text
from cpap_core.readers.stream import open_flow
from cpap_core.summary import summarize
from tests.core.recordings import breathing, signal, text_rows, without_records, write_edf, write_text

RATE_HZ = 50.0
FLOW = breathing([2.0 + 4 * k for k in range(8)] + [46.0, 50.0, 54.0], 60.0, RATE_HZ)
ROWS = text_rows(FLOW, RATE_HZ, first_s=2.5)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks end in the middle of everything."""
    monkeypatch.setattr(text, "BLOCK_CHARACTERS", 3000)
    monkeypatch.setattr(stream, "BLOCK_ROWS", 97)
    monkeypatch.setattr(stream, "BLOCK_SAMPLES", 83)
    monkeypatch.setattr(edf, "BLOCK_BYTES", 500)


def assert_alike(path: Path) -> None:
    """What is found by blocks is what is found in the whole."""
    recording = read_recording(path)
    whole, found = analyze(recording), summarize(path)
    flow = open_flow(path)
    samples = np.concatenate([np.empty(0, np.float32), *flow.blocks()])
    flow.close()
    np.testing.assert_array_equal(samples, recording.flow_lpm)
    assert samples.dtype == np.float32
    assert found.n_samples == len(samples)
    assert found.breath_peaks_s.tolist() == [breath.peak_s for breath in whole.breaths]
    assert found.apneas == whole.apneas
    assert found.breath_rate_bpm == whole.breath_rate_bpm
    assert found.message == whole.message
    assert found.rejected_rows == recording.rejected_rows[:1000]
    assert found.rejected_count == len(recording.rejected_rows)
    assert found.leakage_l == pytest.approx(recording.leakage_l, rel=1e-9, abs=1e-9)
    pressure = recording.airway_pressure_cmh2o
    if pressure is None or np.isnan(pressure).all():
        assert found.mean_pressure_cmh2o is None
    else:
        assert found.mean_pressure_cmh2o == pytest.approx(np.nanmean(pressure), abs=0.02)
    assert found.unusable_s == pytest.approx(whole.unusable_s)
    for attribute in ("name", "start_time", "has_date", "sampling_rate_hz", "duration_s"):
        assert getattr(found, attribute) == getattr(recording, attribute), attribute


def with_row(at: int, row: str) -> list[str]:
    return [*ROWS[:at], row, *ROWS[at + 1 :]]


@pytest.mark.parametrize(
    "rows",
    [
        ROWS,
        with_row(100, "bad data,1,2,3,4,5,6"),
        with_row(100, ROWS[100].rsplit(",", 1)[0] + ",NaN"),
        with_row(100, "9" + ROWS[100]),
        ROWS[:1000] + ROWS[500:],
        [row for at, row in enumerate(ROWS) if not 900 < at < 1400],
        [*ROWS[:1500], *text_rows(FLOW[:400], RATE_HZ, first_s=90_000.0)],
        ROWS[:1],
        ["a,b,c,d,e,f,g"] * 3,
        text_rows(np.zeros(900), RATE_HZ),
        text_rows(breathing([3.0, 7.0, 11.0], 15.0, 500.0), 500.0),
    ],
    ids=[
        *("clean", "no number", "nan", "far ahead", "going back", "a pause", "another day", "one row", "all invalid"),
        *("flat", "too fast"),
    ],
)
def test_f37_text_by_blocks(tmp_path: Path, rows: list[str]) -> None:
    assert_alike(write_text(tmp_path / "night.txt", rows))


@pytest.mark.parametrize("seed", range(5))
def test_f38_rows_in_any_disorder(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = [*ROWS]
    for at in rng.integers(0, len(rows), 60).tolist():
        rows[at] = rng.choice([rows[at].replace(".", ","), "", "x", rows[at - 40], rows[at] + ",1", "NaN" + rows[at]])
    assert_alike(write_text(tmp_path / "night.txt", rows))


@pytest.mark.parametrize("record_s", [0.2, 1.0, 7.0])
@pytest.mark.parametrize("rate_hz", [25.0, 400.0])
def test_f39_edf_by_blocks(tmp_path: Path, record_s: float, rate_hz: float) -> None:
    flow = breathing([2.0, 6.0, 20.0, 24.0], 28.0, rate_hz) / 60
    other = signal(np.zeros(round(28 * rate_hz)), rate_hz, label="Press.40ms", unit="cmH2O", bounds=(0, 40))
    assert_alike(write_edf(tmp_path / "night.edf", other, signal(flow, rate_hz), record_s=record_s))


def test_f38_a_pressure_channel_without_a_range_costs_no_flow(tmp_path: Path) -> None:
    flow = signal(breathing([2.0, 6.0, 10.0, 14.0], 18.0, 25.0) / 60, 25.0)
    other = signal(np.zeros(18 * 25), 25.0, label="Press.40ms", unit="cmH2O", bounds=(0, 40))
    path = write_edf(tmp_path / "night.edf", other, flow)
    assert summarize(path).mean_pressure_cmh2o == pytest.approx(0, abs=0.01)
    header = bytearray(path.read_bytes())
    lowest, highest = (256 + 2 * (16 + 80 + 8 * k) for k in (1, 2))
    header[highest : highest + 8] = header[lowest : lowest + 8]
    path.write_bytes(header)
    found = summarize(path)
    assert (found.mean_pressure_cmh2o, len(found.breath_peaks_s)) == (None, 4)


def test_f39_edf_with_annotations_before_and_pauses(tmp_path: Path) -> None:
    flow = signal(breathing([2.0, 6.0, 10.0, 14.0], 18.0, 25.0) / 60, 25.0)
    path = tmp_path / "night.edf"
    edfio.Edf(
        [flow],
        recording=edfio.Recording(startdate=dt.date(2024, 3, 1)),
        annotations=[edfio.EdfAnnotation(1.0, None, "lights off")],
        data_record_duration=1.0,
    ).write(path)
    assert_alike(path)
    raw = path.read_bytes().replace(b"EDF+C", b"EDF+D")
    for second in range(9, 18):
        told = b"+%d\x14\x14\x00" % second
        raw = raw.replace(told, (b"+%d\x14\x14\x00" % (second + 40))[: len(told)])
    path.write_bytes(raw)
    assert_alike(path)


def test_f38_edf_that_was_cut_off_or_holds_nothing(tmp_path: Path) -> None:
    path = write_edf(tmp_path / "night.edf", signal(FLOW / 60, RATE_HZ))
    path.write_bytes(path.read_bytes()[:-77])
    assert_alike(path)
    assert_alike(without_records(path))


@pytest.mark.parametrize("content", [b"", b"PNG\x00\x01" * 99, b"what is this\n" * 20, b"0       " + b"x" * 300])
def test_f38_what_is_no_recording_is_named_as_the_person_named_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tmp8d2k"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=r"^my night\.txt: "):
        summarize(path, name="my night.txt")


def test_f36_the_first_rejected_rows_are_kept_and_all_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [*ROWS[:500], *ROWS[450:1000], *(["x,1,2,3,4,5,6"] * 1200), *ROWS[1000:]]
    with caplog.at_level(logging.INFO):
        found = summarize(write_text(tmp_path / "night.txt", rows))
    assert found.rejected_count == 1250
    lines = [row.line for row in found.rejected_rows]
    assert lines == sorted(lines)
    assert lines[:2] == [502, 503]
    assert lines[-1] == 2001
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0] == "Starting analysis of night.txt"
    assert sum("row skipped" in message for message in messages) == 1000
    assert "night.txt: 250 more rows skipped" in messages


@pytest.mark.parametrize("seed", range(20))
def test_no_extreme_is_lost_in_an_envelope(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=int(rng.integers(1, 400))).astype(np.float32)
    values[rng.random(len(values)) < 0.3] = np.nan
    envelope = Envelope(len(values), int(rng.integers(1, 60)))
    cuts = np.sort(rng.integers(0, len(values) + 1, 5))
    for part in np.split(values, cuts):
        envelope.update(part)
    for at, (low, high) in enumerate(zip(envelope.low, envelope.high, strict=True)):
        stretch = values[at * envelope.width : (at + 1) * envelope.width]
        valid = stretch[~np.isnan(stretch)]
        expected = (valid.min(), valid.max()) if len(valid) else (np.nan, np.nan)
        np.testing.assert_equal((low, high), expected)
