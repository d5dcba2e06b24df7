"""The demo's patients on the pages (F49): a pressure ends obstructive apneas for all to see, and no central one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from cpap_core.simulate import SimulatedDevice
from monitor_app.bedside.simulated import demo_device
from tests.app.live_server import LiveServer
from tests.ui.bedside import RATE_HZ, Bedside, Device
from tests.ui.conftest import Diary
from tests.ui.test_command import command

OBSTRUCTIVE, CENTRAL = 0, 9
"""Which of the demo's rooms: 101 and 110."""

BEGUN_S = {OBSTRUCTIVE: 160, CENTRAL: 102}
"""So much of the night has passed: the next apnea of each begins some 10 s later where nobody does anything."""

WATCHED_S = 45


def in_demo(server: str, room: int, which: int) -> Device:
    """The device of a demo's patient, after a part of the night."""
    simulated: SimulatedDevice = demo_device(which, seed=1)

    def measure(_first: int, n: int) -> NDArray[np.float32]:
        chunk = simulated.read(n)
        assert chunk.airway_pressure_cmh2o is not None
        return np.column_stack((chunk.flow_lpm, chunk.airway_pressure_cmh2o)).astype(np.float32)

    history = BEGUN_S[which] * RATE_HZ
    return Device(server, room, signal=measure, history=history, pressure=simulated.set_pressure)


def next_apnea_s(which: int) -> tuple[float, float]:
    """From when to when, after the beginning, the patient whose pressure stays as it is does not breathe."""
    untreated = demo_device(which, seed=1, keep_truth=True)
    untreated.read((BEGUN_S[which] + 2 * WATCHED_S) * RATE_HZ)
    apneas = [event for event in untreated.patient.truth.events if event.kind.value.endswith("apnea")]
    onset_s, duration_s = next((e.onset_s, e.duration_s) for e in apneas if e.onset_s >= BEGUN_S[which])
    return onset_s - BEGUN_S[which], onset_s + duration_s - BEGUN_S[which]


def happened(page: Page) -> list[str]:
    """What the list of events says, newest first."""
    return page.locator(".event-list li .event-text").all_inner_texts()


@pytest.mark.holds("F49.1", "F49.2")
def test_12_cmh2o_end_obstructive_apneas_on_every_page_and_no_central_one(
    ward: LiveServer, bedside: Bedside, diary_page: Callable[..., Diary], numbers: Iterator[int]
) -> None:
    """JOURNEYS, first hour: send a pressure to a room and watch its apneas end; band, list and wall tell of it."""
    for which in BEGUN_S:
        onset_s, end_s = next_apnea_s(which)
        assert 5 < onset_s < end_s < WATCHED_S - 5
    rooms = {which: next(numbers) for which in BEGUN_S}
    wall = diary_page(f"{ward.url}/wall")
    diaries = {which: diary_page(f"{ward.url}/room?room={room}") for which, room in rooms.items()}
    for which, diary in diaries.items():
        bedside.start(in_demo(ward.url, rooms[which], which))
        diary.until(lambda seen: seen["pill"].startswith("Live"))
        command(diary.page, 12)
        diary.until(lambda seen: seen["fate"].startswith("✓ Applied: 12 cmH₂O at "))
    applied_at, _ = wall.entries[-1]
    cured, central = diaries[OBSTRUCTIVE].page, diaries[CENTRAL].page
    assert happened(cured) == ["Pressure 12", "Obstructive apnea", "Obstructive apnea"]
    assert happened(central) == ["Pressure 12", "Central apnea"]
    cured.wait_for_timeout(1000 * WATCHED_S)
    assert happened(cured) == ["Pressure 12", "Obstructive apnea", "Obstructive apnea"]
    assert happened(central) == ["Central apnea", "Pressure 12", "Central apnea"]
    expect(cured.locator(".events h2")).to_have_text(re.compile(r"^Events · at 12 cmH₂O: none in [4-9]0 s$"))
    expect(central.locator(".events h2")).to_have_text(re.compile(r"^Events · at 12 cmH₂O: 1 in [4-9]0 s$"))
    expect(cured.locator(".number.is-apneas")).to_contain_text("2of 2")
    bands = {
        which: {seen["tiles"][str(room)]["band"] for at, seen in wall.entries if at > applied_at}
        for which, room in rooms.items()
    }
    assert bands[OBSTRUCTIVE] == {""}
    assert any("No breath" in band for band in bands[CENTRAL])
    assert [wall.now["tiles"][str(room)]["pressure"] for room in rooms.values()] == ["12", "12"]
