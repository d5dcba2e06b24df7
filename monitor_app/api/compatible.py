"""The routes of the earlier server, for clients that know no other (F28 to F31); their words are exact."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from monitor_app.ward import AdmissionRefused, CommandRefused, StayRefused, StoreBusy
from store import StoreError

from .all_patients import PART_BYTES, all_patients
from .bounded import PICTURE_BODY_BYTES, SMALL_BODY_BYTES, BoundedHandler
from .compatible_input import InputRefused, PatientUpdate, read_update, whole
from .foreign import foreign
from .operation import Services

BY = "API, existing client"
NO_PATIENT = "Patient not in database"
BAD_VALUE = "Bad value for room number or new value"
SWITCHED_OFF = (
    "Commands by GET are switched off here (MONITOR_COMPAT_GET_COMMANDS is 0). Send the same command as a POST to "
    '/api/v1/rooms/<room>/pressure with {"pressure_cmh2o": 9} and an Idempotency-Key'
)


class CompatibleHandler(BoundedHandler):
    """Answers in JSON, errors too."""

    allowed: tuple[str, ...] = ("GET",)

    def initialize(self, services: Services) -> None:
        """Take what the server is made of."""
        self.services = services
        self.ward = services.ward

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """What the disk or the server cannot do now, as a quoted string and without a traceback."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, StoreBusy | StoreError):
            self.say_error(str(error), 503)
            return
        if status_code == 405:
            self.set_header("Allow", ", ".join(self.allowed))
        self.say_error(self._reason, status_code)

    def say_error(self, words: str, status: int) -> None:
        """Finish with an error."""
        self.say_json(words, status)


class AddPatientHandler(CompatibleHandler):
    """`POST /add_patient`: whatever the body calls itself, it is JSON."""

    most_bytes = PICTURE_BODY_BYTES
    allowed = ("POST",)

    async def post(self) -> None:
        """Check everything, then admit or update, then measure."""
        refusal = foreign(self.services.origins, self.request)
        if refusal is not None:
            self.say_json(refusal, 403)
            return
        if self.is_too_large:
            self.say_json(self.too_large[0].upper() + self.too_large[1:], 413)
            return
        try:
            if len(self.body) > SMALL_BODY_BYTES:
                update = await asyncio.get_running_loop().run_in_executor(None, read_update, self.body)
            else:
                update = read_update(self.body)
            is_new = await self._apply(update)
        except (InputRefused, AdmissionRefused, StayRefused, CommandRefused) as error:
            self.say_json(str(error), 400)
            return
        self.say_json("New patient created" if is_new else "Patient successfully updated")

    async def _apply(self, update: PatientUpdate) -> bool:
        """Bring it into the ward; gives whether this patient was unknown before."""
        is_new = await self.services.records.ask(lambda store: store.patient(update.mrn)) is None
        room = self.ward.room(update.room)
        there = room.stay.mrn if room is not None and room.stay is not None else None
        await self.ward.stays.admit(update.room, update.mrn, update.name, by=BY, replaces_mrn=there)
        if update.pressure_cmh2o is not None and update.respiratory_rate_per_min is not None:
            await self.ward.stays.measure(
                update.room,
                pressure_cmh2o=update.pressure_cmh2o,
                respiratory_rate_per_min=update.respiratory_rate_per_min,
                apnea_count=update.apnea_count,
                flow_image=update.flow_image,
                expected_mrn=update.mrn,
            )
        return is_new


class PressureQueryHandler(CompatibleHandler):
    """`GET /CPAP_query/<room>`: what a room's client is to set; what was commanded is then delivered."""

    async def get(self, room: str) -> None:
        """Give the pressure."""
        number = whole(room)
        if number is None:
            self.say_json("Room number is not an integer", 400)
            return
        if refusal := foreign(self.services.origins, self.request):
            # A page elsewhere could make a command count as delivered.
            self.say_json(refusal, 403)
            return
        try:
            pressure = await self.ward.pressure_for_client(number)
        except StayRefused:
            self.say_json(NO_PATIENT, 400)
            return
        self.say_json(pressure)


class NewPressureHandler(CompatibleHandler):
    """`GET /new_cpap_pressure/<room>/<value>`: plain text, and a change by GET that can be switched off."""

    def say_error(self, words: str, status: int) -> None:
        """Finish with an error in plain text."""
        self.say(words, "text/plain; charset=utf-8", status)

    async def get(self, room: str, value: str) -> None:
        """Command a pressure."""
        refusal = SWITCHED_OFF if not self.services.get_commands else foreign(self.services.origins, self.request)
        if refusal is not None:
            self.say_error(refusal, 403)
            return
        number, pressure = whole(room), whole(value)
        if number is None or pressure is None:
            self.say_error(BAD_VALUE, 400)
            return
        try:
            await self.ward.command_pressure(number, pressure, by=BY, command_id=uuid.uuid4().hex, is_compatible=True)
        except CommandRefused:
            self.say_error(BAD_VALUE, 400)
            return
        self.say(f"Room number {number} CPAP pressure updated to {pressure}", "text/plain; charset=utf-8")


class AllPatientsHandler(CompatibleHandler):
    """`GET /get_all_patients`: each room's patient with all that was measured, written as it is read."""

    async def get(self) -> None:
        """List them; hundreds of patients with pictures are never in memory at once."""
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        unsent = 0
        async for part in all_patients(self.ward, self.services.records, self.services.zone):
            self.write(part)
            unsent += len(part)
            if unsent >= PART_BYTES:
                unsent = 0
                await self.flush()
                # Where the client reads as fast as it is written, nothing else would get its turn.
                await asyncio.sleep(0)
        await self.finish()
