"""Recordings that a server keeps, as arrays and tables."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from cpap_core.types import Recording
from monitor_app.push import PlaybackSource

from .http import Http

if TYPE_CHECKING:
    import pandas

SAMPLES_AT_ONCE = 262_144
"""3 h at 25 Hz, and 2 MB."""
BREATHS_AT_ONCE = 10_000
_COLUMNS = ("id", "room", "mrn", "device", "sampling_rate_hz", "start_time", "duration_s", "samples", "ended_at")


class StoredRecording:
    """One recording of a server.

    Attributes
    ----------
    id : int
        Its number on the server.
    stream_id, device : str
        What the device said of itself.
    room : int
        Where it was made.
    mrn : int or None
        Of whom; None while unidentified.
    sampling_rate_hz, start_time : float
        Samples per second; epoch s of sample 0.
    samples : int
        Index after the last one.
    ended_at : float or None
        Epoch s; None while it goes on.
    """

    def __init__(self, http: Http, time_zone: str, row: dict[str, Any]) -> None:
        self._http, self._time_zone = http, time_zone
        self.id = int(row["id"])
        self.stream_id, self.device = str(row["stream_id"]), str(row["device"])
        self.room: int = row["room"]
        self.mrn: int | None = row["mrn"]
        self.sampling_rate_hz = float(row["sampling_rate_hz"])
        self.start_time = float(row["start_time"])
        self.samples = int(row["samples"])
        self.ended_at: float | None = row["ended_at"]

    @property
    def duration_s(self) -> float:
        """How long it is, in s."""
        return self.samples / self.sampling_rate_hz

    def __repr__(self) -> str:
        began = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.start_time))
        return f"<recording {self.id} of room {self.room}: {began}, {self.duration_s:.0f} s, {self.device!r}>"

    def load(self) -> Recording:
        """Bring all samples, as `read_recording` gives those of a file; what is not stored any more is NaN."""
        return self.cut(0.0, self.duration_s)

    def cut(self, start_s: float, end_s: float) -> Recording:
        """Bring a part of it; times in s since sample 0."""
        rate_hz = self.sampling_rate_hz
        first, end = max(0, round(start_s * rate_hz)), min(self.samples, round(end_s * rate_hz))
        blocks = [self._block(at, min(SAMPLES_AT_ONCE, end - at)) for at in range(first, end, SAMPLES_AT_ONCE)]
        values = np.concatenate(blocks) if blocks else np.empty((0, 1), np.float32)
        flow = np.ascontiguousarray(values[:, 0])
        known = np.flatnonzero(np.isfinite(flow))
        litres = np.trapezoid(flow[known], known / rate_hz) / 60 if len(known) else 0.0
        return Recording(
            flow_lpm=flow,
            airway_pressure_cmh2o=np.ascontiguousarray(values[:, 1]) if values.shape[1] > 1 else None,
            sampling_rate_hz=rate_hz,
            start_time=self.start_time + first / rate_hz,
            duration_s=max(0, len(flow) - 1) / rate_hz,
            leakage_l=float(litres),
            name=f"Recording {self.id}",
            has_date=True,
        )

    def to_dataframe(self) -> pandas.DataFrame:
        """All samples by their time, in the lab's time zone."""
        return self.load().to_dataframe(self._time_zone)

    def breaths(self) -> pandas.DataFrame:
        """The breaths that the server found while it was recorded, one in a row; times in s since sample 0."""
        rows: list[dict[str, Any]] = []
        while page := self._http.json(self._path("breaths"), first=len(rows), n=BREATHS_AT_ONCE):
            rows += page
            if len(page) < BREATHS_AT_ONCE:
                break
        return self._table(rows)

    def events(self) -> pandas.DataFrame:
        """The events that the server found, one in a row; one that lasts has no duration yet."""
        return self._table(self._http.json(self._path("events")))

    def as_source(self, *, speed: float | None = None) -> PlaybackSource:
        """Bring it, ready for a view."""
        return PlaybackSource(
            self.load(),
            speed=speed,
            room=self.room,
            mrn=self.mrn,
            time_zone=self._time_zone,
            base=self._http.url,
        )

    def _path(self, part: str) -> str:
        return f"/api/v1/recordings/{self.id}/{part}"

    def _block(self, first: int, n: int) -> np.ndarray:
        body, headers = self._http.get(self._path("samples"), first=first, n=n)
        return np.frombuffer(body, "<f4").astype(np.float32).reshape(n, len(headers["breathwatch-columns"].split(",")))

    def _table(self, rows: list[dict[str, Any]]) -> pandas.DataFrame:
        import pandas

        frame = pandas.DataFrame(rows)
        if rows:
            frame.insert(0, "time", times(self.start_time + frame["onset_s"], self._time_zone))
        return frame


class Recordings(list[StoredRecording]):
    """A list of recordings that a notebook shows as a table."""

    def __init__(self, found: Iterable[StoredRecording] = ()) -> None:
        super().__init__(found)

    def to_dataframe(self) -> pandas.DataFrame:
        """One recording in a row, by id."""
        import pandas

        rows = [{name: getattr(one, name) for name in _COLUMNS} for one in self]
        frame = pandas.DataFrame(rows, columns=list(_COLUMNS)).set_index("id")
        if rows:
            zone = self[0]._time_zone
            frame["start_time"], frame["ended_at"] = times(frame["start_time"], zone), times(frame["ended_at"], zone)
            frame["mrn"] = frame["mrn"].astype("Int64")
        return frame

    def _repr_html_(self) -> str:
        return str(self.to_dataframe()._repr_html_())


def times(epoch_s: Any, time_zone: str) -> Any:
    """Epoch seconds as times of a zone, to the millisecond."""
    import pandas

    milliseconds = (pandas.to_numeric(epoch_s) * 1000).round()
    return pandas.to_datetime(milliseconds, unit="ms", utc=True).dt.tz_convert(time_zone)
