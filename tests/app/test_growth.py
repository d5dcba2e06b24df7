"""Months: nothing in the ward grows with what comes and goes, or with what anybody may send."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from monitor_app.ward import CommandRefused, StoreBusy, StreamRefused, StreamSpec, Ward
from monitor_app.ward.stay import MOST_TRACES
from store import StoreBehind
from tests.app.test_months import RATE_HZ, same
from tests.app.ward_helpers import FLOW_AND_PRESSURE, Clock, Link, feed_breathing, feed_pause, in_ward, spec


def test_a_device_that_is_switched_off_each_day_costs_no_memory(tmp_path: Path) -> None:
    """Months: recordings that rest are counted and no longer kept; a restart counts them just so."""
    rows: list[dict[str, Any]] = []
    n_days = 3 * MOST_TRACES

    async def before(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7, "Ada")
        for day in range(n_days):
            room, trace = await ward.streams.open(101, spec(f"day {day}"), Link())
            feed_breathing(ward, room, trace, 60 + day)
            feed_pause(ward, room, trace, 13)
            feed_breathing(ward, room, trace, 22)
            await ward.streams.stored(trace)
            was = (await ward.summaries())[0]
            ward.streams.gone(trace, trace.link)  # type: ignore[arg-type]
            clock.now += 86_400
            assert room.stay is not None
            assert len(room.stay.traces) <= MOST_TRACES
            if rows:
                assert was["breaths"] > rows[-1]["breaths"], "no count goes back when a recording is forgotten"
            rows.append(was)
        assert rows[-1]["apnea_count"] == n_days
        assert rows[-1]["samples_received"] == sum(25 * (95 + day) for day in range(n_days))

    async def after(ward: Ward, clock: Clock) -> None:
        clock.now += n_days * 86_400
        rows.append((await ward.summaries())[0])
        (room,) = ward.rooms()
        assert room.stay is not None
        assert list(room.stay.traces) == [f"day {day}" for day in range(n_days - MOST_TRACES, n_days)]

    in_ward(tmp_path, before)
    in_ward(tmp_path, after)
    assert same(rows[-1]) == same(rows[-2])


def test_a_forgotten_recording_goes_on(tmp_path: Path) -> None:
    """A device that comes back with a stream from long ago is welcomed at its next sample, and counted once."""

    async def story(ward: Ward, clock: Clock) -> None:
        for day in range(MOST_TRACES + 2):
            room, trace = await ward.streams.open(101, spec(f"day {day}"), None)
            feed_breathing(ward, room, trace, 60)
            if day == 1:
                await ward.streams.end(trace)
            await ward.streams.stored(trace)
            clock.now += 86_400
        was = (await ward.summaries())[0]
        assert room.stay is not None
        assert "day 0" not in room.stay.traces
        with pytest.raises(StreamRefused, match="'day 1' has ended long ago"):
            await ward.streams.open(101, spec("day 1"), None)
        with pytest.raises(StreamRefused, match="began with 25 Hz"):
            await ward.streams.open(101, spec("day 0", 50.0), None)
        room, trace = await ward.streams.open(101, spec("day 0"), None)
        assert trace.stored_next == 60 * RATE_HZ
        now = (await ward.summaries())[0]
        # The breath that was in progress when it was forgotten may be complete or not: its samples say.
        assert was["breaths"] - now["breaths"] in (0, 1)
        assert now["samples_received"] == was["samples_received"]
        feed_breathing(ward, room, trace, 60)
        await ward.streams.stored(trace)
        assert (await ward.summaries())[0]["breaths"] == pytest.approx(was["breaths"] + 15, abs=1)

    in_ward(tmp_path, story)


def test_a_device_that_never_sends_costs_no_memory(tmp_path: Path) -> None:
    """A hello with a new stream each time, and nothing after it, all night."""

    async def story(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("real"), Link())
        feed_breathing(ward, room, trace, 60)
        await ward.streams.stored(trace)
        clock.now += 6
        for turn in range(100):
            link = Link()
            room, silent = await ward.streams.open(101, spec(f"{turn}"), link)
            ward.streams.gone(silent, link)
            clock.now += 6
        assert room.stay is not None
        assert len(room.stay.traces) <= MOST_TRACES + 1
        assert "real" in room.stay.traces

    in_ward(tmp_path, story)


def test_numbers_that_anybody_may_name_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands to rooms that are none, and devices that the disk turned away, make neither locks nor rooms."""

    def full(*_: Any, **__: Any) -> None:
        raise StoreBehind("the queue is full")

    async def story(ward: Ward, clock: Clock) -> None:
        monkeypatch.setattr(ward.store, "begin_stay", full)
        for number in range(1000, 1200):
            with pytest.raises(CommandRefused, match="has no patient"):
                await ward.command_pressure(number, 9, by="test")
            with pytest.raises(StoreBusy):
                await ward.streams.open(number, spec(f"s{number}"), None)
        assert ward.rooms() == []
        assert len(ward._rooms._locks) == 0

    in_ward(tmp_path, story)


def test_one_room_has_one_lock(tmp_path: Path) -> None:
    """Two who come at once wait for each other: the stay begins once."""

    async def story(ward: Ward, clock: Clock) -> None:
        opened = await asyncio.gather(*(ward.streams.open(101, spec("s"), None) for _ in range(5)))
        assert len({id(trace) for _, trace in opened}) == 1
        assert len(ward.store.recordings_of_stay(1)) == 1

    in_ward(tmp_path, story)


def test_those_who_gave_up_waiting_for_the_disk_are_forgotten(tmp_path: Path) -> None:
    """A disk that hangs: a POST device asks each second, and each time gives up."""

    async def story(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s"), None)
        feed_breathing(ward, room, trace, 2)
        await ward.streams.stored(trace)
        trace.queued_next += 1
        for _ in range(50):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ward.streams.recorder.stored(trace), 0.001)
        assert ward.streams.recorder._waiting == {}
        trace.queued_next -= 1

    in_ward(tmp_path, story)


def test_the_night_is_of_a_day(tmp_path: Path) -> None:
    """The room page's trend does not grow with the days of a stay."""

    async def story(ward: Ward, clock: Clock) -> None:
        for day in range(4):
            start = 1_700_000_000.0 + 86_400 * day
            room, trace = await ward.streams.open(101, StreamSpec(f"{day}", "d", 25.0, FLOW_AND_PRESSURE, start), None)
            feed_breathing(ward, room, trace, 600)
            await ward.streams.stored(trace)
            clock.now += 86_400
        ward.refresh_detail(room)
        minutes = room.values["night"]["minutes"]
        assert len(minutes) >= 4
        assert minutes[0] >= minutes[-1] - 25 * 3600, "the first two days are no part of it"

    in_ward(tmp_path, story)
