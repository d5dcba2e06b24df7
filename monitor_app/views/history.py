"""A room's history on a page: asked for once, then told anew whenever something of it changes, until it is closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from monitor_app.push import Tell
from monitor_app.records import Records, list_records
from monitor_app.ward import Change, Ward

log = logging.getLogger(__name__)

COMMANDS_SHOWN = 4
GATHER_S = 0.05
"""Several changes at once, as those of an admission, are told once."""


class HistoryWatch:
    """What one page looks at: one room's history or none (F16, F18, F21).

    Parameters
    ----------
    ward, records
        Whose rooms, and what is stored.
    tell : callable
        Tells the page some news.
    """

    def __init__(self, ward: Ward, records: Records, tell: Tell) -> None:
        self._ward, self._records, self._tell = ward, records, tell
        self._room: int | None = None
        self._mrn: int | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self._telling: asyncio.Task[None] | None = None
        self._changed = False

    async def open(self, number: Any) -> dict[str, Any] | str:
        """Begin to watch a room, and no other any more; gives its history."""
        if isinstance(number, bool) or not isinstance(number, int):
            return f"The room is {str(number)[:30]!r}; it is a whole number"
        self.close()
        self._room = number
        self._unsubscribe = self._ward.changes.subscribe(self._take)
        return await self._gather(number)

    def close(self) -> None:
        """Watch nothing."""
        self._room = self._mrn = None
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None

    def _take(self, change: Change) -> None:
        is_ours = change.room == self._room or (change.mrn is not None and change.mrn == self._mrn)
        if self._room is None or not is_ours:
            return
        if change.kind == "command":
            self._tell("history", {"room": self._room, **self._orders(self._room)})
            return
        self._changed = True
        if self._telling is None:
            self._telling = asyncio.get_running_loop().create_task(self._tell_changes(self._room))

    async def _tell_changes(self, number: int) -> None:
        """One answer after the other, so that an older one never comes last; ends when all is told."""
        while self._changed:
            await asyncio.sleep(GATHER_S)
            self._changed = False
            try:
                self._tell("history", await self._gather(number))
            except Exception:
                log.exception("The history of room %s could not be told", number)
        self._telling = None

    async def _gather(self, number: int) -> dict[str, Any]:
        """The history of whoever is there when it is known: the patient may change while the disk answers (F21)."""
        while True:
            room = self._ward.room(number)
            stay = room.stay if room is not None else None
            mrn = stay.mrn if stay is not None else None
            stay_id = stay.stay_id if stay is not None else None
            found = await self._records.ask(lambda store, mrn=mrn, id=stay_id: list_records(store, mrn, id))  # type: ignore[misc]
            room = self._ward.room(number)
            if (room.stay if room is not None else None) is stay and (stay is None or stay.mrn == mrn):
                break
        if number == self._room:
            self._mrn = mrn
        return {"room": number, "mrn": mrn, **self._orders(number), **found}

    def _orders(self, number: int) -> dict[str, Any]:
        room = self._ward.room(number)
        stay = room.stay if room is not None else None
        if stay is None:
            return {"commands": [], "max_pressure_cmh2o": None}
        return {
            "commands": stay.commands.as_dicts(COMMANDS_SHOWN),
            "max_pressure_cmh2o": stay.max_cpap_cmh2o(self._ward.now),
        }
