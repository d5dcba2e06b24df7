"""Stored nights of simulated patients, as devices would have left them in the store."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cpap_core import RespirationDetector
from cpap_core.shown import one_of_each
from cpap_core.simulate import SimulatedDevice, SimulatedPatient
from store import CommandState, MarkKind, Store

PIECE_S = 60.0
CHANNELS = ({"name": "flow", "unit": "L/min"}, {"name": "airway_pressure", "unit": "cmH2O"})
PRESSURES = (4, 5, 6, 7, 8, 9)
"""Commanded one after the other, in equal parts of the night."""


@dataclass(frozen=True, slots=True)
class StoredNight:
    """What was put into a store.

    Attributes
    ----------
    recording_id, stay_id : int
        Under which it is stored.
    events : list of float
        Recording time of the onset of each event that a page shows, in s.
    """

    recording_id: int
    stay_id: int
    events: list[float]


def put_night(
    store: Store,
    *,
    room: int,
    mrn: int | None,
    name: str | None = None,
    hours: float = 8.0,
    rate_hz: float = 25.0,
    start_time: float = 1_795_300_000.0,
    seed: int = 1,
    device: str = "simulated device",
    hole_s: tuple[float, float] | None = None,
    marks: tuple[tuple[float, str], ...] = (),
    goes_on: bool = False,
) -> StoredNight:
    """Record a night: samples, breaths, events, commanded pressures and marks; `hole_s` is when nothing was sent.

    One that goes on keeps its stay and its recording open.
    """
    if mrn is not None:
        store.upsert_patient(mrn, name).result(timeout=30)
    stay = store.begin_stay(room, mrn, start_time).result(timeout=30)
    stream = f"night-{room}-{seed}-{start_time:.0f}"
    recording = store.begin_recording(stay.id, stream, device, rate_hz, CHANNELS, start_time).result(timeout=30)
    bed = SimulatedDevice(SimulatedPatient(seed, rate_hz, keep_truth=False, pressure_cmh2o=PRESSURES[0]))
    detector = RespirationDetector(rate_hz)
    breaths, pressure = 0, PRESSURES[0]
    pieces = int(np.ceil(hours * 3600 / PIECE_S))
    for piece in range(pieces):
        wanted = PRESSURES[piece * len(PRESSURES) // pieces]
        at = start_time + piece * PIECE_S
        if wanted != pressure:
            _command(store, stay.id, room, wanted, pressure, at)
            bed.set_pressure(wanted)
            pressure = wanted
        chunk = bed.read(int(PIECE_S * rate_hz))
        flow, airway = chunk.flow_lpm, chunk.airway_pressure_cmh2o
        if hole_s is not None and hole_s[0] <= piece * PIECE_S < hole_s[1]:
            flow = np.full_like(flow, np.nan)
        else:
            store.append_samples(recording.id, chunk.first_sample, flow, airway, at + PIECE_S)
        found = detector.update(flow, airway)
        if found.breaths:
            store.put_breaths(recording.id, breaths, found.breaths)
            breaths += len(found.breaths)
        for event in (*found.opened, *found.events):
            store.put_event(recording.id, event)
    for number, (onset_s, text) in enumerate(marks):
        mark = {"kind": MarkKind.NOTE, "text": text, "by": "room page", "at": start_time + onset_s}
        store.add_mark(f"{stream}-{number}", stay_id=stay.id, recording_id=recording.id, onset_s=onset_s, **mark)
    if not goes_on:
        end = start_time + pieces * PIECE_S
        store.end_recording(recording.id, end)
        store.end_stay(stay.id, end).result(timeout=60)
    store.set_meta("night", stream).result(timeout=60)
    events = one_of_each(store.events_of(recording.id))
    return StoredNight(recording.id, stay.id, [event.onset_s for event in events])


def _command(store: Store, stay_id: int, room: int, pressure: int, previous: int, at: float) -> None:
    command_id = f"night-{stay_id}-{at:.0f}"
    store.add_command(
        command_id,
        stay_id=stay_id,
        room=room,
        pressure_cmh2o=pressure,
        previous_cmh2o=previous,
        commanded_by="room page",
        commanded_at=at,
    )
    store.update_command(command_id, CommandState.APPLIED, at)
