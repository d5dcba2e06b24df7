"""Stays: who is in which room, what was measured of them, and what was marked (F33, F50, F51)."""

from __future__ import annotations

import uuid
from contextlib import AsyncExitStack
from datetime import date
from typing import Any

from cpap_core import rules
from store import MarkKind, MeasurementRow, Store

from .changes import Changes
from .commands import check_pressure
from .errors import AdmissionRefused, StayRefused
from .rebuild import know_patient
from .room import Room
from .rooms import Rooms
from .showing import Showing
from .stay import Mark, Stay, Whose
from .streams import Streams

HIGHEST_MRN = (1 << 53) - 1
"""The highest whole number that a browser holds exactly."""

LONGEST_TEXT = 200
"""Characters of a name, or of a mark's text."""


class Stays:
    """What people do with patients; every word is stored before it counts."""

    def __init__(self, store: Store, rooms: Rooms, streams: Streams, changes: Changes) -> None:
        self._store = store
        self._rooms = rooms
        self._changes = changes
        self._showing = Showing(store, rooms, streams, changes)

    async def admit(
        self,
        number: int,
        mrn: int,
        patient_name: str | None = None,
        date_of_birth: date | None = None,
        *,
        by: str = "unknown",
        replaces_mrn: int | None = None,
    ) -> None:
        """Put a patient in a room; an unidentified stay that runs there becomes that patient's.

        Parameters
        ----------
        number, mrn : int
            The room, and whose it is to be.
        patient_name, date_of_birth : optional
            None leaves what is known.
        by : str
            Who admits, for the audit trail.
        replaces_mrn : int, optional
            The patient who is discharged from the room by this, if that patient is still there.

        Raises
        ------
        AdmissionRefused
            The MRN is in another room (F5), or another patient is in this one.
        StoreBusy
            The disk does not answer.
        """
        check_person(number, mrn, patient_name)
        elsewhere = next((r for r in self._rooms.all() if r.number != number and r.stay and r.stay.mrn == mrn), None)
        if elsewhere is not None:
            raise AdmissionRefused(f"MRN {mrn} is already assigned to Room {elsewhere.number}")
        async with self._rooms.lock(number):
            room = self._rooms.get(number)
            stay = room.stay if room is not None else None
            other = stay is not None and stay.mrn not in (None, mrn)
            if stay is not None and other and stay.mrn != replaces_mrn:
                raise AdmissionRefused(f"Room {number} has another patient: discharge MRN {stay.mrn} first")
            row = await self._showing.write(
                lambda: self._store.admit(
                    number,
                    mrn,
                    at=self._now,
                    by=by,
                    name=patient_name,
                    date_of_birth=date_of_birth,
                    replaces=stay.stay_id if stay is not None and other else None,
                ),
                AdmissionRefused,
                number,
            )
            self._showing.show(row)

    async def transfer(self, number: int, to_number: int, *, by: str = "unknown", whose: Whose = "anybody") -> None:
        """Move a room's patient to another room; what was recorded stays with the patient.

        Raises
        ------
        StayRefused
            There is no patient, or another than `whose`, or the other room has one.
        StoreBusy
            The disk does not answer.
        """
        check_room(to_number)
        if number == to_number:
            raise StayRefused(f"The patient is in room {number} already")
        async with AsyncExitStack() as locks:
            # Always the lower room first: two transfers across each other must not wait for each other.
            for each in sorted((number, to_number)):
                await locks.enter_async_context(self._rooms.lock(each))
            room, stay = self._patient_in(number, whose)
            there = self._rooms.get(to_number)
            if there is not None and there.stay is not None and there.stay.mrn is not None:
                raise StayRefused(f"Room {to_number} has another patient: discharge MRN {there.stay.mrn} first")
            if stay.mrn is None:
                raise StayRefused(f"The patient in room {number} is unidentified: admit the patient first")
            row = await self._showing.write(
                lambda: self._store.transfer(stay.stay_id, to_number, at=self._now, by=by),
                StayRefused,
                number,
                to_number,
            )
            self._showing.leave(room, stay.mrn)
            self._showing.show(row)

    async def discharge(self, number: int, *, by: str = "unknown", whose: Whose = "anybody") -> None:
        """End the stay in a room and take its tile from the wall; a device that goes on begins another stay.

        Raises
        ------
        StayRefused
            Nobody is there, or another patient than `whose`.
        StoreBusy
            The disk does not answer.
        """
        async with self._rooms.lock(number):
            room = self._rooms.get(number)
            if room is not None and room.stay is None:
                # One that could not be read back after a restart goes on, on disk alone, and holds its patient there.
                row = next((row for row in self._store.open_stays() if row.room == number), None)
                if row is not None:
                    await self._showing.write(
                        lambda: self._store.discharge(row.id, at=self._now, by=by), StayRefused, number
                    )
                self._showing.leave(room, row.mrn if row is not None else None)
                return
            room, stay = self._patient_in(number, whose)
            await self._showing.write(
                lambda: self._store.discharge(stay.stay_id, at=self._now, by=by), StayRefused, number
            )
            self._showing.leave(room, stay.mrn)

    async def correct(
        self,
        number: int,
        *,
        mrn: int | None = None,
        patient_name: str | None = None,
        date_of_birth: date | None = None,
        by: str = "unknown",
        whose: Whose = "anybody",
    ) -> None:
        """Put a wrong MRN, name or date of birth right; nothing that was recorded is lost.

        Raises
        ------
        StayRefused
            There is no identified patient, or another than `whose`, or the MRN is in another room (F5).
        StoreBusy
            The disk does not answer.
        """
        async with self._rooms.lock(number):
            _room, stay = self._patient_in(number, whose)
            if stay.mrn is None:
                raise StayRefused(f"The patient in room {number} is unidentified: admit the patient instead")
            check_person(number, stay.mrn if mrn is None else mrn, patient_name)
            row = await self._showing.write(
                lambda: self._store.correct(
                    stay.stay_id, at=self._now, by=by, mrn=mrn, name=patient_name, date_of_birth=date_of_birth
                ),
                StayRefused,
                number,
            )
            self._showing.show(row)

    async def measure(
        self,
        number: int,
        *,
        pressure_cmh2o: int,
        respiratory_rate_per_min: float,
        apnea_count: int | None,
        flow_image: bytes | None = None,
        expected_mrn: int | None = None,
    ) -> MeasurementRow:
        """Append a measurement to those of a room's patient (F28, F33).

        Raises
        ------
        CommandRefused
            The pressure is none (F2).
        StayRefused
            Nobody is admitted there, or another patient than expected.
        StoreBusy
            The disk does not answer.
        """
        check_pressure(pressure_cmh2o, max_cmh2o=rules.MAX_COMMAND_CMH2O)
        async with self._rooms.lock(number):
            room, stay = self._patient_in(number)
            if stay.mrn is None or (expected_mrn is not None and stay.mrn != expected_mrn):
                who = "an unidentified patient" if stay.mrn is None else f"MRN {stay.mrn}"
                raise StayRefused(f"Room {number} has {who}: admit the patient first")
            mrn = stay.mrn
            same = (stay.stay_id, pressure_cmh2o, respiratory_rate_per_min, apnea_count, flow_image)
            was_given_up = self._showing.was_given_up(same)
            row = await self._showing.write(
                lambda: self._store.add_measurement(
                    mrn,
                    stay_id=stay.stay_id,
                    received_at=self._now,
                    pressure_cmh2o=pressure_cmh2o,
                    respiratory_rate_per_min=respiratory_rate_per_min,
                    apnea_count=apnea_count,
                    flow_image=flow_image,
                ),
                StayRefused,
                number,
                same=same,
            )
            if was_given_up:
                know_patient(self._store, stay, mrn)
            elif room.stay is stay:
                stay.note_measurement(row)
            self._changes.tell("measurement", number, mrn)
            return row

    async def mark(
        self,
        number: int,
        kind: str,
        text: str = "",
        *,
        by: str = "unknown",
        mark_id: str | None = None,
        whose: Whose = "anybody",
    ) -> dict[str, Any]:
        """Mark this moment in a room: `lights_off`, `lights_on`, `mask_refit`, or `note` with a text (F51).

        Raises
        ------
        StayRefused
            Nobody is there, or another patient than `whose`, the kind is none of these, or the text is missing or
            too long.
        StoreBusy
            The disk does not answer.
        """
        text = text.strip()
        if kind not in set(MarkKind):
            raise StayRefused(f"A mark is one of {', '.join(MarkKind)}; got {str(kind)[:50]!r}")
        if kind == MarkKind.NOTE and not text:
            raise StayRefused("A note needs a text")
        if len(text) > LONGEST_TEXT:
            raise StayRefused(f"The text has {len(text)} characters, at most {LONGEST_TEXT} are kept")
        async with self._rooms.lock(number):
            room, stay = self._patient_in(number, whose)
            trace = room.trace
            row = await self._showing.write(
                lambda: self._store.add_mark(
                    mark_id or uuid.uuid4().hex,
                    stay_id=stay.stay_id,
                    recording_id=trace.recording_id if trace is not None else None,
                    onset_s=round(trace.newest_s, 2) if trace is not None else None,
                    kind=MarkKind(kind),
                    text=text,
                    by=by,
                    at=self._now,
                ),
                StayRefused,
                number,
            )
            mark = Mark.of(row, trace.spec.start_time if trace is not None else None)
            stay.note_mark(mark)
            self._changes.tell("mark", number, stay.mrn)
            return mark.as_dict()

    # ---- inside

    @property
    def _now(self) -> float:
        return self._rooms.moment().epoch

    def _patient_in(self, number: int, whose: Whose = "anybody") -> tuple[Room, Stay]:
        room = self._rooms.get(number)
        if room is None or room.stay is None:
            raise StayRefused(f"Room {number} has no patient: admit one, or connect the device, first")
        room.stay.check_is_of(whose, number)
        return room, room.stay


def check_room(number: int) -> None:
    """Refuse what is no room.

    Raises
    ------
    AdmissionRefused
        It is no integer from 1 to 2147483647.
    """
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number < 1 << 31:
        raise AdmissionRefused(f"The room is {str(number)[:30]!r}; it is a whole number from 1 to 2147483647")


def check_person(number: int, mrn: int, patient_name: str | None) -> None:
    """Refuse a room, an MRN or a name that cannot be.

    Raises
    ------
    AdmissionRefused
        The message says which, and its bound.
    """
    check_room(number)
    if isinstance(mrn, bool) or not isinstance(mrn, int) or not 0 < mrn <= HIGHEST_MRN:
        raise AdmissionRefused(f"The MRN is {str(mrn)[:30]!r}; it is a whole number from 1 to {HIGHEST_MRN}")
    if patient_name is not None and len(patient_name) > LONGEST_TEXT:
        raise AdmissionRefused(f"The name has {len(patient_name)} characters, at most {LONGEST_TEXT} are kept")
