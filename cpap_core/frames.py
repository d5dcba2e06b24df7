"""Recordings, breaths and events as pandas tables; pandas is loaded by whoever asks for one, and by nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas

    from cpap_core.types import Breath, Recording, RespiratoryEvent


def samples_frame(recording: Recording, time_zone: str) -> pandas.DataFrame:
    """One sample in a row: `flow_lpm`, and `airway_pressure_cmh2o` where there is one."""
    import pandas

    columns = {"flow_lpm": recording.flow_lpm}
    if recording.airway_pressure_cmh2o is not None:
        columns["airway_pressure_cmh2o"] = recording.airway_pressure_cmh2o
    seconds = np.arange(len(recording.flow_lpm)) / recording.sampling_rate_hz
    return pandas.DataFrame(columns, index=_index(recording, seconds, time_zone))


def found_frame(
    recording: Recording, found: Sequence[Breath] | Sequence[RespiratoryEvent], time_zone: str
) -> pandas.DataFrame:
    """One breath or event in a row, by its onset; the columns are the attributes, in s since the first sample."""
    import pandas

    rows: list[dict[str, Any]] = [asdict(one) for one in found]
    onsets = np.array([one.onset_s for one in found], dtype=np.float64)
    return pandas.DataFrame(rows, index=_index(recording, onsets, time_zone))


def _index(recording: Recording, seconds: np.ndarray[Any, Any], time_zone: str) -> Any:
    """Times of a zone where the recording knows its date, else seconds on the recording's own clock."""
    import pandas

    if not recording.has_date:
        return pandas.Index(recording.start_time + seconds, name="seconds")
    milliseconds = np.round((recording.start_time + seconds) * 1000).astype(np.int64)
    times = pandas.to_datetime(milliseconds, unit="ms", utc=True)
    return times.tz_convert(time_zone).rename("time")
