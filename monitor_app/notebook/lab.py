"""A running server, as an object."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from monitor_app.push import Stream, Take

from .http import Http, LabError
from .link import Line
from .stored import Recordings, StoredRecording, times

if TYPE_CHECKING:
    import pandas

__all__ = ["Lab", "LabError", "connect"]


DEFAULT_URL = "http://127.0.0.1:5006"


def connect(url: str | None = None, token: str | None = None) -> Lab:
    """Reach a running server.

    Parameters
    ----------
    url : str, optional
        As in a browser; by default `MONITOR_URL`, else this computer's own server, http://127.0.0.1:5006.
    token : str, optional
        Bearer token, where the server asks for a sign-in; by default `MONITOR_TOKEN`.

    Raises
    ------
    LabError
        Nobody answers there, or something else does; the message says what to do.
    """
    return Lab(Http(url or os.environ.get("MONITOR_URL") or DEFAULT_URL, token or os.environ.get("MONITOR_TOKEN")))


class Lab:
    """A running server: what its rooms show now, and what it has stored.

    Attributes
    ----------
    url : str
        Its address.
    name : str
        What the lab is called.
    time_zone : str
        IANA name of the zone in which times are given.
    """

    is_recorded = False

    def __init__(self, http: Http) -> None:
        self._http = http
        self.url = self.base = http.url
        site = http.json("/api/v1/site")
        self.name, self.time_zone = str(site["lab_name"]), str(site["time_zone"])

    def __repr__(self) -> str:
        return f"<{self.name} at {self.url}>"

    def open(self, room: int | None, take: Take) -> Stream:
        """Begin to push one room, or all; views call this."""
        return Line(self.url, self._http.headers, room, take)

    def rooms(self) -> pandas.DataFrame:
        """The rooms as they are now, one in a row, by number; for the moving picture there is `Wall(lab)`."""
        import pandas

        found: list[dict[str, Any]] = self._http.json("/api/v1/rooms")
        frame = pandas.DataFrame(found).set_index("room") if found else pandas.DataFrame()
        if found:
            frame["newest_sample_time"] = times(frame["newest_sample_time"], self.time_zone)
            for name in ("mrn", "pressure_cmh2o", "breaths", "apnea_count"):
                frame[name] = frame[name].astype("Int64")
        return frame

    def recordings(self, mrn: int | None = None, *, room: int | None = None) -> Recordings:
        """What is stored, newest first: of a patient, of a room, or all.

        Parameters
        ----------
        mrn : int, optional
            Whose.
        room : int, optional
            From which room.
        """
        found: list[StoredRecording] = []
        before: int | None = None
        while page := self._http.json("/api/v1/recordings", mrn=mrn, room=room, before=before):
            found += [StoredRecording(self._http, self.time_zone, row) for row in page]
            before = found[-1].id
        return Recordings(found)

    def recording(self, recording_id: int) -> StoredRecording:
        """One stored recording, by the id that `recordings` shows."""
        return StoredRecording(self._http, self.time_zone, self._http.json(f"/api/v1/recordings/{int(recording_id)}"))
