"""Samples: each is stored once, whatever the framing, the resends and the overlaps."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cpap_core.types import Samples
from store import NotFound, RecordingRow, SegmentRow, Store
from tests.store.conftest import FLOW_AND_PRESSURE, RATE_HZ

PER_SEGMENT = 250  # 10 s at 25 Hz


def counting(n_samples: int, first: int = 0) -> Samples:
    """Samples that are their own index, so that a lost or doubled one is seen."""
    return np.arange(first, first + n_samples, dtype=np.float32)


def append(store: Store, recording: RecordingRow, first: int, n_samples: int, received_at: float = 1.0) -> int:
    flow = counting(n_samples, first)
    return store.append_samples(recording.id, first, flow, -flow, received_at).result(5)


def extents(segments: list[SegmentRow]) -> list[tuple[int, int]]:
    return [(segment.first_sample, segment.n_samples) for segment in segments]


def test_the_future_gives_next_sample_as_it_is_on_disk(store: Store, recording: RecordingRow) -> None:
    assert append(store, recording, 0, 10) == 10
    stored = store.recording(recording.id)
    assert stored is not None
    assert (stored.next_sample, stored.stored_samples) == (10, 10)


def test_a_night_of_short_frames_is_a_few_rows(store: Store, recording: RecordingRow) -> None:
    for first in range(0, 1000, 3):
        store.append_samples(recording.id, first, counting(3, first), counting(3, first), 1.0)
    append(store, recording, 1002, 8)
    assert extents(list(store.segments(recording.id))) == [(0, 250), (250, 250), (500, 250), (750, 250), (1000, 10)]


def test_resends_and_overlaps_are_stored_once(store: Store, recording: RecordingRow) -> None:
    append(store, recording, 0, 100)
    assert append(store, recording, 0, 100) == 100
    assert append(store, recording, 20, 30) == 100
    assert append(store, recording, 90, 20) == 110
    assert append(store, recording, 110, 0) == 110
    np.testing.assert_array_equal(store.read_samples(recording.id, 0, 110).flow_lpm, counting(110))
    assert store.samples_of_stay(recording.stay_id) == 110


def test_an_index_beyond_the_next_is_a_hole_and_begins_a_segment(store: Store, recording: RecordingRow) -> None:
    append(store, recording, 0, 10)
    assert append(store, recording, 40, 10) == 50
    assert extents(list(store.segments(recording.id))) == [(0, 10), (40, 10)]
    chunk = store.read_samples(recording.id, 5, 50)
    expected = counting(50, 5)
    expected[5:35] = np.nan
    expected[45:] = np.nan
    np.testing.assert_array_equal(chunk.flow_lpm, expected)
    np.testing.assert_array_equal(chunk.airway_pressure_cmh2o, -expected)
    assert store.samples_of_stay(recording.stay_id) == 20
    assert append(store, recording, 12, 5) == 50, "the time of a hole has gone by"


def test_nan_is_stored_as_it_is(store: Store, recording: RecordingRow) -> None:
    flow = np.array([1.0, np.nan, 3.0], dtype=np.float32)
    store.append_samples(recording.id, 0, flow, flow, 1.0).result(5)
    np.testing.assert_array_equal(store.read_samples(recording.id, 0, 3).flow_lpm, flow)
    assert extents(list(store.segments(recording.id))) == [(0, 3)]


def test_a_recording_without_pressure_has_none(store: Store, recording: RecordingRow) -> None:
    store.append_samples(recording.id, 0, counting(300), None, 1.0).result(5)
    assert store.read_samples(recording.id, 0, 300).airway_pressure_cmh2o is None
    assert [segment.airway_pressure_cmh2o for segment in store.segments(recording.id)] == [None, None]
    # A channel that comes later begins a segment, and is NaN before.
    append(store, recording, 300, 10)
    assert extents(list(store.segments(recording.id))) == [(0, 250), (250, 50), (300, 10)]
    pressure = store.read_samples(recording.id, 299, 3).airway_pressure_cmh2o
    np.testing.assert_array_equal(pressure, np.array([np.nan, -300, -301], dtype=np.float32))


def test_a_range_without_samples_is_nan_and_the_arrays_are_the_readers_own(
    store: Store, recording: RecordingRow
) -> None:
    assert np.isnan(store.read_samples(recording.id, 7, 4).flow_lpm).all()
    append(store, recording, 0, 10)
    for segment in store.segments(recording.id):
        segment.flow_lpm[:] = 99
    assert store.read_samples(recording.id, 0, 1).flow_lpm[0] == 0


def test_the_writers_copy_is_taken_at_once(store: Store, recording: RecordingRow) -> None:
    flow = counting(5)
    written = store.append_samples(recording.id, 0, flow, None, 1.0)
    flow[:] = 99
    written.result(5)
    np.testing.assert_array_equal(store.read_samples(recording.id, 0, 5).flow_lpm, counting(5))


def test_segments_from_a_sample_on_and_while_it_grows(store: Store, recording: RecordingRow) -> None:
    append(store, recording, 0, 260)
    assert extents(list(store.segments(recording.id, 100))) == [(100, 150), (250, 10)]
    assert extents(list(store.segments(recording.id, 255))) == [(255, 5)]
    assert extents(list(store.segments(recording.id, 260))) == []
    iteration = store.segments(recording.id)
    next(iteration)
    append(store, recording, 260, 1000)
    assert extents(list(iteration)) == [(250, 10)], "what came after the call is not part of it"


def test_a_long_recording_is_read_by_pieces(store: Store, recording: RecordingRow) -> None:
    append(store, recording, 0, 100 * PER_SEGMENT + 1)
    read = list(store.segments(recording.id))
    assert len(read) == 101
    np.testing.assert_array_equal(np.concatenate([segment.flow_lpm for segment in read]), counting(25_001))


def test_a_segment_knows_when_its_newest_sample_came(store: Store, recording: RecordingRow) -> None:
    append(store, recording, 0, 10, received_at=5.0)
    append(store, recording, 10, 10, received_at=6.0)
    assert [segment.received_at for segment in store.segments(recording.id)] == [6.0]


def test_what_makes_no_sense_is_refused_at_once(store: Store, recording: RecordingRow) -> None:
    with pytest.raises(ValueError, match=r"one length, got shapes \(3,\) and \(2,\)"):
        store.append_samples(recording.id, 0, counting(3), counting(2), 1.0)
    with pytest.raises(ValueError, match="must be 0 or more, got -1"):
        store.append_samples(recording.id, -1, counting(3), None, 1.0)
    with pytest.raises(NotFound, match="No recording 99"):
        store.append_samples(99, 0, counting(3), None, 1.0).result(5)
    with pytest.raises(NotFound, match="No recording 99"):
        store.segments(99)
    with pytest.raises(ValueError, match="begins at 0 or later"):
        store.read_samples(recording.id, -1, 3)


frames = st.lists(
    st.tuples(st.integers(0, 120), st.integers(0, 40), st.integers(0, 400), st.booleans()), min_size=1, max_size=25
)
"""Length of what is new, length of overlap, length of a hole (used one time in eight), and whether it is sent twice."""


@settings(max_examples=40, deadline=None)
@given(frames)
def test_any_framing_with_overlaps_and_resends_gives_the_same_rows(sent: list[tuple[int, int, int, bool]]) -> None:
    """The slow twin keeps a list of samples; another recording gets each stretch between holes in one frame."""
    twin: list[float] = []
    stretches: list[list[int]] = [[0, 0]]
    with TemporaryDirectory() as folder, Store(Path(folder) / "ward.sqlite", gather_s=0.001) as store:
        stay = store.begin_stay(1, None, 0.0).result(5)
        framed, whole = (
            store.begin_recording(stay.id, name, "", RATE_HZ, FLOW_AND_PRESSURE, 0.0).result(5)
            for name in ("framed", "whole")
        )
        for n_new, n_overlap, n_hole, twice in sent:
            if n_hole % 8 == 7 and n_new > 0:
                twin += [np.nan] * n_hole
                stretches.append([len(twin), 0])
                n_overlap = 0
            first = max(0, len(twin) - n_overlap)
            n_frame = len(twin) + n_new - first
            for _ in range(1 + twice):
                store.append_samples(framed.id, first, counting(n_frame, first), counting(n_frame, first), 1.0)
            twin += list(counting(n_new, len(twin)))
            stretches[-1][1] += n_new
        for first, n_samples in stretches:
            store.append_samples(whole.id, first, counting(n_samples, first), counting(n_samples, first), 1.0)
        store.set_meta("all", "written").result(5)
        np.testing.assert_array_equal(store.read_samples(framed.id, 0, len(twin)).flow_lpm, np.float32(twin))
        assert extents(list(store.segments(framed.id))) == extents(list(store.segments(whole.id)))
        recordings = store.recordings_of_stay(stay.id)
        assert [row.next_sample for row in recordings] == [len(twin)] * 2
        assert [row.stored_samples for row in recordings] == [np.isfinite(twin).sum()] * 2
