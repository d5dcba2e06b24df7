"""`kill -9` in mid-stream: the device resumes, nothing is lost or doubled, the stay goes on with the same counts."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np

from cpap_core import RespirationDetector
from cpap_core.simulate import SimulatedPatient
from store import Store
from tests.app.live_server import LiveServer, wait_for
from tests.app.raw_device import RawDevice, breathing, frame
from tests.app.test_live_path import replay
from tests.core.recordings import text_rows, write_text


def simulated(seconds: int) -> np.ndarray:
    """Flow and pressure of a patient with apneas, float32, at 25 Hz."""
    patient = SimulatedPatient(5, critical_pressure_cmh2o=9.5, obstructive_events_per_h=60, first_event_s=20)
    return np.column_stack(patient.samples(25 * seconds)).astype(np.float32)


def test_kill_9_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """Restart: every sample once in the store, and the counts of an uninterrupted run, after three sudden ends."""
    values = simulated(400)
    server = LiveServer(tmp_path / "data")
    try:
        at = 0
        for stop in (2000, 5000, 7013, 10_000):
            server.start()

            async def stream(at: int, stop: int) -> None:
                async with RawDevice(server.url, 101) as device:
                    at = await device.greet("night")
                    while at < stop:
                        n = min(13, stop - at)
                        await device.say(frame(at, values[at : at + n]))
                        at += n
                    if stop == 10_000:
                        await device.hear_ack(10_000)
                    else:
                        await device.hear_type("ack")
                        server.signal(signal.SIGKILL)

            asyncio.run(stream(at, stop))
        detector = RespirationDetector(25)
        detector.update(values[:, 0], values[:, 1])
        row = server.rooms()[101]
        assert (row["breaths"], row["apnea_count"]) == (detector.breath_count, detector.breath_gap_count)
        assert row["samples_received"] == 10_000
        assert row["apnea_count"] >= 2
        server.stop()
        with Store(tmp_path / "data" / "breathwatch.sqlite") as store:
            (stay,) = store.open_stays()
            (recording,) = store.recordings_of_stay(stay.id)
            stored = store.read_samples(recording.id, 0, recording.next_sample)
            np.testing.assert_array_equal(stored.flow_lpm, values[:, 0])
            np.testing.assert_array_equal(stored.airway_pressure_cmh2o, values[:, 1])
            assert store.breath_count(recording.id) == len(store.breaths_of(recording.id))
            assert sum(event.kind == "breath_gap" for event in store.events_of(recording.id)) == row["apnea_count"]
        with sqlite3.connect(tmp_path / "data" / "breathwatch.sqlite") as raw:
            assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        raw.close()
    finally:
        server.stop()


def test_a_replay_resumes_by_itself(tmp_path: Path) -> None:
    """A real device finds the server again without a hand, and its recording is whole."""
    flow = simulated(240)[:, 0]
    path = tmp_path / "night.txt"
    write_text(path, text_rows(flow, 25.0))
    server = LiveServer(tmp_path / "data").start()
    device = replay(server, path, 101, "--speed", "20")
    try:
        wait_for(lambda: (server.rooms().get(101, {}).get("breaths") or 0) > 5, 20, "the first breaths")
        server.signal(signal.SIGKILL)
        server.start()
        assert device.wait(timeout=60) == 0
        uninterrupted = LiveServer(tmp_path / "other" / "data")
        uninterrupted.data.parent.mkdir()
        with uninterrupted:
            assert replay(uninterrupted, path, 101, "--speed", "0").wait(timeout=60) == 0
            expected, row = uninterrupted.rooms()[101], server.rooms()[101]
        same = ("breaths", "apnea_count", "samples_received", "total_apnea_count")
        assert {key: row[key] for key in same} == {key: expected[key] for key in same}
    finally:
        device.kill()
        device.wait()
        server.stop()


def test_a_commanded_pressure_survives(tmp_path: Path) -> None:
    """A command that was accepted is on disk: after a sudden end it still reaches the device."""
    server = LiveServer(tmp_path / "data").start()
    try:
        stay = {
            "protocol": 1, "stream_id": "s", "device": "d", "sampling_rate_hz": 25, "start_time": 1.7e9,
            "channels": [{"name": "flow", "unit": "L/min"}], "first_sample": 0, "samples": [[1.0]],
        }  # fmt: skip
        assert server.post("/ingest/rooms/101", stay)[0] == 200
        assert server.post("/api/v1/rooms/101/pressure", {"pressure_cmh2o": 11}, Idempotency_Key="k")[0] == 202
        server.signal(signal.SIGKILL)
        server.start()
        assert server.rooms()[101]["pressure_cmh2o"] == 11

        async def connect() -> None:
            async with RawDevice(server.url, 101) as device:
                await device.greet("s", channels=[{"name": "flow", "unit": "L/min"}])
                assert (await device.hear_type("set_pressure"))["pressure_cmh2o"] == 11

        asyncio.run(connect())
    finally:
        server.stop()


def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    """Two writers would tear a store: the second says so in one line."""
    with LiveServer(tmp_path / "data") as server:
        command = [sys.executable, "-m", "monitor_app.cli", "serve", "--port", "0", "--data", str(server.data)]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert second.returncode == 2
    assert "Traceback" not in second.stderr
    assert "in use by process" in second.stderr


def test_breathing_helper_depends_on_the_index_alone() -> None:
    """The tests' signal is the same in any chunking."""
    np.testing.assert_array_equal(breathing(100)[40:], breathing(60, first=40))
