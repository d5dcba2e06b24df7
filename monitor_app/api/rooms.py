"""Operations on rooms: who is there, what is commanded, measured and marked."""

from __future__ import annotations

import asyncio
from typing import Any

from monitor_app.ward import Room

from . import answers, models
from .bounded import PICTURE_BODY_BYTES
from .operation import BY, Call, Operation
from .patients import as_measurement
from .pictures import NoPictureError, decode
from .problems import Problem, invalid

COMMANDS_SHOWN = 20


async def list_rooms(call: Call) -> list[dict[str, Any]]:
    """The rooms, by number."""
    return await call.ward.summaries()


async def show_room(call: Call) -> dict[str, Any]:
    """One room."""
    return _detail(call, call.given.room)


async def command_pressure(call: Call) -> dict[str, Any]:
    """Command a pressure; the same key again gives the same command and does nothing."""
    body: models.PressureCommand = call.body
    return await call.ward.command_pressure(
        call.given.room, body.pressure_cmh2o, by=BY, reason=body.reason, command_id=call.key, whose=body.whose
    )


async def admit(call: Call) -> dict[str, Any]:
    """Put a patient in a room."""
    body: models.Admission = call.body
    await call.ward.stays.admit(
        call.given.room, body.mrn, body.patient_name, body.date_of_birth, by=BY, replaces_mrn=body.replaces_mrn
    )
    return _detail(call, call.given.room)


async def transfer(call: Call) -> dict[str, Any]:
    """Move a patient to another room."""
    await call.ward.stays.transfer(call.given.room, call.body.to_room, by=BY, whose=call.body.whose)
    return _detail(call, call.body.to_room)


async def discharge(call: Call) -> None:
    """End a stay."""
    await call.ward.stays.discharge(call.given.room, by=BY, whose=call.body.whose)


async def correct(call: Call) -> dict[str, Any]:
    """Put a patient's MRN, name or date of birth right."""
    body: models.Correction = call.body
    await call.ward.stays.correct(
        call.given.room, mrn=body.mrn, patient_name=body.patient_name, date_of_birth=body.date_of_birth, by=BY
    )
    return _detail(call, call.given.room)


async def measure(call: Call) -> dict[str, Any]:
    """Append a measurement."""
    body: models.NewMeasurement = call.body
    row = await call.ward.stays.measure(
        call.given.room,
        pressure_cmh2o=body.pressure_cmh2o,
        respiratory_rate_per_min=body.respiratory_rate_per_min,
        apnea_count=body.apnea_count,
        flow_image=await _picture(body.flow_image) if body.flow_image else None,
        expected_mrn=body.mrn,
    )
    return as_measurement(row)


async def mark(call: Call) -> dict[str, Any]:
    """Mark this moment."""
    body: models.NewMark = call.body
    return await call.ward.stays.mark(call.given.room, body.kind, body.text, by=BY, mark_id=call.key, whose=body.whose)


async def marks(call: Call) -> list[dict[str, Any]]:
    """The newest marks of the stay in a room."""
    room = _known(call, call.given.room)
    return [each.as_dict() for each in room.stay.marks] if room.stay is not None else []


async def _picture(text: str) -> bytes:
    try:
        return await asyncio.get_running_loop().run_in_executor(None, decode, text)
    except NoPictureError as error:
        detail = f"flow_image is no PNG or JPEG in base64: {error}"
        raise invalid([{"in": "body", "pointer": "#/flow_image", "detail": detail}]) from None


def _known(call: Call, number: int) -> Room:
    room = call.ward.room(number)
    if room is None:
        raise Problem(404, f"There is no room {number} now: GET /api/v1/rooms lists those there are")
    return room


def _detail(call: Call, number: int) -> dict[str, Any]:
    room = _known(call, number)
    stay = room.stay
    return {
        **call.ward.summary(room),
        "stay_id": stay.stay_id if stay else None,
        "stay_started": stay.started_at if stay else None,
        "date_of_birth": stay.date_of_birth if stay else None,
        "device": room.trace.spec.device if room.trace else None,
        "max_pressure_cmh2o": stay.max_cpap_cmh2o(call.ward.now) if stay else None,
        "commands": stay.commands.as_dicts(COMMANDS_SHOWN) if stay else [],
        "measurement": as_measurement(stay.measured) if stay and stay.measured else None,
        "marks": [each.as_dict() for each in stay.marks] if stay else [],
    }


_ONE = "/api/v1/rooms/{room}"
OPERATIONS = (
    Operation(
        method="GET",
        path="/api/v1/rooms",
        summary="List the rooms with a patient, a device, or a word of a device that was turned away",
        tag="rooms",
        run=list_rooms,
        answer=list[answers.RoomSummary],
    ),
    Operation(
        method="GET",
        path=_ONE,
        summary="One room: who is there, the newest commands, measurement and marks",
        tag="rooms",
        run=show_room,
        given=models.AtRoom,
        answer=answers.RoomDetail,
        problems=(404,),
    ),
    Operation(
        method="POST",
        path=_ONE + "/pressure",
        summary="Command a pressure for the patient in a room",
        tag="rooms",
        run=command_pressure,
        given=models.AtRoom,
        body=models.PressureCommand,
        answer=answers.Command,
        status=202,
        problems=(409,),
        is_once=False,
    ),
    Operation(
        method="POST",
        path=_ONE + "/admission",
        summary="Admit a patient to a room; an unidentified patient there becomes this one",
        tag="stays",
        run=admit,
        given=models.AtRoom,
        body=models.Admission,
        answer=answers.RoomDetail,
        problems=(409,),
    ),
    Operation(
        method="POST",
        path=_ONE + "/transfer",
        summary="Move the patient to another room",
        tag="stays",
        run=transfer,
        given=models.AtRoom,
        body=models.Transfer,
        answer=answers.RoomDetail,
        problems=(409,),
    ),
    Operation(
        method="POST",
        path=_ONE + "/discharge",
        summary="Discharge the patient; the room goes from the wall, what was recorded stays",
        tag="stays",
        run=discharge,
        given=models.AtRoom,
        body=models.Discharge,
        body_required=False,
        status=204,
        problems=(409,),
    ),
    Operation(
        method="PATCH",
        path=_ONE + "/patient",
        summary="Put a wrong MRN, name or date of birth right",
        tag="stays",
        run=correct,
        given=models.AtRoom,
        body=models.Correction,
        answer=answers.RoomDetail,
        problems=(409,),
    ),
    Operation(
        method="POST",
        path=_ONE + "/measurements",
        summary="Append a measurement to those of the patient",
        tag="stays",
        run=measure,
        given=models.AtRoom,
        body=models.NewMeasurement,
        answer=answers.Measurement,
        status=201,
        problems=(409,),
        most_bytes=PICTURE_BODY_BYTES,
    ),
    Operation(
        method="POST",
        path=_ONE + "/marks",
        summary="Mark this moment",
        tag="stays",
        run=mark,
        given=models.AtRoom,
        body=models.NewMark,
        answer=answers.Mark,
        status=201,
        problems=(409,),
    ),
    Operation(
        method="GET",
        path=_ONE + "/marks",
        summary="The newest 200 marks of the stay, in the order they were made",
        tag="stays",
        run=marks,
        given=models.AtRoom,
        answer=list[answers.Mark],
        problems=(404,),
    ),
)
