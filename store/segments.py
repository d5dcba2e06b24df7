"""Samples into rows: one live tail for each recording grows in place, so a night is a few thousand rows."""

from __future__ import annotations

import math

from cpap_core.types import Samples
from store.database import Database
from store.errors import NotFound

SEGMENT_S = 10.0
"""How much signal one row holds, in s. A row is cut exactly there, so rows do not depend on how a device framed."""

SAMPLE_BYTES = 4


def append(
    db: Database, recording_id: int, first_sample: int, flow: Samples, pressure: Samples | None, received_at: float
) -> int:
    """Store the samples that are not stored yet and give the recording's next sample.

    Samples before `next_sample` were stored before, or their time went by as a gap: they are left out. Samples beyond
    it leave a hole and begin a new segment.
    """
    found = db.execute("SELECT next_sample, sampling_rate_hz FROM recordings WHERE id = ?", [recording_id]).fetchone()
    if found is None:
        raise NotFound(f"No recording {recording_id}: begin_recording comes before append_samples")
    next_sample, sampling_rate_hz = int(found[0]), float(found[1])
    stored = max(0, next_sample - first_sample)
    n_new = len(flow) - stored
    if n_new <= 0:
        return next_sample
    first = first_sample + stored
    flow_bytes = flow[stored:].tobytes()
    pressure_bytes = None if pressure is None else pressure[stored:].tobytes()
    capacity = max(1, math.ceil(SEGMENT_S * sampling_rate_hz))
    done = _grow_tail(db, recording_id, first, capacity, flow_bytes, pressure_bytes, received_at)
    db.conn.executemany(
        "INSERT INTO segments (recording_id, first_sample, n_samples, received_at, flow, pressure)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            (
                recording_id,
                first + start,
                min(capacity, n_new - start),
                received_at,
                _cut(flow_bytes, start, capacity),
                None if pressure_bytes is None else _cut(pressure_bytes, start, capacity),
            )
            for start in range(done, n_new, capacity)
        ),
    )
    db.execute(
        "UPDATE recordings SET next_sample = ?, stored_samples = stored_samples + ? WHERE id = ?",
        [first + n_new, n_new, recording_id],
    )
    return first + n_new


def _grow_tail(
    db: Database,
    recording_id: int,
    first: int,
    capacity: int,
    flow_bytes: bytes,
    pressure_bytes: bytes | None,
    received_at: float,
) -> int:
    """Fill the last row up where the samples continue it, and give how many of them went there."""
    tail = db.execute(
        "SELECT first_sample, n_samples, flow, pressure FROM segments"
        " WHERE recording_id = ? ORDER BY first_sample DESC LIMIT 1",
        [recording_id],
    ).fetchone()
    if tail is None:
        return 0
    tail_first, n_tail, tail_flow, tail_pressure = int(tail[0]), int(tail[1]), tail[2], tail[3]
    same_channels = (tail_pressure is None) == (pressure_bytes is None)
    if tail_first + n_tail != first or n_tail >= capacity or not same_channels:
        return 0
    n_room = min(capacity - n_tail, len(flow_bytes) // SAMPLE_BYTES)
    db.execute(
        "UPDATE segments SET n_samples = ?, received_at = ?, flow = ?, pressure = ?"
        " WHERE recording_id = ? AND first_sample = ?",
        [
            n_tail + n_room,
            received_at,
            tail_flow + _cut(flow_bytes, 0, n_room),
            None if pressure_bytes is None else tail_pressure + _cut(pressure_bytes, 0, n_room),
            recording_id,
            tail_first,
        ],
    )
    return n_room


def _cut(samples: bytes, start: int, n_samples: int) -> bytes:
    return samples[start * SAMPLE_BYTES : (start + n_samples) * SAMPLE_BYTES]
