"""What was acknowledged is there, exactly once, however the process ends; and one process at a time writes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from store import Store, StoreLocked
from tests.store.device_process import SAMPLES_PER_BREATH, breath

PROJECT = Path(__file__).parents[2]


def start(data_file: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.store.device_process", str(data_file), "stream-1"]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)


def kill_in_mid_stream(data_file: Path, n_acks: int) -> tuple[int, int]:
    """Let a real process write until it printed so many acknowledgements, kill it, and give the first and last word."""
    with start(data_file) as process:
        assert process.stdout is not None
        welcome = int(process.stdout.readline().split()[1])
        for _ in range(n_acks):
            last = process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        # What it printed before it died counts, too; the last line may be torn.
        whole = [line for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    assert process.returncode == -signal.SIGKILL
    return welcome, int([last, *whole][-1].removeprefix("ack "))


def test_kill_minus_nine_in_mid_stream_loses_and_doubles_nothing(data_file: Path) -> None:
    acknowledged = 0
    for _ in range(3):
        welcome, last_ack = kill_in_mid_stream(data_file, random.randrange(20, 400))
        assert welcome >= acknowledged, "what was acknowledged before the crash is known after it"
        acknowledged = last_ack
        with Store(data_file) as store:
            (stay,) = store.open_stays()
            (recording,) = store.recordings_of_stay(stay.id)
            assert recording.next_sample >= acknowledged
            assert recording.stored_samples == recording.next_sample
            segments = list(store.segments(recording.id))
            assert sum(segment.n_samples for segment in segments) == recording.next_sample
            flow = np.concatenate([segment.flow_lpm for segment in segments])
            np.testing.assert_array_equal(flow, np.arange(recording.next_sample, dtype=np.float32))
            chunk = store.read_samples(recording.id, 0, recording.next_sample)
            np.testing.assert_array_equal(chunk.airway_pressure_cmh2o, -flow)
            # Breaths and events that were written again after the crash are there once; at most those of the samples
            # that came to disk last are missing.
            breaths = store.breaths_of(recording.id)
            assert breaths == [breath(index) for index in range(len(breaths))]
            assert len(breaths) <= recording.next_sample // SAMPLES_PER_BREATH
            assert [event.id for event in store.events_of(recording.id)] == list(
                range(len(store.events_of(recording.id)))
            )
            assert store._query("PRAGMA integrity_check") == [("ok",)]
            assert store._query("PRAGMA foreign_key_check") == []


def test_every_commit_waits_for_the_disk(store: Store) -> None:
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store._db.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_a_second_process_is_refused_and_kill_minus_nine_leaves_nothing_stuck(data_file: Path) -> None:
    with start(data_file) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(StoreLocked, match=rf"ward\.sqlite is in use by process {process.pid}: stop it, or choose"):
            Store(data_file)
        process.kill()
    Store(data_file).close()


def test_the_same_process_is_refused_too(data_file: Path, store: Store) -> None:
    with pytest.raises(StoreLocked, match=f"process {os.getpid()}"):
        Store(data_file)
    link = data_file.with_name("link.sqlite")
    link.symlink_to(data_file)
    with pytest.raises(StoreLocked):
        Store(link)
    store.close()
    Store(data_file).close()
