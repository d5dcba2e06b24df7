"""F36, F37, F38: seven-column text recordings."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import numpy as np
import pytest

from cpap_core.readers import RecordingError, read_recording, text, time_grid
from cpap_core.readers import rejected as rejected_rows
from cpap_core.types import Recording
from tests.core.recordings import HEADER, breathing, text_rows, write_text

RATE_HZ = 50.0
FLOW = breathing([1.0, 5.0, 9.0], 12.0, RATE_HZ)
ROWS = text_rows(FLOW, RATE_HZ, first_s=2.5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "night.txt"


def rejected(recording: Recording) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in recording.rejected_rows]


def assert_is_the_flow(recording: Recording) -> None:
    assert recording.sampling_rate_hz == RATE_HZ
    assert recording.start_time == 2.5
    assert recording.duration_s == pytest.approx(11.98)
    assert recording.flow_lpm == pytest.approx(FLOW, abs=0.2)
    assert recording.airway_pressure_cmh2o == pytest.approx(np.full(len(FLOW), 10.0), abs=0.01)
    assert recording.rejected_rows == ()


def test_samples_rate_and_times_of_a_clean_file(path: Path) -> None:
    recording = read_recording(write_text(path, ROWS))
    assert_is_the_flow(recording)
    assert recording.flow_lpm.dtype == np.float32
    assert recording.name == "night.txt"
    assert not recording.has_date


def test_the_path_may_be_a_string(path: Path) -> None:
    assert_is_the_flow(read_recording(str(write_text(path, ROWS))))


@pytest.mark.holds("F38.1")
@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_f38_line_ends_of_other_systems(path: Path, end: str) -> None:
    assert_is_the_flow(read_recording(write_text(path, ROWS, end=end)))


@pytest.mark.holds("F38.1")
def test_f38_byte_order_mark(path: Path) -> None:
    assert_is_the_flow(read_recording(write_text(path, ROWS, header="\ufeff" + HEADER)))


def test_a_file_without_header(path: Path) -> None:
    assert_is_the_flow(read_recording(write_text(path, ROWS, header=None)))


def test_a_file_without_a_last_line_end_and_with_blank_lines(path: Path) -> None:
    path.write_text(f"\n{HEADER}\n\n" + "\n".join(ROWS))
    assert_is_the_flow(read_recording(path))


@pytest.mark.parametrize("delimiter", [";", "\t", " ", " ; ", ", "])
def test_other_delimiters(path: Path, delimiter: str) -> None:
    rows = [row.replace(",", delimiter) for row in ROWS]
    assert_is_the_flow(read_recording(write_text(path, rows, header=None)))
    assert_is_the_flow(read_recording(write_text(path, rows, header="time and six counts")))


def test_decimal_commas_with_semicolons(path: Path) -> None:
    rows = [row.replace(",", ";").replace(".", ",") for row in ROWS]
    assert_is_the_flow(read_recording(write_text(path, rows, header=HEADER.replace(",", ";"))))


def test_quoted_values(path: Path) -> None:
    rows = ['"' + row.replace(",", '","') + '"' for row in ROWS]
    assert_is_the_flow(read_recording(write_text(path, rows)))


def test_a_delimiter_at_the_end_of_each_line(path: Path) -> None:
    assert_is_the_flow(read_recording(write_text(path, [row + "," for row in ROWS])))


@pytest.mark.holds("F36.1")
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("bad data,1,2,3,4,5,6", "time 'bad data' is not a number"),
        ("9.9,1,2,,4,5,6", "venturi 1 p1 expiratory is missing"),
        ("9.9,1,2,3,NaN,5,6", "venturi 2 p2 is nan, not a finite number"),
        ("inf,1,2,3,4,5,6", "time is inf, not a finite number"),
        ("9.9,1_000,2,3,4,5,6", "venturi 1 p2 '1_000' is not a number"),
        ("9.9,1,2", "3 values, expected 7"),
        ("9.9,1,2,3,4,5,6,7", "8 values, expected 7"),
    ],
)
def test_f36_a_bad_row_is_logged_skipped_and_counted_by_its_line(
    path: Path, caplog: pytest.LogCaptureFixture, bad: str, reason: str
) -> None:
    rows = [*ROWS]
    rows[100] = bad
    recording = read_recording(write_text(path, rows))
    assert rejected(recording) == [(102, reason)]
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert errors == [f"night.txt line 102: {reason}; row skipped"]


def test_f36_a_rejected_row_leaves_a_gap_so_that_time_stays_right(path: Path) -> None:
    rows = [*ROWS]
    rows[100], rows[200] = "bad data,1,2,3,4,5,6", rows[200].rsplit(",", 1)[0] + ",NaN"
    recording = read_recording(write_text(path, rows))
    assert np.flatnonzero(np.isnan(recording.flow_lpm)).tolist() == [100, 200]
    assert np.flatnonzero(np.isnan(recording.airway_pressure_cmh2o)).tolist() == [100, 200]
    assert len(recording.flow_lpm) == len(ROWS)


@pytest.mark.holds("F36.3")
def test_f36_the_start_of_an_analysis_is_logged_with_the_files_name(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        read_recording(write_text(path, ROWS))
    assert "Starting analysis of night.txt" in caplog.messages


def test_f36_lines_are_right_across_blocks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "BLOCK_CHARACTERS", 1000)
    rows = [*ROWS]
    bad = [7, 99, 350, 599]
    for index in bad:
        rows[index] = "bad data,1,2,3,4,5,6"
    recording = read_recording(write_text(path, rows, end="\r\n"))
    assert [row.line for row in recording.rejected_rows] == [index + 2 for index in bad]


@pytest.mark.holds("F37.3")
def test_f37_leakage_is_the_trapezoid_over_the_valid_rows_on_their_own_times(path: Path) -> None:
    flow = np.full(100, 30.0)  # L/min
    rows = text_rows(flow, RATE_HZ)
    rows[50] = "1.0,NaN,2,3,4,5,6"
    assert read_recording(write_text(path, rows)).leakage_l == pytest.approx(0.5 * 99 / RATE_HZ, rel=1e-4)


def test_missing_rows_are_a_gap(path: Path) -> None:
    recording = read_recording(write_text(path, ROWS[:200] + ROWS[420:]))
    assert np.flatnonzero(np.isnan(recording.flow_lpm)).tolist() == list(range(200, 420))
    assert recording.duration_s == pytest.approx(11.98)


@pytest.mark.parametrize(("rate_hz", "decimals"), [(12.5, 2), (60.0, 2), (64.0, 2), (99.9, 3), (128.0, 3)])
def test_rounded_times_give_the_true_rate_and_no_gaps(path: Path, rate_hz: float, decimals: int) -> None:
    rows = [row.split(",", 1)[1] for row in text_rows(breathing([1.0], 60.0, rate_hz), rate_hz)]
    rows = [f"{index / rate_hz:.{decimals}f},{row}" for index, row in enumerate(rows)]
    recording = read_recording(write_text(path, rows))
    assert recording.sampling_rate_hz == pytest.approx(rate_hz, rel=1e-3)
    assert np.isnan(recording.flow_lpm).sum() <= 1
    assert len(recording.flow_lpm) - len(rows) <= 1


def test_a_rate_above_the_detectors_is_averaged_down(path: Path) -> None:
    flow = breathing([1.0, 4.0], 6.0, 500.0)
    recording = read_recording(write_text(path, text_rows(flow, 500.0)))
    assert recording.sampling_rate_hz == pytest.approx(500 / 3)
    assert recording.start_time == pytest.approx(0.002)
    assert recording.flow_lpm == pytest.approx(flow.reshape(-1, 3).mean(axis=1), abs=0.3)


def test_f38_one_time_far_ahead_costs_its_own_row_only(path: Path) -> None:
    for at, reason in [
        (300, "time 1e+12 s is ahead of the rows after it"),
        (0, "time 1e+12 s is ahead of the rows after it"),
        (599, "time 1e+12 s is over 12 h away from the other rows"),
    ]:
        rows = [*ROWS]
        rows[at] = "1e12," + rows[at].split(",", 1)[1]
        recording = read_recording(write_text(path, rows))
        assert rejected(recording) == [(at + 2, reason)]
        assert 598 <= len(recording.flow_lpm) <= 600


@pytest.mark.holds("F38.1")
def test_f38_time_going_backwards_costs_as_few_rows_as_possible(path: Path) -> None:
    recording = read_recording(write_text(path, ROWS[:300] + ROWS[250:]))
    assert [row.line for row in recording.rejected_rows] == list(range(302, 352))
    assert recording.rejected_rows[0].reason == "time 7.5 s goes back behind 8.48 s"
    assert recording.rejected_rows[-1].reason == "time 8.48 s is there twice"
    assert recording.flow_lpm == pytest.approx(FLOW, abs=0.2)


def test_f38_repeated_rows_are_rejected(path: Path) -> None:
    recording = read_recording(write_text(path, [row for row in ROWS for _ in range(2)]))
    assert len(recording.rejected_rows) == len(ROWS)
    assert recording.rejected_rows[0].line == 3
    assert recording.flow_lpm == pytest.approx(FLOW, abs=0.2)


def test_f38_all_times_falling(path: Path) -> None:
    recording = read_recording(write_text(path, ROWS[::-1]))
    assert len(recording.flow_lpm) == 1
    assert len(recording.rejected_rows) == len(ROWS) - 1


@pytest.mark.holds("F38.1")
def test_f38_header_only_one_row_and_all_rows_invalid_are_recordings(path: Path) -> None:
    assert len(read_recording(write_text(path, [])).flow_lpm) == 0
    one = read_recording(write_text(path, ROWS[:1]))
    assert (len(one.flow_lpm), one.start_time, one.duration_s, one.leakage_l) == (1, 2.5, 0.0, 0.0)
    none = read_recording(write_text(path, ["NaN,1,2,3,4,5,6", ",,,,,,", "1,2,3"]))
    assert len(none.flow_lpm) == 0
    assert [line for line, _ in rejected(none)] == [2, 3, 4]


def test_f38_bytes_left_by_a_lost_power_are_bad_rows(path: Path) -> None:
    write_text(path, ROWS)
    path.write_bytes(path.read_bytes() + b"\0" * 5000)
    assert rejected(read_recording(path)) == [(602, "1 values, expected 7")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "night.txt: the file is empty: expected time in s and six raw counts"),
        (b"\xef\xbb\xbf \r\n\r\n", "night.txt: the file is empty"),
        (b"dear diary\n" * 30, "none of the first 30 lines has 7 values: expected time in s"),
        (b"1,2,3,4,5,6\n" * 9, "none of the first 9 lines has 7 values"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "neither text nor EDF: give a .txt, .csv or .edf"),
        ("t,1,2\n".encode("utf-16"), "neither text nor EDF"),
        (b"1,2,3,4,5,6," + b"7" * 100_000, "line 1 has over 65536 characters"),
        (b"0,1,1,1,1,1,1\n100,1,1,1,1,1,1\n", "sampling rate 0.01 Hz is not between 1 and 10000 Hz: the first column"),
        (b"0,1,1,1,1,1,1\n1e-9,1,1,1,1,1,1\n", r"sampling rate 1e\+09 Hz is not between"),
    ],
)
def test_f38_what_is_no_recording_is_an_error_of_one_line(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=message) as error:
        read_recording(path)
    assert "\n" not in str(error.value)


@pytest.mark.holds("F38.1")
def test_f38_random_bytes_are_an_error_or_a_recording_without_samples(path: Path) -> None:
    for seed in range(20):
        path.write_bytes(np.random.default_rng(seed).integers(1, 256, 20_000, dtype=np.uint8).tobytes())
        try:
            assert len(read_recording(path).flow_lpm) <= 1
        except RecordingError as error:
            assert re.fullmatch(".+", str(error))


def test_f38_times_cannot_ask_for_memory_without_bound(path: Path) -> None:
    rows = [f"{hour * 36_000 + k / 100},4000,4100,1638,4000,4100,1638" for hour in range(100) for k in range(3)]
    with pytest.raises(RecordingError, match=f"over {time_grid.MAX_SAMPLES} samples: split the recording"):
        read_recording(write_text(path, rows))


def test_f38_rejected_rows_cannot_fill_the_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejected_rows, "MAX_REJECTED_ROWS", 50)
    with pytest.raises(RecordingError, match=r"over 50 rows cannot be used, the first is line 3 \(time .* goes back"):
        read_recording(write_text(path, ROWS[::-1]))


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"nothing\.txt: no such file or folder"):
        read_recording(tmp_path / "nothing.txt")
    with pytest.raises(RecordingError, match="neither a file nor a folder"):
        read_recording("/dev/null")


@pytest.mark.parametrize("seed", range(20))
def test_as_few_rows_as_possible_are_rejected(seed: int) -> None:
    """Against the obvious twin, which tries every subset."""
    rng = np.random.default_rng(seed)
    time_s = rng.integers(0, 8, 9).astype(float)
    keep = time_grid.increasing_rows(time_s)
    assert np.all(np.diff(time_s[keep]) > 0)
    subsets = (time_s[[bool(mask >> k & 1) for k in range(9)]] for mask in range(1 << 9))
    assert keep.sum() == max(len(subset) for subset in subsets if np.all(np.diff(subset) > 0))
