"""What the review of stored nights asks for, as plain data: which there are, one of them, and a range of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpap_core.shown import one_of_each
from monitor_app.push.packing import pack
from monitor_app.ward.stay import Mark
from store import CommandState, ListedRecording, NotFound, Store

from .night import Nights, StoredNight, Wave

NothingFound = NotFound

RUNNING_S = 60.0
"""A recording that received samples within this time, and that nobody ended, is still running."""
LIST_MOST = 60
BESIDE_MOST = 40
EVENTS_MOST = 5000
FEWEST_PIECES, MOST_PIECES = 50, 4000
FLOW_STEPS, PRESSURE_STEPS, RATE_STEPS = 10.0, 100.0, 10.0
TIME_STEPS = 200_000
"""Steps of a range in which times are written: far finer than a screen."""
CLOCKS_AGREE_S = 60.0
"""A device whose clock is that near to ours at receipt streams as it measures; another replays, or is set wrong."""


def list_recordings(store: Store, search: str, before: int | None, now: float) -> dict[str, Any]:
    """Recordings that match, newest first; `more` says that there are others before them."""
    found = store.list_recordings(search, before=before, most=LIST_MOST + 1)
    return {"recordings": [head(one, now) for one in found[:LIST_MOST]], "more": len(found) > LIST_MOST}


def latest_of_patient(store: Store, mrn: int) -> int:
    """The newest recording of a patient.

    Raises
    ------
    NotFound
        In words for whoever asked.
    """
    found = store.recordings_of_patient(mrn, most=1)
    if not found:
        raise NotFound(f"Nothing is recorded of a patient with MRN {mrn}")
    return found[0].recording_id


def open_recording(store: Store, recording_id: int, now: float) -> dict[str, Any]:
    """All that is said of a recording, but for its signals.

    Raises
    ------
    NotFound
        In words for whoever asked.
    """
    found = store.listed_recording(recording_id)
    if found is None:
        raise NotFound(f"There is no recording {recording_id}")
    events = store.events_of(recording_id)[-EVENTS_MOST:]
    return head(found, now) | {
        "events": [[e.kind.value, round(e.onset_s, 2), _rounded(e.duration_s)] for e in one_of_each(events)],
        "marks": [
            [round(mark.onset_s, 2), mark.kind.value, Mark.of(mark, None).text, mark.made_by]
            for mark in store.marks_of_recording(recording_id)
            if mark.onset_s is not None
        ],
        "commands": _commands(store, found),
        "others": [head(one, now) for one in store.recordings_beside(found.stay_id, most=BESIDE_MOST)],
    }


def window(
    store: Store, nights: Nights, recording_id: int, start_s: float, end_s: float, pieces: int
) -> dict[str, Any]:
    """A recording's signals over a range, in about two values for each of so many pieces.

    Raises
    ------
    NotFound
        There is no such recording.
    """
    pieces = max(FEWEST_PIECES, min(MOST_PIECES, pieces))
    night = nights.get(store, recording_id)
    with night.lock:
        start_s = max(start_s, night.first / night.rate_hz)
        end_s = max(start_s, min(end_s, night.end / night.rate_hz))
        span_s = max(end_s - start_s, 1e-3)
        found = {
            "start_s": start_s,
            "end_s": end_s,
            "newest_s": night.end / night.rate_hz,
            "flow": _wave(night.wave(store, 0, start_s, end_s, pieces), FLOW_STEPS),
            "pressure": None,
            "breaths": [
                [round(a, 2), round(b, 2)] for a, b in night.inspirations(start_s, end_s, 1.5 * span_s / pieces)
            ],
            "rate": _trend(night, night.rate_per_min, start_s, span_s, pieces),
            "leak": _trend(night, night.leak_lpm, start_s, span_s, pieces),
        }
        if night.has_pressure:
            found["pressure"] = _wave(night.wave(store, 1, start_s, end_s, pieces), PRESSURE_STEPS)
    return found


def head(found: ListedRecording, now: float) -> dict[str, Any]:
    """What a list says of a recording."""
    first = max(found.first_sample, found.kept_from)
    is_running = found.is_open and found.received_at is not None and now - found.received_at < RUNNING_S
    return {
        "recording": found.recording_id,
        "room": found.room,
        "mrn": found.mrn,
        "patient_name": found.patient_name,
        "device": found.device,
        "start_time": found.start_time,
        "first_s": first / found.sampling_rate_hz,
        "end_s": found.next_sample / found.sampling_rate_hz,
        "sampling_rate_hz": found.sampling_rate_hz,
        "is_running": is_running,
        "is_shortened": found.kept_from > found.first_sample,
        "apneas": found.breath_gaps,
    }


def command_time_s(store: Store, found: ListedRecording, epoch_s: float) -> float | None:
    """The recording time of a moment on the server's clock; None where nothing had been received by then."""
    if found.received_at is None:
        return None
    newest = found.start_time + found.next_sample / found.sampling_rate_hz
    if abs(newest - found.received_at) < CLOCKS_AGREE_S:
        time_s = epoch_s - found.start_time
        return time_s if time_s >= found.first_sample / found.sampling_rate_hz else None
    sample = store.samples_received_by(found.recording_id, epoch_s)
    return None if sample is None else sample / found.sampling_rate_hz


def _commands(store: Store, found: ListedRecording) -> list[list[Any]]:
    """Pressures that reached the device: when, which, the one before, and by whom."""
    rows: list[list[Any]] = []
    for command in store.commands_of_stay(found.stay_id):
        at = command.applied_at or command.delivered_at
        if command.state in (CommandState.APPLIED, CommandState.DELIVERED) and at is not None:
            time_s = command_time_s(store, found, at)
            if time_s is not None and time_s <= found.next_sample / found.sampling_rate_hz:
                change = [command.pressure_cmh2o, command.previous_cmh2o, command.commanded_by]
                rows.append([round(time_s, 2), *change])
    return sorted(rows, key=lambda row: float(row[0]))


def _wave(wave: Wave, steps: float) -> dict[str, Any]:
    packed = {"start_s": wave.start_s, "step_s": wave.step_s, "lowest": pack(wave.lowest, steps), "steps": steps}
    return packed if wave.is_samples else packed | {"highest": pack(wave.highest, steps)}


def _trend(
    night: StoredNight, values: NDArray[np.float64], start_s: float, span_s: float, pieces: int
) -> dict[str, Any]:
    times, values = night.trend(values, start_s, start_s + span_s, pieces // 4)
    steps = TIME_STEPS / span_s
    return {
        "times": pack(times - start_s, steps),
        "time_steps": steps,
        "values": pack(values, RATE_STEPS),
        "steps": RATE_STEPS,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
