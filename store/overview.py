"""Lists for people: patients, and what was recorded of each, without samples or pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from store.people import People

MANY_APNEAS = 2
"""From so many apneas on a record is highlighted (F9, F27)."""

_RECORDINGS = """
SELECT 'recording', r.id, r.start_time,
    (SELECT pressure_cmh2o FROM commands WHERE stay_id = r.stay_id AND state = 'applied'
        ORDER BY applied_at DESC LIMIT 1),
    CASE WHEN r.stored_samples > 0 THEN 60.0 * r.sampling_rate_hz / r.stored_samples * max(r.trimmed_breaths,
        coalesce((SELECT max(breath_index) + 1 FROM breaths WHERE recording_id = r.id), 0)) END,
    (SELECT count(*) FROM events WHERE recording_id = r.id AND kind = 'breath_gap'),
    s.room, 0, (r.next_sample - r.first_sample) / r.sampling_rate_hz,
    r.ended_at IS NULL AND s.ended_at IS NULL, r.device
FROM recordings r JOIN stays s ON s.id = r.stay_id
"""

_MEASUREMENTS = """
SELECT 'measurement', m.id, m.received_at, m.pressure_cmh2o, m.respiratory_rate_per_min, m.apnea_count,
    (SELECT room FROM stays WHERE id = m.stay_id), m.flow_image IS NOT NULL, NULL, 0, NULL
FROM measurements m
"""

_HAS_MANY_APNEAS = f"""
(EXISTS (SELECT 1 FROM measurements WHERE mrn = p.mrn AND apnea_count >= {MANY_APNEAS})
    OR EXISTS (SELECT 1 FROM stays JOIN recordings r ON r.stay_id = stays.id WHERE stays.mrn = p.mrn AND {MANY_APNEAS} =
        (SELECT count(*) FROM (SELECT 1 FROM events WHERE recording_id = r.id AND kind = 'breath_gap'
            LIMIT {MANY_APNEAS}))))
"""

_FOUND = f"""
FROM patients p LEFT JOIN stays s ON s.mrn = p.mrn AND s.ended_at IS NULL
WHERE (? = '' OR p.name LIKE ? ESCAPE '!' OR CAST(p.mrn AS TEXT) LIKE ? ESCAPE '!' OR CAST(s.room AS TEXT) = ?)
    AND (NOT ? OR s.id IS NOT NULL) AND (NOT ? OR {_HAS_MANY_APNEAS})
"""


@dataclass(frozen=True, slots=True)
class PatientEntry:
    """A patient in a list; `room` is None while in none."""

    mrn: int
    name: str | None
    room: int | None


@dataclass(frozen=True, slots=True)
class Search:
    """Which patients are wanted: a part of the name, the first digits of the MRN, or the room."""

    words: str = ""
    in_room: bool = False
    many_apneas: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """A measurement, or a recording of a device, as one line.

    Attributes
    ----------
    kind : str
        `measurement` or `recording`; `id` is of that table.
    at : float
        When it was received, or when sample 0 was taken, in epoch s.
    pressure_cmh2o : int or None
        Of a recording, what the device applied last in its stay.
    duration_s : float or None
        Of a recording.
    runs : bool
        A recording that has not ended, in a stay that goes on.
    """

    kind: str
    id: int
    at: float
    pressure_cmh2o: int | None
    respiratory_rate_per_min: float | None
    apnea_count: int | None
    room: int | None
    has_picture: bool
    duration_s: float | None
    runs: bool
    device: str | None

    def __post_init__(self) -> None:
        """Make words of yes and no of SQL's numbers."""
        object.__setattr__(self, "has_picture", bool(self.has_picture))
        object.__setattr__(self, "runs", bool(self.runs))


class Overview(People):
    """Queries that list."""

    def patients_found(self, search: Search, *, most: int, skip: int = 0) -> list[PatientEntry]:
        """Give patients by room, those in none after them by name."""
        order = "ORDER BY s.room IS NULL, s.room, p.name IS NULL, p.name COLLATE NOCASE, p.mrn LIMIT ? OFFSET ?"
        rows = self._query(f"SELECT p.mrn, p.name, s.room {_FOUND} {order}", [*_parameters(search), most, skip])
        return [PatientEntry(*row) for row in rows]

    def count_patients_found(self, search: Search) -> int:
        """Count the patients of a search."""
        return self._number(f"SELECT count(*) {_FOUND}", *_parameters(search))

    def records_of_patient(self, mrn: int, *, most: int) -> list[Record]:
        """Give what was recorded and measured of a patient, newest first."""
        both = f"{_RECORDINGS} WHERE s.mrn = ? UNION ALL {_MEASUREMENTS} WHERE m.mrn = ?"
        return self._records(f"{both} ORDER BY 3 DESC LIMIT ?", mrn, mrn, most)

    def records_of_stay(self, stay_id: int, *, most: int) -> list[Record]:
        """Give the recordings of a stay whose patient nobody has identified, newest first."""
        return self._records(f"{_RECORDINGS} WHERE s.id = ? ORDER BY 3 DESC LIMIT ?", stay_id, most)

    def _records(self, query: str, *parameters: Any) -> list[Record]:
        rows = self._query(query, parameters)
        return [Record(*row) for row in rows]


def _parameters(search: Search) -> Sequence[Any]:
    words = search.words.strip()
    plain = words.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return [words, f"%{plain}%", f"{plain}%", words, search.in_room, search.many_apneas]
