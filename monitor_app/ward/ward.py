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
from typing import Any

import numpy as np

from cpap_core.detector import warm_up
from cpap_core.types import Samples
from store import CommandState, Store

from .commands import KEPT, check_pressure
from .errors import AdmissionRefused, CommandRefused, RoomTaken, StreamRefused
from .rebuild import rebuild_stay
from .recorder import Recorder
from .room import DeviceLink, Room, Stay
from .trace import StreamSpec, Trace

log = logging.getLogger(__name__)

LIVE_S = 5.0
"""A device that was heard within this time holds its room against others."""
REFRESH_S = 0.04
"""Rooms are looked at anew at most this often, however many pages ask."""


class Ward:
    """Live rooms over a store.

    Parameters
    ----------
    store : Store
        Where everything is kept.
    clock : callable
        Gives epoch seconds; the server's clock.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self.store = store
        self.clock = clock
        self.version = 0
        self._rooms: dict[int, Room] = {}
        self._epoch = int(clock())
        self._refreshed = 0.0
        self._locks: dict[int, asyncio.Lock] = {}
        self._recorder = Recorder(store)

    async def start(self) -> None:
        """Warm the detector up and rebuild every open stay from what the disk has (Restart)."""
        warm_up()
        self._recorder.start(asyncio.get_running_loop())
        for row in self.store.open_stays():
            room = self._room(row.room)
            room.begin_stay(rebuild_stay(self.store, row))
            self._attach_traces(room)
            if room.stay is not None and room.stay.traces:
                log.info(
                    "Room %s: stay resumed with %s breaths",
                    row.room,
                    sum(t.breath_count for t in room.stay.traces.values()),
                )

    # ---- what views and the API read

    def rooms(self) -> list[Room]:
        """All rooms, by number."""
        return [self._rooms[number] for number in sorted(self._rooms)]

    def room(self, number: int) -> Room | None:
        """One room, or None where there is no such room yet."""
        return self._rooms.get(number)

    async def summaries(self) -> list[dict[str, Any]]:
        """The rooms as `GET /api/v1/rooms` lists them."""
        now = self.clock()
        return [room.summary(now) for room in self.rooms()]

    def refresh(self) -> float:
        """Bring what pages show up to date, at most every 40 ms; gives the ward's clock."""
        now = self.clock()
        if not 0.0 <= now - self._refreshed < REFRESH_S:
            self._refreshed = now
            self.version += 1
            for room in self._rooms.values():
                room.publish(now, self.version)
        return now

    def refresh_detail(self, room: Room) -> None:
        """Bring what only a room's own page shows up to date."""
        self.version += 1
        room.publish(self.clock(), self.version, detail=True)

    def healthy(self) -> dict[str, Any]:
        """Whether detectors and store work, with reasons (F32)."""
        health = self.store.health()
        faulted = [room.number for room in self.rooms() if room.fault is not None]
        return {"store": health, "faulted_rooms": faulted, "recordings_behind": sorted(self._recorder.behind)}

    # ---- stays

    async def admit(self, number: int, mrn: int, patient_name: str | None = None) -> None:
        """Put a patient in a room; an unidentified stay that runs there becomes that patient's (F5, F50).

        Raises
        ------
        AdmissionRefused
            The MRN is in another room, or another patient is in this one.
        """
        elsewhere = next((r for r in self.rooms() if r.number != number and r.stay and r.stay.mrn == mrn), None)
        if elsewhere is not None:
            raise AdmissionRefused(f"MRN {mrn} is already assigned to Room {elsewhere.number}")
        async with self._lock(number):
            room = self._room(number)
            if room.stay is not None and room.stay.mrn not in (None, mrn):
                raise AdmissionRefused(f"Room {number} has another patient: discharge MRN {room.stay.mrn} first")
            await _done(self.store.upsert_patient(mrn, patient_name))
            if room.stay is None:
                row = await _done(self.store.begin_stay(number, mrn, self.clock()))
                room.begin_stay(rebuild_stay(self.store, row))
            elif room.stay.mrn is None:
                await _done(self.store.identify_stay(room.stay.stay_id, mrn))
                room.stay.mrn = mrn
            assert room.stay is not None
            room.stay.patient_name = patient_name or room.stay.patient_name
            room.stay.earlier_apneas = self.store.apnea_total_of_patient(mrn, exclude_stay_id=room.stay.stay_id)

    # ---- devices

    async def open_stream(self, number: int, spec: StreamSpec, link: DeviceLink | None) -> tuple[Room, Trace]:
        """Begin or resume a device's recording in a room.

        Raises
        ------
        RoomTaken
            Another device is live there.
        StreamRefused
            The stream_id belongs to another room, or says something else than before.
        """
        async with self._lock(number):
            room = self._room(number)
            self._refuse_if_taken(room, spec, link)
            trace = room.stay.traces.get(spec.stream_id) if room.stay else None
            if trace is None:
                trace = await self._begin_recording(room, spec)
            elif _shape(trace.spec) != _shape(spec):
                raise StreamRefused(
                    f"stream_id {spec.stream_id!r} began with {trace.spec.sampling_rate_hz:g} Hz and channels "
                    f"{_names(trace.spec)}, now says "
                    f"{spec.sampling_rate_hz:g} Hz and {_names(spec)}; start a new stream_id"
                )
            if link is not None and room.link is not link:
                if room.link is not None:
                    room.link.close(4409, "replaced by a newer connection")
                room.link = link
            room.trace = trace
            room.last_heard = self.clock()
            return room, trace

    def feed(self, room: Room, trace: Trace, first_sample: int, flow: Samples, pressure: Samples | None) -> None:
        """Take samples: through the detector at once, to the disk by the queue.

        Raises
        ------
        StreamRefused
            The index is nonsense, the recording has ended, or samples sent again are not those sent before.
        """
        trace.check_first(first_sample)
        end = first_sample + flow.shape[0]
        if trace.ended and end > trace.detected_next:
            raise StreamRefused("this recording has ended; start a new stream_id")
        if first_sample < trace.detected_next and self._differs(trace, first_sample, flow):
            raise StreamRefused(
                f"sample {first_sample} goes backward: the next is {trace.detected_next}, and what was received there "
                f"is different; start a new stream_id when the counter starts again"
            )
        now = self.clock()
        room.last_heard = now
        found = room.feed(trace, first_sample, flow, pressure, now)
        self._recorder.samples(room, trace, first_sample, flow, pressure, now)
        self._recorder.found(trace, found)

    async def end_stream(self, room: Room, trace: Trace) -> None:
        """The device says that its recording is over."""
        if not trace.ended:
            self._recorder.found(trace, trace.finish())
            await _done(self.store.end_recording(trace.recording_id, self.clock()))

    async def stored(self, trace: Trace) -> int:
        """Wait until what was queued is on disk; gives the next sample."""
        return await self._recorder.stored(trace)

    def device_gone(self, room: Room, link: DeviceLink) -> None:
        """A device's connection is closed."""
        if room.link is link:
            room.link = None

    def device_problem(self, number: int, message: str) -> None:
        """Let the room say what is wrong with a device that was turned away."""
        self._room(number).problem = message

    # ---- pressure commands

    async def command_pressure(
        self, number: int, pressure: Any, *, by: str, reason: str | None = None, command_id: str | None = None
    ) -> dict[str, Any]:
        """Command a pressure; stored first, then sent to the room's device (F20).

        A command_id that was seen before gives that command again and does nothing (idempotent).
        """
        room = self._rooms.get(number)
        if room is None or room.stay is None:
            raise CommandRefused(f"Room {number} has no patient: admit one, or connect the device, first")
        pressure = check_pressure(pressure, reason=reason)
        command_id = command_id or uuid.uuid4().hex
        stay = room.stay
        async with self._lock(number):
            if stay.commands.find(command_id) is None:
                stay.commands.add(
                    await _done(
                        self.store.add_command(
                            command_id,
                            stay_id=stay.stay_id,
                            room=number,
                            pressure_cmh2o=pressure,
                            previous_cmh2o=stay.commands.set_pressure_cmh2o,
                            commanded_by=by,
                            commanded_at=self.clock(),
                            reason=reason,
                        )
                    )
                )
                self.send_pending(room)
            return next(c for c in stay.commands.as_dicts(KEPT) if c["command_id"] == command_id)

    def send_pending(self, room: Room) -> None:
        """Send the newest command that the device has not answered, if a device is there."""
        command = room.stay.commands.pending if room.stay else None
        if command is None or room.link is None or room.stay is None:
            return
        message = {"type": "set_pressure", "command_id": command.command_id, "pressure_cmh2o": command.pressure_cmh2o}
        if room.link.send(message):
            self._change(room.stay, command.command_id, CommandState.DELIVERED)

    def device_answered(self, room: Room, command_id: str, *, applied: bool, reason: str | None = None) -> None:
        """The device applied or refused a command; an answer to none of ours is ignored."""
        command = room.stay.commands.find(command_id) if room.stay else None
        if command is None or room.stay is None:
            log.warning("Room %s: the device answered an unknown command %s", room.number, command_id)
        elif applied:
            self._change(room.stay, command_id, CommandState.APPLIED)
        else:
            self._change(room.stay, command_id, CommandState.REFUSED, refusal=reason)

    # ---- inside

    def _differs(self, trace: Trace, first_sample: int, flow: Samples) -> bool:
        """Whether samples that claim to be sent again are others than those received: a counter that started anew."""
        if trace.differs_from_seen(first_sample, flow):
            return True
        n = min(trace.ring.first, trace.stored_next, first_sample + flow.shape[0]) - first_sample
        if n <= 0:
            return False
        stored = self.store.read_samples(trace.recording_id, first_sample, n).flow_lpm
        return not np.array_equal(stored, flow[:n], equal_nan=True)

    def _change(self, stay: Stay, command_id: str, state: CommandState, refusal: str | None = None) -> None:
        now = self.clock()
        stay.commands.change(command_id, **{"state": state, f"{state.value}_at": now, "refusal": refusal})
        self._recorder.watch(self.store.update_command(command_id, state, now, refusal))

    def _room(self, number: int) -> Room:
        return self._rooms.setdefault(number, Room(number))

    def _lock(self, number: int) -> asyncio.Lock:
        return self._locks.setdefault(number, asyncio.Lock())

    def _next_epoch(self) -> int:
        self._epoch += 1
        return self._epoch

    def _attach_traces(self, room: Room) -> None:
        """Make the newest recording of a rebuilt stay the room's trace."""
        if room.stay is not None and room.stay.traces:
            for trace in room.stay.traces.values():
                trace.epoch = self._next_epoch()
            room.trace = list(room.stay.traces.values())[-1]
            room.newest_sample_time = room.trace.last_received_at

    def _refuse_if_taken(self, room: Room, spec: StreamSpec, link: DeviceLink | None) -> None:
        other = room.trace is not None and room.trace.spec.stream_id != spec.stream_id and not room.trace.ended
        heard = room.last_heard is not None and self.clock() - room.last_heard < LIVE_S
        same_link = link is not None and room.link is link
        if other and heard and not same_link:
            assert room.trace is not None
            raise RoomTaken(f"another device ({room.trace.spec.device}) is live in room {room.number}")

    async def _begin_recording(self, room: Room, spec: StreamSpec) -> Trace:
        known = self.store.recording_by_stream(spec.stream_id)
        if known is not None:
            raise StreamRefused(
                f"stream_id {spec.stream_id!r} belongs to another room or an earlier stay; start a new stream_id"
            )
        if room.stay is None:
            row = await _done(self.store.begin_stay(room.number, None, self.clock()))
            room.begin_stay(rebuild_stay(self.store, row))
        assert room.stay is not None
        recording = await _done(
            self.store.begin_recording(
                room.stay.stay_id,
                spec.stream_id,
                spec.device,
                spec.sampling_rate_hz,
                [{"name": name, "unit": unit} for name, unit in spec.channels],
                spec.start_time,
            )
        )
        return room.begin_trace(recording.id, spec, self._next_epoch())


def _shape(spec: StreamSpec) -> tuple[float, tuple[tuple[str, str], ...]]:
    return spec.sampling_rate_hz, spec.channels


def _names(spec: StreamSpec) -> str:
    return ", ".join(name for name, _ in spec.channels)


async def _done(future: Any) -> Any:
    return await asyncio.wrap_future(future)
