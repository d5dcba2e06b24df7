"""The fast way to push: what is new is encoded once for each view, and the same bytes go to every browser in step."""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import Any

from bokeh.document import Document
from bokeh.server.connection import ServerConnection
from bokeh.server.contexts import BokehSessionContext
from tornado.ioloop import PeriodicCallback
from tornado.iostream import StreamClosedError

from monitor_app.upkeep import Longest
from monitor_app.ward import Ward

from . import wire
from .feed import LiveFeed, Site
from .session import SOURCE_NAME

log = logging.getLogger(__name__)

LOOK_AFTER_S = 0.5
"""How often the sessions are looked through for browsers that never said that they are ready."""
STUCK_S = 30.0
"""A browser that has read nothing for so long is dropped; one that still lives comes back by itself."""
TICKS_KEPT = 2000


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
        Age of the newest sample of the last tick when it was encoded; None where it had none.
    """

    def __init__(self, ward: Ward, site: Site, room: int | None) -> None:
        self.ward, self.site, self.room = ward, site, room
        self.members: dict[ServerConnection, Member] = {}
        self.catch_ups = 0
        self.dropped = 0
        self.sample_age_s: float | None = None
        self._feed = LiveFeed(ward, site, room)
        self._joiners_snapshot: bytes | None = None

    def join(self, connection: ServerConnection) -> None:
        """Let a browser take part: it gets a snapshot at once, or at the next tick where there was none yet."""
        try:
            member = self.members[connection] = Member(connection)
        except (StreamClosedError, OSError):
            self.members.pop(connection, None)
            return
        if self._feed.pulse:
            member.in_step = member.wire.send(self._snapshot())

    def tick(self) -> None:
        """Send what is new to all in step, and one snapshot to those who are not."""
        if not self.members:
            return
        push = self._feed.delta()
        delta = wire.message(source_id(self.room), push, self._feed.pulse)
        self._joiners_snapshot = None
        newest = push["newest_sample_time"][0]
        self.sample_age_s = None if newest is None else push["server_time"][0] - newest
        behind = [c for c, member in self.members.items() if not (member.in_step and member.wire.send(delta))]
        for connection in behind:
            member = self.members[connection]
            if not member.wire.is_open:
                del self.members[connection]
                continue
            self.catch_ups += member.in_step
            member.in_step = member.wire.is_clear and member.wire.send(self._snapshot())
            self._note_progress(member)

    def _snapshot(self) -> bytes:
        """What somebody needs who knows nothing and goes on with the next delta; encoded once between two ticks."""
        if self._joiners_snapshot is None:
            push = self._feed.snapshot_for_joiner()
            self._joiners_snapshot = wire.message(source_id(self.room), push, self._feed.pulse)
        return self._joiners_snapshot

    def _note_progress(self, member: Member) -> None:
        now = time.monotonic()
        if member.in_step:
            member.behind_since = None
        elif member.behind_since is None:
            member.behind_since = now
        elif now - member.behind_since > STUCK_S:
            member.wire.drop()
            self.dropped += 1


class Broadcaster:
    """The broadcasts of all views, on one ticker."""

    def __init__(self, ward: Ward, site: Site, *, interval_ms: int) -> None:
        self.ward, self.site = ward, site
        self._broadcasts: dict[int | None, Broadcast] = {}
        self._pages: list[tuple[BokehSessionContext, int | None]] = []
        self._ticker = PeriodicCallback(self._tick, interval_ms)
        self._looks_due = time.monotonic() + LOOK_AFTER_S
        self._ticked_at = time.monotonic()
        self._past_catch_ups = self._past_dropped = 0
        self._interval_s = interval_ms / 1000
        self._tick_s: deque[float] = deque(maxlen=TICKS_KEPT)
        self._sample_age_s: deque[float] = deque(maxlen=TICKS_KEPT)
        self._late = Longest()

    def start(self) -> None:
        """Begin to tick."""
        self._ticker.start()

    def stop(self) -> None:
        """Tick no more."""
        self._ticker.stop()

    def attach(self, doc: Document, room: int | None) -> None:
        """Put a view's live source in a document, and its browser in the broadcast as soon as it reads."""
        # Left empty for good: the server's copy would be stale at once, and be sent to whoever pulls the document.
        doc.add_root(wire.live_source(source_id(room), SOURCE_NAME, {}))
        context = doc.session_context
        if context is None:
            return

        def join(_event: Any) -> None:
            # Also one that is a member: what it was sent before it had the document, it could not read.
            self._join_all(context, room, anew=True)

        doc.on_event("document_ready", join)
        doc.on_event("client_reconnected", join)
        self._pages.append((context, room))

    def _join_all(self, context: BokehSessionContext, room: int | None, *, anew: bool = False) -> None:
        """Let all browsers of a session take part that do not yet; or all anew."""
        broadcast = self._broadcasts.get(room) or self._broadcasts.setdefault(
            room, Broadcast(self.ward, self.site, room)
        )
        for connection in wire.connections(context.session):
            if anew or connection not in broadcast.members:
                broadcast.join(connection)

    def _look_after(self) -> None:
        """Find browsers that are in no broadcast though they read; forget the sessions that have ended.

        One look at all sessions: a periodic callback in each costs 60 us every time, 12 % of a core at 500 sessions.
        """
        self._pages = [page for page in self._pages if not page[0].destroyed]
        for context, room in self._pages:
            if context.session is not None and context.session.connection_count:
                self._join_all(context, room)

    @property
    def members(self) -> int:
        """Browsers in all broadcasts."""
        return sum(len(broadcast.members) for broadcast in self._broadcasts.values())

    def figures(self) -> dict[str, float]:
        """What `/metrics` shows."""
        waiting = [member.wire.waiting_bytes for b in self._broadcasts.values() for member in b.members.values()]
        return {
            "encode_once": 1,
            "tick_age_s": time.monotonic() - self._ticked_at,
            "browsers": self.members,
            "catch_ups": self._past_catch_ups + sum(b.catch_ups for b in self._broadcasts.values()),
            "dropped": self._past_dropped + sum(b.dropped for b in self._broadcasts.values()),
            "waiting_bytes": sum(waiting),
            "waiting_most_bytes": max(waiting, default=0),
            "tick_p50_s": _quantile(self._tick_s, 0.5),
            "tick_p99_s": _quantile(self._tick_s, 0.99),
            "tick_late_max_s": self._late.recent_s,
            "sample_age_p50_s": _quantile(self._sample_age_s, 0.5),
            "sample_age_p99_s": _quantile(self._sample_age_s, 0.99),
        }

    def _tick(self) -> None:
        begun = time.monotonic()
        self._late.note(max(0.0, begun - self._ticked_at - self._interval_s))
        self._ticked_at = begun
        for key, broadcast in list(self._broadcasts.items()):
            try:
                broadcast.tick()
            except Exception:
                log.exception("A push to the %s failed", "wall" if key is None else f"page of room {key}")
            if not broadcast.members:
                self._past_catch_ups += broadcast.catch_ups
                self._past_dropped += broadcast.dropped
                del self._broadcasts[key]
            elif broadcast.sample_age_s is not None:
                self._sample_age_s.append(broadcast.sample_age_s)
        self._tick_s.append(time.monotonic() - begun)
        if begun >= self._looks_due:
            self._looks_due = begun + LOOK_AFTER_S
            self._look_after()


def _quantile(values: deque[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[int(share * (len(ordered) - 1))] if ordered else 0.0
