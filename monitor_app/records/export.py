"""A recording as a table for other programs: CSV, a row for each sample, made piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo

import numpy as np

from monitor_app.ward.stay import Mark
from store import NotFound, SegmentRow, Store

COLUMNS = ("time", "recording_time_s", "flow_lpm", "airway_pressure_cmh2o", "breath", "event", "mark")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would take a cell that begins so for."""
EVENT_NAMES = {"breath_gap": "apnea", "apnea": "unclassified apnea"}


def name_of(store: Store, recording_id: int, zone: tzinfo) -> str:
    """The name of a recording's file: who and when, in plain letters.

    Raises
    ------
    NotFound
        There is no such recording.
    """
    found = store.listed_recording(recording_id)
    if found is None:
        raise NotFound(f"There is no recording {recording_id}")
    begin = found.start_time + max(found.first_sample, found.kept_from) / found.sampling_rate_hz
    who = f"mrn{found.mrn}" if found.mrn is not None else f"room{found.room}"
    return f"{who}-{datetime.fromtimestamp(begin, zone):%Y%m%d-%H%M%S}.csv"


def rows(store: Store, recording_id: int, zone: tzinfo, start_s: float, end_s: float) -> Iterator[str]:
    """Give the table in pieces of some seconds of signal each; what was not recorded has no rows.

    An event and a mark stand at the first sample from their time on, a breath at its onset; times are the lab's.
    """
    recording = store.recording(recording_id)
    if recording is None:
        raise NotFound(f"There is no recording {recording_id}")
    rate_hz = recording.sampling_rate_hz
    first, stop = max(0, int(np.ceil(start_s * rate_hz))), int(np.floor(end_s * rate_hz)) + 1
    breaths = [onset for _, onset, _, _ in store.breath_columns(recording_id) if start_s <= onset <= end_s]
    events = [
        (e.onset_s, EVENT_NAMES.get(e.kind.value, e.kind.value) + (f" {e.duration_s:.1f} s" if e.duration_s else ""))
        for e in store.events_of(recording_id)
    ]
    marks = [
        (m.onset_s, Mark.of(m, None).text) for m in store.marks_of_recording(recording_id) if m.onset_s is not None
    ]
    notes = [_Notes([(onset, "1") for onset in breaths]), _Notes(events), _Notes(marks)]
    for one in notes:
        one.skip_before(start_s)
    yield ",".join(COLUMNS) + "\r\n"
    for segment in store.segments(recording_id, first):
        if segment.first_sample >= stop:
            return
        yield _table(segment, recording.start_time, rate_hz, stop, zone, notes)


class _Notes:
    """What is said of moments, in order; each is said once."""

    def __init__(self, notes: list[tuple[float, str]]) -> None:
        self._notes = sorted(notes)
        self._at = 0

    def skip_before(self, time_s: float) -> None:
        """Leave out what was before."""
        while self._at < len(self._notes) and self._notes[self._at][0] < time_s:
            self._at += 1

    def until(self, time_s: float) -> str:
        """What is to be said up to a time."""
        said = []
        while self._at < len(self._notes) and self._notes[self._at][0] <= time_s:
            said.append(self._notes[self._at][1])
            self._at += 1
        return "; ".join(said)


def _table(segment: SegmentRow, start_time: float, rate_hz: float, stop: int, zone: tzinfo, notes: list[_Notes]) -> str:
    lines: list[str] = []
    flow = segment.flow_lpm.tolist()
    pressure = segment.airway_pressure_cmh2o
    pressures = [None] * len(flow) if pressure is None else pressure.tolist()
    day, offset, known = "", "", -1
    for at, (one, other) in enumerate(zip(flow, pressures, strict=True)):
        sample = segment.first_sample + at
        if sample >= stop:
            break
        time_s = sample / rate_hz
        second, milli = divmod(round((start_time + time_s) * 1000), 1000)
        if second != known:
            # Once a second: a third of the work of a table was to write the time of each row.
            stamp = datetime.fromtimestamp(second, zone).isoformat()
            day, offset, known = stamp[:19], stamp[19:], second
        said = [_cell(note.until(time_s)) for note in notes]
        lines.append(f"{day}.{milli:03d}{offset},{time_s:.3f},{_number(one)},{_number(other)},{','.join(said)}\r\n")
    return "".join(lines)


def _number(value: float | None) -> str:
    return "" if value is None or value != value else f"{value:.3f}"


def _cell(text: str) -> str:
    """Text as a cell that no spreadsheet takes for a formula."""
    if not text:
        return ""
    safe = f"'{text}" if text.startswith(FORMULA) else text
    return '"' + safe.replace('"', '""') + '"'
