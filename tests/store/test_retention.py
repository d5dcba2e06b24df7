"""Retention: what is older goes in small whole steps, what is younger stays, and the counts know what went."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np

from cpap_core.types import Breath, EventKind, RespiratoryEvent
from store import RecordingRow, Store, retention
from tests.store.device_process import SAMPLES_PER_BREATH, breath
from tests.store.test_samples import PER_SEGMENT, append, counting, extents

PROJECT = Path(__file__).parents[2]
SEGMENTS = 200
"""Three writes' worth of rows."""


def fill(store: Store, recording: RecordingRow, n_segments: int = SEGMENTS) -> None:
    """Rows of 10 s, received a second apart, with a breath each 4 s and an event each 100 s."""
    for row in range(n_segments):
        first = row * PER_SEGMENT
        flow = counting(PER_SEGMENT, first)
        store.append_samples(recording.id, first, flow, -flow, row)
    n_breaths = n_segments * PER_SEGMENT // SAMPLES_PER_BREATH
    store.put_breaths(recording.id, 0, [timed(index) for index in range(n_breaths)])
    for event in range(n_segments // 10):
        store.put_event(recording.id, RespiratoryEvent(event, EventKind.BREATH_GAP, 100.0 * event, 10.0, 12.0))
    store.set_meta("all", "written").result(30)


def timed(index: int) -> Breath:
    """The breath that began 4 s after the one before it."""
    return breath(4 * index)


def trim_all(store: Store, received_before: float) -> int:
    """Trim until nothing is due; gives the number of writes."""
    writes = 0
    for recording_id in store.received_before(received_before):
        is_more = True
        while is_more:
            is_more = store.trim(recording_id, received_before).result(5).is_more
            writes += 1
    return writes


def test_what_is_older_goes_and_what_is_younger_stays(store: Store, recording: RecordingRow) -> None:
    fill(store, recording)
    assert trim_all(store, 150.0) == 3
    kept = store.recording(recording.id)
    assert kept is not None
    assert (kept.kept_from, kept.trimmed_samples) == (150 * PER_SEGMENT, 150 * PER_SEGMENT)
    assert (kept.next_sample, kept.stored_samples) == (SEGMENTS * PER_SEGMENT, SEGMENTS * PER_SEGMENT)
    rows = list(store.segments(recording.id))
    assert extents(rows) == [(row * PER_SEGMENT, PER_SEGMENT) for row in range(150, SEGMENTS)]
    assert min(row.received_at for row in rows) == 150.0
    # 1500 s went, at a breath each 4 s.
    assert kept.trimmed_breaths == 375
    assert store.breaths_of(recording.id) == [timed(index) for index in range(375, 500)]
    assert store.received_before(150.0) == []
    assert trim_all(store, 150.0) == 0


def test_events_commands_and_counts_stay(store: Store, recording: RecordingRow) -> None:
    """F23: `total_apnea_count` is over all data of the patient, whatever went."""
    store.upsert_patient(7).result(5)
    store.identify_stay(recording.stay_id, 7).result(5)
    fill(store, recording)
    before = store.apnea_total_of_patient(7)
    trim_all(store, 1e9)
    assert store.apnea_total_of_patient(7) == before == SEGMENTS // 10
    assert list(store.segments(recording.id)) == []
    assert store.breaths_of(recording.id) == []
    assert store.breaths_end(recording.id) == 500
    assert store.samples_of_stay(recording.stay_id) == SEGMENTS * PER_SEGMENT


def test_a_recording_that_was_trimmed_whole_goes_on(store: Store, recording: RecordingRow) -> None:
    """A device that was silent for longer than the retention continues at its next sample."""
    fill(store, recording)
    trim_all(store, 1e9)
    end = SEGMENTS * PER_SEGMENT
    assert append(store, recording, end - 50, 100) == end + 50, "what is sent again is not stored again"
    assert extents(list(store.segments(recording.id))) == [(end, 50)]
    np.testing.assert_array_equal(store.read_samples(recording.id, end, 50).flow_lpm, counting(50, end))


def test_resends_of_what_went_are_acknowledged_and_not_stored(store: Store, recording: RecordingRow) -> None:
    fill(store, recording)
    trim_all(store, 150.0)
    assert append(store, recording, 0, 3 * PER_SEGMENT) == SEGMENTS * PER_SEGMENT
    assert len(list(store.segments(recording.id))) == 50


def test_a_younger_row_keeps_what_came_after_it(store: Store, recording: RecordingRow) -> None:
    """A clock that was wrong for a while removes nothing that is behind a younger row."""
    append(store, recording, 0, PER_SEGMENT, received_at=1000.0)
    append(store, recording, PER_SEGMENT, PER_SEGMENT, received_at=5.0)
    append(store, recording, 2 * PER_SEGMENT, PER_SEGMENT, received_at=1001.0)
    assert trim_all(store, 500.0) == 0
    assert trim_all(store, 1000.5) == 1
    assert extents(list(store.segments(recording.id))) == [(2 * PER_SEGMENT, PER_SEGMENT)]


def test_breaths_are_found_by_their_onset(store: Store, recording: RecordingRow) -> None:
    fill(store, recording)
    for onset_s, first in ((0.0, 0), (3.9, 1), (4.0, 1), (1201.0, 301), (1e6, 500)):
        assert [index for index, _ in store.breath_onsets_from(recording.id, onset_s)] == list(range(first, 500))
    trim_all(store, 150.0)
    assert store.breath_onsets_from(recording.id, 0.0)[0] == (375, 1500.0)


def test_freed_pages_are_used_again_and_given_back(store: Store, recording: RecordingRow, data_file: Path) -> None:
    """The file does not grow while as much goes as comes, and shrinks when the lab keeps less."""
    fill(store, recording, 2000)
    full = store.space()
    assert full["trimmed_samples"] == 0
    trim_all(store, 1000.0)
    assert store.space()["free_bytes"] > full["file_bytes"] // 3
    for row in range(2000, 3000):
        append(store, recording, row * PER_SEGMENT, PER_SEGMENT, row)
    # Leaves of the index split in other places than before, hence a few pages more.
    assert store.space()["file_bytes"] <= 1.02 * full["file_bytes"]
    trim_all(store, 2900.0)
    for _ in range(full["file_bytes"] // (4096 * retention.PAGES_IN_A_RELEASE) + 1):
        free_pages = store.release().result(5)
    shrunk = store.space()
    assert (free_pages, shrunk["free_bytes"]) == (0, 0)
    assert shrunk["file_bytes"] < full["file_bytes"] // 5
    assert shrunk["trimmed_samples"] == 2900 * PER_SEGMENT
    store.close()
    assert data_file.stat().st_size == shrunk["file_bytes"]
    with sqlite3.connect(data_file) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    raw.close()


def test_a_full_disk_gets_room_by_trimming(store: Store, recording: RecordingRow) -> None:
    """On a full disk what is older makes room for what comes, without a byte more."""
    fill(store, recording, 1000)
    (n_pages,) = store._db.execute("PRAGMA page_count").fetchone()
    assert store._db.execute(f"PRAGMA max_page_count = {n_pages}").fetchone() == (n_pages,)
    for row in range(1000, 2000):
        if row % 50 == 0:
            trim_all(store, row - 900)
        append(store, recording, row * PER_SEGMENT, PER_SEGMENT, row)
    assert store.health()["last_error"] is None
    assert store.space()["file_bytes"] <= n_pages * 4096


def test_a_file_of_an_earlier_version_is_trimmed_too(data_file: Path) -> None:
    """Its pages are used again; the file shrinks only by a VACUUM with the server stopped (docs/operating.md)."""
    data_file.parent.mkdir()
    with sqlite3.connect(data_file) as raw:
        raw.execute("CREATE TABLE other (x)")
    raw.close()
    with Store(data_file) as store:
        stay = store.begin_stay(1, None, 0.0).result(5)
        recording = store.begin_recording(stay.id, "s", "", 25.0, [], 0.0).result(5)
        fill(store, recording)
        trim_all(store, 1e9)
        free = store.space()["free_bytes"]
        assert free > 0
        assert store.release().result(5) * 4096 == free, "nothing is given back, and nothing fails"
    with sqlite3.connect(data_file) as raw:
        raw.execute("PRAGMA auto_vacuum = INCREMENTAL")
        raw.execute("VACUUM")
    raw.close()
    with Store(data_file) as store:
        assert store.space()["free_bytes"] == 0
        assert store._db.execute("PRAGMA auto_vacuum").fetchone() == (2,)


def test_a_backup_taken_meanwhile_is_whole(store: Store, recording: RecordingRow, tmp_path: Path) -> None:
    fill(store, recording, 1000)
    with sqlite3.connect(store.path) as source, sqlite3.connect(tmp_path / "backup.sqlite") as copy:
        # A few pages at a time, with writes between them, as `sqlite3 FILE .backup` on a busy disk.
        source.backup(copy, pages=50, progress=lambda *_: store.trim(recording.id, 900.0).result(5))
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (kept,) = copy.execute("SELECT kept_from FROM recordings").fetchone()
        assert copy.execute("SELECT min(first_sample) FROM segments").fetchone() == (kept,)
    source.close()
    copy.close()
    assert kept > 0


def test_the_log_of_writes_stays_small(store: Store, recording: RecordingRow) -> None:
    fill(store, recording, 3000)
    largest = 0
    while store.trim(recording.id, 1e9).result(5).is_more:
        largest = max(largest, store.space()["wal_bytes"])
    assert largest < 16 << 20


TRIMMER = """
import sys
from store import Store
store = Store(sys.argv[1], gather_s=0)
print("ready", flush=True)
while store.trim(1, 1e9).result().is_more:
    print("trimmed", flush=True)
"""


def test_kill_minus_nine_in_mid_trim_leaves_whole_steps(data_file: Path) -> None:
    with Store(data_file) as store:
        stay = store.begin_stay(1, None, 0.0).result(5)
        recording = store.begin_recording(stay.id, "s", "", 25.0, [], 0.0).result(5)
        fill(store, recording, 2000)
    for n_lines in (2, 5):
        with subprocess.Popen(
            [sys.executable, "-c", TRIMMER, str(data_file)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for _ in range(n_lines):
                process.stdout.readline()
            os.kill(process.pid, signal.SIGKILL)
        with Store(data_file) as store:
            assert store._query("PRAGMA integrity_check") == [("ok",)]
            kept = store.recording(recording.id)
            assert kept is not None
            assert 0 < kept.kept_from < 2000 * PER_SEGMENT
            assert kept.kept_from == kept.trimmed_samples
            assert kept.kept_from % (retention.SEGMENTS_IN_A_TRIM * PER_SEGMENT) == 0
            assert next(store.segments(recording.id)).first_sample == kept.kept_from
            # A breath each 100 samples, the first kept one not before the first kept sample.
            assert kept.trimmed_breaths == -(-kept.kept_from // SAMPLES_PER_BREATH)
            assert store.breath_count(recording.id) == 5000 - kept.trimmed_breaths
