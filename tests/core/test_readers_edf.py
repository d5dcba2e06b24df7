"""F39: EDF and EDF+ with a flow channel, and ResMed nights."""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path

import edfio
import numpy as np
import pytest

from cpap_core.readers import RecordingError, read_recording
from tests.core.recordings import SHARED_DATA, breathing, signal, without_records, write_edf

RATE_HZ = 25.0
FLOW = breathing([1.0, 5.0, 9.0], 60.0, RATE_HZ)  # L/min
STEP_LPM = 5 / 65535 * 60
START = dt.datetime(2024, 3, 1, 23, 59, 0)
RESMED = SHARED_DATA / "resmed"
needs_nights = pytest.mark.skipif(not RESMED.is_dir(), reason=f"the real nights are not there: {RESMED}")


def brp(folder: Path, start: dt.datetime, flow_lpm: np.ndarray = FLOW, *, dated: bool = True) -> Path:
    """Write flow and pressure as a ResMed device does."""
    path = folder / f"{start:%Y%m%d_%H%M%S}_BRP.edf"
    flow = signal(flow_lpm / 60, RATE_HZ)
    pressure = signal(np.full(len(flow_lpm), 8.0), RATE_HZ, "Press.40ms", "cmH2O", (0, 40))
    write_edf(path, flow, pressure, start=start if dated else None)
    if not dated:
        content = bytearray(path.read_bytes())
        content[176:184] = f"{start:%H.%M.%S}".encode()
        path.write_bytes(bytes(content))
    return path


def gaps(flow: np.ndarray) -> list[tuple[float, float]]:
    """Begin and end of each gap in s."""
    edges = np.flatnonzero(np.diff(np.isnan(flow), prepend=False, append=False))
    return [(first / RATE_HZ, end / RATE_HZ) for first, end in edges.reshape(-1, 2).tolist()]


@pytest.mark.holds("F39.2")
def test_f39_flow_pressure_rate_and_date_of_one_file(tmp_path: Path) -> None:
    recording = read_recording(brp(tmp_path, START))
    assert recording.flow_lpm == pytest.approx(FLOW, abs=STEP_LPM)
    assert recording.flow_lpm.dtype == np.float32
    assert recording.airway_pressure_cmh2o == pytest.approx(np.full(len(FLOW), 8.0), abs=0.001)
    assert recording.sampling_rate_hz == RATE_HZ
    assert recording.start_time == START.replace(tzinfo=dt.UTC).timestamp()
    assert recording.has_date
    assert recording.duration_s == pytest.approx(59.96)
    assert recording.name == "20240301_235900_BRP.edf"
    assert recording.leakage_l == pytest.approx(np.trapezoid(FLOW, dx=1 / RATE_HZ) / 60, abs=0.01)


@pytest.mark.holds("F39.2")
@pytest.mark.parametrize(
    ("label", "unit", "lpm"),
    [
        ("Flow", "L/min", 1),
        ("CPAP Flow", "l/s", 60),
        ("Airflow", "LPM", 1),
        ("Patient Flow", "m3/s", 60_000),
        ("Pneumotach", "mL/s", 0.06),
        ("FLOW", "ml/min", 0.001),
    ],
)
def test_f39_flow_is_known_by_label_and_unit(tmp_path: Path, label: str, unit: str, lpm: float) -> None:
    other = signal(np.zeros(len(FLOW)), RATE_HZ, "Leak", "L/min")
    limitation = signal(np.zeros(len(FLOW)), RATE_HZ, "FlowLim.2s", "L/s")
    thermistor = signal(np.zeros(len(FLOW)), RATE_HZ, "Flow", "uV")
    flow = signal(FLOW / lpm, RATE_HZ, label, unit, (-100 / lpm, 100 / lpm))
    recording = read_recording(write_edf(tmp_path / "night.edf", other, limitation, thermistor, flow))
    assert recording.flow_lpm == pytest.approx(FLOW, abs=0.01)
    assert recording.airway_pressure_cmh2o is None


def test_f39_without_a_flow_channel_the_error_lists_the_channels_found(tmp_path: Path) -> None:
    path = write_edf(
        tmp_path / "psg.edf",
        signal(np.zeros(100), 10.0, "EEG C3", "uV"),
        signal(np.zeros(100), 10.0, "Flow", "V"),
        signal(np.zeros(100), 10.0, "Leak.2s", "L/s"),
    )
    with pytest.raises(RecordingError, match=r"psg\.edf: no flow channel .* among EEG C3 \[uV\], Flow \[V\], Leak"):
        read_recording(path)


def test_f39_the_fastest_flow_channel_and_a_slower_pressure(tmp_path: Path) -> None:
    slow = signal(np.zeros(60), 1.0, "Flow avg", "L/s")
    fast = signal(FLOW / 60, RATE_HZ, "Flow", "L/s")
    pressure = signal(np.linspace(5, 10.9, 60), 1.0, "Mask Pressure", "hPa", (0, 40))
    nasal = signal(np.zeros(len(FLOW)), RATE_HZ, "Nasal Pressure", "cmH2O")
    recording = read_recording(write_edf(tmp_path / "night.edf", slow, fast, nasal, pressure))
    assert recording.sampling_rate_hz == RATE_HZ
    assert recording.airway_pressure_cmh2o is not None
    assert recording.airway_pressure_cmh2o[::25] == pytest.approx(np.linspace(5, 10.9, 60) * 1.0197, abs=0.01)


def test_a_rate_above_the_detectors_is_averaged_down(tmp_path: Path) -> None:
    flow = breathing([1.0, 4.0], 6.0, 512.0)
    recording = read_recording(write_edf(tmp_path / "psg.edf", signal(flow / 60, 512.0)))
    assert recording.sampling_rate_hz == pytest.approx(512 / 3)
    assert recording.flow_lpm == pytest.approx(flow.reshape(-1, 3).mean(axis=1), abs=STEP_LPM)


def test_edf_plus_keeps_the_fraction_of_its_start(tmp_path: Path) -> None:
    edfio.Edf(
        [signal(FLOW / 60, RATE_HZ)],
        recording=edfio.Recording(startdate=dt.date(2024, 3, 1)),
        starttime=dt.time(1, 0, 0, 250_000),
        annotations=[edfio.EdfAnnotation(3.0, None, "lights off")],
    ).write(tmp_path / "plus.edf")
    start = dt.datetime(2024, 3, 1, 1, 0, 0, 250_000, dt.UTC)
    assert read_recording(tmp_path / "plus.edf").start_time == start.timestamp()


def test_edf_plus_d_has_its_pauses_as_gaps(tmp_path: Path) -> None:
    path = tmp_path / "paused.edf"
    edfio.Edf([signal(FLOW / 60, RATE_HZ)], annotations=[], data_record_duration=1.0).write(path)
    content = path.read_bytes().replace(b"EDF+C", b"EDF+D", 1)
    for second in reversed(range(30, 60)):  # the second half began 20 s later
        content = content.replace(b"+%d\x14\x14" % second, b"+%d\x14\x14" % (second + 20), 1)
    path.write_bytes(content)
    recording = read_recording(path)
    assert gaps(recording.flow_lpm) == [(30.0, 50.0)]
    assert recording.flow_lpm[~np.isnan(recording.flow_lpm)] == pytest.approx(FLOW, abs=STEP_LPM)


@pytest.mark.holds("F38.1")
def test_f38_a_truncated_file_gives_what_is_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = brp(tmp_path, START)
    path.write_bytes(path.read_bytes()[:-1050])
    recording = read_recording(path)
    assert recording.flow_lpm == pytest.approx(FLOW[: len(recording.flow_lpm)], abs=STEP_LPM)
    assert recording.duration_s == pytest.approx(48.96)
    assert any("Incomplete data record" in message for message in caplog.messages)


@pytest.mark.parametrize("length", [0, 8, 200, 256, 300, 600])
def test_f38_a_file_cut_in_its_header_is_an_error_of_one_line(tmp_path: Path, length: int) -> None:
    path = brp(tmp_path, START)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(RecordingError, match=r"BRP\.edf: damaged or no EDF file \(.*\): copy it again") as error:
        read_recording(path)
    assert "\n" not in str(error.value)


@pytest.mark.holds("F38.1")
@pytest.mark.parametrize("seed", range(30))
def test_f38_a_damaged_header_gives_a_recording_or_an_error(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    path = brp(tmp_path, START)
    content = np.frombuffer(path.read_bytes(), dtype=np.uint8).copy()
    content[rng.integers(0, 768, 12)] = rng.integers(0, 256, 12)
    path.write_bytes(content.tobytes())
    try:
        assert len(read_recording(path).flow_lpm) <= 2 * len(FLOW)
    except RecordingError as error:
        assert "\n" not in str(error)


def test_f38_another_file_named_edf_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "picture.edf"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))
    with pytest.raises(RecordingError, match=r"picture\.edf: damaged or no EDF file"):
        read_recording(path)


def test_an_edf_file_is_known_by_its_content(tmp_path: Path) -> None:
    path = brp(tmp_path, START).rename(tmp_path / "upload.tmp")
    assert len(read_recording(path).flow_lpm) == len(FLOW)


def test_f39_a_file_without_data_records_has_no_samples(tmp_path: Path) -> None:
    recording = read_recording(without_records(brp(tmp_path, START)))
    assert (len(recording.flow_lpm), recording.duration_s, recording.sampling_rate_hz) == (0, 0.0, RATE_HZ)


@pytest.mark.holds("F39.1")
def test_f39_a_night_is_one_recording_with_its_pauses_as_gaps(tmp_path: Path) -> None:
    brp(tmp_path, START)
    without_records(brp(tmp_path, START + dt.timedelta(seconds=70)))
    brp(tmp_path, START + dt.timedelta(seconds=90), FLOW[:250])  # under a minute; past midnight
    brp(tmp_path, START + dt.timedelta(seconds=3600))
    (tmp_path / "20240301_235900_EVE.edf").write_bytes(b"not looked at")
    recording = read_recording(tmp_path)
    assert gaps(recording.flow_lpm) == [(60.0, 90.0), (100.0, 3600.0)]
    assert gaps(recording.airway_pressure_cmh2o) == gaps(recording.flow_lpm)
    assert recording.flow_lpm[: len(FLOW)] == pytest.approx(FLOW, abs=STEP_LPM)
    assert recording.flow_lpm[-len(FLOW) :] == pytest.approx(FLOW, abs=STEP_LPM)
    assert recording.start_time == START.replace(tzinfo=dt.UTC).timestamp()
    assert recording.duration_s == pytest.approx(3659.96)
    assert recording.name == tmp_path.name


def test_f39_leakage_of_a_night_does_not_bridge_its_pauses(tmp_path: Path) -> None:
    flow = np.full(len(FLOW), 60.0)
    brp(tmp_path, START, flow)
    brp(tmp_path, START + dt.timedelta(hours=2), flow)
    assert read_recording(tmp_path).leakage_l == pytest.approx(2 * 59.96, rel=1e-3)


def test_f39_without_a_date_a_clock_that_goes_back_has_passed_midnight(tmp_path: Path) -> None:
    first = brp(tmp_path, START, dated=False)
    brp(tmp_path, START + dt.timedelta(seconds=90), dated=False)
    recording = read_recording(tmp_path)
    assert gaps(recording.flow_lpm) == [(60.0, 90.0)]
    assert recording.start_time == 86340.0
    assert not recording.has_date
    assert not read_recording(first).has_date


def test_f39_a_folder_without_data_records_has_no_samples(tmp_path: Path) -> None:
    without_records(brp(tmp_path, START))
    assert len(read_recording(tmp_path).flow_lpm) == 0


def test_f39_where_files_overlap_the_earlier_one_stays(tmp_path: Path) -> None:
    brp(tmp_path, START)
    brp(tmp_path, START + dt.timedelta(seconds=30), FLOW * 0 - 6)
    recording = read_recording(tmp_path)
    assert len(recording.flow_lpm) == 90 * RATE_HZ
    assert recording.flow_lpm[: len(FLOW)] == pytest.approx(FLOW, abs=STEP_LPM)
    assert recording.flow_lpm[len(FLOW) :] == pytest.approx(np.full(750, -6.0), abs=STEP_LPM)


def test_f39_a_damaged_file_costs_its_own_hours_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    brp(tmp_path, START)
    (tmp_path / "20240302_010000_BRP.edf").write_bytes(b"0       ")
    assert len(read_recording(tmp_path).flow_lpm) == len(FLOW)
    assert [record.levelno for record in caplog.records if "file skipped" in record.message] == [logging.ERROR]


def test_f38_folders_that_are_no_night(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"no \*_BRP\.edf in this folder: give the folder of one night"):
        read_recording(tmp_path)
    brp(tmp_path, START)
    brp(tmp_path, START + dt.timedelta(days=3))
    with pytest.raises(RecordingError, match="span 72 h, a night at most 36 h: give the folder of one night"):
        read_recording(tmp_path)


def test_f38_a_folder_of_two_rates_or_of_damaged_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "20240302_010000_BRP.edf").write_bytes(b"0       ")
    with pytest.raises(RecordingError, match="damaged or no EDF file"):
        read_recording(tmp_path)
    brp(tmp_path, START)
    write_edf(tmp_path / "20240302_020000_BRP.edf", signal(np.zeros(600), 10.0), start=START + dt.timedelta(hours=2))
    with pytest.raises(RecordingError, match="files of 25 Hz and of 10 Hz: read them one by one"):
        read_recording(tmp_path)


@needs_nights
@pytest.mark.parametrize(
    ("night", "n_parts", "start", "duration_s"),
    [
        ("A/20230821", 4, dt.datetime(2023, 8, 22, 0, 11, 19), 21953.96),
        ("A/20230904", 2, dt.datetime(2023, 9, 4, 22, 41, 9), 10225.96),  # and three without data records
        ("B/2025_september_complex", 4, dt.datetime(2025, 9, 10, 22, 36, 17), 27191.96),
    ],
)
def test_f39_real_nights(night: str, n_parts: int, start: dt.datetime, duration_s: float) -> None:
    recording = read_recording(RESMED / night)
    assert recording.start_time == start.replace(tzinfo=dt.UTC).timestamp()
    assert recording.duration_s == pytest.approx(duration_s)
    assert len(gaps(recording.flow_lpm)) == n_parts - 1
    assert recording.airway_pressure_cmh2o is not None
    assert 4 < np.nanmedian(recording.airway_pressure_cmh2o) < 12
