"""A stay as it was before a restart, made anew from what the disk has."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from cpap_core.types import OpenEvent, RespiratoryEvent
from store import RecordingRow, StayRow, Store

from .stay import Stay
from .trace import Found, StreamSpec, Trace

MOST_WAITING = 200


def rebuild_stay(store: Store, row: StayRow) -> Stay:
    """Run each recording's stored samples through a new detector; its counts equal those of an uninterrupted run."""
    name = patient.name if row.mrn is not None and (patient := store.patient(row.mrn)) else None
    stay = Stay(row.id, row.started_at, row.mrn, name)
    for recording in store.recordings_of_stay(row.id):
        stay.traces[recording.stream_id] = _rebuild_trace(store, recording)
    for command in store.commands_of_stay(row.id):
        stay.commands.add(command)
    if row.mrn is not None:
        stay.earlier_apneas = store.apnea_total_of_patient(row.mrn, exclude_stay_id=row.id)
    return stay


def _rebuild_trace(store: Store, row: RecordingRow) -> Trace:
    channels = tuple((channel["name"], channel["unit"]) for channel in row.channels)
    trace = Trace(
        row.id, StreamSpec(row.stream_id, row.device, row.sampling_rate_hz, channels, row.start_time), epoch=0
    )
    again = _Again(store, row.id)
    for segment in store.segments(row.id):
        again.write(trace.feed(segment.first_sample, segment.flow_lpm, segment.airway_pressure_cmh2o))
        trace.last_received_at = segment.received_at
    if row.ended_at is not None:
        again.write(trace.finish())
    again.wait()
    trace.queued_next = trace.stored_next = trace.detected_next
    return trace


class _Again:
    """Writes the breaths and events that a sudden end kept from the disk, though their samples were on it."""

    def __init__(self, store: Store, recording_id: int) -> None:
        self._store = store
        self._recording_id = recording_id
        self._breaths = store.breaths_without_gap(recording_id)
        self._events = {event.id: event.duration_s for event in store.events_of(recording_id)}
        self._waiting: list[Future[Any]] = []

    def write(self, found: list[Found]) -> None:
        """Write what of this is not on disk; never more at once than the queue has room for."""
        for first_breath, output in found:
            missing = output.breaths[max(0, self._breaths - first_breath) :]
            if missing:
                first = max(first_breath, self._breaths)
                self._waiting.append(self._store.put_breaths(self._recording_id, first, missing))
            events: list[OpenEvent | RespiratoryEvent] = [*output.opened, *output.events]
            for event in events:
                if self._events.get(event.id) is None:
                    self._waiting.append(self._store.put_event(self._recording_id, event))
            if len(self._waiting) > MOST_WAITING:
                self.wait()

    def wait(self) -> None:
        """Wait until all of it is on disk: nobody is served yet."""
        for future in self._waiting:
            future.result()
        self._waiting.clear()
