"""What one page hears of the ward, held against what it must hear: every sample of every room once, in order.

A page is at a `Position`; a push takes it to another. Positions never change and equal ones are one object, so pages in
step that get the same bytes are judged once for all of them: from the same position, the same push has the same faults.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple
from weakref import WeakValueDictionary

from monitor_app.push.packing import unpack

ExpectedSamples = Callable[[int, int, int], tuple[list[int], list[int]]]
"""Gives the flow (0.1 L/min) and pressure (0.01 cmH2O) that room, first index and number of samples must show."""


class Wave(NamedTuple):
    """Samples of one room in a push; None is a gap."""

    room: int
    epoch: int
    first: int
    flow: list[int | None]
    pressure: list[int | None]


def waves(push: Mapping[str, Any]) -> list[Wave]:
    """The samples of a push: the one place that knows how they are written."""
    return [
        Wave(room, epoch, first, unpack(flow), unpack(pressure))
        for room, epoch, first, _newest, flow, pressure in push["waves"]
    ]


class Position:
    """Where a page is: the number of its last push, and for each room the trace and the next index; `START` knows none.

    Parameters
    ----------
    expected : callable or None
        What the samples must be; None: only that none is missing and none comes twice.
    """

    __slots__ = ("__weakref__", "expected", "next_samples", "pulse")

    _known: ClassVar[WeakValueDictionary[tuple[Any, ...], Position]] = WeakValueDictionary()

    def __init__(
        self, expected: ExpectedSamples | None, pulse: int | None, next_samples: Mapping[int, tuple[int, int]]
    ) -> None:
        self.expected, self.pulse, self.next_samples = expected, pulse, next_samples

    @classmethod
    def at(
        cls, expected: ExpectedSamples | None, pulse: int | None, next_samples: Mapping[int, tuple[int, int]]
    ) -> Position:
        """The one position of these values."""
        key = (expected, pulse, tuple(sorted(next_samples.items())))
        found = cls._known.get(key)
        if found is None:
            found = cls._known[key] = cls(expected, pulse, next_samples)
        return found

    def after(self, push: Mapping[str, Any]) -> Step:
        """Where a push leads from here, and what is wrong with it."""
        faults: Counter[str] = Counter()
        snapshot = push["kind"] == "snapshot"
        if not snapshot and self.pulse is None:
            faults["orphans"] += 1
        elif not snapshot and push["pulse"] != self.pulse + 1:  # type: ignore[operator]
            faults["pulses"] += 1
        next_samples, samples, found = dict(self.next_samples), 0, waves(push)
        for wave in found:
            known_epoch, expected = next_samples.get(wave.room, (None, wave.first))
            if known_epoch != wave.epoch:
                expected = wave.first
            end = wave.first + len(wave.flow)
            faults["gaps"] += max(0, wave.first - expected)
            # A snapshot gives the whole window again; it must only not end before what the page had.
            faults["doubles"] += max(0, expected - (end if snapshot else wave.first))
            faults["wrong"] += self._wrong(wave)
            samples += max(0, end - expected)
            next_samples[wave.room] = (wave.epoch, end)
        for room in push["removed"]:
            next_samples.pop(room, None)
        return Step(
            Position.at(self.expected, push["pulse"], next_samples),
            +faults,
            samples,
            push["newest_sample_time"] if found else None,
        )

    def _wrong(self, wave: Wave) -> int:
        if self.expected is None:
            return 0
        flow, pressure = self.expected(wave.room, wave.first, len(wave.flow))
        return _different(flow, wave.flow) + _different(pressure, wave.pressure)


class Step(NamedTuple):
    """What a push does to a page.

    Its faults are samples lost (`gaps`), sent twice (`doubles`) or of another value than the device sent (`wrong`), and
    pushes lost (`pulses`) or without a snapshot before them (`orphans`).
    """

    position: Position
    faults: Counter[str]
    samples: int
    newest_sample_time: float | None

    def then(self, later: Step) -> Step:
        """Both, one after the other."""
        newest = self.newest_sample_time if later.newest_sample_time is None else later.newest_sample_time
        return Step(later.position, self.faults + later.faults, self.samples + later.samples, newest)


def _different(expected: list[int], shown: list[int | None]) -> int:
    if expected == shown:
        return 0
    return abs(len(expected) - len(shown)) + sum(a != b for a, b in zip(expected, shown, strict=False))


class Continuity:
    """Follows the pushes of one page, and counts."""

    def __init__(self, expected: ExpectedSamples | None = None) -> None:
        self.position = Position.at(expected, None, {})
        self.faults: Counter[str] = Counter()
        self.samples = 0

    @property
    def rooms(self) -> int:
        """Number of rooms with a trace."""
        return len(self.position.next_samples)

    def take(self, push: Mapping[str, Any]) -> Step:
        """Check a push and go on from it."""
        step = self.position.after(push)
        self.move(step)
        return step

    def move(self, step: Step) -> None:
        """Go on from a push that was checked for another page at the same position."""
        self.position = step.position
        self.samples += step.samples
        if step.faults:
            self.faults += step.faults

    def forget(self) -> None:
        """Begin anew, as a page does that was away for longer than a snapshot reaches back."""
        self.position = Position.at(self.position.expected, None, {})
