"""The demo's devices: believable from the first minute, alive through a restart, gone with their parent."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from cpap_core.simulate import TrueEvent
from cpap_core.types import EventKind
from monitor_app.bedside import simulated
from tests.app.contract_server import ContractServer, contract_server

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "monitor_app.bedside.simulated", "--rooms", "3", "--seed", "1"]


def running(pid: int) -> bool:
    """Whether the process is there and more than a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ends_within(pid: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not running(pid):
            return True
        time.sleep(0.05)
    return False


def test_the_patients_are_invented_and_distinct() -> None:
    patients = simulated.demo_patients(64)
    assert [patient.room for patient in patients] == list(range(101, 165))
    assert len({patient.mrn for patient in patients}) == 64
    assert len({patient.name for patient in patients}) == 64
    assert all(4 <= patient.pressure_cmh2o <= 20 for patient in patients)
    assert patients[:3] == simulated.demo_patients(3)


def test_their_devices_begin_with_the_pressure_they_are_admitted_with() -> None:
    for k, patient in enumerate(simulated.demo_patients(20)):
        assert simulated.demo_device(k, seed=1).patient.pressure_cmh2o == patient.pressure_cmh2o


def test_a_wall_of_16_shows_an_apnea_in_the_first_minute_and_a_leak_in_the_second() -> None:
    """Each seed: some room is without breath for 10 s within the minute, but most rooms breathe quietly."""
    for seed in (1, 2, 3):
        ward = [simulated.demo_device(k, seed).patient for k in range(16)]
        minute = [patient.samples(25 * 60)[0] for patient in ward]
        assert any(longest_quiet_s(flow) > 10 for flow in minute)
        assert sum(longest_quiet_s(flow) > 10 for flow in minute) <= 4
        assert [patient.samples(25 * 60)[0].mean() > 20 for patient in ward].count(True) >= 1


def longest_quiet_s(flow: np.ndarray) -> float:
    """Longest time between two samples above a third of the usual peak."""
    high = np.flatnonzero(flow - np.median(flow) > 0.3 * np.percentile(flow, 98))
    return float(np.diff(high).max() / 25)


def apneas(k: int, pressure: int | None) -> tuple[list[TrueEvent], list[TrueEvent]]:
    """The apneas of a demo's patient in 20 min at the first pressure, and in the 20 min after another is commanded."""
    device = simulated.demo_device(k, seed=1, keep_truth=True)
    device.read(25 * 1200)
    if pressure is not None:
        device.set_pressure(pressure)
    device.read(25 * 1200)
    events = [event for event in device.patient.truth.events if event.kind.name.endswith("APNEA")]
    return [e for e in events if e.onset_s < 1200], [e for e in events if e.onset_s >= 1200]


@pytest.mark.holds("F49.1")
def test_room_101_is_cured_by_the_pressure_one_would_try() -> None:
    """JOURNEYS.md, first hour: send a pressure to a room and watch its apneas end; without it they go on."""
    before, after = apneas(0, 12)
    assert len(before) >= 8
    assert {event.kind for event in before} == {EventKind.OBSTRUCTIVE_APNEA}
    assert not [event for event in after if event.onset_s > 1200 + 60]
    assert len(apneas(0, None)[1]) >= 8


@pytest.mark.holds("F49.2")
def test_the_central_patient_of_room_110_is_not() -> None:
    before, after = apneas(9, 16)
    assert {event.kind for event in before + after} == {EventKind.CENTRAL_APNEA}
    assert [event.onset_s for event in before + after] == pytest.approx(
        [event.onset_s for part in apneas(9, None) for event in part], abs=8
    )
    assert len(after) >= 4


@pytest.mark.holds("F49.1")
def test_a_command_over_the_wire_reaches_the_airway() -> None:
    """A technician's 12 cmH2O, as the server sends it: answered as applied, and soon in the measured pressure."""

    async def main() -> None:
        async with asyncio.timeout(30), contract_server() as server:
            running = asyncio.create_task(simulated.run_room(server.url, 0, 1, seed=1))
            await measured(server, 50)
            (stream,) = server.stored
            assert server.values(stream)[:50, 1].mean() == pytest.approx(4, abs=0.5)
            server.tell({"type": "set_pressure", "command_id": "c1", "pressure_cmh2o": 12})
            await measured(server, 50 + 25 * 12)
            running.cancel()
            assert server.answers == [{"type": "applied", "command_id": "c1", "pressure_cmh2o": 12}]
            assert server.values(stream)[-50:, 1].mean() == pytest.approx(12, abs=0.5)

    async def measured(server: ContractServer, n: int) -> None:
        while not server.stored or min(map(len, server.stored.values())) < n:  # noqa: ASYNC110 - a plain double
            await asyncio.sleep(0.05)

    asyncio.run(main())


def test_they_stream_into_every_room_and_outlive_a_restart_of_the_server() -> None:
    async def main() -> None:
        async with asyncio.timeout(30), contract_server() as server:
            devices = await asyncio.create_subprocess_exec(*COMMAND, "--server", server.url, cwd=ROOT)
            try:
                await arrived(server, 50)
                await server.stop()
                await asyncio.sleep(0.5)
                server.start()
                await arrived(server, 150)
            finally:
                devices.kill()
                await devices.wait()
            assert len(server.stored) == 3
            for rows in server.stored.values():
                assert sorted(rows) == list(range(len(rows)))

    async def arrived(server: ContractServer, n: int) -> None:
        while len(server.stored) < 3 or min(map(len, server.stored.values())) < n:  # noqa: ASYNC110 - a plain double
            await asyncio.sleep(0.05)

    asyncio.run(main())


def test_they_end_when_the_pipe_to_their_standard_input_closes() -> None:
    with subprocess.Popen(
        [*COMMAND, "--server", "http://127.0.0.1:9", "--follow-parent"], cwd=ROOT, stdin=subprocess.PIPE
    ) as devices:
        time.sleep(1.0)
        assert devices.poll() is None
        assert devices.stdin is not None
        devices.stdin.close()
        assert devices.wait(5) == 0


def test_they_end_when_their_parent_is_killed() -> None:
    """No orphans, even when the parent had no time to end them."""
    begin = (
        "import subprocess, sys, time; "
        "child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL); print(child.pid, flush=True); time.sleep(60)"
    )
    arguments = [*COMMAND, "--server", "http://127.0.0.1:9", "--follow-parent"]
    with subprocess.Popen([sys.executable, "-c", begin, *arguments], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        time.sleep(1.5)
        assert running(child)
        os.kill(parent.pid, signal.SIGKILL)
        assert ends_within(child, 5)
