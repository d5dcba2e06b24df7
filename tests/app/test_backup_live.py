"""Backup and restore by command, around a server that devices stream into (F52)."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cpap_core import RespirationDetector
from store import Store
from tests.app.live_server import ROOT, LiveServer
from tests.app.raw_device import RawDevice, breathing, frame

ROOMS = (101, 102)
BEFORE, STEP = 5000, 5


def monitor(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-P", "-m", "monitor_app.cli", *map(str, arguments)]
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "MONITOR_TIME_ZONE": "Europe/Oslo"}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)


async def stream_through(url: str, target: Path, data: Path) -> tuple[subprocess.CompletedProcess[str], list[int]]:
    """Let devices stream before, during and after a backup; gives its end, and what each device has acknowledged."""
    backup: asyncio.Future[subprocess.CompletedProcess[str]] | None = None
    async with RawDevice(url, ROOMS[0]) as first, RawDevice(url, ROOMS[1]) as second:
        devices = (first, second)
        for room, device in zip(ROOMS, devices, strict=True):
            assert await device.greet(f"night of {room}") == 0
            await device.say(frame(0, breathing(BEFORE)))
            await device.hear_ack(BEFORE)
        at, after = BEFORE, 0
        backup = asyncio.ensure_future(asyncio.to_thread(monitor, "backup", target, "--data", data))
        while after < 20:
            after += backup.done()
            for device in devices:
                await device.say(frame(at, breathing(STEP, first=at)))
            at += STEP
            for device in devices:
                await device.hear_ack(at)
    return await backup, [at, at]


@pytest.mark.holds("F52.1", "F52.2")
def test_a_backup_in_mid_stream_is_restored_and_serves(tmp_path: Path) -> None:
    """What the restored server counts is what it counts from the samples that the backup has, all in their places."""
    data, target = tmp_path / "data", tmp_path / "backups"
    target.mkdir()
    server = LiveServer(data)
    try:
        server.start()
        backup, acknowledged = asyncio.run(stream_through(server.url, target, data))
        assert backup.returncode == 0, backup.stderr
        (made,) = target.iterdir()
        assert f"{made}: 0 patients, 2 stays, 2 recordings, " in backup.stdout
        assert made.name.startswith("breathwatch-20") and made.name.endswith(".sqlite")
        assert acknowledged[0] > BEFORE + 20 * STEP
        refused = monitor("restore", made, "--data", data)
        assert refused.returncode == 1
        assert "in use by process" in refused.stderr and "needs the server stopped" in refused.stderr
        assert server.get("/health")[0] == 200
        assert server.rooms()[101]["samples_received"] == acknowledged[0]
        server.stop()

        restored = monitor("restore", made, "--data", data)
        assert restored.returncode == 0, restored.stderr
        (aside,) = data.glob("breathwatch-before-*.sqlite")
        assert str(aside) in restored.stdout
        server.start()
        rooms = server.rooms()
        server.stop()
        with Store(data / "breathwatch.sqlite") as store:
            for stay in store.open_stays():
                (recording,) = store.recordings_of_stay(stay.id)
                kept = store.read_samples(recording.id, 0, recording.next_sample)
                assert BEFORE <= recording.next_sample < acknowledged[0]
                assert recording.stored_samples == recording.next_sample == rooms[stay.room]["samples_received"]
                np.testing.assert_array_equal(kept.flow_lpm, breathing(recording.next_sample)[:, 0])
                detector = RespirationDetector(25)
                detector.update(kept.flow_lpm, kept.airway_pressure_cmh2o)
                assert rooms[stay.room]["breaths"] == detector.breath_count > 10
        with Store(aside) as store:
            assert [store.samples_of_stay(stay.id) for stay in store.open_stays()] == acknowledged
        with sqlite3.connect(data / "breathwatch.sqlite") as raw:
            assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        raw.close()
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("backup", "{tmp}/b.sqlite", "--data", "{tmp}/nothing"), "There is no data file"),
        (("restore", "{tmp}/absent.sqlite", "--data", "{tmp}/nothing"), "No such file"),
        (("restore", "pyproject.toml", "--data", "{tmp}/nothing"), "is no data file"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    ended = monitor(*(argument.format(tmp=tmp_path) for argument in arguments))
    assert ended.returncode == 1
    assert words in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
