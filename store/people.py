"""Reading patients, their stays, what was measured and marked, and the trail of changes."""

from __future__ import annotations

from store.connections import Connections
from store.rows import AuditRow, MarkRow, MeasurementHead, MeasurementRow, PatientRow, StayRow, fetch_all, fetch_one


class People(Connections):
    """Queries about patients and stays."""

    def patient(self, mrn: int) -> PatientRow | None:
        """Give a patient."""
        return fetch_one(self._query, PatientRow, "WHERE mrn = ?", mrn)

    def patients(self) -> list[PatientRow]:
        """Give all patients, by MRN."""
        return fetch_all(self._query, PatientRow, "ORDER BY mrn")

    def stay(self, stay_id: int) -> StayRow | None:
        """Give a stay."""
        return fetch_one(self._query, StayRow, "WHERE id = ?", stay_id)

    def open_stays(self) -> list[StayRow]:
        """Give the stays that go on, by room."""
        return fetch_all(self._query, StayRow, "WHERE ended_at IS NULL ORDER BY room")

    def last_stay_of_room(self, room: int) -> StayRow | None:
        """Give the room's open stay, else the one that ended last."""
        rest = "WHERE room = ? ORDER BY ended_at IS NOT NULL, started_at DESC, id DESC"
        return fetch_one(self._query, StayRow, rest, room)

    def stay_that_followed(self, room: int, stay_id: int) -> StayRow | None:
        """Give the stay that came next in a room after another one, here or elsewhere, if it has ended, too."""
        rest = "WHERE room = ? AND id > ? AND ended_at IS NOT NULL ORDER BY id"
        return fetch_one(self._query, StayRow, rest, room, stay_id)

    def stays_of_patient(self, mrn: int) -> list[StayRow]:
        """Give a patient's stays, in order of time."""
        return fetch_all(self._query, StayRow, "WHERE mrn = ? ORDER BY started_at, id", mrn)

    def measurements_of_patient(self, mrn: int) -> list[MeasurementRow]:
        """Give a patient's measurements, in the order they were received."""
        return fetch_all(self._query, MeasurementRow, "WHERE mrn = ? ORDER BY received_at, id", mrn)

    def measurement_heads(
        self, mrn: int, *, before: int | None = None, newest: int | None = None
    ) -> list[MeasurementHead]:
        """Give a patient's measurements without their pictures, in the order they were received.

        With `newest` only so many of the last, with `before` only those of smaller ids.
        """
        rest = "WHERE mrn = ? AND (? IS NULL OR id < ?) ORDER BY id DESC LIMIT ?"
        return fetch_all(self._query, MeasurementHead, rest, mrn, before, before, -1 if newest is None else newest)[
            ::-1
        ]

    def find_patients(self, text: str, *, after: int, most: int) -> list[PatientRow]:
        """Give the patients whose MRN begins with a text or whose name has it, by MRN, from after an MRN on."""
        literal = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        rest = (
            "WHERE mrn > ? AND (name LIKE ? ESCAPE '\\' OR CAST(mrn AS TEXT) LIKE ? ESCAPE '\\' OR ? = '')"
            " ORDER BY mrn LIMIT ?"
        )
        return fetch_all(self._query, PatientRow, rest, after, f"%{literal}%", f"{literal}%", text, most)

    def apnea_total_of_patient(self, mrn: int, exclude_stay_id: int | None = None) -> int:
        """Count a patient's apneas over all data (F23): stored breath gaps, open ones too, and measured counts.

        The breath gaps of `exclude_stay_id` are left out, for a ward that adds its own live count of that stay; what
        clients measured in that stay is not.
        """
        gaps = self._number(
            "SELECT count(*) FROM stays JOIN recordings ON recordings.stay_id = stays.id"
            " JOIN events ON events.recording_id = recordings.id"
            " WHERE stays.mrn = ? AND events.kind = 'breath_gap' AND stays.id IS NOT ?",
            mrn,
            exclude_stay_id,
        )
        return gaps + self._number("SELECT sum(apnea_count) FROM measurements WHERE mrn = ?", mrn)

    def measurement(self, measurement_id: int) -> MeasurementRow | None:
        """Give a measurement."""
        return fetch_one(self._query, MeasurementRow, "WHERE id = ?", measurement_id)

    def latest_measurement(self, mrn: int) -> MeasurementRow | None:
        """Give what was measured last of a patient."""
        return fetch_one(self._query, MeasurementRow, "WHERE mrn = ? ORDER BY received_at DESC, id DESC", mrn)

    def marks_of_stay(self, stay_id: int) -> list[MarkRow]:
        """Give a stay's marks, in the order they were made."""
        return fetch_all(self._query, MarkRow, "WHERE stay_id = ? ORDER BY id", stay_id)

    def marks_of_recording(self, recording_id: int) -> list[MarkRow]:
        """Give a recording's marks, by their time in it."""
        return fetch_all(self._query, MarkRow, "WHERE recording_id = ? ORDER BY onset_s, id", recording_id)

    def audit_trail(
        self, *, mrn: int | None = None, room: int | None = None, before: int | None = None, most: int = 1000
    ) -> list[AuditRow]:
        """Give the newest changes, newest first, of a patient, of a room, or all; with `before` of smaller ids only."""
        rest = (
            "WHERE (? IS NULL OR mrn = ?) AND (? IS NULL OR room = ?) AND (? IS NULL OR id < ?)"
            " ORDER BY id DESC LIMIT ?"
        )
        return fetch_all(self._query, AuditRow, rest, mrn, mrn, room, room, before, before, most)
