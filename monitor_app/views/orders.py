"""What people order on the pages: a pressure, an admission, a transfer, a discharge, a correction, a mark."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

from monitor_app.ward import Ward, WardError, Whose

LATE_S = 3.0
"""By then the page has said that nobody answers, and somebody may have set the pressure at the device (command.js)."""

MOST_REASON = 500
MOST_ID = 100

Request = dict[str, Any]
Order = Callable[[Ward, int, Request, str], Awaitable[None]]


class OrderRefused(Exception):  # noqa: N818
    """What was asked for cannot be; the message is for the person who asked."""


async def carry_out(ward: Ward, request: Request, *, by: str) -> str | dict[str, Any] | None:
    """Do what a page orders for a room; gives the error in words, an answer, or None where the push itself tells."""
    order, room = ORDERS.get(str(request.get("type"))), request.get("room")
    if order is None or isinstance(room, bool) or not isinstance(room, int):
        return "The server does not know this order: load the page again"
    try:
        await order(ward, room, request, by)
    except (WardError, OrderRefused) as error:
        return str(error)
    return None if order is set_pressure else {}


async def set_pressure(ward: Ward, room: int, request: Request, by: str) -> None:
    """Command a pressure (F20)."""
    _check_punctual(ward, request, "Look at the room before you send it again")
    reason = request.get("reason")
    await ward.command_pressure(
        room,
        request.get("pressure_cmh2o"),
        by=by,
        reason=str(reason)[:MOST_REASON] if reason else None,
        command_id=_id(request),
        whose=_whose(request),
    )


async def _admit(ward: Ward, room: int, request: Request, by: str) -> None:
    """Admit a patient; who runs there unidentified is that patient from then on (F50)."""
    mrn = _whole(request.get("mrn"))
    if mrn is None:
        raise OrderRefused("Missing Patient Medical Record Number")
    await ward.stays.admit(room, mrn, _name(request), _date(ward, request), by=by)


async def _transfer(ward: Ward, room: int, request: Request, by: str) -> None:
    to_room = _whole(request.get("to_room"))
    if to_room is None:
        raise OrderRefused("Missing Room Number")
    await ward.stays.transfer(room, to_room, by=by, whose=_whose(request))


async def _discharge(ward: Ward, room: int, request: Request, by: str) -> None:
    await ward.stays.discharge(room, by=by, whose=_whose(request))


async def _correct(ward: Ward, room: int, request: Request, by: str) -> None:
    mrn, name, born = _whole(request.get("mrn")), _name(request), _date(ward, request)
    await ward.stays.correct(room, mrn=mrn, patient_name=name, date_of_birth=born, by=by, whose=_whose(request))


async def _mark(ward: Ward, room: int, request: Request, by: str) -> None:
    """Mark this moment (F51); one that was held up would mark another."""
    _check_punctual(ward, request, "Mark it again")
    text = request.get("text")
    text = text if isinstance(text, str) else ""
    whose = _whose(request)
    await ward.stays.mark(room, str(request.get("kind")), text, by=by, mark_id=_id(request), whose=whose)


ORDERS: dict[str, Order] = {
    "set_pressure": set_pressure,
    "admit": _admit,
    "transfer": _transfer,
    "discharge": _discharge,
    "correct": _correct,
    "mark": _mark,
}
"""What a page may order, by the name that it says."""


def _check_punctual(ward: Ward, request: Request, remedy: str) -> None:
    asked_at = request.get("asked_at")
    if isinstance(asked_at, bool) or not isinstance(asked_at, int | float):
        raise OrderRefused("It does not say when it was asked for")
    if (late_s := ward.now - asked_at) > LATE_S:
        raise OrderRefused(f"it came {late_s:.0f} s late. {remedy}")


def _whose(request: Request) -> Whose:
    """The patient whom the page showed: an order that was meant for that one must not reach the next."""
    given = request.get("patient_mrn")
    return given if isinstance(given, int) else None


def _id(request: Request) -> str | None:
    given = request.get("request_id")
    return str(given)[:MOST_ID] if given else None


def _whole(given: Any) -> int | None:
    """A number as people type it, `007` is 7; None where nothing was typed. What is none is refused by the ward."""
    if isinstance(given, str):
        words = given.strip()
        if not words:
            return None
        if not (words.isascii() and words.isdigit() and len(words) <= 20):
            raise OrderRefused(f"{words[:30]!r} is no whole number")
        return int(words)
    return given  # type: ignore[no-any-return]


def _name(request: Request) -> str | None:
    given = request.get("patient_name")
    return (given.strip() or None) if isinstance(given, str) else None


def _date(ward: Ward, request: Request) -> date | None:
    given = request.get("date_of_birth")
    if not given:
        return None
    try:
        born = date.fromisoformat(str(given))
    except ValueError:
        raise OrderRefused(f"The date of birth is {str(given)[:20]!r}; it is a day such as 1961-04-30") from None
    if not date(1880, 1, 1) <= born <= date.fromtimestamp(ward.now):
        raise OrderRefused(f"The date of birth is {born}; it lies between 1880-01-01 and today")
    return born
