"""A long frame is taken in pieces: whatever comes between them, nothing is lost, mixed up or acknowledged too early."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

from monitor_app.ingest import IngestHandler
from monitor_app.ingest.handlers import AT_ONCE
from monitor_app.ward import Trace, Ward
from store import StoreBehind
from tests.app.raw_device import RawDevice, breathing, frame, hello
from tests.app.ward_helpers import Clock, in_ward

ROOM = 101
LONG = 10 * AT_ONCE


@asynccontextmanager
async def served(ward: Ward) -> AsyncIterator[str]:
    """The address of a server of this ward's ingest, on the test's own event loop."""
    server = HTTPServer(Application([(r"/ingest/rooms/(\d+)", IngestHandler, {"ward": ward})]))
    socket, port = bind_unused_port()
    server.add_socket(socket)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()
        await server.close_all_connections()


def in_server(folder: Path, story: Callable[[Ward, Clock, str], Awaitable[None]], **options: Any) -> None:
    """Run a story in a ward that devices reach."""

    async def run(ward: Ward, clock: Clock) -> None:
        async with served(ward) as url:
            await story(ward, clock, url)

    in_ward(folder, run, **options)


async def within_frame(ward: Ward, first: int) -> Trace:
    """Wait until a room's device has had two pieces taken after this sample."""
    for _turn in range(1_000_000):
        room = ward.room(ROOM)
        if room is not None and room.trace is not None and room.trace.detected_next >= first + 2 * AT_ONCE:
            return room.trace
        await asyncio.sleep(0)
    raise AssertionError("no piece was taken")


async def post(url: str, first: int, stop: int) -> tuple[int, dict[str, Any]]:
    """Status and answer of a POST of samples of one stream."""
    samples = breathing(stop - first, first=first).tolist()
    body = json.dumps({**hello("s1"), "first_sample": first, "samples": samples})
    answer = await AsyncHTTPClient().fetch(
        f"{url}/ingest/rooms/{ROOM}", method="POST", body=body, raise_error=False, request_timeout=60
    )
    return answer.code, json.loads(answer.body)


def stored(ward: Ward, stop: int) -> np.ndarray:
    """Flow of the first recording, as the disk has it; NaN where it has none."""
    return ward.store.read_samples(1, 0, stop).flow_lpm


def refuse_piece(ward: Ward, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """The store's queue is full when this piece comes, and has room again for the next one."""
    append, asked = ward.store.append_samples, count(1)

    def full_for_a_while(*args: Any) -> Any:
        if next(asked) == number:
            raise StoreBehind("the queue is full")
        return append(*args)

    monkeypatch.setattr(ward.store, "append_samples", full_for_a_while)


def test_a_post_whose_middle_the_queue_refuses_says_how_far_the_disk_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Restart: the acknowledgement is withheld, and what is sent again leaves no hole."""

    async def story(ward: Ward, _clock: Clock, url: str) -> None:
        refuse_piece(ward, monkeypatch, 3)
        assert await post(url, 0, LONG) == (200, {"next_sample": 2 * AT_ONCE})
        assert await post(url, 2 * AT_ONCE, LONG) == (200, {"next_sample": LONG})
        assert np.array_equal(stored(ward, LONG), breathing(LONG)[:, 0])
        assert (await ward.summaries())[0]["samples_received"] == LONG

    in_server(tmp_path, story)


def test_posts_of_one_stream_are_taken_one_after_the_other(tmp_path: Path) -> None:
    """A client that does not wait for the answer: what follows is no gap in what is still being taken."""

    async def story(ward: Ward, _clock: Clock, url: str) -> None:
        first = asyncio.create_task(post(url, 0, LONG))
        await asyncio.sleep(0)
        second = asyncio.create_task(post(url, LONG, LONG + 50))
        assert (await first)[0] == 200
        assert await second == (200, {"next_sample": LONG + 50})
        assert np.array_equal(stored(ward, LONG + 50), breathing(LONG + 50)[:, 0])

    in_server(tmp_path, story)


def test_a_connection_that_ended_within_a_frame_leaves_the_rest_to_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else both would feed the stream, and what a full queue refused one of them would be a hole before the other's."""
    connections: list[IngestHandler] = []
    opened = IngestHandler.open

    def remember(self: IngestHandler, *args: str, **named: str) -> None:
        connections.append(self)
        opened(self, *args, **named)

    monkeypatch.setattr(IngestHandler, "open", remember)

    async def story(ward: Ward, _clock: Clock, url: str) -> None:
        stop = 400 * AT_ONCE
        values = breathing(stop)
        async with RawDevice(url, ROOM) as device:
            await device.greet("s1")
            await device.say(frame(0, values))
            trace = await within_frame(ward, 0)
            connections[0].on_close()  # as the socket tells it once a write has failed
            async with RawDevice(url, ROOM) as again:
                await again.greet("s1")
                assert trace.link is connections[1]
                seen = trace.detected_next
                assert seen < stop
                for _ in range(20):
                    await asyncio.sleep(0)
                assert trace.detected_next == seen

    in_server(tmp_path, story)


@pytest.mark.holds("F50.3")
def test_a_discharge_within_a_frame_of_what_was_kept_leaves_all_of_it_to_the_patient(tmp_path: Path) -> None:
    """F50: what was taken while the patient was there is the patient's, and nobody else begins with it."""

    async def story(ward: Ward, clock: Clock, url: str) -> None:
        stop = 400 * AT_ONCE
        values = breathing(stop)
        await ward.stays.admit(ROOM, 7, "Ada")
        async with RawDevice(url, ROOM) as device:
            await device.greet("s1")
            await device.say(frame(0, values[: 60 * 25]))
            await device.hear_ack(60 * 25)
            clock.now += stop / 25
            await device.say(frame(60 * 25, values[60 * 25 :]))
            trace = await within_frame(ward, 60 * 25 + 20 * AT_ONCE)
            await ward.stays.discharge(ROOM)
            assert trace.is_over
            await device.hear_ack(stop)
        assert ward.store.recording(2) is None
        assert np.array_equal(stored(ward, stop), values[:, 0])

    in_server(tmp_path, story, gather_s=0.0)


@pytest.mark.holds("F50.3")
def test_a_device_that_kept_nothing_is_known_by_frames_of_any_length(tmp_path: Path) -> None:
    """F50: its index stood still while Ada left and Ben came; a frame of 40 s each 40 s is Ben's."""

    async def story(ward: Ward, clock: Clock, url: str) -> None:
        await ward.stays.admit(ROOM, 7, "Ada")
        values = breathing(500 * 25)
        async with RawDevice(url, ROOM) as device:
            await device.greet("s1")
            for second in range(60):
                clock.now += 1
                await device.say(frame(25 * second, values[25 * second : 25 * second + 25]))
                await device.hear_ack(25 * second + 25)
        clock.now += 7200
        await ward.stays.admit(ROOM, 8, "Ben", replaces_mrn=7)
        clock.now += 60
        async with RawDevice(url, ROOM) as device:
            assert await device.greet("s1") == 60 * 25
            for first in range(60, 460, 40):
                clock.now += 40
                await device.say(frame(25 * first, values[25 * first : 25 * (first + 40)]))
                await device.hear_ack(25 * (first + 40))
        found = [row for number in (1, 2) if (row := ward.store.recording(number)) is not None]
        assert [ward.store.stay(row.stay_id).mrn for row in found] == [7, 8]  # type: ignore[union-attr]
        assert found[0].next_sample <= (60 + 3 * 40) * 25

    in_server(tmp_path, story)
