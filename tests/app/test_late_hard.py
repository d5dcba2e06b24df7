"""What a device kept of a patient who left while it was away (F50, F33): hard cases, none of it another patient's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from monitor_app.ward import Room, Trace, Ward
from tests.app.live_server import LiveServer
from tests.app.raw_device import RawDevice, breathing, frame, hello
from tests.app.ward_helpers import Clock, Link, in_ward, open_ward, spec

RATE = 5
HOUR_S = 3600


def signal(first_s: int, stop_s: int, pause: tuple[int, int] = (0, 0)) -> np.ndarray:
    """Quiet breathing from one second of the stream to another, but for a pause."""
    values = breathing((stop_s - first_s) * RATE, float(RATE), first_s * RATE)
    values[max(0, (pause[0] - first_s) * RATE) : max(0, (pause[1] - first_s) * RATE), 0] = 0.01
    return values


async def send(
    ward: Ward,
    first_s: int,
    stop_s: int,
    *,
    room: int = 101,
    link: Link | None = None,
    frame_s: int = 60,
    pause: tuple[int, int] = (0, 0),
    is_awaited: bool = True,
) -> tuple[Room, Trace]:
    """Frames as a device's handler takes them; by default all of it is on disk then."""
    first, values = first_s * RATE, signal(first_s, stop_s, pause)
    where, trace = await ward.streams.open(room, spec("s1", RATE), link)
    while len(values):
        part = values[: frame_s * RATE]
        ward.streams.note_frame(trace, len(part))
        taken = ward.streams.feed(where, trace, first, part[:, 0].copy(), part[:, 1].copy())
        first, values = first + taken, values[taken:]
        if taken < len(part):
            where, trace = await ward.streams.open(room, spec("s1", RATE), link)
    if is_awaited:
        await ward.streams.stored(trace)
    return where, trace


async def live(ward: Ward, clock: Clock, first_s: int, stop_s: int, frame_s: int = 1) -> None:
    """A device that sends what it measures as soon as it has a frame of it."""
    link = Link()
    for at in range(first_s, stop_s, frame_s):
        clock.now += frame_s
        await send(ward, at, at + frame_s, frame_s=frame_s, link=link, is_awaited=at + frame_s >= stop_s)


def recordings(ward: Ward) -> list[tuple[int | None, int, int]]:
    """MRN, first and next second of each recording, in order."""
    rows = [row for number in range(1, 20) if (row := ward.store.recording(number)) is not None]
    mrns = [stay.mrn if (stay := ward.store.stay(row.stay_id)) is not None else None for row in rows]
    return [(mrn, row.first_sample // RATE, row.next_sample // RATE) for mrn, row in zip(mrns, rows, strict=True)]


async def ada_leaves(ward: Ward, clock: Clock, away_s: float) -> None:
    """A minute of hers; then her device is away, and Ben comes."""
    await ward.stays.admit(101, 7)
    await live(ward, clock, 0, 60)
    clock.now += away_s
    await ward.stays.admit(101, 8, replaces_mrn=7)


def test_hours_that_came_at_once_do_not_hide_when_a_following_stay_ended(tmp_path: Path) -> None:
    async def story(ward: Ward, clock: Clock) -> None:
        await ada_leaves(ward, clock, 6 * HOUR_S)
        clock.now += HOUR_S
        await ward.stays.admit(101, 9, replaces_mrn=8)
        clock.now += HOUR_S
        for at in range(60, 60 + 8 * HOUR_S, HOUR_S // 2):
            await send(ward, at, at + HOUR_S // 2)
        cuts = [60 + 6 * HOUR_S, 60 + 7 * HOUR_S]
        assert recordings(ward) == [(7, 0, cuts[0]), (8, cuts[0], cuts[1]), (9, cuts[1], 60 + 8 * HOUR_S)]

    in_ward(tmp_path, story)


def test_a_restart_after_six_of_eight_hours_changes_nothing(tmp_path: Path) -> None:
    clock = Clock()

    async def story() -> None:
        async with open_ward(tmp_path, clock) as ward:
            await ada_leaves(ward, clock, 7 * HOUR_S)
            clock.now += HOUR_S
            await send(ward, 60, 60 + 6 * HOUR_S)
        async with open_ward(tmp_path, clock) as ward:
            await send(ward, 60 + 6 * HOUR_S, 60 + 8 * HOUR_S)
            cut = 60 + 7 * HOUR_S
            assert recordings(ward) == [(7, 0, cut), (8, cut, 60 + 8 * HOUR_S)]

    asyncio.run(story())


@pytest.mark.holds("F50.3")
def test_a_patient_who_leaves_while_the_device_sends_what_it_kept_has_all_of_it(tmp_path: Path) -> None:
    """It was heard a second before, but an hour of the patient's was still to come."""

    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7)
        await live(ward, clock, 0, 60)
        clock.now += HOUR_S
        await send(ward, 60, 1060)
        clock.now += 1
        await ward.stays.admit(101, 8, replaces_mrn=7)
        clock.now += 1
        await send(ward, 1060, 60 + HOUR_S + 2)
        assert recordings(ward) == [(7, 0, 60 + HOUR_S + 1), (8, 60 + HOUR_S + 1, 60 + HOUR_S + 2)]

    in_ward(tmp_path, story)


def test_what_is_on_its_way_to_the_disk_is_seen_by_the_detector(tmp_path: Path) -> None:
    """The patient leaves in the middle of what was kept: no sample of it is missing when the rest comes."""

    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7)
        await live(ward, clock, 0, 60)
        clock.now += HOUR_S
        room, trace = await send(ward, 60, 600)
        leaving = asyncio.create_task(ward.stays.discharge(101))
        while not leaving.done():
            await asyncio.sleep(0.001)
            values = signal(trace.detected_next // RATE, trace.detected_next // RATE + 1)
            if not trace.is_over:
                ward.streams.feed(room, trace, trace.detected_next, values[:, 0].copy(), values[:, 1].copy())
        await leaving
        next_s = trace.detected_next // RATE
        _, trace = await send(ward, next_s, HOUR_S)
        assert trace.received == HOUR_S * RATE
        assert len(ward.store.breaths_of(1)) == trace.breaths > HOUR_S / 4 - 5

    in_ward(tmp_path, story)


@pytest.mark.parametrize("n", [22])
def test_a_connected_device_is_never_forgotten(tmp_path: Path, n: int) -> None:
    """More come back at once than are remembered: each one's patient gets what is theirs, and no more."""

    async def story(ward: Ward, clock: Clock) -> None:
        rooms = range(101, 101 + n)
        values = signal(0, 1205)
        for room in rooms:
            await ward.stays.admit(room, room)
            where, trace = await ward.streams.open(room, spec(f"s{room}", RATE), None)
            ward.streams.feed(where, trace, 0, values[: 5 * RATE, 0].copy(), values[: 5 * RATE, 1].copy())
        clock.now += 600
        for room in rooms:
            await ward.stays.discharge(room)
        clock.now += 600
        opened = [await ward.streams.open(room, spec(f"s{room}", RATE), Link()) for room in rooms]
        for where, trace in opened:
            ward.streams.feed(where, trace, 5 * RATE, values[5 * RATE :, 0].copy(), values[5 * RATE :, 1].copy())
            await ward.streams.stored(trace)
        assert {trace.detected_next for _, trace in opened} == {605 * RATE}

    in_ward(tmp_path, story)


def test_a_stream_that_is_announced_in_two_rooms_at_once_is_one(tmp_path: Path) -> None:
    async def story(ward: Ward, clock: Clock) -> None:
        await ada_leaves(ward, clock, 600)
        clock.now += 600
        opened = await asyncio.gather(
            ward.streams.open(101, spec("s1", RATE), Link()), ward.streams.open(102, spec("s1", RATE), Link())
        )
        assert opened[0][1] is opened[1][1]

    in_ward(tmp_path, story)


def test_apneas_of_one_who_moved_are_counted_though_another_stay_followed(tmp_path: Path) -> None:
    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7)
        await live(ward, clock, 0, 60)
        clock.now += 600
        await ward.stays.transfer(101, 102)
        await ward.stays.admit(101, 8)
        clock.now += 600
        await ward.stays.discharge(101)
        clock.now += 60
        await send(ward, 60, 1320, pause=(160, 190))
        assert [mrn for mrn, _, _ in recordings(ward)] == [7, 8, None]
        rooms = {room["room"]: room for room in await ward.summaries()}
        assert rooms[102]["total_apnea_count"] == 1

    in_ward(tmp_path, story)


def test_a_network_that_stalls_does_not_make_a_device_live(tmp_path: Path) -> None:
    async def story(ward: Ward, clock: Clock) -> None:
        await ada_leaves(ward, clock, 600)
        clock.now += 60
        await send(ward, 60, 62, link=Link(), frame_s=1)
        clock.now += 12
        await send(ward, 62, 732, frame_s=1)
        assert recordings(ward) == [(7, 0, 660), (8, 660, 732)]

    in_ward(tmp_path, story)


@pytest.mark.parametrize("frame_s", [1, 40])
def test_a_device_that_kept_nothing_is_known_though_it_reconnects_or_sends_seldom(tmp_path: Path, frame_s: int) -> None:
    async def story(ward: Ward, clock: Clock) -> None:
        await ada_leaves(ward, clock, 2 * HOUR_S)
        clock.now += 60
        for at in range(60, 60 + 400, 8 * frame_s):
            await live(ward, clock, at, at + 8 * frame_s, frame_s)
        assert [mrn for mrn, _, _ in recordings(ward)] == [7, 8]
        assert recordings(ward)[0][2] <= 60 + max(12, 3 * frame_s)

    in_ward(tmp_path, story)


def test_what_a_late_device_answers_and_ends_is_the_former_patients(tmp_path: Path) -> None:
    """Ben's pressure reaches his device only, and Ada's recording ends without touching his room."""

    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7)
        link = Link()
        await send(ward, 0, 60, link=link)
        command = await ward.command_pressure(101, 9, by="a")
        clock.now += 600
        await ward.stays.admit(101, 8, replaces_mrn=7)
        await ward.command_pressure(101, 12, by="a", command_id="ben")
        clock.now += 60
        late = Link()
        room, trace = await send(ward, 60, 300, link=late)
        ward.send_pending(room)
        assert late.last("set_pressure") is None
        assert (await ward.summaries())[0]["state"] != "live"
        ward.device_answered(room, command["command_id"], applied_cmh2o=9)
        await ward.streams.end(trace)
        await asyncio.wrap_future(ward.store.settled())
        assert [row.state for row in ward.store.commands_of_stay(1)] == ["applied"]
        assert [row.state for row in ward.store.commands_of_stay(2)] == ["commanded"]
        assert ward.room(101).trace is None  # type: ignore[union-attr]
        assert ward.store.recording(1).ended_at == clock.now  # type: ignore[union-attr]

    in_ward(tmp_path, story)


def test_a_stretch_without_a_signal_is_taken_from_a_known_stream(server: LiveServer) -> None:
    """By POST and by WebSocket: NaN is a gap, and only a stream that begins with nothing else is refused."""
    values = breathing(100)
    values[50:75] = np.nan
    rows = [[None if np.isnan(value) else float(value) for value in row] for row in values]

    def post(first: int, stop: int) -> int:
        body = {**hello("nan-post"), "first_sample": first, "samples": rows[first:stop]}
        return server.post("/ingest/rooms/7201", body)[0]

    async def stream(first: int, stop: int) -> None:
        async with RawDevice(server.url, 7202) as device:
            assert await device.greet("nan-ws") == first
            await device.say(frame(first, values[first:stop]))
            await device.hear_ack(stop)

    assert post(0, 50) == 200
    asyncio.run(stream(0, 50))
    for room in (7201, 7202):
        assert server.post(f"/api/v1/rooms/{room}/discharge", {}, Idempotency_Key=f"nan-{room}")[0] == 204
    assert post(50, 75) == 200
    asyncio.run(stream(50, 75))
