"""The writer's thread: bounded, in order, and losing nothing when the disk refuses."""

from __future__ import annotations

import resource
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

from store import NotFound, RecordingRow, Store, StoreBehind, StoreClosed, StoreUnusable


def eventually(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "this did not come true in time"
        time.sleep(0.01)


def write(store: Store, recording: RecordingRow, frame: int, n_samples: int = 1000) -> Future[int]:
    flow = np.full(n_samples, frame, dtype=np.float32)
    return store.append_samples(recording.id, frame * n_samples, flow, None, 1.0)


class Blocked:
    """Another program holds the file's write lock, so commits fail until it lets go."""

    def __init__(self, data_file: Path) -> None:
        self._other = sqlite3.connect(data_file, isolation_level=None)
        self._other.execute("BEGIN IMMEDIATE")

    def end(self) -> None:
        self._other.execute("ROLLBACK")
        self._other.close()


@pytest.fixture
def blocked(data_file: Path, store: Store, recording: RecordingRow) -> Blocked:
    return Blocked(data_file)


def test_writes_share_a_commit(data_file: Path) -> None:
    with Store(data_file, gather_s=0.2) as store:
        before = store.health()["commits"]
        written = [store.set_meta(str(number), "x") for number in range(100)]
        for future in written:
            future.result(5)
        assert store.health()["commits"] == before + 1


def test_a_full_queue_raises_store_behind_and_recovers(
    data_file: Path, store: Store, recording: RecordingRow, blocked: Blocked
) -> None:
    store._writer._max_bytes = 50_000
    accepted = []
    with pytest.raises(StoreBehind, match="keep the data and try again"):
        for frame in range(100):
            accepted.append(write(store, recording, frame))  # noqa: PERF401
    assert len(accepted) == 50_000 // (4000 + 512)
    eventually(lambda: not store.health()["ok"])
    health = store.health()
    assert health["queued_items"] == len(accepted)
    assert health["queued_bytes"] <= 50_000
    assert "locked" in str(health["last_error"])
    blocked.end()
    assert [future.result(10) for future in accepted] == [1000 * (frame + 1) for frame in range(len(accepted))]
    assert store.health()["ok"]
    assert store.health()["queued_bytes"] == 0
    write(store, recording, len(accepted)).result(5)


def test_the_queue_is_bounded_by_items_too(data_file: Path) -> None:
    with Store(data_file, gather_s=1.0, max_queued_items=3) as store:
        for number in range(3):
            store.set_meta(str(number), "x")
        with pytest.raises(StoreBehind):
            store.set_meta("4", "x")


def test_one_write_larger_than_the_bound_is_taken_alone(data_file: Path) -> None:
    with Store(data_file, max_queued_bytes=1000) as store:
        store.upsert_patient(7).result(5)
        image = bytes(5000)
        assert store.add_measurement(7, received_at=1.0, flow_image=image).result(5).flow_image == image


def test_a_write_at_fault_fails_alone(data_file: Path) -> None:
    with Store(data_file, gather_s=0.2) as store:
        good = store.upsert_patient(7, "Ann")
        unknown = store.begin_stay(101, 99, 1.0)
        impossible = store.upsert_patient(-1)
        too_large = store.upsert_patient(2**70)
        unbindable = store.upsert_patient(8, object())  # type: ignore[arg-type]
        also_good = store.begin_stay(101, 7, 1.0)
        assert good.result(5).name == "Ann"
        with pytest.raises(NotFound):
            unknown.result(5)
        with pytest.raises(sqlite3.IntegrityError):
            impossible.result(5)
        with pytest.raises(OverflowError):
            too_large.result(5)
        with pytest.raises(sqlite3.Error):
            unbindable.result(5)
        assert also_good.result(5).mrn == 7
        assert store.health()["commits"] == 1
        assert store.health()["ok"]
        assert [patient.mrn for patient in store.patients()] == [7]


def test_a_caller_that_stops_waiting_does_not_cancel_the_write(data_file: Path) -> None:
    with Store(data_file, gather_s=0.1) as store:
        future = store.set_meta("key", "value")
        assert not future.cancel()
        future.result(5)
        assert store.meta("key") == "value"


def test_disk_full_keeps_what_was_queued_in_order(
    store: Store, recording: RecordingRow, caplog: pytest.LogCaptureFixture
) -> None:
    write(store, recording, 0).result(5)
    (n_pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {n_pages + 8}")
    accepted = [write(store, recording, frame) for frame in range(1, 60)]
    eventually(lambda: not store.health()["ok"])
    assert "full" in str(store.health()["last_error"])
    assert not accepted[-1].done(), "nothing is acknowledged that is not on disk"
    assert store.read_samples(recording.id, 0, 1000).flow_lpm[999] == 0, "reading goes on"
    store._db.execute("PRAGMA max_page_count = 1000000")
    assert [future.result(10) for future in accepted] == [1000 * (frame + 1) for frame in range(1, 60)]
    flow = store.read_samples(recording.id, 0, 60_000).flow_lpm
    np.testing.assert_array_equal(flow, np.repeat(np.arange(60, dtype=np.float32), 1000))
    assert store.health()["ok"]
    assert "tried again" in caplog.text


def test_a_write_that_the_kernel_refuses_is_tried_again(data_file: Path, store: Store, recording: RecordingRow) -> None:
    """The file size limit makes write(2) itself fail, in the write-ahead log and at no chosen place."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    wal = data_file.with_name(data_file.name + "-wal")
    accepted = []
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size + 30_000, hard))
        for frame in range(40):
            accepted.append(write(store, recording, frame))
            time.sleep(0.003)
        eventually(lambda: not store.health()["ok"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [future.result(10) for future in accepted] == [1000 * (frame + 1) for frame in range(40)]
    flow = store.read_samples(recording.id, 0, 40_000).flow_lpm
    np.testing.assert_array_equal(flow, np.repeat(np.arange(40, dtype=np.float32), 1000))
    assert store._query("PRAGMA integrity_check") == [("ok",)]


def test_a_data_file_that_was_removed_is_no_disk(data_file: Path, store: Store, recording: RecordingRow) -> None:
    elsewhere = data_file.with_name("elsewhere.sqlite")
    data_file.rename(elsewhere)
    waiting = write(store, recording, 0)
    eventually(lambda: not store.health()["ok"])
    assert "was removed or replaced: restart the server" in str(store.health()["last_error"])
    assert not waiting.done()
    elsewhere.rename(data_file)
    assert waiting.result(10) == 1000


def test_closing_writes_what_is_queued(data_file: Path) -> None:
    store = Store(data_file, gather_s=5.0)
    written = [store.set_meta(str(number), "x") for number in range(50)]
    assert store.close()
    assert all(future.done() and future.exception() is None for future in written)
    with pytest.raises(StoreClosed):
        store.set_meta("late", "x")
    with pytest.raises(StoreClosed):
        store.meta("0")
    assert store.close(), "closing twice does no harm"
    with Store(data_file) as again:
        assert again.meta("49") == "x"


def test_closing_ends_in_time_and_fails_what_never_came_to_disk(data_file: Path) -> None:
    store = Store(data_file)
    blocked = Blocked(data_file)
    waiting = [store.set_meta(str(number), "x") for number in range(3)]
    started = time.monotonic()
    assert not store.close(timeout_s=0.3)
    assert time.monotonic() - started < 3
    for future in waiting:
        with pytest.raises(StoreClosed, match="before this was on disk"):
            future.result(5)
    blocked.end()
    with Store(data_file) as again:
        assert again.meta("0") is None


def test_readers_see_only_whole_commits_while_one_thread_writes(store: Store, recording: RecordingRow) -> None:
    stop = threading.Event()
    faults: list[BaseException] = []
    reads = 0

    def read() -> None:
        nonlocal reads
        try:
            while not stop.is_set():
                before = store.recording(recording.id)
                flow = [segment.flow_lpm for segment in store.segments(recording.id)]
                joined = np.concatenate([np.empty(0, dtype=np.float32), *flow])
                assert before is not None
                assert len(joined) >= before.next_sample
                np.testing.assert_array_equal(joined, np.arange(len(joined), dtype=np.float32))
                reads += 1
        except BaseException as fault:
            faults.append(fault)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for first in range(0, 6000, 20):
        flow = np.arange(first, first + 20, dtype=np.float32)
        store.append_samples(recording.id, first, flow, None, 1.0).result(5)
    stop.set()
    for reader in readers:
        reader.join()
    assert not faults
    assert reads > 20
    store.patients()
    newcomer = threading.Thread(target=store.patients)
    newcomer.start()
    newcomer.join()
    assert len(store._connections) <= 2, "connections of ended threads are closed"


def read_until_closed(store: Store, recording: RecordingRow, ends: list[type[BaseException]]) -> None:
    try:
        while True:
            list(store.segments(recording.id))
    except Exception as end:
        ends.append(type(end))


def test_closing_under_readers_ends_them_with_an_error(data_file: Path) -> None:
    """Closing a connection of SQLite in mid-query would crash the process."""
    for _ in range(5):
        ends: list[type[BaseException]] = []
        with Store(data_file) as store:
            stay = store.begin_stay(101, None, 0.0).result(5)
            recording = store.begin_recording(stay.id, f"stream-{stay.id}", "", 25.0, [], 0.0).result(5)
            write(store, recording, 0, n_samples=50_000)
            store.end_stay(stay.id, 1.0).result(5)

            readers = [threading.Thread(target=read_until_closed, args=(store, recording, ends)) for _ in range(4)]
            for reader in readers:
                reader.start()
            time.sleep(0.02)
        for reader in readers:
            reader.join(5)
        assert ends == [StoreClosed] * 4


def test_readers_cannot_write(store: Store) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store._query("DELETE FROM meta")


def test_a_file_that_is_no_data_file_is_refused(data_file: Path) -> None:
    data_file.parent.mkdir()
    data_file.write_bytes(b"these are not tables" * 500)
    with pytest.raises(StoreUnusable, match=r"ward\.sqlite cannot be opened: file is not a database"):
        Store(data_file)
    data_file.unlink()
    Store(data_file).close()


def test_a_folder_that_cannot_be_made_is_refused(data_file: Path) -> None:
    data_file.parent.write_text("a file where the folder should be")
    with pytest.raises(StoreUnusable, match="cannot be made: File exists"):
        Store(data_file)


def test_the_data_file_is_for_its_owner_only(data_file: Path, store: Store) -> None:
    for path in data_file.parent.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
