"""What people change of a stay: on the disk first, then in the room, also where the disk was late."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from store import StayRow, Store, StoreBehind, StoreConflict, StoreError

from .changes import Changes
from .disk import on_disk
from .errors import StoreBusy
from .rebuild import know_patient, rebuild_stay
from .room import Room
from .rooms import Rooms
from .stay import MARKS_KEPT, Mark
from .streams import Streams

T = TypeVar("T")
log = logging.getLogger(__name__)

MOST_GIVEN_UP = 500


class Showing:
    """Lets rooms show what the disk has of their stays."""

    def __init__(self, store: Store, rooms: Rooms, streams: Streams, changes: Changes) -> None:
        self._store = store
        self._rooms = rooms
        self._streams = streams
        self._changes = changes
        self._late: set[asyncio.Task[None]] = set()
        self._given_up: OrderedDict[Hashable, Future[Any]] = OrderedDict()

    def leave(self, room: Room, mrn: int | None) -> None:
        """The stay has ended: its recordings are finished, and the room goes."""
        self._streams.finish_stay(room)
        self._rooms.drop(room.number)
        self._changes.tell("stay", room.number, mrn)

    def show(self, row: StayRow) -> None:
        """Let a room show the stay that the disk has: its own with other words, or another one."""
        room = self._rooms.make(row.room)
        if room.stay is None or room.stay.stay_id != row.id:
            self._streams.finish_stay(room)
            room.begin_stay(rebuild_stay(self._store, row))
        else:
            know_patient(self._store, room.stay, row.mrn)
        self._changes.tell("stay", row.room, row.mrn)

    def was_given_up(self, same: Hashable) -> bool:
        """Whether the same was asked for before, by somebody who was told to try again later."""
        return same in self._given_up

    async def write(
        self, queue: Callable[[], Future[T]], refusal: type[Exception], *rooms: int, same: Hashable = None
    ) -> T:
        """Wait until something is on disk that changes these rooms; what comes there later is shown then.

        What must not be written twice says by `same` what it is: after it was given up, asking again waits for it.
        """
        try:
            future = self._given_up.pop(same, None) or queue()
        except StoreBehind as error:
            raise StoreBusy(str(error)) from error
        try:
            return await on_disk(future)
        except StoreConflict as error:
            raise refusal(str(error)) from error
        except StoreBusy:
            if same is not None:
                self._given_up[same] = future
                while len(self._given_up) > MOST_GIVEN_UP:
                    self._given_up.popitem(last=False)
            task = asyncio.get_running_loop().create_task(self._show_late(future, rooms))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
            raise

    async def _show_late(self, future: Future[Any], rooms: Sequence[int]) -> None:
        """Once a write is done that was given up, let its rooms show what the disk has: a restart would, too."""
        try:
            await asyncio.wrap_future(future)
            async with AsyncExitStack() as locks:
                for number in sorted(rooms):
                    await locks.enter_async_context(self._rooms.lock(number))
                rows = {row.room: row for row in self._store.open_stays()}
                # Who has left first: nobody is shown in two rooms.
                for number in sorted(rooms, key=lambda number: number in rows):
                    room, row = self._rooms.get(number), rows.get(number)
                    if row is not None:
                        self.show(row)
                        self._show_marks(row)
                    elif room is not None and room.stay is not None:
                        self.leave(room, room.stay.mrn)
        except StoreError as error:
            log.warning("What was given up is not on disk: %s", error)

    def _show_marks(self, row: StayRow) -> None:
        room = self._rooms.get(row.room)
        if room is None or room.stay is None:
            return
        starts = {trace.recording_id: trace.spec.start_time for trace in room.stay.traces.values()}
        for mark in self._store.marks_of_stay(row.id)[-MARKS_KEPT:]:
            room.stay.note_mark(Mark.of(mark, starts.get(mark.recording_id or 0)))
