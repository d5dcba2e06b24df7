"""Reading which recordings there are, and their breaths as columns: what a review of stored nights asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from store.connections import Connections


@dataclass(frozen=True, slots=True)
class ListedRecording:
    """A recording with whose it is.

    Attributes
    ----------
    mrn, patient_name : int or None, str or None
        None where nobody was admitted, or the name is unknown.
    start_time : float
        Epoch s of sample 0; the recording begins at `first_sample`, and what is kept at `kept_from`.
    received_at : float or None
        When its newest sample was received, in epoch s; None where none is stored.
    is_open : bool
        Neither its device nor its stay has ended it.
    breath_gaps : int
        Its breath gaps, open ones too.
    """

    recording_id: int
    stay_id: int
    room: int
    mrn: int | None
    patient_name: str | None
    device: str
    start_time: float
    sampling_rate_hz: float
    first_sample: int
    next_sample: int
    stored_samples: int
    kept_from: int
    received_at: float | None
    is_open: bool
    breath_gaps: int


_SELECT = """
SELECT recordings.id, stay_id, room, stays.mrn, patients.name, device, start_time, sampling_rate_hz, first_sample,
    next_sample, stored_samples, kept_from,
    (SELECT received_at FROM segments WHERE recording_id = recordings.id ORDER BY first_sample DESC LIMIT 1),
    recordings.ended_at IS NULL AND stays.ended_at IS NULL,
    (SELECT count(*) FROM events WHERE recording_id = recordings.id AND kind = 'breath_gap')
FROM recordings JOIN stays ON stays.id = stay_id LEFT JOIN patients ON patients.mrn = stays.mrn
"""
_SOME_STORED = "next_sample > max(first_sample, kept_from)"


class Catalogue(Connections):
    """Queries over all recordings of which something is stored."""

    def listed_recording(self, recording_id: int) -> ListedRecording | None:
        """Give a recording with whose it is."""
        found = self._listed("WHERE recordings.id = ?", recording_id)
        return found[0] if found else None

    def list_recordings(self, search: str = "", *, before: int | None = None, most: int = 50) -> list[ListedRecording]:
        """Give recordings, newest first.

        Parameters
        ----------
        search : str
            Part of a name or device, a room, or the beginning of an MRN; empty finds all.
        before : int, optional
            Only recordings with a smaller id, to go on where a list ended.
        most : int
            How many at most.
        """
        like = search.strip().replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        return self._listed(
            rf"WHERE {_SOME_STORED} AND (? IS NULL OR recordings.id < ?) AND (? = '' OR patients.name LIKE ? ESCAPE '\'"
            r" OR device LIKE ? ESCAPE '\' OR stays.mrn LIKE ? ESCAPE '\' OR room = ?)"
            " ORDER BY recordings.id DESC LIMIT ?",
            *(before, before, like, f"%{like}%", f"%{like}%", f"{like}%", search.strip(), most),
        )

    def recordings_of_patient(self, mrn: int, *, most: int = 50) -> list[ListedRecording]:
        """Give a patient's recordings, newest first."""
        rest = f"WHERE {_SOME_STORED} AND stays.mrn = ? ORDER BY recordings.id DESC LIMIT ?"
        return self._listed(rest, mrn, most)

    def recordings_beside(self, stay_id: int, *, most: int = 50) -> list[ListedRecording]:
        """Give a stay's recordings with those of its patient's other stays, newest first."""
        rest = (
            f"WHERE {_SOME_STORED} AND (stay_id = ? OR stays.mrn = (SELECT mrn FROM stays WHERE id = ?))"
            " ORDER BY recordings.id DESC LIMIT ?"
        )
        return self._listed(rest, stay_id, stay_id, most)

    def breath_columns(self, recording_id: int, from_index: int = 0) -> list[tuple[int, float, float, float]]:
        """Give sequence number, onset, peak and inspiratory time, all in s, of the breaths from a number on."""
        return self._query(
            "SELECT breath_index, onset_s, peak_s, inspiratory_time_s FROM breaths"
            " WHERE recording_id = ? AND breath_index >= ? ORDER BY breath_index",
            [recording_id, from_index],
        )

    def samples_received_by(self, recording_id: int, epoch_s: float) -> int | None:
        """Give the sample after the last that was received by then, to within the 10 s of a row; None before any."""
        found = self._query(
            "SELECT first_sample + n_samples FROM segments WHERE recording_id = ? AND received_at <= ?"
            " ORDER BY first_sample DESC LIMIT 1",
            [recording_id, epoch_s],
        )
        return int(found[0][0]) if found else None

    def _listed(self, rest: str, *parameters: Any) -> list[ListedRecording]:
        rows = self._query(f"{_SELECT} {rest}", parameters)
        build: Callable[..., ListedRecording] = ListedRecording
        return [build(*row[:13], bool(row[13]), row[14]) for row in rows]
