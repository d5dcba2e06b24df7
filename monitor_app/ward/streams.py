"""Devices and their recordings: who may send into a room, what is taken, and what is told to whom."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from weakref import WeakValueDictionary

import numpy as np

from cpap_core.types import Samples
from store import Store, StoreBehind, StoreConflict

from . import disk
from .changes import Changes
from .disk import on_disk
from .errors import RoomTaken, StoreBusy, StreamRefused
from .late import Late, Latecomers
from .rebuild import know_patient, rebuild_stay, rebuild_trace, stored_counts
from .recorder import TRY_LATER, Recorder
from .room import Room
from .rooms import Rooms
from .stay import Stay
from .trace import DeviceLink, StreamSpec, Trace

log = logging.getLogger(__name__)

LIVE_S = 5.0
"""A device that was heard within this time holds its room against others."""


class Streams:
    """What devices do in the ward."""

    def __init__(self, store: Store, rooms: Rooms, changes: Changes) -> None:
        self.store = store
        self.rooms = rooms
        self._changes = changes
        self.recorder = Recorder(store)
        self._latecomers = Latecomers(store, self._has_come)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def turn(self, stream_id: str) -> asyncio.Lock:
        """Held by whoever takes a frame in pieces, so that no other of the same stream comes between."""
        return self._turns.setdefault(stream_id, asyncio.Lock())

    def find(self, number: int, spec: StreamSpec) -> tuple[Room, Trace] | None:
        """What is known of a stream in this room, after checking that it may be sent here; changes nothing.

        Raises
        ------
        RoomTaken
            Another device is live there.
        StreamRefused
            The stream_id belongs to another room, or says something else than before.
        """
        room = self.rooms.get(number)
        if room is not None:
            self._refuse_if_taken(room, spec)
        trace = room.stay.traces.get(spec.stream_id) if room is not None and room.stay is not None else None
        if trace is None:
            self._refuse_if_elsewhere(spec, room)
            return None
        assert room is not None
        if (trace.spec.sampling_rate_hz, trace.spec.channels) != (spec.sampling_rate_hz, spec.channels):
            raise StreamRefused(
                f"stream_id {spec.stream_id!r} began with {trace.spec.sampling_rate_hz:g} Hz and channels "
                f"{trace.spec.channels}, now says {spec.sampling_rate_hz:g} Hz and {spec.channels}; "
                "start a new stream_id"
            )
        return room, trace

    async def open(self, number: int, spec: StreamSpec, link: DeviceLink | None) -> tuple[Room, Trace]:
        """Begin or resume a recording in a room; where nobody is, an unidentified stay begins (F50).

        A device that was away when its patient left first goes on in that patient's recording, with a room that nobody
        sees: it is over (`Trace.is_over`) with the first sample that was taken later, and is to be opened again then.

        Raises
        ------
        RoomTaken, StreamRefused
            As `find`.
        StoreBusy
            The disk does not answer.
        """
        async with self.rooms.lock(number):
            known = self.find(number, spec)
            late = None if known is not None else await self._come_late(spec, number)
            if late is not None and not late.trace.is_over:
                if link is not None:
                    _close(late.trace.link, link)
                    late.trace.link = link
                late.trace.is_missing_some = False
                return late.room, late.trace
            room, trace = known if known is not None else await self._begin(number, spec, late)
            if room.trace is not None and room.trace is not trace:
                _close(room.trace.link, link)
                room.trace.link = None
            if link is not None:
                _close(trace.link, link)
                trace.link = link
            # Whatever the queue could not take, this connection goes on from what the disk has.
            trace.is_missing_some = False
            room.take_over(trace)
            room.last_heard_at = self.rooms.moment().monotonic
            return room, trace

    def note_frame(self, trace: Trace, n_samples: int) -> None:
        """A frame of so many samples has come, whichever way it is fed: a device's pace is told by its frames."""
        late = self._latecomers.find(trace)
        if late is not None:
            late.note_frame(n_samples, self.rooms.moment())

    def feed(self, room: Room, trace: Trace, first_sample: int, flow: Samples, pressure: Samples | None) -> int:
        """Take samples: through the detector at once, to the disk by the queue. Gives how many were taken.

        Those that were not belong to the next stay, and this trace is over.

        Raises
        ------
        StreamRefused
            The index is nonsense, the recording has ended, or samples sent again are not those sent before.
        StoreBusy
            Some of a stay that has ended are not even queued: the device must send them again first.
        """
        trace.check_first(first_sample)
        late = self._latecomers.find(trace)
        if late is None:
            self._feed(room, trace, first_sample, flow, pressure)
            return int(flow.shape[0])
        n = late.share(first_sample, flow.shape[0])
        if n > 0:
            self._feed(room, trace, first_sample, flow[:n], None if pressure is None else pressure[:n])
        if n < flow.shape[0]:
            self._close_if_queued(trace)
            trace.is_over = True
        return n

    def _feed(self, room: Room, trace: Trace, first_sample: int, flow: Samples, pressure: Samples | None) -> None:
        if trace.ended and first_sample + flow.shape[0] > trace.detected_next:
            raise StreamRefused("this recording has ended; start a new stream_id")
        if first_sample < trace.detected_next and self._differs(trace, first_sample, flow):
            raise StreamRefused(
                f"sample {first_sample} goes backward: the next is {trace.detected_next}, and what was received there "
                f"is different; start a new stream_id when the counter starts again"
            )
        now = self.rooms.moment()
        room.last_heard_at = now.monotonic
        found = room.feed(trace, first_sample, flow, pressure, now)
        self.recorder.samples(room, trace, first_sample, flow, pressure, now.epoch)
        self.recorder.found(trace, found)

    def _close_if_queued(self, trace: Trace) -> None:
        if trace.queued_next < trace.detected_next:
            raise StoreBusy("the disk is behind: send again what was not acknowledged")
        if not trace.ended:
            self.recorder.found(trace, trace.finish())

    async def end(self, trace: Trace) -> None:
        """The device says that its recording is over.

        Raises
        ------
        StoreBusy
            Some of its samples are not even queued: the device must send them again first.
        """
        if trace.ended:
            return
        self._close_if_queued(trace)
        try:
            await on_disk(self.store.end_recording(trace.recording_id, self.rooms.moment().epoch))
        except StoreBehind as error:
            raise StoreBusy(str(error)) from error
        self._latecomers.forget(trace.spec.stream_id)
        room = next((r for r in self.rooms.all() if r.stay and r.stay.traces.get(trace.spec.stream_id) is trace), None)
        if room is not None and room.stay is not None:
            self._changes.tell("recording", room.number, room.stay.mrn)

    async def stored(self, trace: Trace) -> int:
        """Wait until what was queued is on disk; gives the next sample."""
        try:
            return await asyncio.wait_for(self.recorder.stored(trace), disk.DISK_S)
        except TimeoutError:
            raise StoreBusy("the disk does not answer; send again later") from None

    @staticmethod
    def gone(trace: Trace, link: DeviceLink) -> None:
        """A device's connection is closed."""
        if trace.link is link:
            trace.link = None

    async def _come_late(self, spec: StreamSpec, number: int) -> Late | None:
        try:
            return await self._latecomers.come(spec.stream_id, number)
        except StoreBehind as error:
            raise StoreBusy(str(error)) from error

    def _has_come(self, late: Late) -> None:
        """All that a stay that has ended will ever have is on disk: its patient's other stays count it."""
        mrn = late.stay.mrn
        for room in self.rooms.all() if mrn is not None else ():
            if room.stay is not None and room.stay.mrn == mrn:
                know_patient(self.store, room.stay, mrn)
        self._changes.tell("recording", late.stay.room, mrn)

    async def _begin(self, number: int, spec: StreamSpec, late: Late | None) -> tuple[Room, Trace]:
        channels = [{"name": name, "unit": unit} for name, unit in spec.channels]
        is_new = self.rooms.get(number) is None
        room = self.rooms.make(number)
        try:
            stay = room.stay or await self.begin_stay(room, None)
            recording = await on_disk(
                self.store.begin_recording(
                    stay.stay_id,
                    spec.stream_id,
                    spec.device,
                    spec.sampling_rate_hz,
                    channels,
                    spec.start_time,
                    late.ends_before if late is not None else 0,
                )
            )
        except StoreConflict as error:
            raise StreamRefused(str(error)) from error
        except StoreBehind as error:
            raise StoreBusy(str(error)) from error
        finally:
            if is_new and room.stay is None:
                self.rooms.drop(number)
        trace = Trace(
            recording.id,
            # The clock of a stream that went on from an earlier stay is the one that it began with.
            replace(spec, start_time=recording.start_time),
            self.rooms.next_epoch(),
            first_sample=recording.first_sample,
        )
        if recording.next_sample > recording.first_sample:
            # It rested for so long that its stay forgot it; a day of it takes a while to run again.
            counted = stored_counts(self.store, recording)
            trace = await asyncio.to_thread(rebuild_trace, self.store, recording)
            trace.epoch = self.rooms.next_epoch()
            stay.past = stay.past.plus(counted, -1)
        stay.traces[spec.stream_id] = trace
        self._latecomers.forget(spec.stream_id)
        for resting in stay.superfluous((room.trace, trace), self.rooms.moment().epoch):
            self.recorder.found(resting, resting.finish())
            stay.forget(resting)
        self._changes.tell("recording", number, stay.mrn)
        return room, trace

    def next_sample(self, spec: StreamSpec) -> int:
        """Where a stream goes on that has no recording in this room yet: after what an earlier stay has of it."""
        recording = self.store.recording_by_stream(spec.stream_id)
        return 0 if recording is None else recording.next_sample

    def is_new(self, spec: StreamSpec, trace: Trace | None) -> bool:
        """Whether nothing has come of a stream yet, in this stay or another; its trace is known, or not."""
        if trace is not None:
            return trace.received == 0 and trace.detected_next == 0
        recording = self.store.recording_by_stream(spec.stream_id)
        return recording is None or recording.next_sample == 0

    def finish_stay(self, room: Room) -> None:
        """End the recordings of a room's stay, which has ended; what devices go on to send begins others."""
        for trace in room.stay.traces.values() if room.stay is not None else ():
            if not trace.ended:
                self.recorder.found(trace, trace.finish())
            trace.is_over = True
            if trace.link is not None and trace.queued_next < trace.detected_next:
                trace.link.close(TRY_LATER, "the disk is behind: send again what was not acknowledged")
            if trace.stored_next >= trace.queued_next:
                # Else the device still waits to hear that its last samples are on disk.
                trace.link = None
        room.begin_stay(None)

    async def begin_stay(self, room: Room, mrn: int | None) -> Stay:
        """Begin a stay in a room, or take up one that came to the disk after whoever asked for it had given up."""
        late = next((row for row in self.store.open_stays() if row.room == room.number), None)
        if late is None:
            late = await on_disk(self.store.begin_stay(room.number, mrn, self.rooms.moment().epoch))
        stay = rebuild_stay(self.store, late)
        room.begin_stay(stay)
        return stay

    def _refuse_if_elsewhere(self, spec: StreamSpec, room: Room | None) -> None:
        """A stream may go on in another stay once the one it ran through has ended, unless the device ended it."""
        recording = self.store.recording_by_stream(spec.stream_id)
        if recording is None:
            return
        if recording.ended_at is not None:
            raise StreamRefused(f"stream_id {spec.stream_id!r} has ended long ago; start a new stream_id")
        stay = self.store.stay(recording.stay_id)
        here = room.stay.stay_id if room is not None and room.stay is not None else None
        if stay is not None and stay.ended_at is None and stay.id != here:
            raise StreamRefused(f"stream_id {spec.stream_id!r} belongs to another room; start a new stream_id")
        channels = tuple((channel["name"], channel["unit"]) for channel in recording.channels)
        if (recording.sampling_rate_hz, channels) != (spec.sampling_rate_hz, spec.channels):
            raise StreamRefused(
                f"stream_id {spec.stream_id!r} began with {recording.sampling_rate_hz:g} Hz and channels {channels}, "
                f"now says {spec.sampling_rate_hz:g} Hz and {spec.channels}; start a new stream_id"
            )

    def _refuse_if_taken(self, room: Room, spec: StreamSpec) -> None:
        trace = room.trace
        if trace is None or trace.spec.stream_id == spec.stream_id or trace.ended or room.last_heard_at is None:
            return
        if self.rooms.moment().monotonic - room.last_heard_at < LIVE_S:
            raise RoomTaken(f"another device ({trace.spec.device}) is live in room {room.number}")

    def _differs(self, trace: Trace, first_sample: int, flow: Samples) -> bool:
        """Whether samples that claim to be sent again are others than those received: a counter that started anew."""
        if trace.differs_from_seen(first_sample, flow):
            return True
        n = min(trace.ring.first, trace.stored_next, first_sample + flow.shape[0]) - first_sample
        if n <= 0:
            return False
        stored = self.store.read_samples(trace.recording_id, first_sample, n).flow_lpm
        # What the retention removed, also since the samples were read, cannot be compared: it is acknowledged again.
        recording = self.store.recording(trace.recording_id)
        kept_from = max(recording.kept_from, recording.first_sample) if recording is not None else 0
        gone = min(n, max(0, kept_from - first_sample))
        return not np.array_equal(stored[gone:], flow[gone:n], equal_nan=True)


def _close(old: DeviceLink | None, new: DeviceLink | None) -> None:
    if old is not None and old is not new:
        old.close(4409, "another connection has taken the room")
