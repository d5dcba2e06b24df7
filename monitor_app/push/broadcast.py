"""The fast way to push: what is new is encoded once for each view, and the same bytes go to every browser in step."""

from __future__ import annotations

from bokeh.server.connection import ServerConnection
from tornado.iostream import StreamClosedError

from monitor_app.ward import Ward

from . import wire
from .feed import LiveFeed, Site
from .session import SOURCE_NAME

STUCK_S = 20.0
"""A browser that has read nothing for so long is dropped; one that still lives comes back by itself.

Shorter than the window of a snapshot, so that one that catches up has no hole.
"""


def source_id(room: int | None) -> str:
    """The id of a view's source, the same in every document."""
    return SOURCE_NAME if room is None else f"{SOURCE_NAME}-room-{room}"


class Member:
    """A browser in a broadcast; it is in step, or it gets one snapshot when it can take it."""

    def __init__(self, connection: ServerConnection) -> None:
        self.wire = wire.Wire(connection)
        self.in_step = False
        self.behind_since: float | None = None


class Broadcast:
    """All browsers that look at the same view: the wall, or one room.

    Attributes
    ----------
    catch_ups, dropped : int
        Browsers that lagged and got one snapshot; that were dropped since they read nothing.
    sample_age_s : float or None
        Age of the newest sample of the last push when it was encoded; None where it had none.
    late_s : float
        By how much the last push came later than the interval after the one before it.
    """

    def __init__(self, ward: Ward, site: Site, room: int | None, *, interval_s: float) -> None:
        self.ward, self.site, self.room = ward, site, room
        self.members: dict[ServerConnection, Member] = {}
        self.catch_ups = 0
        self.dropped = 0
        self.sample_age_s: float | None = None
        self.late_s = 0.0
        self._interval_s = interval_s
        self._pushed_at = self._samples_at = -interval_s
        self._feed = LiveFeed(ward, site, room)
        self._joiners_snapshot: bytes | None = None

    def join(self, connection: ServerConnection) -> None:
        """Let a browser take part: it gets a snapshot at once, or at the next tick where there was none yet.

        One that takes part already has begun anew, and what it got before it may have missed.
        """
        try:
            member = self.members[connection] = Member(connection)
        except (StreamClosedError, OSError):
            self.members.pop(connection, None)
            return
        if self._feed.pulse:
            member.in_step = member.wire.send(self._snapshot())

    def begin_anew(self) -> None:
        """After a push that failed half-way nobody knows who has what: everybody gets a snapshot with the next one."""
        for member in self.members.values():
            member.in_step = False

    def is_due(self, now: float, slack_s: float) -> bool:
        """Whether to push: at every interval, and sooner where samples came, but those no more often than that.

        A device's frames and a page's pushes have the same rhythm, so that by intervals alone each sample of a room
        would wait for up to one.
        """
        if now - self._pushed_at >= self._interval_s - slack_s:
            return True
        return now - self._samples_at >= self._interval_s - slack_s and self._feed.has_samples()

    def tick(self, now: float) -> None:
        """Send what is new to all in step, and one snapshot to those who are not; `now` never steps, in s."""
        self.late_s = max(0.0, now - self._pushed_at - self._interval_s) if self._pushed_at > 0 else 0.0
        self._pushed_at = now
        push = self._feed.delta()
        delta = wire.message(source_id(self.room), push, self._feed.pulse)
        self._joiners_snapshot = None
        newest = push["newest_sample_time"][0]
        self.sample_age_s = None if newest is None else push["server_time"][0] - newest
        # Also where a room's samples cannot be shown: they would make a push due at every step.
        if newest is not None or self._feed.has_samples():
            self._samples_at = now
        behind = [c for c, member in self.members.items() if not (member.in_step and member.wire.send(delta))]
        for connection in behind:
            member = self.members[connection]
            if not member.wire.is_open:
                del self.members[connection]
                continue
            self.catch_ups += member.in_step
            member.in_step = member.wire.is_clear and member.wire.send(self._snapshot())
            self._note_progress(member, now)

    def _snapshot(self) -> bytes:
        """What somebody needs who knows nothing and goes on with the next delta; encoded once between two ticks."""
        if self._joiners_snapshot is None:
            push = self._feed.snapshot_for_joiner()
            self._joiners_snapshot = wire.message(source_id(self.room), push, self._feed.pulse)
        return self._joiners_snapshot

    def _note_progress(self, member: Member, now: float) -> None:
        if member.in_step:
            member.behind_since = None
        elif member.behind_since is None:
            member.behind_since = now
        elif now - member.behind_since > STUCK_S:
            member.wire.drop()
            self.dropped += 1
