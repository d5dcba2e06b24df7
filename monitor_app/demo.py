"""`./monitor demo`: the whole ward with simulated patients, on a store that is thrown away afterwards."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from monitor_app import server
from monitor_app.bedside.simulated import demo_patients
from monitor_app.config import ConfigError, Settings
from monitor_app.ward import Ward

MOST_ROOMS = 64
MOST_DAYS = 2.0
NOTICE = "Simulated patients: raise 101 to 12 cmH₂O and its apneas end"
CENTRAL_NOTICE = "; 110's are central and stay"
CENTRAL_FROM = 10
"""So many rooms have the patient whom no pressure changes among them."""


def run(settings: Settings, rooms: int) -> int:
    """Serve a ward of simulated patients until interrupted; the devices are a process of their own."""
    if not 1 <= rooms <= MOST_ROOMS:
        raise ConfigError(f"--rooms is {rooms}; it must lie between 1 and {MOST_ROOMS}")
    devices: list[subprocess.Popen[bytes]] = []

    async def begin(ward: Ward, url: str) -> None:
        for room, mrn, name, pressure in demo_patients(rooms):
            await ward.stays.admit(room, mrn, name)
            await ward.command_pressure(room, pressure, by="demo")
        devices.append(_start_devices(url, rooms))

    with tempfile.TemporaryDirectory(prefix="breathwatch-demo-") as folder:
        try:
            # A demo that runs for months in a hall must not fill the disk.
            kept = settings.retention_days or MOST_DAYS
            server.run(replace(settings, data=Path(folder), retention_days=kept), on_start=begin, notice=notice(rooms))
        finally:
            for device in devices:
                device.terminate()
                device.wait(timeout=10)
    return 0


def notice(rooms: int) -> str:
    """What the wall says there is to try."""
    return NOTICE + (CENTRAL_NOTICE if rooms >= CENTRAL_FROM else "")


def _start_devices(url: str, rooms: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "monitor_app.bedside.simulated", "--server", url, "--rooms", str(rooms)]
    return subprocess.Popen([*command, "--follow-parent"], stdin=subprocess.PIPE)
