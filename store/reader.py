"""Reading recordings, their samples and findings, and commands; people are in `people.py`, lists in `overview.py`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cpap_core.types import Breath, Chunk, Samples
from store.catalogue import Catalogue
from store.errors import NotFound
from store.overview import Overview
from store.retention import HELD, TRIMMED_AT
from store.rows import CommandRow, EventRow, RecordingRow, SegmentRow, Space, fetch_all, fetch_one

SEGMENTS_AT_ONCE = 32
"""Rows that an iteration over a recording holds in memory: 32 of 10 s are 50 kB at 25 Hz and two channels."""

ROWS_OF_A_DAY = 8640
"""No device may send more at once: after a longer break it begins another stream."""

NEVER = 1 << 62
"""No id is so large."""


class Reader(Overview, Catalogue):
    """All queries, from any thread; what they give is on disk."""

    def recording(self, recording_id: int) -> RecordingRow | None:
        """Give a recording."""
        return fetch_one(self._query, RecordingRow, "WHERE id = ?", recording_id)

    def recording_by_stream(self, stream_id: str) -> RecordingRow | None:
        """Give the newest recording of a device's stream: it has one in each stay that it ran through."""
        return fetch_one(self._query, RecordingRow, "WHERE stream_id = ? ORDER BY id DESC", stream_id)

    def recordings_of_stay(self, stay_id: int) -> list[RecordingRow]:
        """Give a stay's recordings, in the order they began."""
        return fetch_all(self._query, RecordingRow, "WHERE stay_id = ? ORDER BY id", stay_id)

    def recordings(
        self, *, mrn: int | None = None, room: int | None = None, before: int | None = None, limit: int = 500
    ) -> list[RecordingRow]:
        """Give recordings, newest first: of a patient, of a room, with ids before one."""
        wanted = [("mrn = ?", mrn), ("room = ?", room)]
        where = " AND ".join(clause for clause, value in wanted if value is not None)
        stays = f"stay_id IN (SELECT id FROM stays WHERE {where})" if where else "1"
        values = [value for _, value in wanted if value is not None]
        rest = f"WHERE {stays} AND id < ? ORDER BY id DESC LIMIT ?"
        return fetch_all(self._query, RecordingRow, rest, *values, NEVER if before is None else before, limit)

    def segments(self, recording_id: int, from_sample: int = 0) -> Iterator[SegmentRow]:
        """Give what is stored at the time of the call, in order, from a sample on; a step in index is a hole.

        Memory stays small however long the recording is, and no transaction stays open between the steps.
        """
        recording = self._known(recording_id)
        return self._segments_between(recording_id, from_sample, recording.next_sample)

    def read_samples(self, recording_id: int, first_sample: int, n_samples: int) -> Chunk:
        """Give exactly `n_samples`, NaN where none is stored; the pressure is None if the recording has none."""
        if first_sample < 0 or n_samples < 0:
            raise ValueError(f"A range begins at 0 or later, got {n_samples} samples from {first_sample}")
        recording = self._known(recording_id)
        flow = np.full(n_samples, np.nan, dtype=np.float32)
        pressure = np.full(n_samples, np.nan, dtype=np.float32) if self._has_pressure(recording_id) else None
        for segment in self._segments_between(recording_id, first_sample, first_sample + n_samples):
            start = segment.first_sample - first_sample
            flow[start : start + segment.n_samples] = segment.flow_lpm
            if segment.airway_pressure_cmh2o is not None:
                if pressure is None:
                    pressure = np.full(n_samples, np.nan, dtype=np.float32)
                pressure[start : start + segment.n_samples] = segment.airway_pressure_cmh2o
        return Chunk(first_sample, recording.sampling_rate_hz, flow, pressure)

    def samples_of_stay(self, stay_id: int) -> int:
        """Count the samples stored in all of a stay's recordings."""
        return self._number("SELECT sum(stored_samples) FROM recordings WHERE stay_id = ?", stay_id)

    def breaths_of(self, recording_id: int, first: int = 0, n: int = -1) -> list[Breath]:
        """Give a recording's stored breaths, in order: all, or `n` after passing `first` over."""
        columns = "onset_s, peak_s, inspiratory_time_s, expiratory_time_s, tidal_volume_ml, peak_flow_lpm"
        query = f"SELECT {columns} FROM breaths WHERE recording_id = ? ORDER BY breath_index LIMIT ? OFFSET ?"
        return [Breath(*values) for values in self._query(query, [recording_id, n, first])]

    def breath_count(self, recording_id: int) -> int:
        """Count a recording's stored breaths."""
        return self._number("SELECT count(*) FROM breaths WHERE recording_id = ?", recording_id)

    def breath_onsets_from(self, recording_id: int, onset_s: float) -> list[tuple[int, float]]:
        """Give sequence number and onset of the breaths that began at or after a recording time, in order."""
        low = self._number("SELECT min(breath_index) FROM breaths WHERE recording_id = ?", recording_id)
        end = self._number("SELECT max(breath_index) + 1 FROM breaths WHERE recording_id = ?", recording_id)
        # By halves: breaths are numbered in the order of their onsets, and a stay of months has a million.
        query = "SELECT onset_s FROM breaths WHERE recording_id = ? AND breath_index >= ? ORDER BY breath_index LIMIT 1"
        high = end
        while low < high:
            middle = (low + high) // 2
            ((onset,),) = self._query(query, [recording_id, middle])
            low, high = (middle + 1, high) if onset < onset_s else (low, middle)
        query = "SELECT breath_index, onset_s FROM breaths WHERE recording_id = ? AND breath_index >= ?"
        return self._query(f"{query} ORDER BY breath_index", [recording_id, low])

    def breaths_end(self, recording_id: int) -> int:
        """Give the number after a recording's last breath, whether its breaths are still stored or not."""
        query = (
            "SELECT max(trimmed_breaths, coalesce((SELECT max(breath_index) + 1 FROM breaths"
            " WHERE recording_id = recordings.id), 0)) FROM recordings WHERE id = ?"
        )
        return self._number(query, recording_id)

    def breaths_without_gap(self, recording_id: int) -> int:
        """Count a recording's breaths if no sequence number before the last is missing, else 0."""
        query = (
            "SELECT CASE WHEN max(breath_index) + 1 = count(*) THEN count(*) END FROM breaths WHERE recording_id = ?"
        )
        return self._number(query, recording_id)

    def events_of(self, recording_id: int) -> list[EventRow]:
        """Give a recording's events, by their onset: breath gaps are numbered from 0 up, scored events from -1 down."""
        return fetch_all(self._query, EventRow, "WHERE recording_id = ? ORDER BY onset_s, abs(id)", recording_id)

    def command(self, command_id: str) -> CommandRow | None:
        """Give a command."""
        return fetch_one(self._query, CommandRow, "WHERE command_id = ?", command_id)

    def commands_of_stay(self, stay_id: int) -> list[CommandRow]:
        """Give a stay's commands, in order of time."""
        return fetch_all(self._query, CommandRow, "WHERE stay_id = ? ORDER BY rowid", stay_id)

    def latest_command(self, stay_id: int) -> CommandRow | None:
        """Give a stay's newest command, whatever became of it."""
        rest = "WHERE stay_id = ? ORDER BY rowid DESC"
        return fetch_one(self._query, CommandRow, rest, stay_id)

    def received_before(self, epoch_s: float) -> list[int]:
        """Give the recordings whose oldest stored samples were received before."""
        query = (
            "SELECT id FROM recordings WHERE (SELECT received_at FROM segments WHERE recording_id = recordings.id"
            " ORDER BY first_sample LIMIT 1) < ? ORDER BY id"
        )
        return [int(found[0]) for found in self._query(query, [epoch_s])]

    def newest_received_at(self) -> float | None:
        """Give the latest time at which stored samples were received, in epoch s."""
        query = (
            "SELECT max((SELECT received_at FROM segments WHERE recording_id = recordings.id"
            " ORDER BY first_sample DESC LIMIT 1)) FROM recordings"
        )
        newest = self._query(query)[0][0]
        return None if newest is None else float(newest)

    def last_received_at(self, recording_id: int) -> float | None:
        """Give when a recording's newest stored sample was received, in epoch s."""
        query = "SELECT received_at FROM segments WHERE recording_id = ? ORDER BY first_sample DESC LIMIT 1"
        found = self._query(query, [recording_id])
        return float(found[0][0]) if found else None

    def arrivals(self, stream_id: str, most: int = ROWS_OF_A_DAY) -> list[tuple[float, float]]:
        """Give when a stream's stored rows were taken and received, the newest first.

        Each row gives its end, in s after the stream's sample 0, and when that was received, in epoch s.
        """
        query = (
            "SELECT (segments.first_sample + n_samples) / sampling_rate_hz, received_at FROM recordings"
            " CROSS JOIN segments ON recording_id = recordings.id WHERE stream_id = ?"
            " ORDER BY stay_id DESC, segments.first_sample DESC LIMIT ?"
        )
        return self._query(query, [stream_id, most])

    def space(self) -> Space:
        """Tell how large the data file is, and what the retention removed."""
        page_bytes = self._number("PRAGMA page_size")
        trimmed = self.meta(TRIMMED_AT)
        wal = self._path.with_name(self._path.name + "-wal")
        return Space(
            page_bytes=page_bytes,
            file_bytes=page_bytes * self._number("PRAGMA page_count"),
            free_bytes=page_bytes * self._number("PRAGMA freelist_count"),
            wal_bytes=wal.stat().st_size if wal.exists() else 0,
            trimmed_samples=self._number("SELECT sum(trimmed_samples) FROM recordings"),
            trimmed_at=None if trimmed is None else float(trimmed),
            is_held=self.meta(HELD) == "1",
        )

    def meta(self, key: str) -> str | None:
        """Give a word about the whole data file."""
        found = self._query("SELECT value FROM meta WHERE key = ?", [key])
        return str(found[0][0]) if found else None

    def _known(self, recording_id: int) -> RecordingRow:
        recording = self.recording(recording_id)
        if recording is None:
            raise NotFound(f"No recording {recording_id} is stored")
        return recording

    def _has_pressure(self, recording_id: int) -> bool:
        query = "SELECT pressure IS NOT NULL FROM segments WHERE recording_id = ? ORDER BY first_sample LIMIT 1"
        return self._number(query, recording_id) == 1

    def _segments_between(self, recording_id: int, start: int, stop: int) -> Iterator[SegmentRow]:
        # By cursor over samples, not rows: the live tail may have grown since the row was read.
        query = (
            "SELECT first_sample, flow, pressure, received_at FROM segments"
            " WHERE recording_id = ? AND first_sample < ? AND first_sample >= coalesce("
            "(SELECT max(first_sample) FROM segments WHERE recording_id = ? AND first_sample <= ?), 0)"
            " ORDER BY first_sample LIMIT ?"
        )
        cursor = start
        while cursor < stop:
            parameters = [recording_id, stop, recording_id, cursor, SEGMENTS_AT_ONCE]
            before = cursor
            for first, flow, pressure, received_at in self._query(query, parameters):
                cut = slice(max(0, cursor - first), stop - first)
                flow_lpm = _samples(flow, cut)
                if len(flow_lpm) == 0:
                    continue
                airway_pressure_cmh2o = None if pressure is None else _samples(pressure, cut)
                yield SegmentRow(recording_id, first + cut.start, flow_lpm, airway_pressure_cmh2o, received_at)
                cursor = first + cut.start + len(flow_lpm)
            if cursor == before:
                return


def _samples(blob: bytes, cut: slice) -> Samples:
    # A copy in the machine's own byte order: writable, and free of the row it came from.
    return np.frombuffer(blob, dtype="<f4")[cut].astype(np.float32)
