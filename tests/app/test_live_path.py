"""A bedside device, the server and its counts, end to end: what is streamed is what a whole-file analysis finds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cpap_core import analyze, read_recording
from cpap_core.simulate import SimulatedPatient
from tests.app.live_server import ROOT, LiveServer
from tests.core.recordings import text_rows, write_text

DATA = ROOT.parent / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"the real recordings are not at {DATA}")


def replay(server: LiveServer, path: Path, room: int, *arguments: str) -> subprocess.Popen[bytes]:
    """Start `./monitor replay`."""
    command = [
        sys.executable,
        "-m",
        "monitor_app.cli",
        "replay",
        str(path),
        "--room",
        str(room),
        "--server",
        server.url,
    ]
    return subprocess.Popen([*command, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL)


def counts(path: Path) -> tuple[int, int]:
    """Breaths and apneas by `analyze`."""
    result = analyze(read_recording(path)).as_dict()
    return result["breaths"], result["apnea_count"]


@pytest.fixture(scope="session")
def simulated_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten minutes of a simulated patient with apneas, in the seven-column format."""
    patient = SimulatedPatient(3, critical_pressure_cmh2o=9.5, obstructive_events_per_h=60, first_event_s=30)
    flow, _ = patient.samples(25 * 600)
    path = tmp_path_factory.mktemp("simulated") / "night.txt"
    write_text(path, text_rows(np.asarray(flow, np.float64), 25.0))
    return path


@pytest.mark.parametrize("speed", ["0", "60"])
def test_a_replayed_recording_has_the_counts_of_its_analysis(
    server: LiveServer, room: int, simulated_night: Path, speed: str
) -> None:
    """F37, F40: live counts equal `analyze`, at any speed."""
    assert replay(server, simulated_night, room, "--speed", speed).wait(timeout=60) == 0
    row = server.rooms()[room]
    breaths, apneas = counts(simulated_night)
    assert (row["breaths"], row["apnea_count"]) == (breaths, apneas)
    assert apneas >= 3
    assert row["state"] == "silent"


@needs_data
def test_eight_samples_at_20x_and_two_nights_at_once(server: LiveServer) -> None:
    """Ten devices into one server at once: each room's counts are those of `analyze`."""
    samples = sorted((DATA / "samples").glob("patient_*.txt"))
    nights = [DATA / "resmed/A/20230825", DATA / "resmed/B/2025_july_continuous"]
    rooms = {path: 2001 + at for at, path in enumerate([*samples, *nights])}
    devices = [replay(server, path, room, "--speed", "20" if path.is_file() else "0") for path, room in rooms.items()]
    assert [device.wait(timeout=100) for device in devices] == [0] * 10
    listed = server.rooms()
    found = {path.name: (listed[room]["breaths"], listed[room]["apnea_count"]) for path, room in rooms.items()}
    assert found == {path.name: counts(path) for path in rooms}
