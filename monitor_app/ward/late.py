"""What a device kept of a patient who left while it was away goes to that patient's recording, not to the next one's.

A device that is heard when its patient leaves goes on in the next stay at its next sample. One that was away then comes
back with minutes or hours that it kept, and most of them were taken before the stay ended.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from weakref import WeakValueDictionary

from store import RecordingRow, StayRow, Store

from .disk import on_disk
from .pace import Pace, end_of_stay, taken_before
from .rebuild import rebuild_trace
from .room import Moment, Room
from .trace import Trace

log = logging.getLogger(__name__)

MOST_LATE = 20
"""So many devices that left again before they had sent what they kept are remembered; others begin again.

Never forgotten is one that is connected, or whose samples are on their way to the disk."""


class Late:
    """A recording of a stay that has ended, until its device has sent what belongs to it.

    Attributes
    ----------
    room : Room
        A room of its own, which nobody sees: the real one has another patient, or none.
    ends_before : int
        Index of the first sample that was taken after the stay.
    is_live : bool
        The device turned out to have kept nothing.
    """

    def __init__(self, trace: Trace, stay: StayRow, ends_before: int) -> None:
        self.trace = trace
        self.stay = stay
        self.ends_before = ends_before
        self.room = Room(stay.room)
        self.is_live = False
        self._pace = Pace(trace.spec.sampling_rate_hz)

    def note_frame(self, n_samples: int, now: Moment) -> None:
        """A frame has come; by the pace of its frames it shows whether the device kept anything."""
        if not self.is_live and self._pace.is_slow(n_samples, now.monotonic):
            self.is_live = True
            log.warning("Stream %r sends no faster than it measures: it is the next stay's", self.trace.spec.stream_id)
            self.ends_before = min(self.ends_before, self.trace.detected_next)

    def share(self, first_sample: int, n_samples: int) -> int:
        """How many of the samples that have come belong to the stay that has ended."""
        return min(n_samples, max(0, self.ends_before - first_sample))

    @property
    def is_idle(self) -> bool:
        """Whether nothing of it is under way: all that it has is on disk, and a new one would go on from there."""
        return self.trace.link is None and self.trace.stored_next == self.trace.queued_next


class Latecomers:
    """The devices that have come back, and have not sent all of a stay that has ended.

    Parameters
    ----------
    store : Store
        Where everything is kept.
    has_come : callable
        Is told when all is on disk that a stay which has ended will ever have.
    """

    def __init__(self, store: Store, has_come: Callable[[Late], None]) -> None:
        self._store = store
        self._has_come = has_come
        self._of: dict[str, Late] = {}
        # A stream may be announced in two rooms at once.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def find(self, trace: Trace) -> Late | None:
        """What this trace is of, if its stay has ended."""
        late = self._of.get(trace.spec.stream_id)
        return late if late is not None and late.trace is trace else None

    def forget(self, stream_id: str) -> None:
        """The stream goes on in a stay that is there, or has ended."""
        late = self._of.pop(stream_id, None)
        if late is not None:
            self._has_come(late)

    async def come(self, stream_id: str, number: int) -> Late | None:
        """What a device that comes to a room may still have of stays that ended while it was away.

        Where none of it can come any more (`Trace.is_over`) the stream goes on in the room's own stay, not before
        `ends_before`.
        """
        lock = self._locks.setdefault(stream_id, asyncio.Lock())
        async with lock:
            late = self._of.get(stream_id) or await self._begin(stream_id, number)
            while late is not None and late.trace.is_over and not late.is_live:
                follows = await self._follow(late, number)
                if follows is None:
                    break
                self._has_come(late)
                late = follows
            if late is not None:
                self._remember(stream_id, late)
            return late

    async def _begin(self, stream_id: str, number: int) -> Late | None:
        found = await asyncio.to_thread(self._not_all_of, stream_id, number)
        if found is None:
            return None
        # What came until a moment ago may still be on its way.
        await on_disk(self._store.settled())
        found = await asyncio.to_thread(self._not_all_of, stream_id, number)
        if found is None:
            return None
        recording, stay, ends_before = found
        return Late(await asyncio.to_thread(rebuild_trace, self._store, recording), stay, ends_before)

    def _not_all_of(self, stream_id: str, number: int) -> tuple[RecordingRow, StayRow, int] | None:
        """A stream's newest recording, its stay that has ended, and where it ends, if anything may be missing."""
        recording = self._store.recording_by_stream(stream_id)
        stay = self._store.stay(recording.stay_id) if recording is not None else None
        if recording is None or stay is None or stay.ended_at is None:
            return None
        ends_before = end_of_stay(
            self._store.arrivals(stream_id), recording.next_sample, recording.sampling_rate_hz, stay.ended_at
        )
        if ends_before <= recording.next_sample and self._store.stay_that_followed(number, stay.id) is None:
            return None
        return recording, stay, ends_before

    async def _follow(self, late: Late, number: int) -> Late | None:
        """The next stay that began and ended in this room while the device was away."""
        stay: StayRow | None = late.stay
        recording = self._store.recording(late.trace.recording_id)
        assert recording is not None
        arrivals = await asyncio.to_thread(self._store.arrivals, recording.stream_id)
        while stay is not None and (stay := self._store.stay_that_followed(number, stay.id)) is not None:
            assert stay.ended_at is not None
            ends_before = taken_before(stay.ended_at, arrivals, recording.sampling_rate_hz)
            if ends_before > late.ends_before:
                row = await on_disk(
                    self._store.begin_recording(
                        stay.id,
                        recording.stream_id,
                        recording.device,
                        recording.sampling_rate_hz,
                        recording.channels,
                        recording.start_time,
                        late.ends_before,
                    )
                )
                return Late(await asyncio.to_thread(rebuild_trace, self._store, row), stay, ends_before)
        return None

    def _remember(self, stream_id: str, late: Late) -> None:
        self._of.pop(stream_id, None)
        idle = [stream for stream, other in self._of.items() if other.is_idle]
        self._of[stream_id] = late
        for superfluous in idle[: max(0, len(self._of) - MOST_LATE)]:
            del self._of[superfluous]
