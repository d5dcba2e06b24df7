"""A stay as it was before a restart, made anew from what the disk has."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

from cpap_core.types import DetectorOutput, EventKind, OpenEvent, RespiratoryEvent
from store import RecordingRow, StayRow, Store

from .resume import Stored, go_on
from .stay import MOST_TRACES, RESTED_S, Counts, Mark, Stay
from .trace import Found, StreamSpec, Trace

MOST_WAITING = 200

MOST_AGAIN_S = 24 * 3600.0
"""How much of a recording is run again: what the night's trend shows. A stay may last for months, a restart may not."""


def rebuild_stay(store: Store, row: StayRow) -> Stay:
    """Run each recording's stored samples through a new detector; its counts equal those of an uninterrupted run."""
    stay = Stay(row.id, row.started_at, row.mrn, None)
    recordings = [(store.last_received_at(one.id) or 0.0, one) for one in store.recordings_of_stay(row.id)]
    newest = sorted(recordings, key=lambda one: (one[0], one[1].id))[-MOST_TRACES:]
    since = max((at for at, _ in newest), default=0.0) - RESTED_S
    for at, recording in recordings:
        if at >= since or any(recording is one for _, one in newest):
            stay.traces[recording.stream_id] = rebuild_trace(store, recording)
        elif recording.stored_samples:
            stay.past = stay.past.plus(stored_counts(store, recording))
    for command in store.commands_of_stay(row.id):
        stay.commands.add(command)
    starts = {trace.recording_id: trace.spec.start_time for trace in stay.traces.values()}
    for mark in store.marks_of_stay(row.id):
        stay.note_mark(Mark.of(mark, starts.get(mark.recording_id or 0)))
    know_patient(store, stay, row.mrn)
    return stay


def know_patient(store: Store, stay: Stay, mrn: int | None) -> None:
    """Let a stay know whose it is, and what the disk has of that patient."""
    stay.mrn = mrn
    if mrn is None:
        return
    patient = store.patient(mrn)
    stay.patient_name = patient.name if patient is not None else None
    stay.date_of_birth = patient.date_of_birth if patient is not None else None
    stay.measured = store.latest_measurement(mrn)
    stay.earlier_apneas = store.apnea_total_of_patient(mrn, exclude_stay_id=stay.stay_id)


def stored_counts(store: Store, row: RecordingRow) -> Counts:
    """What a recording adds to its stay's numbers, by what is on disk."""
    apneas = sum(event.kind is EventKind.BREATH_GAP for event in store.events_of(row.id))
    return Counts(store.breaths_end(row.id), apneas, row.stored_samples)


def rebuild_trace(store: Store, row: RecordingRow) -> Trace:
    """One recording as it was; of one longer than a day, or whose beginning went by the retention, the last day."""
    channels = tuple((channel["name"], channel["unit"]) for channel in row.channels)
    spec = StreamSpec(row.stream_id, row.device, row.sampling_rate_hz, channels, row.start_time)
    first = max(row.first_sample, row.kept_from, row.next_sample - int(MOST_AGAIN_S * row.sampling_rate_hz))
    trace = Trace(row.id, spec, epoch=0, first_sample=first)
    again = _Again(store, row.id)
    if first == row.first_sample:
        for found in _run(store, row, trace):
            again.write_missing(found)
    else:
        stored = Stored(
            store.breath_onsets_from(row.id, first / row.sampling_rate_hz),
            store.breaths_end(row.id),
            store.events_of(row.id),
        )
        again.write(go_on(trace, [one for found in _run(store, row, trace) for one in found], stored))
        trace.received = row.stored_samples
    again.wait()
    trace.queued_next = trace.stored_next = trace.detected_next
    return trace


def _run(store: Store, row: RecordingRow, trace: Trace) -> Iterator[list[Found]]:
    for segment in store.segments(row.id, trace.detected_next):
        yield trace.feed(segment.first_sample, segment.flow_lpm, segment.airway_pressure_cmh2o)
        trace.last_received_at = segment.received_at
    if row.ended_at is not None:
        yield trace.finish()


class _Again:
    """Writes the breaths and events that a sudden end kept from the disk, though their samples were on it."""

    def __init__(self, store: Store, recording_id: int) -> None:
        self._store = store
        self._recording_id = recording_id
        self._breaths = store.breaths_without_gap(recording_id)
        self._events = {event.id: event.duration_s for event in store.events_of(recording_id)}
        self._waiting: list[Future[Any]] = []

    def write_missing(self, found: list[Found]) -> None:
        """Write what of this is not on disk."""
        self.write([self._missing(first_breath, output) for first_breath, output in found])

    def _missing(self, first_breath: int, output: DetectorOutput) -> Found:
        missing = DetectorOutput(
            breaths=output.breaths[max(0, self._breaths - first_breath) :],
            opened=[event for event in output.opened if self._events.get(event.id) is None],
            events=[event for event in output.events if self._events.get(event.id) is None],
        )
        return Found(max(first_breath, self._breaths), missing)

    def write(self, found: list[Found]) -> None:
        """Write all of this; never more at once than the queue has room for."""
        for first_breath, output in found:
            if output.breaths:
                self._waiting.append(self._store.put_breaths(self._recording_id, first_breath, output.breaths))
            events: list[OpenEvent | RespiratoryEvent] = [*output.opened, *output.events]
            for event in events:
                self._waiting.append(self._store.put_event(self._recording_id, event))
            if len(self._waiting) > MOST_WAITING:
                self.wait()

    def wait(self) -> None:
        """Wait until all of it is on disk: nobody is served yet."""
        for future in self._waiting:
            future.result()
        self._waiting.clear()
