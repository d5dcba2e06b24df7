"""What `/get_all_patients` answers, part by part (F31)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from monitor_app.records import Records
from monitor_app.ward import Ward
from store import MeasurementHead, Store

from .pictures import encode

PART_BYTES = 256 << 10
"""About so much is made by a thread at a time."""


async def all_patients(ward: Ward, records: Records, zone: ZoneInfo) -> AsyncIterator[bytes]:
    """Give a JSON list of the patients who are in the rooms now, in parts of at most 64 KiB."""
    present = [
        (room.number, room.stay.mrn, room.stay.patient_name)
        for room in ward.rooms()
        if room.stay is not None and room.stay.mrn is not None
    ]
    yield b"["
    for at, (room, mrn, name) in enumerate(present):
        heads = await records.ask(partial(Store.measurement_heads, mrn=mrn))
        yield (b", " if at else b"") + _head(room, mrn, name, heads)
        done = 0
        while done < len(heads):
            parts, taken = await records.ask(partial(_pictures, heads=heads[done:]))
            done += taken
            for part in parts:
                yield part
            yield b", " if done < len(heads) else b""
        yield f'], "timestamp": {json.dumps([_stamp(head.received_at, zone) for head in heads])}}}'.encode()
    yield b"]"


def _head(room: int, mrn: int, name: str | None, heads: list[MeasurementHead]) -> bytes:
    patient: dict[str, Any] = {
        "patient_mrn": mrn,
        "room_number": room,
        "patient_name": name or "Not provided",
        "CPAP_pressure": [head.pressure_cmh2o for head in heads],
        "breath_rate": [head.respiratory_rate_per_min for head in heads],
        "apnea_count": [head.apnea_count for head in heads],
        "flow_image": [],
    }
    return json.dumps(patient, allow_nan=False).encode()[: -len("]}")]


def _pictures(store: Store, heads: list[MeasurementHead]) -> tuple[list[bytes], int]:
    """The pictures of the first of these as JSON strings, in parts, and of how many."""
    parts: list[bytes] = []
    for at, head in enumerate(heads):
        row = store.measurement(head.id) if head.has_picture else None
        picture = row.flow_image if row is not None else None
        parts += [b', "' if at else b'"', *encode(picture or b""), b'"']
        if sum(map(len, parts)) >= PART_BYTES:
            return parts, at + 1
    return parts, len(heads)


def _stamp(epoch_s: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(epoch_s, zone).strftime("%Y-%m-%d %H:%M:%S")
