"""The fast way to push: what is new is encoded once for each view, and the same bytes go to every browser in step."""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import Any

from bokeh.document import Document
from bokeh.server.connection import ServerConnection
from bokeh.server.session import ServerSession
from tornado.ioloop import PeriodicCallback
from tornado.iostream import StreamClosedError

from monitor_app.ward import Ward

from . import wire
from .feed import LiveFeed, Site
from .session import SOURCE_NAME

log = logging.getLogger(__name__)

LOOK_AFTER_MS = 500
"""How often a session looks whether its browser is in the broadcast; what it says of itself makes it quicker."""
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
    """All browsers that look at the same view: the wall, or one room."""

    def __init__(self, ward: Ward, site: Site, room: int | None) -> None:
        self.ward, self.site, self.room = ward, site, room
        self.members: dict[ServerConnection, Member] = {}
        self.catch_ups = 0
        self.dropped = 0
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
        for connection in [c for c, member in self.members.items() if not member.wire.is_open]:
            del self.members[connection]
        if not self.members:
            return
        delta = wire.message(source_id(self.room), self._feed.delta(), self._feed.pulse)
        self._joiners_snapshot = None
        for member in self.members.values():
            if member.in_step:
                member.in_step = member.wire.send(delta)
                self.catch_ups += not member.in_step
            if not member.in_step:
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
        self._ticker = PeriodicCallback(self._tick, interval_ms)
        self._ticked_at = time.monotonic()
        self._past_catch_ups = self._past_dropped = 0
        self.tick_s: deque[float] = deque(maxlen=TICKS_KEPT)

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

        def session() -> ServerSession | None:
            return getattr(doc.session_context, "session", None)

        def join(_event: Any) -> None:
            if (mine := session()) is not None:
                for connection in wire.connections(mine):
                    self._of(room).join(connection)

        def look_after() -> None:
            if (mine := session()) is not None and any(c not in self._of(room).members for c in wire.connections(mine)):
                join(None)

        doc.on_event("document_ready", join)
        doc.on_event("client_reconnected", join)
        doc.add_periodic_callback(look_after, LOOK_AFTER_MS)

    @property
    def members(self) -> int:
        """Browsers in all broadcasts."""
        return sum(len(broadcast.members) for broadcast in self._broadcasts.values())

    def figures(self) -> dict[str, float]:
        """What `/metrics` shows."""
        ticks = sorted(self.tick_s) or [0.0]
        return {
            "encode_once": 1,
            "tick_age_s": time.monotonic() - self._ticked_at,
            "browsers": self.members,
            "catch_ups": self._past_catch_ups + sum(b.catch_ups for b in self._broadcasts.values()),
            "dropped": self._past_dropped + sum(b.dropped for b in self._broadcasts.values()),
            "tick_p99_s": ticks[int(0.99 * (len(ticks) - 1))],
        }

    def _of(self, room: int | None) -> Broadcast:
        return self._broadcasts.setdefault(room, Broadcast(self.ward, self.site, room))

    def _tick(self) -> None:
        begun = time.perf_counter()
        for key, broadcast in list(self._broadcasts.items()):
            try:
                broadcast.tick()
            except Exception:
                log.exception("A push to the %s failed", "wall" if key is None else f"page of room {key}")
            if not broadcast.members:
                self._past_catch_ups += broadcast.catch_ups
                self._past_dropped += broadcast.dropped
                del self._broadcasts[key]
        self._ticked_at = time.monotonic()
        self.tick_s.append(time.perf_counter() - begun)
