"""What a device kept of a patient who left while it was away belongs to that patient (F50, F7's device, and F33)."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from cpap_core.types import EventKind
from monitor_app.ward import Room, StoreBusy, Trace, Ward
from store import StayRow
from tests.app.live_server import LiveServer
from tests.app.raw_device import RawDevice, breathing, frame, hello
from tests.app.ward_helpers import Clock, Link, in_ward, open_ward, spec

RATE = 25


def signal(first: int, stop: int, *, pause: tuple[int, int] = (0, 0)) -> np.ndarray:
    """Quiet breathing of a whole stream, the same however it is cut, with nothing but noise between two samples."""
    values = breathing(stop, float(RATE), 0)
    noise = np.random.default_rng(1).normal(0, 0.1, stop).astype(np.float32)
    values[pause[0] : pause[1], 0] = noise[pause[0] : pause[1]]
    return values[first:]


async def send(ward: Ward, values: np.ndarray, first: int, link: Link | None = None) -> tuple[Room, Trace]:
    """One frame, as a device's handler takes it."""
    room, trace = await ward.streams.open(101, spec("s1"), link)
    ward.streams.note_frame(trace, len(values))
    while (taken := ward.streams.feed(room, trace, first, values[:, 0].copy(), values[:, 1].copy())) < len(values):
        values, first = values[taken:], first + taken
        room, trace = await ward.streams.open(101, spec("s1"), link)
    return room, trace


async def live(ward: Ward, clock: Clock, first: int, stop: int) -> None:
    """A device that sends what it measures each second."""
    for at in range(first, stop, RATE):
        clock.now += 1
        await send(ward, signal(0, stop)[at : at + RATE], at)


def recordings(ward: Ward) -> list[tuple[int | None, int, int]]:
    """MRN, first and next sample of each recording of the stream, in order."""
    found = []
    for number in range(1, 20):
        row = ward.store.recording(number)
        if row is not None:
            found.append((ward.store.stay(row.stay_id).mrn, row.first_sample, row.next_sample))  # type: ignore[union-attr]
    return found


@pytest.mark.holds("F50.3")
def test_what_was_kept_before_a_replacement_is_the_former_patients(tmp_path: Path) -> None:
    """Ada's device is away for an hour with an apnea of hers; Ben is admitted after 40 min of it."""

    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7, "Ada")
        await live(ward, clock, 0, 60 * RATE)
        left, cut = 60 * RATE, (60 + 2400) * RATE
        clock.now += 2400
        await ward.stays.admit(101, 8, "Ben", replaces_mrn=7)
        clock.now += 1200
        link = Link()
        values = signal(left, left + 3600 * RATE, pause=(1800 * RATE, 1830 * RATE))
        for at in range(0, len(values), 1000):
            room, trace = await send(ward, values[at : at + 1000], left + at, link)
            if left + at < cut - 1000:
                assert room is not ward.room(101)
                assert ward.room(101).trace is None  # type: ignore[union-attr]
        await ward.streams.stored(trace)
        assert recordings(ward) == [(7, 0, cut), (8, cut, left + 3600 * RATE)]
        assert [event.kind for event in ward.store.events_of(1)] == [EventKind.BREATH_GAP, EventKind.APNEA]
        assert ward.store.events_of(2) == []
        assert ward.room(101).trace is trace  # type: ignore[union-attr]
        summary = (await ward.summaries())[0]
        assert (summary["mrn"], summary["apnea_count"], summary["total_apnea_count"]) == (8, 0, 0)
        assert summary["samples_received"] == 1200 * RATE
        # Acknowledgements never say that something is on disk which has not come.
        acks = [message["next_sample"] for message in link.heard if message["type"] == "ack"]
        assert acks == sorted(acks)
        assert acks[-1] == left + 3600 * RATE

    in_ward(tmp_path, story)


def test_its_breaths_and_events_are_those_of_a_recording_that_was_never_cut(tmp_path: Path) -> None:
    async def one(ward: Ward, clock: Clock, *, away: bool) -> tuple[list[float], list[float]]:
        await ward.stays.admit(101, 7)
        values = signal(0, (905 if away else 900) * RATE, pause=(300 * RATE, 325 * RATE))
        for at in range(0, 320 * RATE, RATE):
            # It leaves in the middle of an apnea.
            clock.now += 1
            await send(ward, values[at : at + RATE], at)
        if away:
            clock.now += 580
            await ward.stays.discharge(101)
            clock.now += 5
        _, trace = await send(ward, values[320 * RATE :], 320 * RATE)
        await ward.streams.stored(trace)
        if not away:
            await ward.stays.discharge(101)
        await ward.stays.admit(102, 9)
        breaths = [round(breath.onset_s, 4) for breath in ward.store.breaths_of(1)]
        return breaths, [round(event.duration_s or -1, 4) for event in ward.store.events_of(1)]

    found = []
    for away in (False, True):

        async def story(ward: Ward, clock: Clock, away: bool = away) -> None:
            found.append(await one(ward, clock, away=away))

        in_ward(tmp_path / str(away), story)
    assert found[0] == found[1]
    assert found[0][1] != []
    assert -1 not in found[0][1]


def test_a_restart_in_the_middle_changes_nothing(tmp_path: Path) -> None:
    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7)
        await live(ward, clock, 0, 60 * RATE)
        clock.now += 600
        await ward.stays.admit(101, 8, replaces_mrn=7)
        values = signal(60 * RATE, 960 * RATE)
        clock.now += 300
        _, trace = await send(ward, values[: 200 * RATE], 60 * RATE)
        assert await ward.streams.stored(trace) == 260 * RATE
        clocks.append(clock)

    async def go_on(ward: Ward) -> None:
        assert ward.streams.next_sample(spec("s1")) == 260 * RATE
        link = Link()
        _, trace = await ward.streams.open(101, spec("s1"), link)
        assert (trace.stored_next, trace.recording_id) == (260 * RATE, 1)
        values = signal(60 * RATE, 960 * RATE)
        _, trace = await send(ward, values[200 * RATE :], 260 * RATE, link)
        await ward.streams.stored(trace)
        assert recordings(ward) == [(7, 0, 660 * RATE), (8, 660 * RATE, 960 * RATE)]
        assert (await ward.summaries())[0]["mrn"] == 8

    clocks: list[Clock] = []
    in_ward(tmp_path, story)

    async def again() -> None:
        async with open_ward(tmp_path, clocks[0]) as ward:
            await go_on(ward)

    asyncio.run(again())


def test_a_stay_that_came_and_went_while_the_device_was_away_gets_its_share(tmp_path: Path) -> None:
    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7)
        await live(ward, clock, 0, 60 * RATE)
        for mrn in (8, 9, 10):
            clock.now += 600
            await ward.stays.admit(101, mrn, replaces_mrn=mrn - 1)
        clock.now += 60
        values = signal(60 * RATE, (60 + 1860) * RATE)
        _, trace = await send(ward, values, 60 * RATE)
        await ward.streams.stored(trace)
        cuts = [660 * RATE, 1260 * RATE, 1860 * RATE]
        assert recordings(ward) == [
            (7, 0, cuts[0]),
            (8, cuts[0], cuts[1]),
            (9, cuts[1], cuts[2]),
            (10, cuts[2], 1920 * RATE),
        ]

    in_ward(tmp_path, story)


@pytest.mark.holds("F50.3")
def test_the_last_samples_of_a_stay_are_acknowledged_though_it_has_ended(tmp_path: Path) -> None:
    """They were on their way to the disk as the stay ended; a device that sends no more waits for nothing else."""

    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7, "Ada")
        link = Link()
        room, trace = await send(ward, signal(0, 10 * RATE), 0, link)
        assert link.last("ack") is None
        ward.streams.finish_stay(room)
        await ward.streams.stored(trace)
        assert link.last("ack") == {"type": "ack", "next_sample": 10 * RATE}

    in_ward(tmp_path, story)


def test_a_device_that_was_there_goes_on_at_its_next_sample(tmp_path: Path) -> None:
    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7)
        await live(ward, clock, 0, 60 * RATE)
        clock.now += 4
        await ward.stays.admit(101, 8, replaces_mrn=7)
        await live(ward, clock, 60 * RATE, 90 * RATE)
        assert [(mrn, first) for mrn, first, _ in recordings(ward)] == [(7, 0), (8, 60 * RATE)]

    in_ward(tmp_path, story)


@pytest.mark.parametrize("between", [0, 1])
def test_a_device_that_rested_and_kept_nothing_is_the_next_patients(tmp_path: Path, between: int) -> None:
    """Its index stood still, so it cannot be told from a device that was away, but for its pace."""

    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7)
        await live(ward, clock, 0, 60 * RATE)
        clock.now += 1800
        await ward.stays.discharge(101)
        for mrn in range(20, 20 + between):
            await ward.stays.admit(101, mrn)
            clock.now += 1800
            await ward.stays.discharge(101)
        clock.now += 36000
        await ward.stays.admit(101, 8)
        await live(ward, clock, 60 * RATE, 120 * RATE)
        await ward.streams.stored(ward.room(101).trace)  # type: ignore[union-attr, arg-type]
        assert [mrn for mrn, _, _ in recordings(ward)] == [7, 8]
        assert recordings(ward)[0][2] <= (60 + 12) * RATE
        assert recordings(ward)[1][2] == 120 * RATE

    in_ward(tmp_path, story)


def test_a_device_that_kept_only_the_end_begins_with_the_next_patient(tmp_path: Path) -> None:
    """Its buffer has overflowed: the first sample that it still has was taken after the stay."""

    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7)
        await live(ward, clock, 0, 60 * RATE)
        clock.now += 600
        await ward.stays.discharge(101)
        clock.now += 600
        _, trace = await send(ward, signal(0, 1260 * RATE)[1000 * RATE :], 1000 * RATE)
        await ward.streams.stored(trace)
        assert recordings(ward) == [(7, 0, 60 * RATE), (None, 660 * RATE, 1260 * RATE)]
        assert (await ward.summaries())[0]["samples_received"] == 260 * RATE

    in_ward(tmp_path, story)


def test_what_the_disk_cannot_take_does_not_begin_the_next_stay(tmp_path: Path) -> None:
    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7)
        await live(ward, clock, 0, 60 * RATE)
        clock.now += 600
        await ward.stays.admit(101, 8, replaces_mrn=7)
        values = signal(60 * RATE, 760 * RATE)
        link = Link()
        await ward.streams.open(101, spec("s1"), link)
        goes_on = threading.Event()
        ward.store._writer.submit(lambda _db: goes_on.wait(5))
        with pytest.raises(StoreBusy, match="send again"):
            await send(ward, values, 60 * RATE, link)
        goes_on.set()
        await asyncio.wrap_future(ward.store.settled())
        for at in range(0, len(values), 100 * RATE):
            _, trace = await send(ward, values[at : at + 100 * RATE], 60 * RATE + at, link)
            await ward.streams.stored(trace)
        assert recordings(ward) == [(7, 0, 660 * RATE), (8, 660 * RATE, 760 * RATE)]

    in_ward(tmp_path, story, max_queued_bytes=40_000)


def test_a_transferred_patients_late_apneas_are_in_the_total(tmp_path: Path) -> None:
    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7)
        await live(ward, clock, 0, 60 * RATE)
        clock.now += 600
        await ward.stays.transfer(101, 102)
        clock.now += 60
        _, trace = await send(ward, signal(60 * RATE, 720 * RATE, pause=(300 * RATE, 330 * RATE)), 60 * RATE)
        await ward.streams.stored(trace)
        rooms = {room["room"]: room for room in await ward.summaries()}
        assert (rooms[102]["apnea_count"], rooms[102]["total_apnea_count"]) == (0, 1)

    in_ward(tmp_path, story)


def test_over_the_wire_by_websocket_and_by_post(server: LiveServer) -> None:
    """A real server and its own clock: seven seconds away, and the patient left at once."""

    def both(path: str) -> list[int]:
        return [
            server.post(f"/api/v1/rooms/{room}/{path}", {"mrn": room}, Idempotency_Key=f"late-{room}-{path}")[0]
            for room in (7101, 7102)
        ]

    assert both("admission") == [200, 200]

    values = breathing(400)

    async def stream(first: int, stop: int) -> None:
        async with RawDevice(server.url, 7101) as device:
            assert await device.greet("late-ws") == first
            await device.say(frame(first, values[first:stop]))
            await device.hear_ack(stop)

    def post(first: int, stop: int) -> None:
        body = {**hello("late-post"), "first_sample": first, "samples": values[first:stop].tolist()}
        assert server.post("/ingest/rooms/7102", body) == (200, {"next_sample": stop})

    asyncio.run(stream(0, 50))
    post(0, 50)
    time.sleep(6.5)
    assert both("discharge") == [204, 204]
    asyncio.run(stream(50, 400))
    post(50, 400)
    rooms = server.rooms()
    for room in (7101, 7102):
        # 6.5 s at 25 Hz, and what the calls took, are the former patient's.
        assert rooms[room]["mrn"] is None
        assert 400 - 50 - 230 <= rooms[room]["samples_received"] <= 400 - 50 - 160


def test_a_slow_disk_is_waited_for_beside_the_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a device that comes back has something of a patient who left is read while every other room goes on."""

    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7)
        await live(ward, clock, 0, 20 * RATE)
        clock.now += 600
        await ward.stays.admit(101, 8, replaces_mrn=7)
        readers: list[threading.Thread] = []
        follows = ward.store.stay_that_followed

        def slow(room: int, stay_id: int) -> StayRow | None:
            readers.append(threading.current_thread())
            return follows(room, stay_id)

        monkeypatch.setattr(ward.store, "stay_that_followed", slow)
        monkeypatch.setattr(ward.store, "arrivals", lambda *_: [])
        await ward.streams.open(101, spec("s1"), Link())
        assert readers
        assert threading.main_thread() not in readers

    in_ward(tmp_path, story)
