"""The rooms of the ward by number, and the ward's clocks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from weakref import WeakValueDictionary

from .room import Moment, Room


class Rooms:
    """All rooms; a room comes into being with its first patient, device, or word of a device that was turned away."""

    MOST_WITHOUT_STAY = 32

    def __init__(self, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._rooms: dict[int, Room] = {}
        # A lock lives as long as somebody waits for it or holds it: anybody may name any number.
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._epoch = int(clock())

    def all(self) -> list[Room]:
        """All rooms, by number."""
        return [self._rooms[number] for number in sorted(self._rooms)]

    def get(self, number: int) -> Room | None:
        """One room, or None where there is no such room."""
        return self._rooms.get(number)

    def make(self, number: int) -> Room:
        """One room, made where there was none."""
        return self._rooms.setdefault(number, Room(number))

    def drop(self, number: int) -> None:
        """Forget a room that was made for a stay which could not begin."""
        self._rooms.pop(number, None)

    def say_problem(self, number: int, message: str) -> None:
        """Let a room say what is wrong with a device that was turned away.

        A room without a patient is made for that, but not for any number of them: a device may guess numbers all night.
        """
        room = self._rooms.get(number)
        if room is None and sum(r.stay is None for r in self._rooms.values()) < self.MOST_WITHOUT_STAY:
            room = self.make(number)
        if room is not None:
            room.problem = message

    def lock(self, number: int) -> asyncio.Lock:
        """Guards what takes several steps in one room."""
        lock = self._locks.get(number)
        if lock is None:
            lock = self._locks[number] = asyncio.Lock()
        return lock

    def moment(self) -> Moment:
        """Now."""
        return Moment(self._clock(), self._monotonic())

    def next_epoch(self) -> int:
        """A number that no trace had before, also before a restart; pages tell traces apart by it."""
        self._epoch += 1
        return self._epoch
