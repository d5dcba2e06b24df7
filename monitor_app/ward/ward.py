"""The ward: all rooms of the lab, independent of any browser.

Views and the API speak only to this interface. Commands are coroutines and everything carries plain data, so that a
later ward may run on another machine.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from cpap_core import rules
from cpap_core.detector import warm_up
from store import CommandRow, CommandState, Store, StoreBehind, StoreError

from .changes import Changes
from .commands import PENDING, check_pressure, plain
from .disk import on_disk
from .errors import CommandRefused, StayRefused, StoreBusy
from .rebuild import rebuild_stay
from .room import Room
from .rooms import Rooms
from .stay import Stay, Whose
from .stays import Stays
from .streams import Streams

log = logging.getLogger(__name__)

REFRESH_S = 0.04
"""Rooms are looked at anew at most this often, however many pages ask."""


NOT_SENT = "the disk was late, so it was not sent: command it again"


class Ward:
    """Live rooms over a store.

    Parameters
    ----------
    store : Store
        Where everything is kept.
    clock, monotonic : callable
        Give epoch seconds, and seconds that never step.

    Attributes
    ----------
    streams : Streams
        What devices do.
    stays : Stays
        What people do with patients.
    changes : Changes
        Tells of whatever happens in a room.
    version : int
        Grows with each look at the rooms; what a page shows is marked with the version it changed in.
    """

    def __init__(
        self, store: Store, *, clock: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.store = store
        self.version = 0
        self.changes = Changes()
        self._rooms = Rooms(clock, monotonic)
        self.streams = Streams(store, self._rooms, self.changes)
        self.stays = Stays(store, self._rooms, self.streams, self.changes)
        self._refreshed: float | None = None
        self._late: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Warm the detector up and rebuild every open stay from what the disk has (Restart)."""
        warm_up()
        self.streams.recorder.start()
        for row in self.store.open_stays():
            room = self._rooms.make(row.room)
            try:
                room.begin_stay(rebuild_stay(self.store, row))
            except Exception:
                log.exception("Room %s: its stay could not be rebuilt; the other rooms go on", row.room)
                room.problem = "This stay could not be read back after the restart; see the server's log"
                continue
            self._attach_newest_trace(room)

    # ---- what views and the API read

    @property
    def now(self) -> float:
        """The ward's clock, epoch s."""
        return self._rooms.moment().epoch

    def rooms(self) -> list[Room]:
        """All rooms, by number."""
        return self._rooms.all()

    def room(self, number: int) -> Room | None:
        """One room, or None where there is no such room yet."""
        return self._rooms.get(number)

    async def summaries(self) -> list[dict[str, Any]]:
        """The rooms as `GET /api/v1/rooms` lists them."""
        now = self._rooms.moment()
        return [room.summary(now) for room in self.rooms()]

    def summary(self, room: Room) -> dict[str, Any]:
        """One room as `summaries` lists it."""
        return room.summary(self._rooms.moment())

    def refresh(self) -> float:
        """Bring what pages show up to date, at most every 40 ms; gives the ward's clock."""
        now = self._rooms.moment()
        if self._refreshed is None or now.monotonic - self._refreshed >= REFRESH_S:
            self._refreshed = now.monotonic
            self.version += 1
            for room in self.rooms():
                room.publish(now, self.version)
        return now.epoch

    def refresh_detail(self, room: Room) -> None:
        """Bring what only a room's own page shows up to date."""
        self.version += 1
        room.publish(self._rooms.moment(), self.version, detail=True)

    def healthy(self) -> dict[str, Any]:
        """Whether detectors and store work, with reasons (F32)."""
        return {
            "store": self.store.health(),
            "faulted_rooms": [room.number for room in self.rooms() if room.fault is not None],
            "rooms_behind": [room.number for room in self.rooms() if room.trace and room.trace.is_missing_some],
        }

    def say_problem(self, number: int, message: str) -> None:
        """Let a room say what is wrong with a device that was turned away."""
        self._rooms.say_problem(number, message)

    # ---- pressure commands

    async def command_pressure(
        self,
        number: int,
        pressure: Any,
        *,
        by: str,
        reason: str | None = None,
        command_id: str | None = None,
        is_compatible: bool = False,
        whose: Whose = "anybody",
    ) -> dict[str, Any]:
        """Command a pressure; stored first, then sent to the room's device (F20).

        A command_id that was seen before gives that command again and does nothing (idempotent). Only an existing
        client's (`is_compatible`) needs no reason above the maximum of the patient's age.

        Raises
        ------
        CommandRefused
            Nobody is in the room, the pressure may not be commanded, or the command_id was another command's.
        StayRefused
            Another patient than `whose` is there.
        StoreBusy
            The disk does not answer; with the same command_id it may be asked for again. Once it is on disk after all,
            it is refused and never sent.
        """
        pressure = check_pressure(pressure, max_cmh2o=rules.MAX_COMMAND_CMH2O)
        command_id = command_id or uuid.uuid4().hex
        async with self._rooms.lock(number):
            room = self._rooms.get(number)
            if room is None or room.stay is None:
                raise CommandRefused(f"Room {number} has no patient: admit one, or connect the device, first")
            stay = room.stay
            known = stay.commands.find(command_id) or self.store.command(command_id)
            if known is not None:
                if (known.stay_id, known.pressure_cmh2o) != (stay.stay_id, pressure):
                    raise CommandRefused(f"command {command_id!r} was given before, with another room or pressure")
                return self._as_shown(stay, known)
            stay.check_is_of(whose, number)
            highest = rules.MAX_COMMAND_CMH2O if is_compatible else stay.max_cpap_cmh2o(self.now)
            check_pressure(pressure, reason=reason, max_cmh2o=highest)
            try:
                future = self.store.add_command(
                    command_id,
                    stay_id=stay.stay_id,
                    room=number,
                    pressure_cmh2o=pressure,
                    previous_cmh2o=stay.commands.set_pressure_cmh2o,
                    commanded_by=by,
                    commanded_at=self._rooms.moment().epoch,
                    reason=reason,
                )
            except StoreBehind as error:
                raise StoreBusy(str(error)) from error
            try:
                stored = await on_disk(future)
            except StoreBusy:
                task = asyncio.get_running_loop().create_task(self._refuse_late(number, stay, future))
                self._late.add(task)
                task.add_done_callback(self._late.discard)
                raise
            stay.commands.add(stored)
            self.send_pending(room)
            self.changes.tell("command", number, stay.mrn)
            return self._as_shown(stay, stay.commands.find(command_id) or stored)

    def send_pending(self, room: Room) -> None:
        """Send the newest command that the device has not answered, if a device is there."""
        command = room.stay.commands.pending if room.stay else None
        link = room.trace.link if room.trace else None
        if command is None or link is None or room.stay is None:
            return
        message = {"type": "set_pressure", "command_id": command.command_id, "pressure_cmh2o": command.pressure_cmh2o}
        if link.send(message):
            self._change(room, command.command_id, CommandState.DELIVERED)

    async def pressure_for_client(self, number: int) -> int | None:
        """What a client that asks for its room's pressure gets; what was commanded is then delivered (F20, F29).

        Raises
        ------
        StayRefused
            There is no patient in the room.
        """
        room = self._rooms.get(number)
        stay = room.stay if room is not None else None
        if room is None or stay is None or (stay.mrn is None and stay.commands.latest_cmh2o is None):
            raise StayRefused("Patient not in database")
        command = stay.commands.pending
        if command is not None and command.state is CommandState.COMMANDED:
            self._change(room, command.command_id, CommandState.DELIVERED)
        if stay.commands.latest_cmh2o is not None:
            return stay.commands.latest_cmh2o
        return stay.measured.pressure_cmh2o if stay.measured is not None else None

    def device_answered(
        self, room: Room, command_id: str, *, applied_cmh2o: Any = None, refusal: str | None = None
    ) -> None:
        """The device applied or refused a command; only the first answer to a command of this stay counts."""
        command = room.stay.commands.find(command_id) if room.stay else None
        if command is None and self._answers_for_one_who_left(room, command_id, applied_cmh2o, refusal):
            return
        if command is None or room.stay is None or command.state not in PENDING:
            log.warning("Room %s: the device answered %.80r, which waits for no answer", room.number, command_id)
        elif refusal is not None:
            self._change(room, command_id, CommandState.REFUSED, _printable(refusal))
        elif applied_cmh2o == command.pressure_cmh2o:
            self._change(room, command_id, CommandState.APPLIED)
        else:
            refusal = f"the device says that it applied {_printable(str(applied_cmh2o)[:20])} cmH2O instead"
            self._change(room, command_id, CommandState.REFUSED, refusal)

    # ---- inside

    def _answers_for_one_who_left(self, room: Room, command_id: str, applied: Any, refusal: str | None) -> bool:
        """Note the answer to a command whose patient has left meanwhile: what the device did is part of that stay."""
        command = self.store.command(command_id)
        if command is None or command.room != room.number or command.state not in PENDING:
            return False
        is_done = refusal is None and applied == command.pressure_cmh2o
        state = CommandState.APPLIED if is_done else CommandState.REFUSED
        said = None if is_done else _printable(refusal or f"the device says that it applied {str(applied)[:20]} cmH2O")
        log.warning("Room %s: the device answered %s to a command for a patient who has left", room.number, state.value)
        try:
            now = self._rooms.moment().epoch
            self.streams.recorder.watch(self.store.update_command(command_id, state, now, said))
        except StoreBehind as error:
            log.error("Command %s is %s, which is not on disk: %s", command_id, state.value, error)
        return True

    async def _refuse_late(self, number: int, stay: Stay, future: Future[CommandRow]) -> None:
        """A command that came to the disk when whoever gave it had been told otherwise is never sent.

        By then somebody may have set the pressure at the device; without this a restart would send it hours later.
        """
        try:
            stored = await asyncio.wrap_future(future)
        except StoreError as error:
            log.warning("Room %s: a command that was given up is not on disk: %s", number, error)
            return
        async with self._rooms.lock(number):
            if stay.commands.find(stored.command_id) is not None:
                return
            refused_at = self._rooms.moment().epoch
            late = replace(stored, state=CommandState.REFUSED, refused_at=refused_at, refusal=NOT_SENT)
            stay.commands.add(late)
            try:
                self.streams.recorder.watch(
                    self.store.update_command(late.command_id, late.state, refused_at, NOT_SENT)
                )
            except StoreBehind as error:
                log.error("Command %s is not sent, which is not on disk: %s", late.command_id, error)
            self.changes.tell("command", number, stay.mrn)

    def _as_shown(self, stay: Stay, command: CommandRow) -> dict[str, Any]:
        newest = stay.commands.newest[0] if stay.commands.newest else command
        return plain(command, superseded=newest.command_id != command.command_id)

    def _change(self, room: Room, command_id: str, state: CommandState, refusal: str | None = None) -> None:
        now = self._rooms.moment().epoch
        assert room.stay is not None
        room.stay.commands.change(command_id, **{"state": state, f"{state.value}_at": now, "refusal": refusal})
        try:
            self.streams.recorder.watch(self.store.update_command(command_id, state, now, refusal))
        except StoreBehind as error:
            log.error("Command %s is %s, which is not on disk: %s", command_id, state.value, error)
        self.changes.tell("command", room.number, room.stay.mrn)

    def _attach_newest_trace(self, room: Room) -> None:
        """Make the recording that was heard last the room's trace."""
        traces = list(room.stay.traces.values()) if room.stay else []
        if not traces:
            return
        newest = max(traces, key=lambda trace: trace.last_received_at or 0.0)
        for trace in traces:
            trace.epoch = self._rooms.next_epoch()
            if trace is not newest:
                trace.rest()
        room.take_over(newest)
        room.newest_sample_time = room.trace.last_received_at if room.trace else None
        breaths = sum(trace.breath_count for trace in traces) + (room.stay.past.breaths if room.stay else 0)
        log.info("Room %s: stay resumed with %s breaths", room.number, breaths)


def _printable(text: str) -> str:
    """A device's words without half characters, which neither the disk nor an answer in JSON can hold."""
    return "".join(character if character.isprintable() else " " for character in text)
