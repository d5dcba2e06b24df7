"""Operations on recordings: what devices sent and what was found in it.

Each answer is made in a thread and is bounded; who wants more asks for the next part.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from monitor_app.ward.stay import Mark
from store import NotFound, RecordingRow, Store

from . import answers, models
from .operation import Call, Encoded, Operation
from .problems import invalid

COLUMNS = ("flow_lpm", "airway_pressure_cmh2o")
COLUMNS_HEADER = "Breathwatch-Columns"
ROWS_AT_ONCE = 500
"""Text is made of so many rows at a time, so that other threads get their turn in between."""


async def list_recordings(call: Call) -> list[dict[str, Any]]:
    """Recordings, newest first."""
    given: models.FindRecordings = call.given

    def look(store: Store) -> list[dict[str, Any]]:
        rows = store.recordings(mrn=given.mrn, room=given.room, before=given.before, limit=given.limit)
        return [_described(store, row) for row in rows]

    return await call.ask(look)


async def show_recording(call: Call) -> dict[str, Any]:
    """One recording."""
    return await call.ask(lambda store: _described(store, _known(store, call.given.id)))


async def samples(call: Call) -> Encoded:
    """Samples from one on, as far as there are so many."""
    given: models.PartOfSamples = call.given
    is_text = given.format == "csv"
    most = models.MOST_CSV_SAMPLES if is_text else models.MOST_SAMPLES
    n = most if given.n is None else given.n
    if n > most:
        detail = f"n is {n}: at most {most} samples are given as {given.format} at a time"
        raise invalid([{"in": "query", "pointer": "#/n", "detail": detail}])

    def look(store: Store) -> Encoded:
        row = _known(store, given.id)
        chunk = store.read_samples(row.id, given.first, max(0, min(n, row.next_sample - given.first)))
        columns = [chunk.flow_lpm]
        if len(row.channels) > 1:
            missing = np.full(len(chunk.flow_lpm), np.nan, np.float32)
            columns.append(missing if chunk.airway_pressure_cmh2o is None else chunk.airway_pressure_cmh2o)
        values = np.column_stack(columns)
        headers = {COLUMNS_HEADER: ",".join(COLUMNS[: len(columns)])}
        if is_text:
            return Encoded(_csv(given.first, row.sampling_rate_hz, values), "text/csv; charset=utf-8", headers)
        return Encoded(values.astype("<f4").tobytes(), "application/octet-stream", headers)

    return await call.ask(look)


async def breaths(call: Call) -> Encoded:
    """Breaths from one on, in order."""
    given: models.PartOfBreaths = call.given

    def look(store: Store) -> Encoded:
        found = store.breaths_of(_known(store, given.id).id, given.first, given.n)
        return Encoded(_json([asdict(breath) for breath in found]))

    return await call.ask(look)


async def events(call: Call) -> Encoded:
    """All events, by their onset."""

    def look(store: Store) -> Encoded:
        found = [asdict(event) for event in store.events_of(_known(store, call.given.id).id)]
        return Encoded(_json([{name: each[name] for name in answers.Event.model_fields} for each in found]))

    return await call.ask(look)


async def recording_marks(call: Call) -> list[dict[str, Any]]:
    """What people marked in it, by its time in the recording."""

    def look(store: Store) -> list[dict[str, Any]]:
        row = _known(store, call.given.id)
        found = [Mark.of(each, row.start_time) for each in store.marks_of_recording(row.id)]
        return [{**mark.as_dict(), "onset_s": mark.onset_s} for mark in found]

    return await call.ask(look)


async def site(call: Call) -> dict[str, str]:
    """The lab's name and time zone."""
    return call.services.lab


def _known(store: Store, recording_id: int) -> RecordingRow:
    row = store.recording(recording_id)
    if row is None:
        raise NotFound(f"No recording {recording_id} is stored: GET /api/v1/recordings lists those there are")
    return row


def _described(store: Store, row: RecordingRow) -> dict[str, Any]:
    stay = store.stay(row.stay_id)
    names = ("id", "stream_id", "stay_id", "device", "sampling_rate_hz", "start_time", "first_sample", "kept_from")
    return {name: getattr(row, name) for name in names} | {
        "room": stay.room if stay else None,
        "mrn": stay.mrn if stay else None,
        "samples": row.next_sample,
        "ended_at": row.ended_at,
    }


def _json(rows: Sequence[dict[str, Any]]) -> bytes:
    parts = [json.dumps(rows[at : at + ROWS_AT_ONCE], allow_nan=False) for at in range(0, len(rows), ROWS_AT_ONCE)]
    return f"[{','.join(part[1:-1] for part in parts)}]".encode()


def _csv(first: int, sampling_rate_hz: float, values: np.ndarray) -> bytes:
    """Time in s since sample 0, and the columns; a gap is an empty field."""
    lines = [",".join(("time_s", *COLUMNS[: values.shape[1]]))]
    for index, row in enumerate(values.tolist(), first):
        fields = ("" if value != value else f"{value:.7g}" for value in row)
        lines.append(f"{index / sampling_rate_hz:.6f},{','.join(fields)}")
    return ("\n".join(lines) + "\n").encode()


_ONE = "/api/v1/recordings/{id}"
OPERATIONS = (
    Operation(
        method="GET",
        path="/api/v1/recordings",
        summary="Recordings of a patient, of a room, or all, newest first",
        tag="recordings",
        run=list_recordings,
        given=models.FindRecordings,
        answer=list[answers.Recording],
    ),
    Operation(
        method="GET",
        path=_ONE,
        summary="One recording",
        tag="recordings",
        run=show_recording,
        given=models.AtRecording,
        answer=answers.Recording,
        problems=(404,),
    ),
    Operation(
        method="GET",
        path=_ONE + "/samples",
        summary=(
            "Samples as little-endian float32, sample by sample, with the columns that the header Breathwatch-Columns "
            "names; NaN is a gap. Or as CSV with the time in s since sample 0"
        ),
        tag="recordings",
        run=samples,
        given=models.PartOfSamples,
        media=("application/octet-stream", "text/csv"),
        problems=(404,),
    ),
    Operation(
        method="GET",
        path=_ONE + "/breaths",
        summary="Breaths, in order; times in s since sample 0",
        tag="recordings",
        run=breaths,
        given=models.PartOfBreaths,
        answer=list[answers.Breath],
        problems=(404,),
    ),
    Operation(
        method="GET",
        path=_ONE + "/events",
        summary="Respiratory events, in order of opening; one that lasts has no duration yet",
        tag="recordings",
        run=events,
        given=models.AtRecording,
        answer=list[answers.Event],
        problems=(404,),
    ),
    Operation(
        method="GET",
        path=_ONE + "/marks",
        summary="What people marked in it, by the time in the recording",
        tag="recordings",
        run=recording_marks,
        given=models.AtRecording,
        answer=list[answers.RecordingMark],
        problems=(404,),
    ),
    Operation(
        method="GET",
        path="/api/v1/site",
        summary="The lab's name and time zone",
        tag="description",
        run=site,
        answer=answers.Site,
    ),
)
