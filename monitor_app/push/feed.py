"""What is new in the ward since a cursor, in the form the pages read.

A push is a dictionary of columns of length one, so that it replaces a ColumnDataSource's data in one event: `kind`
(snapshot or delta), `pulse`, `server_time`, `newest_sample_time`, `waves`, `rooms`, `removed` and `site`. A wave is
`[room, epoch, first, newest_sample_time, flow, pressure]` with flow in 0.1 L/min and pressure in 0.01 cmH2O, each
packed into a short string (packing.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor_app.ward import Room, Trace

from .packing import pack

WALL_RATE_HZ = 25.0
ROOM_RATE_HZ = 100.0
"""More than these a page cannot draw; faster devices are averaged down to them."""
WINDOW_S = 30.0
FLOW_STEPS = 10.0
PRESSURE_STEPS = 100.0
WALL_KEYS = frozenset(
    {
        *("state", "mrn", "patient_name", "identified", "pressure_cmh2o", "newest_sample_time", "problem", "armed"),
        *("respiratory_rate_per_min", "tidal_volume_ml", "leak_lpm", "no_breath_s", "conditions", "trace_epoch"),
        *("apnea_count_last_hour", "total_apnea_count", "measured", "mask_pressure_cmh2o"),
    }
)
"""What a tile shows; the rest would be most of a wall's bytes."""


@dataclass(frozen=True, slots=True)
class Site:
    """What every page says of the place; a notice is a sentence for whoever looks at the wall."""

    lab_name: str
    time_zone: str
    open_access: bool
    notice: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain data for the pages."""
        return {
            "lab_name": self.lab_name,
            "time_zone": self.time_zone,
            "open_access": self.open_access,
            "notice": self.notice,
        }


class Shown(Protocol):
    """What a feed reads: the ward, or a recording that is played as if it were one."""

    @property
    def version(self) -> int:
        """Grows with each look at the rooms."""

    def rooms(self) -> list[Room]:
        """All rooms, by number."""

    def room(self, number: int) -> Room | None:
        """One room, or None where there is none."""

    def refresh(self) -> float:
        """Bring what pages show up to date; gives the clock, epoch s."""

    def refresh_detail(self, room: Room) -> None:
        """Bring what only a room's own page shows up to date."""


class LiveFeed:
    """A reader of the ward with a cursor of its own.

    Parameters
    ----------
    ward : Shown
        Whose rooms are shown.
    site : Site
        Goes with each snapshot.
    room : int or None
        One room with its details and both channels; None is the wall: all rooms, flow only.
    """

    def __init__(self, ward: Shown, site: Site, room: int | None = None) -> None:
        self.ward = ward
        self.site = site
        self.room = room
        self.pulse = 0
        self._version = -1
        self._shown: set[int] = set()
        self._cursors: dict[int, tuple[int, int]] = {}
        self._until: dict[int, tuple[int, int]] | None = None

    def snapshot(self) -> dict[str, list[Any]]:
        """Everything a page needs that knows nothing."""
        self._version = -1
        self._shown.clear()
        self._cursors.clear()
        return self._push("snapshot")

    def snapshot_for_joiner(self) -> dict[str, list[Any]]:
        """A snapshot for somebody else who then goes on with this feed's next delta; this feed does not move.

        It ends where the last delta ended. States may be newer: that delta says them again, which does no harm.
        """
        joiner = LiveFeed(self.ward, self.site, self.room)
        joiner._until = self._cursors
        push = joiner.snapshot()
        push["pulse"] = [self.pulse]
        return push

    def delta(self) -> dict[str, list[Any]]:
        """What came since the last push."""
        return self._push("delta")

    def has_samples(self) -> bool:
        """Whether any room of this view has samples that were not pushed yet."""
        for room in self._rooms():
            trace = room.trace
            if trace is not None and room.newest_sample_time is not None:
                epoch, cursor = self._cursors.get(room.number, (None, 0))
                if trace.detected_next // self._stride(trace) > (cursor if epoch == trace.epoch else 0):
                    return True
        return False

    def _push(self, kind: str) -> dict[str, list[Any]]:
        now = self.ward.refresh()
        rooms = self._rooms()
        if self.room is not None and rooms:
            self.ward.refresh_detail(rooms[0])
        waves = [wave for room in rooms if (wave := self._wave_or_fault(room)) is not None]
        numbers = {room.number for room in rooms}
        states = [state for room in rooms if (state := self._state(room)) is not None]
        removed = sorted(self._shown - numbers)
        self._shown = numbers
        self._version = self.ward.version
        self.pulse += 1
        return {
            "kind": [kind],
            "pulse": [self.pulse],
            "server_time": [round(now, 3)],
            "newest_sample_time": [max((w[3] for w in waves), default=None)],
            "waves": [waves],
            "rooms": [states],
            "removed": [removed],
            "site": [self.site.as_dict() if kind == "snapshot" else None],
        }

    def _rooms(self) -> list[Room]:
        if self.room is None:
            return self.ward.rooms()
        room = self.ward.room(self.room)
        return [] if room is None else [room]

    def _state(self, room: Room) -> dict[str, Any] | None:
        new = room.number not in self._shown
        since = -1 if new else self._version
        keys = room.values.keys() if self.room is not None else WALL_KEYS & room.values.keys()
        state = {key: room.values[key] for key in keys if room.versions[key] > since}
        if not state:
            return None
        if new and room.newest_sample_time is not None:
            state["newest_sample_time"] = round(room.newest_sample_time, 3)
        if "trace_epoch" in state:
            state["display_rate_hz"] = (
                None if room.trace is None else room.trace.spec.sampling_rate_hz / self._stride(room.trace)
            )
        state["room"] = room.number
        return state

    def _wave_or_fault(self, room: Room) -> list[Any] | None:
        try:
            return self._wave(room)
        except Exception:
            room.fail_to_show()
            return None

    def _wave(self, room: Room) -> list[Any] | None:
        trace = room.trace
        if trace is None or room.newest_sample_time is None:
            return None
        stride = self._stride(trace)
        epoch, cursor = self._cursors.get(room.number, (None, 0))
        end = trace.detected_next // stride
        if self._until is not None:
            until_epoch, until = self._until.get(room.number, (None, 0))
            end = until if until_epoch == trace.epoch else 0
        if epoch != trace.epoch:
            cursor = 0
        oldest = max(0, end - int(WINDOW_S * trace.spec.sampling_rate_hz / stride))
        start = max(cursor, oldest)
        if start >= end:
            return None
        first, arrays = trace.ring.since(start * stride)
        start = -(-first // stride)
        blocks = [_blocks(array[start * stride - first : end * stride - first], stride) for array in arrays]
        self._cursors[room.number] = (trace.epoch, end)
        with_pressure = self.room is not None and len(blocks) > 1
        return [
            room.number,
            trace.epoch,
            start,
            round(room.newest_sample_time, 3),
            pack(blocks[0], FLOW_STEPS),
            pack(blocks[1], PRESSURE_STEPS) if with_pressure else "",
        ]

    def _stride(self, trace: Trace) -> int:
        limit = WALL_RATE_HZ if self.room is None else ROOM_RATE_HZ
        return max(1, int(np.ceil(trace.spec.sampling_rate_hz / limit)))


def _blocks(values: NDArray[np.float32], stride: int) -> NDArray[np.floating]:
    """Means of whole blocks of `stride` samples; a block with a gap in it is a gap."""
    if stride == 1:
        return values
    means: NDArray[np.float64] = values.reshape(-1, stride).astype(np.float64).mean(axis=1)
    return means
