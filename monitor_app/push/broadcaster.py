"""The broadcasts of all views on one ticker, and the documents whose browsers are in them."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from typing import Any

from bokeh.document import Document
from bokeh.server.connection import ServerConnection
from bokeh.server.contexts import BokehSessionContext
from tornado.ioloop import PeriodicCallback

from monitor_app.upkeep import Longest
from monitor_app.ward import Ward

from . import wire
from .broadcast import Broadcast, source_id
from .feed import Site
from .session import SOURCE_NAME

log = logging.getLogger(__name__)

STEP_MS = 20.0
"""The ticker looks about so often which broadcasts are due, so that a room's new samples wait no longer."""
LOOK_AFTER_S = 0.5
"""How often the sessions are looked through for browsers that never said that they are ready."""
TICKS_KEPT = 2000


class Broadcaster:
    """The broadcasts of all views, on one ticker."""

    def __init__(self, ward: Ward, site: Site, *, interval_ms: int) -> None:
        self.ward, self.site = ward, site
        self._broadcasts: dict[int | None, Broadcast] = {}
        self._pages: list[tuple[BokehSessionContext, int | None]] = []
        self._met: set[ServerConnection] = set()
        self._interval_s = interval_ms / 1000
        step_ms = interval_ms / math.ceil(interval_ms / STEP_MS)
        self._slack_s = step_ms / 2000
        self._ticker = PeriodicCallback(self._step, step_ms)
        self._looks_due = time.monotonic() + LOOK_AFTER_S
        self._stepped_at = time.monotonic()
        self._past_catch_ups = self._past_dropped = 0
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

        def begin(_event: Any) -> None:
            for connection in wire.connections(context.session):
                self._of(room).join(connection)

        doc.on_event("document_ready", begin)
        doc.on_event("client_reconnected", begin)
        self._pages.append((context, room))

    def _of(self, room: int | None) -> Broadcast:
        if room not in self._broadcasts:
            self._broadcasts[room] = Broadcast(self.ward, self.site, room, interval_s=self._interval_s)
        return self._broadcasts[room]

    def _look_after(self) -> None:
        """Find browsers that are in no broadcast though they read; forget the sessions that have ended.

        One look at all sessions costs less than a periodic callback in each. Whoever is met for the first time may not
        have read the document yet, and would not know what a snapshot is for.
        """
        self._pages = [page for page in self._pages if not page[0].destroyed]
        met: set[ServerConnection] = set()
        for context, room in self._pages:
            if context.session is None or not context.session.connection_count:
                continue
            members = self._of(room).members
            met.update(c for c in wire.connections(context.session) if c not in members)
            for connection in self._met.intersection(wire.connections(context.session)).difference(members):
                self._of(room).join(connection)
        self._met = met

    @property
    def members(self) -> int:
        """Browsers in all broadcasts."""
        return sum(len(broadcast.members) for broadcast in self._broadcasts.values())

    def figures(self) -> dict[str, float]:
        """What `/metrics` shows."""
        waiting = [member.wire.waiting_bytes for b in self._broadcasts.values() for member in b.members.values()]
        return {
            "encode_once": 1,
            "tick_age_s": time.monotonic() - self._stepped_at,
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

    def _step(self) -> None:
        now = self._stepped_at = time.monotonic()
        for key, broadcast in list(self._broadcasts.items()):
            if not broadcast.members:
                self._past_catch_ups += broadcast.catch_ups
                self._past_dropped += broadcast.dropped
                del self._broadcasts[key]
            elif broadcast.is_due(now, self._slack_s):
                self._push(key, broadcast, now)
        if now >= self._looks_due:
            self._looks_due = now + LOOK_AFTER_S
            self._look_after()

    def _push(self, key: int | None, broadcast: Broadcast, now: float) -> None:
        begun = time.monotonic()
        try:
            broadcast.tick(now)
        except Exception:
            log.exception("A push to the %s failed", "wall" if key is None else f"page of room {key}")
            broadcast.begin_anew()
            return
        self._late.note(broadcast.late_s)
        self._tick_s.append(time.monotonic() - begun)
        if broadcast.sample_age_s is not None:
            self._sample_age_s.append(broadcast.sample_age_s)


def _quantile(values: deque[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[int(share * (len(ordered) - 1))] if ordered else 0.0
