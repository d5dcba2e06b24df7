"""What a device kept of a patient who left while it was away goes to that patient's recording, not to the next one's.

A device that is heard when its patient leaves goes on in the next stay at its next sample. One that was away then comes
back with minutes or hours that it kept, and most of them were taken before the stay ended.
"""

from __future__ import annotations

import asyncio
import logging

from store import RecordingRow, StayRow, Store

from .disk import on_disk
from .rebuild import rebuild_trace
from .room import Moment, Room
from .trace import Trace

log = logging.getLogger(__name__)

AWAY_S = 5.0
"""A device that was heard so shortly before its stay's end was there."""

BREAK_S = 30.0
"""After such a break its pace is taken anew."""

MOST_LATE = 20
"""So many devices that left again before they had sent what they kept are remembered; others begin again."""

BACKLOG_PACE, JUDGED_AFTER_S, JUDGED_AFTER_FRAMES = 2.0, 10.0, 3
"""What was kept comes faster than it was taken. A stream that does not, after so long, is live: its index stood still
while the device rested, or somebody set a clock, and what it sends was not taken before the stay ended."""


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

    def __init__(self, trace: Trace, stay: StayRow, ends_before: int, number: int) -> None:
        self.trace = trace
        self.stay = stay
        self.ends_before = ends_before
        self.room = Room(number)
        self.is_live = False
        self._heard_at = 0.0
        self.connect()

    def connect(self) -> None:
        """The device is back, and has sent nothing yet."""
        self._since: float | None = None

    def share(self, first_sample: int, n_samples: int, now: Moment) -> int:
        """How many of the samples that have come belong to the stay that has ended."""
        if not self.is_live and self._is_slow(now.monotonic):
            self.is_live = True
            log.warning("Stream %r sends no faster than it measures: it is the next stay's", self.trace.spec.stream_id)
            self.ends_before = min(self.ends_before, self.trace.detected_next)
        return min(n_samples, max(0, self.ends_before - first_sample))

    def _is_slow(self, now: float) -> bool:
        if self._since is None or now - self._heard_at > BREAK_S:
            self._since, self._frames, self._from = now, 0, self.trace.detected_next
        elapsed_s, self._frames, self._heard_at = now - self._since, self._frames + 1, now
        came_s = (self.trace.detected_next - self._from) / self.trace.spec.sampling_rate_hz
        is_slow = came_s < BACKLOG_PACE * elapsed_s
        return is_slow and elapsed_s >= JUDGED_AFTER_S and self._frames > JUDGED_AFTER_FRAMES


class Latecomers:
    """The devices that have come back, and have not sent all of a stay that has ended."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._of: dict[str, Late] = {}

    def find(self, trace: Trace) -> Late | None:
        """What this trace is of, if its stay has ended."""
        late = self._of.get(trace.spec.stream_id)
        return late if late is not None and late.trace is trace else None

    def forget(self, stream_id: str) -> Late | None:
        """The stream goes on in a stay that is there, or has ended."""
        return self._of.pop(stream_id, None)

    async def come(self, stream_id: str, number: int) -> Late | None:
        """What a device that comes to a room may still have of stays that ended while it was away.

        Where none of it can come any more (`Trace.is_over`) the stream goes on in the room's own stay, not before
        `ends_before`.
        """
        late = self._of.get(stream_id) or await self._begin(stream_id, number)
        while late is not None and late.trace.is_over and not late.is_live:
            follows = await self._follow(late, number)
            if follows is None:
                break
            late = follows
        if late is not None:
            self._remember(stream_id, late)
        return late

    async def _begin(self, stream_id: str, number: int) -> Late | None:
        recording = self._store.recording_by_stream(stream_id)
        stay = self._store.stay(recording.stay_id) if recording is not None else None
        if recording is None or stay is None or stay.ended_at is None:
            return None
        ends_before = self._end_of_stay(recording, stay)
        if ends_before <= recording.next_sample and self._store.stay_that_followed(number, stay.id) is None:
            return None
        return Late(await asyncio.to_thread(rebuild_trace, self._store, recording), stay, ends_before, number)

    async def _follow(self, late: Late, number: int) -> Late | None:
        """The next stay that began and ended in this room while the device was away."""
        stay: StayRow | None = late.stay
        recording = self._store.recording(late.trace.recording_id)
        assert recording is not None
        while stay is not None and (stay := self._store.stay_that_followed(number, stay.id)) is not None:
            ends_before = self._end_of_stay(recording, stay)
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
                return Late(await asyncio.to_thread(rebuild_trace, self._store, row), stay, ends_before, number)
        return None

    def _end_of_stay(self, recording: RecordingRow, stay: StayRow) -> int:
        """Index of the first sample that was taken after a stay had ended, by when the stream's samples arrived."""
        received_at, lead_s = self._store.last_received_at(recording.id), self._store.lead_s(recording.stream_id)
        if stay.ended_at is None or lead_s is None:
            return recording.next_sample
        if received_at is not None and 0 <= stay.ended_at - received_at < AWAY_S:
            return recording.next_sample
        return max(recording.next_sample, int((lead_s + stay.ended_at) * recording.sampling_rate_hz))

    def _remember(self, stream_id: str, late: Late) -> None:
        self._of[stream_id] = late
        for superfluous in list(self._of)[:-MOST_LATE]:
            del self._of[superfluous]
