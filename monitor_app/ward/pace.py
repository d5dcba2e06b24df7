"""What a device kept, told from what it measures now: by when its samples were taken, and how fast they come."""

from __future__ import annotations

from collections.abc import Sequence

AWAY_S = 5.0
"""A device that was heard so shortly before its stay's end was there."""

BACKLOG_PACE, JUDGED_AFTER_S, JUDGED_AFTER_FRAMES = 2.0, 10.0, 3
"""What was kept comes faster than it was taken. A stream that does not, after so long, is live: its index stood still
while the device rested, or somebody set a clock, and what it sends was not taken before the stay ended."""

STALL_S = 3.0
"""A longer wait for a frame is the network's, and not the device's pace, unless the frame is as long."""

HEARD_S = 900.0
"""Two clocks are compared over so much time in which the device was heard: they drift apart, and somebody may set one.
What a device had kept comes in an instant, and hours of it are no time in which it was heard."""

ROW_S = 10.0

Arrivals = Sequence[tuple[float, float]]
"""Ends of a stream's stored rows, in s after its sample 0, and when those were received, in epoch s; newest first."""


class Pace:
    """Whether a stream comes no faster than it is taken.

    Parameters
    ----------
    sampling_rate_hz : float
        Of the stream.
    """

    def __init__(self, sampling_rate_hz: float) -> None:
        self._rate = sampling_rate_hz
        self._heard_at: float | None = None
        self._begin()

    def _begin(self) -> None:
        self._frames, self._elapsed_s, self._came_s = 0, 0.0, 0.0
        self._longest = (0.0, 0.0)

    def is_slow(self, n_samples: int, now: float) -> bool:
        """Note a frame that has come, at a time that never steps; True once the stream has proved to be live.

        A connection that broke or stalled is no sign of a live device: the longest wait does not count, and no other
        for more than the frame that came after it, or `STALL_S`.
        """
        frame_s = n_samples / self._rate
        if self._heard_at is not None:
            wait = (min(now - self._heard_at, max(STALL_S, frame_s)), frame_s)
            self._longest = max(self._longest, wait)
            self._frames += 1
            self._elapsed_s += wait[0]
            self._came_s += frame_s
        self._heard_at = now
        elapsed_s, came_s = self._elapsed_s - self._longest[0], self._came_s - self._longest[1]
        if elapsed_s < JUDGED_AFTER_S or self._frames < JUDGED_AFTER_FRAMES:
            return False
        self._begin()
        return came_s < BACKLOG_PACE * elapsed_s


def end_of_stay(arrivals: Arrivals, next_sample: int, sampling_rate_hz: float, ended_at: float) -> int:
    """Index of the first sample of a stream that was taken after a stay had ended.

    Parameters
    ----------
    arrivals : sequence of (float, float)
        What is stored of the stream.
    next_sample : int
        Where it goes on: for a device that was there when the stay ended, that is it.
    sampling_rate_hz : float
        Of the stream.
    ended_at : float
        When the stay ended, in epoch s.
    """
    if not arrivals:
        return next_sample
    ends_before = taken_before(ended_at, arrivals, sampling_rate_hz)
    since_s = ended_at - arrivals[0][1]
    if since_s <= -AWAY_S:
        # It has come back already, and to the last sample what is missing was taken before the end.
        return max(next_sample, ends_before)
    is_missing_s = (ends_before - next_sample) / sampling_rate_hz
    was_there = is_missing_s < AWAY_S or (since_s < AWAY_S and not _is_backlog(arrivals))
    return next_sample if was_there else ends_before


def taken_before(at: float, arrivals: Arrivals, sampling_rate_hz: float) -> int:
    """How many samples of a stream, of which some are stored, were taken before an epoch time."""
    return int((lead_s(arrivals) + at) * sampling_rate_hz) if arrivals else 0


def lead_s(arrivals: Arrivals) -> float:
    """How far a stream's own time (s after sample 0) is ahead of the server's, in s.

    Samples arrive when they are taken or later, so the row that was least late counts.
    """
    lead, heard_s, newer_at = -float("inf"), 0.0, arrivals[0][1]
    for end_s, received_at in arrivals:
        heard_s += min(max(0.0, newer_at - received_at), ROW_S)
        newer_at = received_at
        if heard_s > HEARD_S:
            break
        lead = max(lead, end_s - received_at)
    return lead


def _is_backlog(arrivals: Arrivals) -> bool:
    """Whether the newest rows came faster than they were taken: the device was there, but with more to send."""
    end_s, newest_at = arrivals[0]
    before = next((row for row in arrivals if row[1] <= newest_at - JUDGED_AFTER_S), arrivals[-1])
    return end_s - before[0] >= BACKLOG_PACE * max(ROW_S, min(newest_at - before[1], ROW_S + JUDGED_AFTER_S))
