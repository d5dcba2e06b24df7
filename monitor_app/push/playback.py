"""Recordings as a source of pushes: played through the ward's own code, and explored from event to event."""

from __future__ import annotations

import asyncio
import logging
from math import isfinite
from typing import Any

from cpap_core.types import Recording
from monitor_app.ward import Playback

from .feed import WINDOW_S, LiveFeed, Site
from .source import Stream, Take, Ticking

log = logging.getLogger(__name__)

HIGHEST_SPEED = 600.0
"""F48: 1 to 600 times real time."""
LONGEST_STEP_S = 1.0
"""Who was held up for longer goes on from where it was, instead of leaping."""


def check_speed(speed: float) -> float:
    """Give a speed that can be played.

    Raises
    ------
    ValueError
        Says which speeds there are.
    """
    if not (isinstance(speed, int | float) and isfinite(speed) and 1 <= speed <= HIGHEST_SPEED):
        raise ValueError(f"speed is {speed!r}; it must lie between 1 and {HIGHEST_SPEED:g} times real time")
    return float(speed)


class PlaybackSource:
    """A recording for a view.

    Parameters
    ----------
    recording : Recording
        What is shown.
    speed : float, optional
        Play it from its beginning, so many times as fast as it was (1 to 600); None shows its first 30 s and waits.
    room, mrn : int, optional
        Where and of whom it was made.
    time_zone : str
        IANA name of the zone in which its times are shown.
    base : str
        Address of the server that it came from, for links.
    interval_ms : int
        Time between two pushes while it plays.
    """

    is_recorded = True

    def __init__(
        self,
        recording: Recording,
        *,
        speed: float | None = None,
        room: int | None = None,
        mrn: int | None = None,
        time_zone: str = "UTC",
        base: str = "",
        interval_ms: int = 200,
    ) -> None:
        if not len(recording.flow_lpm):
            raise ValueError(f"{recording.name or 'The recording'} has no sample to show")
        self.base = base
        self.playback = Playback(recording, room=room or 0, mrn=mrn)
        self.site = Site("Recording", time_zone if recording.has_date else "UTC", open_access=False)
        self.interval_s = interval_ms / 1000
        if speed is None:
            self.playback.seek(WINDOW_S)
        else:
            self.playback.speed = check_speed(speed)
            self.playback.is_playing = True

    def open(self, room: int | None, take: Take) -> Stream:
        """Begin to push, from where the last stream of this recording was."""
        feed = LiveFeed(self.playback, self.site, self.playback.number)
        return _PlaybackStream(self.playback, feed, take, self.interval_s)


class _PlaybackStream:
    """Pushes while the recording plays, and when somebody went elsewhere in it."""

    def __init__(self, playback: Playback, feed: LiveFeed, take: Take, interval_s: float) -> None:
        self._playback, self._feed, self._take = playback, feed, take
        self._is_new = True
        self._played_at = asyncio.get_running_loop().time()
        self._ticking = Ticking(self._tick, interval_s)

    def begin_anew(self) -> None:
        self._is_new = True

    def ask(self, request: dict[str, Any]) -> None:
        """Play, pause, or go elsewhere; what makes no sense is passed over."""
        playback, act, value = self._playback, request.get("act"), request.get("value")
        number = float(value) if isinstance(value, int | float) and isfinite(value) else None
        if act == "play":
            playback.is_playing = playback.position_s < playback.length_s
        elif act == "pause":
            playback.is_playing = False
        elif act == "speed" and number is not None and 1 <= number <= HIGHEST_SPEED:
            playback.speed = number
        elif act == "seek" and number is not None:
            playback.seek(number)
        elif act == "next_event":
            playback.next_event()
        elif act == "previous_event":
            playback.previous_event()
        else:
            log.debug("A view asked for %.80r, which is nothing to do with a recording", request)
        self._played_at = asyncio.get_running_loop().time()
        self._push()

    def close(self) -> None:
        self._ticking.stop()

    def _tick(self) -> None:
        now = asyncio.get_running_loop().time()
        passed, self._played_at = min(now - self._played_at, LONGEST_STEP_S), now
        if self._playback.is_playing:
            self._playback.advance(passed * self._playback.speed)
        elif not self._is_new:
            return
        self._push()

    def _push(self) -> None:
        push = self._feed.snapshot() if self._is_new else self._feed.delta()
        self._is_new = False
        self._take(push)
