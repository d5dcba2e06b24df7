"""A stay as it was before a restart, made anew from what the disk has."""

from __future__ import annotations

import logging
from typing import Any

from store import RecordingRow, StayRow, Store

from .room import Stay
from .trace import StreamSpec, Trace

log = logging.getLogger(__name__)


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
    for segment in store.segments(row.id):
        # A sudden end may have kept samples and lost the breaths found in them: write all of them again, once.
        for first_breath, output in trace.feed(segment.first_sample, segment.flow_lpm, segment.airway_pressure_cmh2o):
            _write_again(store, row, first_breath, output)
        trace.last_received_at = segment.received_at
    if row.ended_at is not None:
        for first_breath, output in trace.finish():
            _write_again(store, row, first_breath, output)
    trace.queued_next = trace.stored_next = trace.detected_next
    return trace


def _write_again(store: Store, row: RecordingRow, first_breath: int, output: Any) -> None:
    if output.breaths:
        store.put_breaths(row.id, first_breath, output.breaths)
    for event in (*output.opened, *output.events):
        store.put_event(row.id, event)
