"""Who wants to hear of it when something happens in a room: an admission, a command, a measurement, a mark."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

log = logging.getLogger(__name__)

Kind = Literal["stay", "command", "measurement", "mark", "recording"]


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened; `mrn` is None while the patient is unidentified."""

    kind: Kind
    room: int
    mrn: int | None


class Changes:
    """Tells what happens to those who subscribed, at once and on the event loop."""

    def __init__(self) -> None:
        self._takers: dict[int, Callable[[Change], None]] = {}
        self._next = 0

    def subscribe(self, take: Callable[[Change], None]) -> Callable[[], None]:
        """Call `take` with each change from now on; gives what ends that."""
        key, self._next = self._next, self._next + 1
        self._takers[key] = take
        return lambda: self._takers.pop(key, None) and None

    def tell(self, kind: Kind, room: int, mrn: int | None) -> None:
        """Tell everybody; one who fails is logged and keeps nobody from hearing."""
        change = Change(kind, room, mrn)
        for take in list(self._takers.values()):
            try:
                take(change)
            except Exception:
                log.exception("Somebody failed to take %s", change)
