"""A 100 MB recording costs less than 150 MB of memory, over the server's process and the one that analyses."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import edfio
import numpy as np
import pytest

from cpap_core.simulate import SimulatedPatient
from cpap_core.simulate.writing import HEADER, counts_from_flow
from monitor_app.analysis import analyst as analyst_module
from tests.app import test_uploads
from tests.app.test_uploads import Uploads, uploading

MB = 1 << 20
SIZE = 99 * MB
MOST_EXTRA = 150e6
RATE_HZ = 100


def resident(pids: list[int]) -> int:
    """Memory of some processes, in bytes."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 for pid in pids)


@contextmanager
def watching(pids: list[int]) -> Iterator[list[float]]:
    """What they had at most, beyond what they have now; filled in at the end."""
    before, most, done = resident(pids), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            most[0] = max(most[0], resident(pids) - before)

    thread = threading.Thread(target=watch)
    thread.start()
    yield most
    done.set()
    thread.join()


def write_text(path: Path, *, ahead: bool) -> None:
    """Seven columns; or with one time far ahead, which puts every row after it in dispute."""
    patient = SimulatedPatient(3, RATE_HZ, keep_truth=False)
    written = 0
    with path.open("w") as file:
        file.write(HEADER + "\n")
        for first in range(0, 10**9, 20_000):
            rows = np.rint(counts_from_flow(*patient.samples(20_000))).astype(int).tolist()
            for at, (neck, inspiratory, expiratory) in enumerate(rows, first):
                counts = f"{neck},{inspiratory},{expiratory}"
                time_s = "999999.00" if ahead and at == 50 else f"{at / RATE_HZ:.2f}"
                written += file.write(f"{time_s},{counts},{counts}\n")
            if written > SIZE:
                file.truncate(SIZE)
                return


def write_edf(path: Path) -> None:
    """One channel: of all files of this size it has the most samples."""
    hour = SimulatedPatient(3, RATE_HZ, keep_truth=False).samples(RATE_HZ * 3600)[0].astype(float) / 60
    flow = np.tile(np.clip(hour, -2, 3), SIZE // (2 * len(hour)))
    channel = edfio.EdfSignal(flow, RATE_HZ, label="Flow", physical_dimension="L/s", physical_range=(-2, 3))
    edfio.Edf([channel], data_record_duration=1).write(path)


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize("kind", ["text", "text with a time far ahead", "edf"])
def test_a_recording_of_100_mb(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_uploads, "LIMIT", 100 * MB)
    path = tmp_path / ("big.edf" if kind == "edf" else "big.txt")
    if kind == "edf":
        write_edf(path)
    else:
        write_text(path, ahead="ahead" in kind)

    async def story(uploads: Uploads) -> None:
        analyst = uploads.desk._analyst
        await analyst.start()
        await uploads.post(test_uploads.CALM)
        await uploads.outcome()
        assert analyst.pid is not None
        pids = [analyst.pid, os.getpid()]
        _reader, writer = await uploads.connect()
        begun = time.monotonic()
        with watching(pids) as extra:
            writer.write(uploads.head(path.stat().st_size, X_File_Name=path.name))
            with path.open("rb") as file:
                while piece := file.read(1 << 16):
                    writer.write(piece)
                    await writer.drain()
            while not (uploads.told and uploads.told[-1].phase != "analysing"):
                assert time.monotonic() - begun < analyst_module.LIMIT_S
                await asyncio.sleep(0.1)
        assert uploads.told[-1].phase == "loaded", uploads.told[-1].message
        print(f"\n{kind}: {extra[0] / 1e6:.0f} MB")
        assert extra[0] < MOST_EXTRA

    uploading(tmp_path, story)
